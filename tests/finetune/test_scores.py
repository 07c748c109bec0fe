from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from finetune import Scores, ScoresRef, stored_scores
from palate.errors import InvalidInput

REF = ScoresRef(metric="ndcg@10", data="d" * 64, split="val", protocol="loo", cases=3)


def arrays(**changes: Any) -> dict[str, Any]:
    whole = {
        "case": np.array(["c", "a", "b"]),
        "user": np.array(["u", "v", "v"]),
        "value": np.array([3, 1, 2], np.float32),
        "baseline": np.zeros(3, np.float32),
    }
    return {**whole, **changes}


def test_they_are_ordered_by_case_and_come_back(tmp_path: Path) -> None:
    Scores(REF, **arrays()).write(tmp_path)
    found = Scores.read(tmp_path, REF)
    assert found.case.tolist() == ["a", "b", "c"]
    assert found.user.tolist() == ["v", "v", "u"]
    assert found.value.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("case", np.array(["a", "a", "b"]), "twice"),
        ("case", np.arange(3), "not str"),
        ("user", np.array(["u", "v"]), "3 cases"),
        ("value", np.zeros(3), "not float32"),
        ("value", np.array([1, np.nan, 1], np.float32), "not finite"),
        ("baseline", np.array([1, np.inf, 1], np.float32), "not finite"),
        ("baseline", np.zeros((3, 1), np.float32), "shape"),
    ],
)
def test_arrays_that_cannot_be_used_are_named(tmp_path: Path, name: str, value: Any, said: str) -> None:
    with (tmp_path / "scores.npz").open("wb") as file:
        np.savez(file, **arrays(**{name: value}))
    with pytest.raises(InvalidInput, match=said) as caught:
        Scores.read(tmp_path, REF)
    assert caught.value.param == name


def test_files_that_hold_no_scores_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "scores.npz"
    with pytest.raises(InvalidInput, match="cannot be read"):
        Scores.read(tmp_path, REF)
    for damaged in (b"", b"PK\x03\x04", pickle.dumps(arrays()), b"\x93NUMPY"):
        path.write_bytes(damaged)
        with pytest.raises(InvalidInput, match="cannot be read"):
            Scores.read(tmp_path, REF)
    np.save(tmp_path / "one.npy", np.zeros(3))
    (tmp_path / "one.npy").replace(path)
    with pytest.raises(InvalidInput, match="cannot be read"):
        Scores.read(tmp_path, REF)
    with path.open("wb") as file:
        np.savez(file, **arrays(case=np.array(["a", "b", None], object)))
    with pytest.raises(InvalidInput, match="pickle"):
        Scores.read(tmp_path, REF)
    with path.open("wb") as file:
        np.savez(file, **arrays(), more=np.zeros(1))
    with pytest.raises(InvalidInput, match="more"):
        Scores.read(tmp_path, REF)


def test_stored_scores_are_of_the_task_and_there(make_adapter: Callable[..., Any]) -> None:
    made = make_adapter()
    assert stored_scores(made.folder, "rank").ref == made.card.scores
    with pytest.raises(InvalidInput, match="for 'rank', not for 'explain'"):
        stored_scores(made.folder, "explain")
    made.card.model_copy(update={"scores": None}).write(made.folder)
    with pytest.raises(InvalidInput, match=r"no scores\.npz"):
        stored_scores(made.folder, "rank")
