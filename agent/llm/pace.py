"""How long a forward pass will take: learned from those before it, so that one is started only when it will end in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import Field

from palate.deadline import Deadline
from palate.domain import Value
from palate.errors import DeadlineExceeded

__all__ = ["Pace", "PaceConfig"]


class PaceConfig(Value):
    """First guesses and their upkeep.

    ``prefill_ms`` and ``decode_ms`` are milliseconds a token before anything was measured: on the slow side. ``decay`` is the
    weight of the newest measurement in the moving mean. ``margin`` multiplies predictions. A mean that nothing has confirmed for
    ``half_life`` seconds has gone half the way to the fastest measurement (or first guess): else one slow moment, after which
    everything is refused and nothing measured, would last for ever.
    """

    prefill_ms: float = Field(default=4.0, gt=0.0)
    decode_ms: float = Field(default=60.0, gt=0.0)
    decay: float = Field(default=0.3, gt=0.0, le=1.0)
    margin: float = Field(default=1.1, ge=1.0)
    half_life: float = Field(default=5.0, gt=0.0)


class Pace:
    """Moving means of milliseconds a token, and the work that waits before the one worker.

    Safe to use from several threads. All times in seconds.
    """

    def __init__(self, config: PaceConfig | None = None) -> None:
        self.config = config or PaceConfig()
        self._lock = threading.Lock()
        self._ms = {"prefill": self.config.prefill_ms, "decode": self.config.decode_ms}
        self._fastest = dict(self._ms)
        self._measured: dict[str, float] = {}
        self._waiting = 0.0
        self._running: tuple[float, float] | None = None

    def predict(self, prefill: int, decode: int = 0) -> float:
        """Return the seconds that ``prefill`` tokens at once and ``decode`` tokens one by one are predicted to take."""
        with self._lock:
            return self.config.margin * (prefill * self._now("prefill") + decode * self._now("decode")) / 1000

    def learn(self, kind: str, tokens: int, seconds: float) -> None:
        """Take in that ``tokens`` of ``kind`` (``prefill`` or ``decode``) took ``seconds``; the first one replaces the guess."""
        if tokens <= 0 or seconds <= 0.0:
            return
        with self._lock:
            new, decay = 1000 * seconds / tokens, self.config.decay
            self._ms[kind] = (1 - decay) * self._now(kind) + decay * new if kind in self._measured else new
            self._fastest[kind] = min(self._fastest[kind], new)
            self._measured[kind] = time.monotonic()

    def backlog(self) -> float:
        """Return the predicted seconds until the worker is free."""
        with self._lock:
            left = 0.0
            if self._running is not None:
                start, predicted = self._running
                left = max(0.0, predicted - (time.monotonic() - start))
            return self._waiting + left

    def admit(self, seconds: float, deadline: Deadline) -> None:
        """Queue work of ``seconds``.

        Raises:
            DeadlineExceeded: With what waits before it, it would end too late.

        """
        backlog = self.backlog()
        check(backlog + seconds, deadline)
        with self._lock:
            self._waiting += seconds

    def leave(self, seconds: float) -> None:
        """Take queued work back."""
        with self._lock:
            self._waiting = max(0.0, self._waiting - seconds)

    @contextmanager
    def run(self, seconds: float) -> Iterator[None]:
        """Mark work of ``seconds`` as running."""
        with self._lock:
            self._running = (time.monotonic(), seconds)
        try:
            yield
        finally:
            with self._lock:
                self._running = None

    def facts(self) -> dict[str, float]:
        """Return the milliseconds a token as they now stand."""
        with self._lock:
            return {f"{kind}_ms_per_token": round(self._now(kind), 3) for kind in self._ms}

    def _now(self, kind: str) -> float:
        """Return the mean, drifting to the fastest seen while nothing confirms it. The lock is held."""
        slow, fast = self._ms[kind], self._fastest[kind]
        if kind not in self._measured or slow <= fast:
            return slow
        age = time.monotonic() - self._measured[kind]
        return float(fast + (slow - fast) * 0.5 ** (age / self.config.half_life))


def check(seconds: float, deadline: Deadline) -> None:
    """Raise :class:`DeadlineExceeded` unless ``deadline`` allows ``seconds``."""
    if deadline.expired or not deadline.allows(seconds):
        raise DeadlineExceeded(
            f"The LLM is predicted to need {seconds * 1000:.0f} ms and {deadline.remaining() * 1000:.0f} ms are left.",
            remedy="Give the request more time, or fewer candidates.",
        )
