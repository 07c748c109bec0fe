"""Runs a vLLM server as a child: waits until it is up, passes signals on, ends as it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import httpx

from api.vllm_flags import VllmLaunch
from palate.errors import Unavailable

__all__ = ["run_vllm"]

_POLL_SECONDS = 0.5
_SAY_SECONDS = 10.0
_PROBE_SECONDS = 5.0
_PASSED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STDERR = 2


def run_vllm(launch: VllmLaunch, say: Callable[[str], None]) -> int:
    """Start the server, tell by ``say`` how it gets on, and return its exit status: 128 and the signal where one ended it.

    Its log goes to stderr. SIGINT, SIGTERM and SIGHUP that arrive here go to it. Main thread only.

    Raises:
        Unavailable: The program cannot be started.

    """
    try:
        # A session of its own: Ctrl-C reaches it once, from here, and what it leaves behind can be found.
        process = subprocess.Popen(  # noqa: S603 - the command is ours, the shell is not asked
            launch.command,
            env={**os.environ, **launch.environment},
            stdin=subprocess.DEVNULL,
            stdout=_STDERR,
            start_new_session=True,
        )
    except OSError as error:
        raise Unavailable(f"{launch.program[0]} cannot be started: {error.strerror}.", remedy="See PALATE_VLLM_PYTHON.") from error
    try:
        with _passing_signals(process):
            start = time.monotonic()
            if _came_up(process, launch.url, start, say):
                say(f"vLLM is up at {launch.url} after {time.monotonic() - start:.0f} s and serves {launch.served!r}.")
            status = process.wait()
    finally:
        with suppress(ProcessLookupError):  # its workers outlive it where it was killed
            os.killpg(process.pid, signal.SIGKILL)
    return status if status >= 0 else 128 - status


def _came_up(process: subprocess.Popen[bytes], url: str, start: float, say: Callable[[str], None]) -> bool:
    """Wait until ``/health`` answers; return false where the server ended first."""
    told = start
    with httpx.Client(base_url=url, timeout=_PROBE_SECONDS, trust_env=False) as http:
        while process.poll() is None:
            with suppress(httpx.HTTPError):
                if http.get("/health").is_success:
                    return True
            if time.monotonic() - told >= _SAY_SECONDS:
                told = time.monotonic()
                say(f"Waiting for {url}/health: {told - start:.0f} s.")
            with suppress(subprocess.TimeoutExpired):
                process.wait(_POLL_SECONDS)
    return False


@contextmanager
def _passing_signals(process: subprocess.Popen[bytes]) -> Iterator[None]:
    def pass_on(number: int, _frame: FrameType | None) -> None:
        process.send_signal(number)

    before = {number: signal.signal(number, pass_on) for number in _PASSED}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
