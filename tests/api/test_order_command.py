"""``palate finetune order``, and how what it writes is judged, on small dialogues with the real embedder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.cli import app

pytestmark = pytest.mark.usefixtures("own_home")


def run(*words: object, status: int = 0) -> Result:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == status, result.output
    return result


def test_an_order_is_trained_and_judged_on_what_it_did_not_see(
    dialogue_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "order"
    made = json.loads(run("finetune", "order", "--dataset", dialogue_folder, "--out", out, "--json").stdout)
    assert made["folder"] == str(out)
    assert {"fast.ndcg@10", "retrieval.ndcg@10"} == set(made["card"]["metrics"])
    assert "not empty" in run("finetune", "order", "--dataset", dialogue_folder, "--out", out, status=1).output
    monkeypatch.setenv("PALATE_WORD_ORDER", str(out))
    held = json.loads(run("eval", "rerank", "--dataset", dialogue_folder, "--split", "test", "--no-llm", "--json").stdout)[
        "conversation"
    ]
    assert held["fused"] == held["fast"]
    assert held["ratio"] == held["fast_ratio"]
    learned = run("eval", "rerank", "--dataset", dialogue_folder, "--no-llm", "--json")
    assert "--split test" in learned.stderr
    assert "fast" not in json.loads(learned.stdout)["conversation"]
