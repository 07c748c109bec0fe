"""Time and memory of the stages of a run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["Cost", "Stages", "peak_mb", "reset_peak", "resident_mb"]

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"


def resident_mb() -> float:
    """Return the resident memory of this process, MiB."""
    return _status("VmRSS")


def peak_mb() -> float:
    """Return the highest resident memory since :func:`reset_peak`, MiB; where it cannot be reset, since the process began."""
    return _status("VmHWM")


def reset_peak() -> None:
    """Begin to watch for a new peak; does nothing where the system cannot."""
    try:
        _CLEAR.write_text(_RESET_PEAK)
    except OSError:
        return


def _status(name: str) -> float:
    if _STATUS.exists():
        for line in _STATUS.read_text().splitlines():
            if line.startswith(f"{name}:"):
                return round(int(line.split()[1]) / 1024, 1)
    import resource
    import sys

    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(used / (1024 * 1024 if sys.platform == "darwin" else 1024), 1)


@dataclass
class Cost:
    """What a stage took: seconds, the highest resident memory meanwhile and how much of that came in the stage, MiB."""

    stage: str
    seconds: float = 0.0
    peak_mb: float = 0.0
    grown_mb: float = 0.0
    cached: bool = False


class Stages:
    """Collects the costs of stages, in the order they began."""

    def __init__(self) -> None:
        self.costs: list[Cost] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[Cost]:
        """Measure what runs within the context. Stages do not nest: a peak belongs to one."""
        cost = Cost(name)
        self.costs.append(cost)
        before = resident_mb()
        reset_peak()
        start = time.perf_counter()
        try:
            yield cost
        finally:
            cost.seconds = time.perf_counter() - start
            cost.peak_mb = peak_mb()
            cost.grown_mb = round(max(0.0, cost.peak_mb - before), 1)

    def rows(self) -> list[dict[str, Any]]:
        """Return the costs as plain values."""
        return [{**asdict(cost), "seconds": round(cost.seconds, 3)} for cost in self.costs]
