"""``palate eval understand`` and ``palate eval explain``: one LLM after the other, each closed."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

import api.text_tasks
from agent.llm.scripted import ScriptedLLM
from api.cli import app
from api.commands import eval_text
from palate.errors import Unavailable

pytestmark = pytest.mark.usefixtures("own_home")


class Suite:
    """Both suites: it asks an LLM one thing, and refuses on the LLM of a name."""

    def __init__(self, told: list[str], refused: str | None) -> None:
        self._told, self._refused = told, refused

    def by_llm(self, llm: ScriptedLLM, _progress: object) -> list[str]:
        self._told.append(f"ask {llm.name}")
        if llm.name == self._refused:
            raise Unavailable(f"{llm.name} is down.", remedy="Start it.")
        return [llm.name]

    write = by_llm

    def alone(self, answers: list[str]) -> list[str]:
        return ["alone", *answers]

    def served(self, answers: list[str]) -> list[str]:
        return ["served", *answers]

    def by_rules(self) -> list[str]:
        return ["rules"]

    def judge(self, answers: list[str]) -> list[str]:
        return answers

    def report(self, rows: dict[str, Any], *_: object) -> dict[str, Any]:
        return rows


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done with LLMs, in order."""
    told: list[str] = []

    def make(name: str) -> ScriptedLLM:
        told.append(f"make {name}")
        llm = ScriptedLLM()
        llm.name = name

        async def close() -> None:
            told.append(f"close {name}")

        llm.close = close  # type: ignore[method-assign]
        return llm

    monkeypatch.setattr(api.text_tasks, "tuned_llm", lambda *_: make("tuned"))
    monkeypatch.setattr(eval_text, "_base", lambda _: make("zero-shot"))
    return told


def run(monkeypatch: pytest.MonkeyPatch, told: list[str], command: str, refused: str | None = None) -> Any:
    suite = Suite(told, refused)
    world = SimpleNamespace(understand_suite=lambda _: suite, explain_suite=lambda: suite)
    monkeypatch.setattr(api.text_tasks, "TextWorld", lambda *_: world)
    return CliRunner().invoke(app, ["eval", command, "--json"])


ORDER = ["make tuned", "ask tuned", "close tuned", "make zero-shot", "ask zero-shot", "close zero-shot"]


@pytest.mark.parametrize(
    ("command", "rows"),
    [
        (
            "understand",
            {
                "zero-shot": ["alone", "zero-shot"],
                "tuned": ["alone", "tuned"],
                "rules": ["rules"],
                "served": ["served", "tuned"],
            },
        ),
        ("explain", {"zero-shot": ["zero-shot"], "tuned": ["tuned"]}),
    ],
)
def test_one_llm_is_there_at_a_time(
    monkeypatch: pytest.MonkeyPatch, told: list[str], command: str, rows: dict[str, list[str]]
) -> None:
    found = run(monkeypatch, told, command)
    assert found.exit_code == 0, (found.stderr, found.exception)
    assert told == ORDER
    assert list(json.loads(found.stdout).items()) == list(rows.items())


@pytest.mark.parametrize("command", ["understand", "explain"])
@pytest.mark.parametrize(("refused", "done"), [("tuned", 3), ("zero-shot", 6)])
def test_an_llm_that_fails_is_closed(
    monkeypatch: pytest.MonkeyPatch, told: list[str], command: str, refused: str, done: int
) -> None:
    found = run(monkeypatch, told, command, refused)
    assert found.exit_code == 1
    assert f"{refused} is down" in found.stderr
    assert told == ORDER[:done]
