"""``palate eval`` as it is typed."""

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
    rows = [f"u{u},i{(u + step) % 9},{4 + step % 2},{1_700_000_000 + 86_400 * step}" for u in range(12) for step in range(8)]
    (made / "interactions.csv").write_text("\n".join(["user_id,item_id,rating,timestamp", *rows]) + "\n")
    return made


def run(*words: object, status: int = 0) -> Result:
    result = CliRunner().invoke(app, ["eval", *map(str, words)])
    assert result.exit_code == status, (result.exit_code, result.stdout, result.stderr, result.exception)
    return result


@pytest.mark.parametrize("protocol", ["loo", "last5", "temporal", "ratio", "kfold"])
def test_json_is_one_document_of_the_promised_keys(folder: Path, protocol: str) -> None:
    result = run(
        "ranking", "--dataset", folder, "--protocol", protocol, "--models", "pop,ease", "--split", "test", "--min-core", 2, "--json"
    )
    report = json.loads(result.stdout)
    assert {"dataset", "protocol", "rows"} <= set(report)
    for row in report["rows"]:
        wanted = {f"{name}@{k}" for name in ("ndcg", "recall", "precision", "hit_rate", "mrr") for k in (5, 10, 20, 50)}
        assert set(row["metrics"]) == wanted
        assert all(set(value) == {"value", "low", "high"} for value in row["metrics"].values())
        assert {"model", "split", "params", "fit_seconds", "rank_ms_per_user", "peak_mb"} <= set(row)
    assert "row pop" in result.stderr


def test_reports_and_tables_are_written(folder: Path, tmp_path: Path) -> None:
    result = run("ranking", "--dataset", folder, "--models", "pop", "--out", tmp_path / "out", "--table", tmp_path / "results.md")
    assert "ndcg@10" in result.stdout
    assert (tmp_path / "out" / "ranking.html").exists()
    assert json.loads((tmp_path / "out" / "ranking.json").read_text("utf-8"))["rows"][0]["cached"] is False
    assert "## shop, loo, val" in (tmp_path / "results.md").read_text("utf-8")
    again = run("ranking", "--dataset", folder, "--models", "pop", "--json")
    assert json.loads(again.stdout)["rows"][0]["cached"] is True


def test_a_search(folder: Path) -> None:
    found = json.loads(run("tune", "--dataset", folder, "--model", "ease", "--trials", 2, "--min-core", 2, "--json").stdout)
    assert (found["trials"], found["split"]) == (2, "val")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--dataset", "nowhere"], "no data set"),
        (["--dataset", "ml-latest-small"], "PALATE_DATASETS"),
        (["--dataset", "EMPTY"], "is empty"),
        (["--dataset", "BAD"], "interactions.csv:2"),
        (["--dataset", "SHOP", "--models", "pop,nosuch"], "no row"),
        (["--dataset", "SHOP", "--models", ","], "No row"),
        (["--dataset", "SHOP", "--min-core", "500"], "no case"),
    ],
)
def test_an_error_is_a_message_and_a_status(folder: Path, tmp_path: Path, words: list[str], said: str) -> None:
    (tmp_path / "EMPTY").mkdir()
    (tmp_path / "BAD").mkdir()
    (tmp_path / "BAD" / "interactions.csv").write_text("user_id,item_id,rating\nu,i,high\n")
    places = {"EMPTY": str(tmp_path / "EMPTY"), "BAD": str(tmp_path / "BAD"), "SHOP": str(folder)}
    given = [places.get(word, word) for word in words]
    result = run("ranking", *given, "--json", status=1)
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert said in json.loads(result.stdout)["error"]["message"]


def test_a_protocol_that_is_not_there_is_a_wrong_use(folder: Path) -> None:
    assert "weekly" in run("ranking", "--dataset", folder, "--protocol", "weekly", status=2).stderr


def test_where_nothing_can_be_written_is_said_before_the_work(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for option, path, named in (
        ("--out", file, file),
        ("--out", file / "deeper", file / "deeper"),
        ("--table", tmp_path, tmp_path),
        ("--table", file / "t.md", file),
    ):
        result = run("ranking", "--dataset", folder, "--models", "pop", option, path, status=1)
        assert str(named) in result.stderr.replace("\n", "")
        assert "row pop" not in result.stderr
