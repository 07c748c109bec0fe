"""``palate finetune`` as it is typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
from typer.testing import CliRunner, Result

from api.cli import app
from api.commands.finetune import _Task
from finetune import TASKS

Make = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("own_home")


def run(*words: object, status: int = 0) -> Result:
    result = CliRunner().invoke(app, ["finetune", *map(str, words)])
    assert result.exit_code == status, (result.exit_code, result.stdout, result.stderr, result.exception)
    return result


def listed() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("list", "--json").stdout)
    return found


def test_the_tasks_are_those_of_the_card() -> None:
    assert get_args(_Task) == TASKS


def test_from_a_folder_to_running_and_back(make_adapter: Make) -> None:
    assert "There are no LoRA adapters" in run("list").stdout
    result = run("promote", "rank", make_adapter().folder)
    (first,) = listed()
    assert (first["promoted"], first["shipped"], first["card"]["licence"]) == (True, False, "Apache-2.0")
    assert f"{first['version']} runs for rank now" in result.stdout
    assert "of no adapter" in result.stdout
    assert "next start" in result.stderr
    assert "--dataset" in result.stderr
    better = json.loads(run("promote", "rank", make_adapter(seed=1, gain=0.1).folder, "--json").stdout)
    assert (better["decision"], better["running"]) == ("better", first["version"])
    table = run("list").stdout
    assert "runs" in table
    assert "kept" in table
    metric = first["card"]["scores"]["metric"]
    assert f"{metric} {first['card']['metrics'][metric]['value']:.3f} (" in table
    assert f"{first['version']} runs for rank now" in run("rollback", "rank").stdout
    assert json.loads(run("rollback", "rank", "--json").stdout) == {"task": "rank", "version": None}
    assert "nothing to go back from" in run("rollback", "rank", status=1).stderr
    assert f"{better['candidate']} runs" in run("promote", "rank", better["candidate"]).stdout


def test_a_refusal_says_the_numbers_and_keeps_the_adapter(make_adapter: Make) -> None:
    run("promote", "rank", make_adapter(gain=0.1).folder)
    result = run("promote", "rank", make_adapter(seed=1).folder, status=1)
    assert result.stdout == ""
    assert "Refused" in result.stderr
    assert "95% interval" in result.stderr
    assert [adapter["promoted"] for adapter in listed()].count(True) == 1
    assert len(listed()) == 2
    verdict = json.loads(run("promote", "rank", make_adapter(seed=2, gain=0.4, cases=120).folder, "--json", status=1).stdout)
    assert verdict["decision"] == "refused"
    assert "cases is 120" in verdict["reason"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rank", "FOLDER/nowhere"], "no folder"),
        (["rank", "000000000000"], "no LoRA adapter 000000000000"),
        (["rank", "latest"], "no version"),
        (["explain", "FOLDER"], "for 'rank', not for 'explain'"),
        (["rank", "FOLDER", "--dataset", "ml-latest-small"], "'ml-latest-small'"),
        (["rank", "FOLDER", "--anew"], "measured on data sets"),
        (["rank", "EMPTY"], "card.json"),
        (["rank", "PICKLE"], "may run code"),
    ],
)
def test_an_error_is_a_message_and_a_status(make_adapter: Make, tmp_path: Path, words: list[str], said: str) -> None:
    pickled = make_adapter()
    (pickled.folder / "adapter_model.bin").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    places = {"FOLDER": make_adapter().folder, "EMPTY": tmp_path / "empty", "PICKLE": pickled.folder}
    typed = [words[0], *[_placed(word, places) for word in words[1:]]]
    result = run("promote", *typed, "--json", status=1)
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert said in json.loads(result.stdout)["error"]["message"]
    assert listed() == []


def test_text_tasks_are_measured_on_what_comes_with_palate(make_adapter: Make) -> None:
    for task in ("explain", "understand"):
        result = run("promote", task, make_adapter(task=task).folder, "--dataset", "ml-100k", status=1)
        assert "--anew" in result.stderr


def _placed(word: str, places: dict[str, Path]) -> str:
    for name, place in places.items():
        word = word.replace(name, str(place))
    return word


def test_a_damaged_adapter_is_listed_with_what_is_wrong(make_adapter: Make, tmp_path: Path) -> None:
    run("promote", "rank", make_adapter().folder)
    (version,) = [adapter["version"] for adapter in listed()]
    (tmp_path / "home" / "lora" / "rank" / version / "card.json").write_text("{}")
    assert "not whole" in run("list").stderr
    assert listed()[0]["card"] is None
    assert "rollback" in run("promote", "rank", make_adapter(seed=1).folder, status=1).stderr
    assert "No LoRA adapter runs" in run("rollback", "rank").stdout


def test_nothing_forces_an_adapter_through(make_adapter: Make) -> None:
    assert "force" in run("promote", "rank", make_adapter().folder, "--force", status=2).stderr
    assert "sing" in run("rollback", "sing", status=2).stderr
