"""How much time is left: passed down through every stage of a request."""

from __future__ import annotations

import time

__all__ = ["Deadline", "Timings"]


class Deadline:
    """A moment by which an answer must be out, on the monotonic clock.

    Args:
        seconds: Time from now; ``None`` for no limit.

    """

    def __init__(self, seconds: float | None) -> None:
        self._end = None if seconds is None else time.monotonic() + seconds

    @classmethod
    def after_ms(cls, milliseconds: float | None) -> Deadline:
        """Return a deadline ``milliseconds`` from now, or none at all for ``None``."""
        return cls(None if milliseconds is None else milliseconds / 1000)

    def remaining(self) -> float:
        """Return the seconds left: ``inf`` without a limit, never below zero."""
        return float("inf") if self._end is None else max(0.0, self._end - time.monotonic())

    def allows(self, seconds: float) -> bool:
        """Return whether work predicted to take ``seconds`` would end in time."""
        return self.remaining() >= seconds

    @property
    def expired(self) -> bool:
        """Return whether the moment has passed."""
        return self.remaining() <= 0.0


class Timings:
    """Milliseconds spent in each stage of a request.

    >>> timings = Timings()
    >>> with timings.stage("retrieve"):
    ...     pass
    >>> sorted(timings.as_dict()) == ["retrieve", "total"]
    True
    """

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._stages: dict[str, float] = {}

    def stage(self, name: str) -> _Stage:
        """Return a context manager that adds the time spent within it to ``name``."""
        return _Stage(self._stages, name)

    def as_dict(self) -> dict[str, float]:
        """Return milliseconds by stage, and ``total`` since this object was made."""
        total = (time.perf_counter() - self._start) * 1000
        return {**{k: round(v, 3) for k, v in self._stages.items()}, "total": round(total, 3)}


class _Stage:
    def __init__(self, stages: dict[str, float], name: str) -> None:
        self._stages, self._name = stages, name

    def __enter__(self) -> None:
        self._start = time.perf_counter()

    def __exit__(self, *exc: object) -> None:
        spent = (time.perf_counter() - self._start) * 1000
        self._stages[self._name] = self._stages.get(self._name, 0.0) + spent
