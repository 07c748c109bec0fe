"""``palate vllm up`` around a real child that listens as vLLM does, and ends as it is told."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import app

CHILD = """
import http.server, os, signal, sys, threading
arguments = dict(zip(sys.argv, sys.argv[1:]))
if "fail" in arguments["--served-model-name"]:
    sys.exit(3)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "0"); self.end_headers()
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(arguments["--port"])), Handler)
print("child has", os.environ["VLLM_ALLOW_RUNTIME_LORA_UPDATING"], os.environ.get("VLLM_API_KEY"), flush=True)
signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
signal.signal(signal.SIGINT, lambda *_: os._exit(8))
server.serve_forever()
"""


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    python = tmp_path / "python"
    (tmp_path / "child.py").write_text(CHILD)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{tmp_path / "child.py"}" "$@"\n')
    python.chmod(0o755)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text(json.dumps({}))
    return {"PALATE_HOME": str(tmp_path / "home"), "PALATE_VLLM_PYTHON": str(python), "PALATE_LLM_PATH": str(tmp_path / "model")}


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def up(settings: dict[str, str], port: int) -> Iterator[subprocess.Popen[str]]:
    words = [sys.executable, "-c", "from api.cli import main; main()", "vllm", "up", "--cpu", "--port", str(port)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=os.environ | settings, text=True) as command:
        try:
            yield command
        finally:
            command.kill()


def until(command: subprocess.Popen[str], wanted: str) -> str:
    said = ""
    for line in command.stdout or ():
        said += line
        if wanted in line:
            return said
    pytest.fail(said)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 7), (signal.SIGINT, 8)])
def test_it_waits_passes_signals_on_and_ends_as_the_server_ends(settings: dict[str, str], number: int, status: int) -> None:
    port = free_port()
    with up(settings | {"PALATE_VLLM_API_KEY": "key"}, port) as command:
        said = until(command, "vLLM is up at")
        assert f"http://127.0.0.1:{port}" in said.replace("\n", "")
        assert "child has True key" in said
        assert "--dtype float32" in said
        command.send_signal(number)
        assert command.wait(30) == status


def test_a_killed_server_ends_the_command_as_a_shell_would_say_it(settings: dict[str, str]) -> None:
    with up(settings, free_port()) as command:
        until(command, "vLLM is up at")
        (child,) = Path(f"/proc/{command.pid}/task/{command.pid}/children").read_text().split()
        os.kill(int(child), signal.SIGKILL)
        assert command.wait(30) == 128 + signal.SIGKILL


def invoke(settings: dict[str, str], *words: str) -> tuple[int, str, str]:
    result = CliRunner(env=settings).invoke(app, ["vllm", "up", *words])
    return result.exit_code, result.stdout, result.stderr


def test_a_server_that_fails_gives_its_status(settings: dict[str, str]) -> None:
    status, _, said = invoke(settings | {"PALATE_VLLM_MODEL": "fail"}, "--cpu", "--port", str(free_port()))
    assert status == 3
    assert "is up" not in said


def test_a_dry_run_writes_the_command_and_starts_nothing(settings: dict[str, str], tmp_path: Path) -> None:
    status, said, reasons = invoke(
        settings | {"PALATE_VLLM_URL": "http://127.0.0.1:8123"}, "--cpu", "--dry-run", "--host", "10.0.0.7"
    )
    assert status == 0
    assert said.startswith("env VLLM_ALLOW_RUNTIME_LORA_UPDATING=True ")
    assert f"--model {tmp_path / 'model'}" in said
    assert "--port 8123" in said
    assert "Warning" in reasons
    assert "quick" in reasons or "fast" in reasons


def test_what_cannot_be_started_is_named(settings: dict[str, str], tmp_path: Path) -> None:
    missing = settings | {"PALATE_VLLM_PYTHON": str(tmp_path / "none")}
    for words, names, given in (
        (("--cpu",), "make vllm-cpu", missing),
        (("--cpu", "--lora", "nothing"), "NAME=PATH", settings),
        (("--cpu", "--model", str(tmp_path / "none.gguf")), "none.gguf", settings),
        ((), "--cpu", settings),
    ):
        status, _, said = invoke(given, *words)
        assert status == 1
        assert names in said
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        status, _, said = invoke(settings, "--cpu", "--port", str(taken.getsockname()[1]))
    assert status == 1
    assert "--port" in said
