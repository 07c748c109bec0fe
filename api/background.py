"""Brings the slow parts up beside the server: text index, candidate sources, LLM, then pictures and sounds."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from api.health.protocol import PartState, Ready

__all__ = ["Background", "Report", "Step", "Traffic"]

_logger = logging.getLogger(__name__)
_LONGEST_PAUSE = 5.0

Report = Callable[[int, int], None]
Step = tuple[str, Callable[[Report], None]]
"""A part's name and what brings it up; it is given a function to report (done, total) with."""


class Traffic:
    """Counts the requests under way, so that background work can step aside for them."""

    def __init__(self) -> None:
        self._active = 0
        self._changed = threading.Condition()

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Count one request for as long as the context lasts."""
        with self._changed:
            self._active += 1
        try:
            yield
        finally:
            with self._changed:
                self._active -= 1
                self._changed.notify_all()

    def wait_for_quiet(self, seconds: float = _LONGEST_PAUSE) -> None:
        """Return when no request is under way, or after ``seconds``."""
        with self._changed:
            self._changed.wait_for(lambda: self._active == 0, seconds)


class Background:
    """Runs lanes of steps, a thread a lane, and tells how far each part is.

    Args:
        lanes: Each lane's steps run in order; a step that fails is logged and reported, and the lane goes on.
        needed: Names of the parts without which no request can be answered.
        before: States of parts that are not in ``lanes``.

    """

    def __init__(
        self, lanes: Sequence[Sequence[Step]], needed: Sequence[str], before: Mapping[str, PartState] | None = None
    ) -> None:
        self._lanes = lanes
        self._needed = tuple(needed)
        self._changed = threading.Condition()
        self._states = {**(before or {}), **{name: PartState(done=0, total=1) for lane in lanes for name, _ in lane}}
        self._threads: list[threading.Thread] = []
        self.stop = threading.Event()

    def start(self) -> None:
        """Start the lanes."""
        for number, lane in enumerate(self._lanes):
            thread = threading.Thread(target=self._run, args=(lane,), name=f"palate-background-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def close(self, seconds: float = 60.0) -> None:
        """Ask the lanes to stop after the batch at hand, and wait for them."""
        self.stop.set()
        with self._changed:
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(seconds)

    def state(self) -> Ready:
        """Return how far each part is."""
        with self._changed:
            parts = dict(self._states)
        return Ready(ready=bool(parts) and all(parts[name].ready for name in self._needed), parts=parts)

    def report(self, name: str, done: int, total: int, error: str | None = None) -> None:
        """Set how far a part is."""
        with self._changed:
            self._states[name] = PartState(done=done, total=total, error=error)
            self._changed.notify_all()

    def wait(self, names: Sequence[str] = (), seconds: float | None = None) -> bool:
        """Return whether the parts (by default the needed ones) came up; returns early when one of them failed."""
        names = names or self._needed

        def settled() -> bool:
            states = [self._states[name] for name in names]
            return self.stop.is_set() or all(state.ready or state.error is not None for state in states)

        with self._changed:
            self._changed.wait_for(settled, seconds)
            return all(self._states[name].ready for name in names)

    def _run(self, lane: Sequence[Step]) -> None:
        for name, step in lane:
            if self.stop.is_set():
                return
            try:
                step(lambda done, total, name=name: self.report(name, done, total))  # type: ignore[misc]
            except Exception as error:
                _logger.exception("%s did not come up", name)
                state = self._states[name]
                self.report(name, min(state.done, max(state.total - 1, 0)), max(state.total, 1), str(error) or type(error).__name__)
            else:
                total = self._states[name].total
                self.report(name, self._states[name].done if self.stop.is_set() else total, total)
