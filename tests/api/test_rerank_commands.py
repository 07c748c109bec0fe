"""``palate eval rerank`` and ``palate finetune rank`` as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.cli import app

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
