from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from finetune import AdapterCard, read_card
from palate.errors import InvalidInput

SAID: dict[str, Any] = {
    "task": "rank",
    "name": "small",
    "base": {"name": "base", "sha256": "b" * 64},
    "prompt_version": "rank-v1",
    "data": [{"name": "shop", "sha256": "a" * 64, "terms": "ours"}],
    "licence": "Apache-2.0",
    "training": {"steps": 3},
    "seed": 0,
    "fusion_weight": 0.3,
    "metrics": {"ndcg@10": {"value": 0.5, "low": 0.4, "high": 0.6, "split": "val", "protocol": "loo"}},
    "scores": {"metric": "ndcg@10", "data": "d" * 64, "split": "val", "protocol": "loo", "cases": 200},
    "created": "2026-01-02T03:04:05Z",
}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("task", "sing"),
        ("name", "../up"),
        ("version", "ABC"),
        ("base", {"name": "base", "sha256": "short"}),
        ("data", []),
        ("data", [{"name": "shop", "sha256": "a" * 64, "terms": " "}]),
        ("licence", ""),
        ("training", {"lr": float("nan")}),
        ("training", {"path": object()}),
        ("seed", -1),
        ("fusion_weight", None),
        ("fusion_weight", 1.1),
        ("metrics", {"ndcg@10": {"value": float("nan"), "low": 0.4, "high": 0.6, "split": "val", "protocol": "loo"}}),
        ("metrics", {"ndcg@10": {"value": 0.5, "low": 0.4, "high": 0.6, "split": "train", "protocol": "loo"}}),
        ("scores", {**SAID["scores"], "metric": "recall@10"}),
        ("scores", {**SAID["scores"], "split": "test"}),
        ("scores", {**SAID["scores"], "cases": 0}),
        ("created", "2026-01-02T03:04:05"),
        ("parent", "the one before"),
        ("mood", "good"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        AdapterCard.model_validate({**SAID, field: value})
    assert {str(problem["loc"][0]) for problem in caught.value.errors()} == {field}


def test_only_the_order_has_a_fusion_weight() -> None:
    with pytest.raises(ValidationError, match="only an adapter for 'rank'"):
        AdapterCard.model_validate({**SAID, "task": "explain"})
    assert AdapterCard.model_validate({**SAID, "task": "explain", "fusion_weight": None}).fusion_weight is None
    missing = {name: value for name, value in SAID.items() if name != "fusion_weight"}
    with pytest.raises(ValidationError, match=r"fusion_weight\n.*needs one"):
        AdapterCard.model_validate(missing)


def test_it_comes_back_from_its_file_with_the_same_hash(make_adapter: Callable[..., Any]) -> None:
    made = make_adapter()
    sealed = made.card.sealed({"x": "e" * 64})
    sealed.write(made.folder)
    assert read_card(made.folder) == sealed
    assert read_card(made.folder).digest.startswith(sealed.version)


def test_a_file_with_a_fault_is_named_with_its_field(make_adapter: Callable[..., Any]) -> None:
    folder = make_adapter().folder
    said = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps({**said, "base": {"name": "base"}}))
    with pytest.raises(InvalidInput, match=r"card\.json'?: base\.sha256: Field required") as caught:
        read_card(folder)
    assert caught.value.param == "base.sha256"
    (folder / "card.json").write_text("{")
    with pytest.raises(InvalidInput, match=r"card\.json"):
        read_card(folder)
    (folder / "card.json").unlink()
    with pytest.raises(InvalidInput, match="training wrote"):
        read_card(folder)


@given(
    seed=st.integers(0, 2**40),
    weight=st.floats(0, 1),
    training=st.dictionaries(
        st.text(), st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    ),
)
def test_the_hash_survives_json_and_depends_on_what_is_said(seed: int, weight: float, training: dict[str, Any]) -> None:
    card = AdapterCard.model_validate({**SAID, "seed": seed, "fusion_weight": weight, "training": training})
    assert AdapterCard.model_validate_json(card.model_dump_json()).digest == card.digest
    assert card.model_copy(update={"seed": seed + 1}).digest != card.digest
    assert card.model_copy(update={"version": "0" * 12}).digest == card.digest
