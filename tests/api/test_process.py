"""The real command in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from adapters import open_history
from api.owner import find_owner

_START_SECONDS = 180.0
_COMMAND = [sys.executable, "-c", "from api.cli import main; main()"]


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "PALATE_HOME": str(home), "PALATE_LLM": "none", "PALATE_LOG_LEVEL": "warning"}


@contextmanager
def server(home: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    process = subprocess.Popen([*_COMMAND, "serve", "--port", "0"], env=environment(home), stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + _START_SECONDS
        while (owner := find_owner(home)) is None or owner.url is None:
            assert process.poll() is None, "the server ended"
            assert time.monotonic() < end, "the server did not start"
            time.sleep(0.1)
        yield process, owner.url
    finally:
        process.kill()
        process.wait()


def command(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*_COMMAND, *words], env=environment(home), capture_output=True, text=True, timeout=300, check=False)


def items(folder: Path) -> Path:
    file = folder / "items.jsonl"
    lines = [{"item_id": f"film-{n}", "type": "movie", "title": f"Reel {n}", "genres": ["Comedy"]} for n in range(5)]
    file.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    return file


def test_an_acknowledged_event_survives_a_kill(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with server(home) as (process, url):
        imported = command(home, "catalog", "import", str(items(tmp_path)), "--json")
        assert json.loads(imported.stdout)["new"] == 5, imported.stderr
        body = {"person_id": "ann", "platform": "palate", "item_id": "film-1", "verb": "like", "event_id": "e-1"}
        assert httpx.post(f"{url}/v1/events", json=body, timeout=60, trust_env=False).json()["accepted"] == 1
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert find_owner(home) is None
    history = open_history(home / "history.db")
    assert [event.event_id for event in history.events("ann")] == ["e-1"]
    history.close()


@pytest.mark.slow
def test_everything_works_without_a_server_and_after_a_restart(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert command(home, "catalog", "import", str(items(tmp_path))).returncode == 0
    first = command(home, "recommend", "ann", "--json")
    assert first.returncode == 0, first.stderr
    slate = json.loads(first.stdout)
    assert len(slate["items"]) == 5
    why = command(home, "why", slate["decision_id"], slate["items"][0]["item_id"], "--json")
    assert json.loads(why.stdout)["rank"] == 1
    with server(home) as (process, _url):
        process.send_signal(signal.SIGTERM)
        assert process.wait(150) == 0
    assert not (home / "owner.json").exists()
    with server(home):
        again = command(home, "serve", "--port", "0")
        assert again.returncode == 1
        assert "owned by process" in again.stderr
