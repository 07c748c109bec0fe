"""A circuit breaker: what keeps failing is left alone for a while, then tried by one call before all others."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from pydantic import Field

from palate.deadline import Deadline
from palate.domain import Value
from palate.errors import DeadlineExceeded, InvalidInput, ServiceDown

__all__ = ["BreakerConfig", "CircuitBreaker", "Late"]

_AT_THE_DEADLINE = 0.05


class Late(DeadlineExceeded):
    """The service was asked and did not answer in time; a plain ``DeadlineExceeded`` means that it was not asked."""


class BreakerConfig(Value):
    """When calls stop, and when one is tried again.

    It opens after ``failures`` in a row, and lets a call through again after ``cooldown`` seconds. A timeout counts only where the
    call had at least ``patience`` seconds: else requests in a hurry would shut a healthy service for all others.
    """

    failures: int = Field(default=5, ge=1)
    cooldown: float = Field(default=5.0, ge=0.0)
    patience: float = Field(default=1.0, ge=0.0)


class CircuitBreaker:
    """Closed, calls pass. Open, they raise at once. Half open, one passes: its end closes or opens it.

    Safe to use from several threads and event loops.

    Args:
        what: The service, as messages name it.
        config: When it opens.
        alive: Errors that show that the service is there.
        clock: Monotonic seconds, for tests.

    """

    def __init__(
        self,
        what: str,
        config: BreakerConfig | None = None,
        alive: tuple[type[Exception], ...] = (InvalidInput,),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.what, self.config = what, config or BreakerConfig()
        self._alive = alive
        self._clock, self._lock = clock, threading.Lock()
        self._failures, self._opened = 0, 0.0
        self._probing = False

    @property
    def state(self) -> Literal["closed", "open", "half open"]:
        """Whether calls pass."""
        with self._lock:
            if self._failures < self.config.failures:
                return "closed"
            return "half open" if self._probing or self._wait() <= 0.0 else "open"

    @contextmanager
    def call(self, deadline: Deadline) -> Iterator[None]:
        """Let a call pass, and learn from its end.

        :class:`ServiceDown` and :class:`Late` are failures, as is being cancelled at the deadline; errors that show that the
        service is there are none. Other errors, and being cancelled earlier, tell nothing.

        Raises:
            ServiceDown: It is open.

        """
        probe = self._enter()
        patient = deadline.allows(self.config.patience)
        failed: bool | None = None
        try:
            yield
            failed = False
        except self._alive:
            failed = False
            raise
        except ServiceDown:
            failed = True
            raise
        except Late:
            failed = True if patient else None
            raise
        except asyncio.CancelledError:
            failed = True if patient and deadline.remaining() < _AT_THE_DEADLINE else None
            raise
        finally:
            self._leave(failed, probe=probe)

    def _enter(self) -> bool:
        """Return whether the call that begins is the one that tries."""
        with self._lock:
            if self._failures < self.config.failures:
                return False
            wait = self._wait()
            if self._probing or wait > 0.0:
                when = "is being tried again" if self._probing else f"is tried again in {wait:.1f} s"
                raise ServiceDown(
                    f"{self.what} is not asked (circuit breaker open after {self._failures} failures in a row); it {when}.",
                    remedy="See whether it runs: 'palate doctor'.",
                )
            self._probing = True
            return True

    def _leave(self, failed: bool | None, *, probe: bool) -> None:
        with self._lock:
            if probe:
                self._probing = False
            if failed is None:
                return
            open_before = self._failures >= self.config.failures
            if not failed:
                # An answer to a call from before it opened says nothing about now.
                if probe or not open_before:
                    self._failures = 0
                return
            self._failures += 1
            if self._failures >= self.config.failures and (probe or not open_before):
                self._opened = self._clock()

    def _wait(self) -> float:
        return self._opened + self.config.cooldown - self._clock()
