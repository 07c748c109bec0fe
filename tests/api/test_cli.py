"""Commands beside a live server, and on their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from api.cli import app
from api.commands.output import show_explanation


@pytest.fixture
def home(http: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder: Path = http.palate.settings.home  # type: ignore[attr-defined]
    monkeypatch.setenv("PALATE_HOME", str(folder))
    return folder


def run(*words: str, status: int = 0, **more: Any) -> Result:
    result = CliRunner().invoke(app, list(words), **more)
    assert result.exit_code == status, (result.exit_code, result.stdout, result.stderr, result.exception)
    return result


@pytest.mark.usefixtures("home")
def test_recommend_and_why_beside_a_server() -> None:
    slate = json.loads(run("recommend", "ann", "--n", "3", "--query", "something funny", "--without", "spotify", "--json").stdout)
    assert len(slate["items"]) == 3
    why = json.loads(run("why", slate["decision_id"], slate["items"][0]["item_id"], "--json").stdout)
    assert why["decision_id"] == slate["decision_id"]
    text = run("recommend", "ann", "--n", "3").stdout
    assert "decision" in text
    assert slate["items"][0]["title"] in run("why", slate["decision_id"], slate["items"][0]["item_id"]).stdout


@pytest.mark.parametrize(
    ("model", "llm", "said"),
    [
        ({"order": "learned"}, None, "rank 1 (9 without the learned order)"),
        ({"name": "x", "order": "learned"}, -1.9, "rank 1 (9 without the learned order)"),
        ({"name": "x"}, -1.9, "rank 1 (9 without the LLM)"),
        ({}, None, "rank 1 · found by ease #2"),
    ],
)
def test_why_names_what_moved_an_item(
    model: dict[str, str], llm: float | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = [{"source": "ease", "rank": 2, "score": 0.8}]
    found = {"title": "Alien", "reasons": [], "sources": sources, "rank": 1, "rank_without_llm": 9}
    show_explanation({**found, "model": model, "scores": {"llm": llm}})
    assert said in capsys.readouterr().out


@pytest.mark.usefixtures("home")
def test_a_degraded_answer_is_no_failure() -> None:
    slate = json.loads(run("recommend", "ann", "--deadline-ms", "1", "--json").stdout)
    assert "explain" in slate["degraded"]
    assert slate["items"]


@pytest.mark.usefixtures("home")
def test_with_json_an_error_is_one_document_and_a_message() -> None:
    result = run("recommend", "ann", "--without", "nowhere", "--json", status=1)
    assert json.loads(result.stdout)["error"]["code"] == "unknown_platform"
    assert "nowhere" in result.stderr
    plain = run("why", "none", "film-1", status=1)
    assert plain.stdout == ""
    assert "none" in plain.stderr


@pytest.mark.usefixtures("home")
def test_history_import_doctor_and_index_beside_a_server(tmp_path: Path) -> None:
    export = tmp_path / "viewing.csv"
    export.write_text('Title,Date\n"Alien","3/14/24"\n"Broken",\n', "utf-8")
    report = json.loads(run("history", "import", "netflix", str(export), "--person", "cli-1", "--json").stdout)
    assert (report["new"], report["rejected"]) == (1, 1)
    assert "viewing.csv:3" in run("history", "import", "netflix", str(export), "--person", "cli-1").stderr
    assert json.loads(run("doctor", "--json").stdout)["ready"] is True
    assert "ok" in run("doctor").stdout
    assert json.loads(run("index", "build", "--json").stdout)["parts"]["text-en"]["done"] == 40


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("as_json", [False, True])
def test_an_import_of_bad_rows_alone_fails_and_still_lists_them(tmp_path: Path, as_json: bool) -> None:
    words = ["--json"] if as_json else []
    items = tmp_path / "bad.jsonl"
    items.write_text('not json\n{"item_id": "x"}\n', "utf-8")
    export = tmp_path / "viewing.csv"
    export.write_text('Title,Date\n"Broken",\n', "utf-8")
    for command in (("catalog", "import", str(items)), ("history", "import", "netflix", str(export), "--person", "cli-2")):
        result = run(*command, *words, status=1)
        shown = json.dumps(json.loads(result.stdout)["errors"]) if as_json else result.stderr
        assert f"{next(word for word in command if word.startswith(str(tmp_path))).rpartition('/')[2]}:2" in shown


@pytest.mark.usefixtures("home")
def test_an_import_of_nothing_new_is_no_failure(tmp_path: Path) -> None:
    items = tmp_path / "items.jsonl"
    items.write_text("", "utf-8")
    assert json.loads(run("catalog", "import", str(items), "--json").stdout)["read"] == 0
    export = tmp_path / "viewing.csv"
    export.write_text('Title,Date\n"Alien","3/14/24"\n', "utf-8")
    for _ in range(2):
        run("history", "import", "netflix", str(export), "--person", "cli-3")


@pytest.mark.usefixtures("home")
def test_chat_beside_a_server() -> None:
    said = run("chat", "ann", input="something funny\nwhy?\n\n").stdout
    assert "decision" in said
    ended = run("chat", "ann", input="something funny\nQuit\nsomething sad\n").stdout
    assert ended.count("decision") == 1


@pytest.mark.usefixtures("home")
def test_a_second_server_on_the_folder_is_told_who_owns_it(http: httpx.Client) -> None:
    result = run("serve", "--port", "0", status=1)
    assert str(http.base_url).rstrip("/") in result.stderr.replace("\n", "")


def test_a_taken_port_says_what_to_do(http: httpx.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PALATE_HOME", str(tmp_path / "other"))
    for command in ("serve", "demo"):
        result = run(command, "--port", str(http.base_url.port), status=1)
        assert "--port 0" in result.stderr
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("words", [["recommend"], ["nonsense"], ["recommend", "ann", "--n", "x"], ["history", "import"]])
def test_wrong_usage_exits_with_2(words: list[str]) -> None:
    assert "Usage: " in run(*words, status=2).stderr


def test_a_bad_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PALATE_PORT", "many")
    result = run("recommend", "ann", status=1)
    assert "PALATE_PORT" in result.stderr


def test_doctor_on_an_empty_folder_is_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.wiring.embedders", lambda _settings: [])
    monkeypatch.setenv("PALATE_HOME", str(tmp_path))
    monkeypatch.setenv("PALATE_LLM", "none")
    report = json.loads(run("doctor", "--json", status=1).stdout)
    assert report["ready"] is False
    faults = {check["name"]: check["remedy"] for check in report["checks"] if check["status"] == "fault"}
    assert list(faults) == ["catalog"]
    assert "palate demo" in faults["catalog"]


@pytest.mark.parametrize("words", [["recommend", "ann"], ["chat", "ann"]])
def test_an_empty_folder_is_told_before_anything_is_loaded(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.runtime.Palate.open", lambda *_args, **_how: pytest.fail("it loads"))
    monkeypatch.setenv("PALATE_HOME", str(tmp_path / "empty"))
    said = run(*words, status=1).stderr.replace("\n", " ")
    assert "There are no items in" in said
    assert "palate catalog import" in said
    assert "palate demo" in said


@pytest.mark.parametrize(
    ("words", "param"),
    [(["recommend", "a b"], "person_id"), (["recommend", "ann", "-n", "99"], "n"), (["chat", "a b"], "person_id")],
)
def test_what_would_be_refused_is_told_before_anything_is_opened(
    words: list[str], param: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PALATE_HOME", str(tmp_path / "never"))
    assert f"{param}: Input should be" in run(*words, status=1).stderr
    assert not (tmp_path / "never").exists()


def test_doctor_finds_a_damaged_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.wiring.embedders", lambda _settings: [])
    monkeypatch.setenv("PALATE_HOME", str(tmp_path))
    monkeypatch.setenv("PALATE_LLM", "none")
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "chroma.sqlite3").write_bytes(b"not a database" * 100)
    report = json.loads(run("doctor", "--json", status=1).stdout)
    fault = next(check for check in report["checks"] if check["status"] == "fault")
    assert "index rebuild" in fault["remedy"]
    assert json.loads(run("index", "rebuild", "--json").stdout)["ready"] is True
