"""``palate eval rerank`` and ``palate finetune rank`` as they are typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from agent.llm.scripted import ScriptedLLM
from api.cli import app
from api.commands.eval_rerank import measured_scores
from evals.suites.rerank import RerankConfig, RerankSuite
from finetune.rank_task import RankTaskConfig
from palate.errors import InvalidInput
from palate.settings import Settings

pytestmark = pytest.mark.usefixtures("own_home")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "shop"
    made.mkdir()
    rows = [f"u{u},i{(u + step) % 24},{1_700_000_000 + 86_400 * step}" for u in range(40) for step in range(16)]
    (made / "interactions.csv").write_text("\n".join(["user_id,item_id,timestamp", *rows]) + "\n")
    (made / "items.csv").write_text("\n".join(["item_id,type,title", *(f"i{n},product,Thing {n}" for n in range(24))]) + "\n")
    return made


def run(*words: object, status: int = 0) -> Result:
    result = CliRunner().invoke(app, [*map(str, words)])
    assert result.exit_code == status, (result.exit_code, result.stdout, result.stderr, result.exception)
    return result


def test_without_an_llm_retrieval_alone_is_judged(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PALATE_LLM", "none")
    report = json.loads(run("eval", "rerank", "--dataset", folder, "--cases", 15, "--json").stdout)
    by_name = report["by_dataset"][str(folder)]
    for row in (report, report["cold_users"], report["cold_items"], by_name, by_name["loo"]):
        assert set(row["retrieval"]["ndcg@10"]) == {"value", "low", "high"}
        assert not {"llm_only", "zero_shot"} & set(row)
        assert row["fused"] == row["retrieval"]  # what orders requests in words has no say in these
    assert report["adapter"] is None
    assert by_name["loo"]["cases"] == 15
    shown = run("eval", "rerank", "--dataset", folder, "--cases", 15).stdout
    assert "cold items" in shown
    assert "NDCG@10, loo, val" in shown
    assert "…" not in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["eval", "rerank", "--dataset", "nowhere"], "no data set"),
        (["eval", "rerank", "--dataset", ","], "No data set"),
        (["eval", "rerank", "--dataset", "FOLDER", "--adapter", "FOLDER"], "card.json"),
        (["finetune", "rank", "--dataset", ","], "No data set"),
    ],
)
def test_what_cannot_be_used_is_said(folder: Path, words: list[str], said: str) -> None:
    typed = [str(folder) if word == "FOLDER" else word for word in words]
    assert said in run(*typed, status=1).stderr


class Made:
    """The LLMs that a command makes, and those of them that it closed."""

    def __init__(self) -> None:
        self.llms: list[ScriptedLLM] = []
        self.closed: list[ScriptedLLM] = []

    def llm(self, *_: object, **__: object) -> ScriptedLLM:
        made = ScriptedLLM()

        async def close() -> None:
            self.closed.append(made)

        made.close = close  # type: ignore[method-assign]
        self.llms.append(made)
        return made


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    """Every LLM that is made, with a LoRA adapter or without, is a scripted one."""
    made = Made()
    monkeypatch.setattr("api.wiring.base_llm", made.llm)
    monkeypatch.setattr("api.tuned.TaskLLMs.of", made.llm)
    return made


def suite_that(monkeypatch: pytest.MonkeyPatch, name: str, does: Callable[..., Any]) -> None:
    monkeypatch.setattr(RerankSuite, name, does)


def refuses(*_: object) -> None:
    raise InvalidInput("It leaves no case.", remedy="Name another.", param="dataset")


@pytest.mark.parametrize("status", [0, 1])
def test_every_llm_that_was_made_is_closed(
    folder: Path, made: Made, make_adapter: Any, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    row = {"protocol": {"split": "val"}, "by_dataset": {}}
    suite_that(monkeypatch, "run", refuses if status else lambda *_: row)
    adapter = make_adapter().folder
    run("eval", "rerank", "--dataset", folder, "--adapter", adapter, "--json", status=status)
    assert len(made.llms) == 3  # the base of the adapter, the one with it, and the one that was not tuned
    assert {id(llm) for llm in made.closed} == {id(llm) for llm in made.llms}


def test_the_gate_measures_new_items_as_an_adapter_is_trained_and_closes_the_llm(
    folder: Path, made: Made, make_adapter: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shapes: list[RerankConfig] = []

    def scored(_suite: RerankSuite, _name: str, config: RerankConfig, _progress: object) -> None:
        shapes.append(config)
        refuses()

    suite_that(monkeypatch, "scored", scored)
    measured = measured_scores(Settings(home=tmp_path / "home"), str(folder))
    with pytest.raises(InvalidInput, match="no case"):
        measured(make_adapter().folder, "rank")
    assert [(shape.cold, shape.candidates) for shape in shapes] == [(RankTaskConfig().candidates,) * 2]
    assert {id(llm) for llm in made.closed} == {id(llm) for llm in made.llms}
    assert made.llms


@pytest.mark.slow
def test_an_adapter_is_trained_judged_and_offered_to_the_gate(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "adapter"
    made = json.loads(run("finetune", "rank", "--dataset", folder, "--out", out, "--steps", 3, "--cases", 12, "--json").stdout)
    card = made["card"]
    assert (card["task"], card["prompt_version"]) == ("rank", "rank-v2")
    assert card["training"]["steps"] == 3
    assert {"ndcg@10", "warm.fused", "cold_items.llm_only"} <= set(card["metrics"])
    report = json.loads(run("eval", "rerank", "--dataset", folder, "--cases", 12, "--adapter", out, "--json").stdout)
    for row in (report, report["cold_users"], report["cold_items"], report["by_dataset"][str(folder)]["loo"]):
        assert {"retrieval", "zero_shot", "llm_only", "fused", "ratio"} <= set(row)
    assert report["adapter"]["version"] == card["version"]
    verdict = json.loads(run("finetune", "promote", "rank", out, "--json", status=1).stdout)
    assert verdict["decision"] == "refused"
    assert "the least that decide" in verdict["reason"]
    again = json.loads(run("finetune", "promote", "rank", out, "--dataset", folder, "--json", status=1).stdout)
    assert again["metric"] == "ndcg@10"
