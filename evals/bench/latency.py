"""Times how soon an event counts: from when it is accepted to when a recommendation that knows of it has come, over HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from pydantic import Field

from palate.domain import Value
from palate.errors import ServiceDown, Unavailable

__all__ = ["GOAL_MS", "LatencyBenchConfig", "bench_latency", "plot_latency"]

Tell = Callable[[str], None]
GOAL_MS = 50.0
_COMMAND = [sys.executable, "-c", "from api.cli import main; main()"]
_PERSON = "bench-latency"


class LatencyBenchConfig(Value):
    """``rounds`` are timed after ``warm`` that are not. ``url`` names a server that runs already; unset, the demo world is served
    on a new data folder, without an LLM, for as long as the benchmark lasts; ``start_seconds`` bounds how long that may take.
    """

    rounds: int = Field(default=50, ge=5)
    warm: int = Field(default=10, ge=1)
    url: str | None = None
    start_seconds: float = Field(default=900.0, gt=0)


def bench_latency(config: LatencyBenchConfig | None = None, tell: Tell = lambda _: None) -> dict[str, Any]:
    """Return percentiles in milliseconds, and how many events were reflected.

    In each round the first item of a slate is liked. The clock starts when the answer that the event was accepted has come (by then
    it is on disk) and stops when the next slate has come; nothing is fitted in between. The event is reflected if that slate no
    longer offers the item and its scores differ from those of the slate before.

    Raises:
        Unavailable: The demo world cannot be served here.
        ServiceDown: The server stopped answering.

    """
    config = config or LatencyBenchConfig()
    with _server(config, tell) as url, httpx.Client(base_url=url, timeout=60, trust_env=False) as http:
        tell("events and recommendations")
        try:
            rounds = [_round(http) for _ in range(config.warm + config.rounds)][config.warm :]
        except httpx.HTTPError as error:
            raise ServiceDown(f"{url} does not answer: {error}.", remedy="Look at the server's log.") from error
    total = [r["reflected_ms"] for r in rounds]
    stages = {name for r in rounds for name in r["stages"]}
    return {
        "config": config.model_dump(),
        "goal_ms": GOAL_MS,
        "reflected_ms": _percentiles(total),
        "accepted_ms": _percentiles([r["accepted_ms"] for r in rounds]),
        "reflected": sum(r["reflected"] for r in rounds),
        "rounds": len(rounds),
        "stages_ms": {name: round(float(np.median([r["stages"].get(name, 0.0) for r in rounds])), 3) for name in sorted(stages)},
        "degraded": sorted({name for r in rounds for name in r["degraded"]}),
        "samples_ms": total,
    }


def _round(http: httpx.Client) -> dict[str, Any]:
    before = _slate(http)
    liked = before["items"][0]["item_id"]
    event = {"person_id": _PERSON, "platform": "palate", "item_id": liked, "verb": "like"}
    began = time.perf_counter()
    answer = http.post("/v1/events", json=event)
    accepted = time.perf_counter()
    after = _slate(http)
    came = time.perf_counter()
    answer.raise_for_status()
    scores = [{item["item_id"]: item["score"] for item in slate["items"]} for slate in (before, after)]
    return {
        "accepted_ms": 1000 * (accepted - began),
        "reflected_ms": round(1000 * (came - accepted), 3),
        "reflected": liked not in scores[1] and scores[0] != scores[1],
        "stages": after["timings_ms"],
        "degraded": after["degraded"],
    }


def _slate(http: httpx.Client) -> dict[str, Any]:
    answer = http.post("/v1/recommendations", json={"person_id": _PERSON, "n": 10})
    answer.raise_for_status()
    slate: dict[str, Any] = answer.json()
    return slate


@contextmanager
def _server(config: LatencyBenchConfig, tell: Tell) -> Iterator[str]:
    if config.url is not None:
        yield config.url.rstrip("/")
        return
    with tempfile.TemporaryDirectory(prefix="palate-bench-") as temporary:
        home = Path(temporary) / "home"
        log = Path(temporary) / "server.log"
        environment = {**os.environ, "PALATE_HOME": str(home), "PALATE_LLM": "none", "PALATE_LOG_LEVEL": "warning"}
        command = [*_COMMAND, "demo", "--port", "0"]
        with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output, env=environment) as server:  # noqa: S603
            try:
                tell("the demo world comes up")
                yield _address(server, home, log, config.start_seconds)
            finally:
                server.terminate()


def _address(server: subprocess.Popen[bytes], home: Path, log: Path, seconds: float) -> str:
    """Return the URL once every part is there: background work would be timed too."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        record = home / "owner.json"
        url = json.loads(record.read_text()).get("url") if record.exists() else None
        if url and _settled(url):
            return str(url)
        time.sleep(0.5)
    tail = log.read_text(errors="replace")[-500:]
    raise Unavailable(f"The demo world did not come up in {seconds:.0f} s: {tail}", remedy="Run 'palate doctor'.")


def _settled(url: str) -> bool:
    try:
        parts = httpx.get(f"{url}/readyz", timeout=30, trust_env=False).json()["parts"].values()
    except (httpx.HTTPError, ValueError, KeyError):
        return False
    return bool(parts) and all(part["error"] or part["done"] >= part["total"] for part in parts)


def _percentiles(times: list[float]) -> dict[str, float]:
    return {f"p{p}": round(float(np.percentile(times, p)), 2) for p in (50, 95, 99)}


def plot_latency(report: dict[str, Any], path: Path) -> None:
    """Draw every round's time beside the goal."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(8, 3.5), layout="constrained")
    axis.plot(report["samples_ms"], "o", markersize=3, color="#4b6cb7")
    axis.axhline(report["goal_ms"], color="#b74b4b", linestyle="--", label=f"goal {report['goal_ms']:.0f} ms")
    axis.set_ylim(bottom=0)
    axis.set_xlabel("round")
    axis.set_ylabel("ms")
    axis.set_title(f"Event accepted to next slate: p50 {report['reflected_ms']['p50']} ms")
    axis.legend()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
