"""How far parts are, said in lines where there is no terminal."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

import api.session
from api.cli import app
from api.runtime import Palate
from api.session import ProgressLines, show_readiness
from palate.domain import Progress


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Lines:
    """Progress lines on a clock of their own."""

    def __init__(self, patience: float = 0.0) -> None:
        self.file, self.clock = io.StringIO(), Clock()
        self._lines = ProgressLines(Console(file=self.file, width=40), patience=patience, clock=self.clock)

    def at(self, second: float, **parts: tuple[int, int]) -> list[str]:
        """Return the lines that a look at a second of the work adds."""
        self.clock.now = 100.0 + second
        before = len(self.file.getvalue())
        self._lines.show({name: {"done": done, "total": total, "error": None} for name, (done, total) in parts.items()})
        return self.file.getvalue()[before:].splitlines()


def test_a_line_comes_when_a_stage_begins_or_ends_and_else_one_in_ten_seconds() -> None:
    lines = Lines()
    assert lines.at(0, titles=(0, 1), fusion=(0, 1)) == []
    assert lines.at(1, titles=(0, 900), fusion=(0, 1)) == ["titles: 0 of 900 (1 s)"]
    assert lines.at(2, titles=(32, 900), fusion=(0, 1)) == []
    assert lines.at(10.9, titles=(300, 900), fusion=(0, 1)) == []
    assert lines.at(11, titles=(332, 900), fusion=(0, 1)) == ["titles: 332 of 900 (11 s)"]
    assert lines.at(12, titles=(900, 900), fusion=(0, 1)) == ["titles: 900 of 900 (12 s)"]
    assert lines.at(13, titles=(900, 900), fusion=(0, 4000)) == ["fusion: 0 of 4000 (13 s)"]
    assert lines.at(14, titles=(900, 900), fusion=(0, 4)) == ["fusion: 0 of 4 (14 s)"]
    assert lines.at(60, titles=(900, 900), fusion=(0, 4)) == []


def test_a_stage_of_which_nobody_knows_the_end_is_told_each_ten_seconds() -> None:
    file, clock = io.StringIO(), Clock()
    lines = ProgressLines(Console(file=file, width=40), clock=clock)
    for done in range(0, 700, 100):
        lines.tell("rows [a]", done, 0)
        clock.now += 4.0
    assert file.getvalue().splitlines() == ["rows [a]: 0 (0 s)", "rows [a]: 300 (12 s)", "rows [a]: 600 (24 s)"]


def test_what_was_done_before_is_not_told_and_what_begins_anew_is() -> None:
    lines = Lines()
    assert lines.at(0, sources=(7, 7), image=(12, 99)) == ["image: 12 of 99 (0 s)"]
    assert lines.at(1, sources=(7, 7), image=(12, 99)) == []
    assert lines.at(2, sources=(0, 1), image=(12, 99)) == []
    assert lines.at(3, sources=(0, 7), image=(12, 99)) == ["sources: 0 of 7 (3 s)"]


def test_short_work_is_passed_over_in_silence_and_long_work_is_not() -> None:
    lines = Lines(patience=10)
    assert lines.at(0, sources=(0, 1)) == lines.at(5, sources=(3, 7)) == []
    assert lines.at(10, sources=(4, 7)) == ["sources: 4 of 7 (10 s)"]


class Watched:
    """A client whose readiness goes through states."""

    def __init__(self, states: list[tuple[int, int]]) -> None:
        self._states: Iterator[tuple[int, int]] = iter(states)

    def get(self, _path: str) -> dict[str, Any]:
        done, total = next(self._states)
        return {"ready": True, "parts": {"titles": {"done": done, "total": total, "error": None}}}


@pytest.mark.parametrize("terminal", [False, True])
def test_a_terminal_has_bars_and_all_else_lines(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.session, "_POLL_SECONDS", 0)
    console = Console(file=io.StringIO(), force_terminal=terminal, width=80)
    client: Any = Watched([(0, 1), (0, 8), (8, 8)])
    show_readiness(client, console, lambda state: state["parts"]["titles"]["done"] == 8)
    assert isinstance(console.file, io.StringIO)
    assert ("titles: 8 of 8" in console.file.getvalue()) is not terminal
    assert ("━" in console.file.getvalue()) is terminal


@pytest.mark.usefixtures("own_home")
def test_the_fit_of_a_folder_says_on_stderr_what_it_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.wiring.embedders", lambda _settings: [])
    monkeypatch.setenv("PALATE_LLM", "none")
    fit = Palate.refit

    def slow(palate: Palate, progress: Progress | None = None) -> None:
        time.sleep(1.5)  # so that it is under way at the first look, and its end is seen
        fit(palate, progress)

    monkeypatch.setattr(Palate, "refit", slow)
    items = tmp_path / "items.jsonl"
    items.write_text(json.dumps({"item_id": "a", "type": "movie", "title": "Alien"}) + "\n", "utf-8")
    assert CliRunner().invoke(app, ["catalog", "import", str(items)]).exit_code == 0
    result = CliRunner().invoke(app, ["fit", "--json"])
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["failed"] == {}
    first, *rest = result.stderr.splitlines()
    assert first.startswith("Fitting: ")
    assert any(line.startswith("sources: ") for line in rest)
