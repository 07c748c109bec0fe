"""Brings the slow parts up beside the server: text index, candidate sources, LLM, then pictures and sounds."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from api.health.protocol import PartState, Ready

__all__ = ["Background", "Lane", "Report", "Step", "Traffic"]

_logger = logging.getLogger(__name__)
_LONGEST_PAUSE = 5.0

Report = Callable[[int, int], None]
Step = tuple[str, Callable[[Report, threading.Event], None]]
"""A part's name and what brings it up; it is given a function to report (done, total) with, and an event to stop at."""


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


class Lane:
    """Steps that run one after the other in a thread of their own. ``stop`` ends them after the batch at hand."""

    def __init__(self, steps: Sequence[Step], run: Callable[[Lane], None]) -> None:
        self.steps = tuple(steps)
        self.stop = threading.Event()
        self.thread = threading.Thread(target=run, args=(self,), name=f"palate-{self.steps[0][0]}", daemon=True)


class Background:
    """Runs lanes of steps and tells how far each part is. A step that fails is logged and reported, and its lane goes on.

    Args:
        needed: Names of the parts without which no request can be answered.

    """

    def __init__(self, needed: Sequence[str] = ()) -> None:
        self._needed = tuple(needed)
        self._changed = threading.Condition()
        self._states = {name: PartState(done=0, total=1) for name in self._needed}
        self._lanes: list[Lane] = []
        self._closed = False

    def start(self, steps: Sequence[Step], *, instead_of: Lane | None = None) -> Lane:
        """Start a lane, at once; with ``instead_of`` that one is asked to stop, and the new one begins when it has."""

        def run(lane: Lane) -> None:
            if instead_of is not None:
                instead_of.thread.join()
            self._run(lane)

        lane = Lane(steps, run)
        if instead_of is not None:
            instead_of.stop.set()
        with self._changed:
            self._lanes = [*(other for other in self._lanes if other.thread.is_alive()), lane]
            self._states.update({name: PartState(done=0, total=1) for name, _ in steps})
            if self._closed:
                lane.stop.set()
            lane.thread.start()  # within the lock: whoever closes joins only threads that began
        return lane

    def close(self, seconds: float = 15.0) -> bool:
        """Ask all lanes to stop, and wait for each; return whether all did. Loading a model, for one, cannot be interrupted."""
        with self._changed:
            self._closed = True
            lanes = self._lanes
            for lane in lanes:
                lane.stop.set()
            self._changed.notify_all()
        for lane in lanes:
            lane.thread.join(seconds)
        return not any(lane.thread.is_alive() for lane in lanes)

    def state(self) -> Ready:
        """Return how far each part is."""
        with self._changed:
            parts = dict(self._states)
        return Ready(ready=all(parts[name].ready for name in self._needed), parts=parts)

    def wait(self, names: Sequence[str] = (), seconds: float | None = None) -> bool:
        """Return whether the parts (by default the needed ones) came up; returns early when all came up or failed."""
        names = names or self._needed

        def settled() -> bool:
            states = [self._states[name] for name in names]
            return self._closed or all(state.ready or state.error is not None for state in states)

        with self._changed:
            self._changed.wait_for(settled, seconds)
            return all(self._states[name].ready for name in names)

    def _report(self, lane: Lane, name: str, state: PartState) -> None:
        with self._changed:
            if not lane.stop.is_set():  # another lane may be at the same part already
                self._states[name] = state
                self._changed.notify_all()

    def _run(self, lane: Lane) -> None:
        for name, step in lane.steps:
            if lane.stop.is_set():
                return
            try:
                step(lambda done, total, name=name: self._report(lane, name, PartState(done=done, total=total)), lane.stop)  # type: ignore[misc]
            except Exception as error:
                if lane.stop.is_set():  # what it needs may have been closed under its hands
                    _logger.debug("%s was left", name, exc_info=True)
                    return
                _logger.exception("%s did not come up", name)
                state = self._states[name]
                update = {"error": str(error) or type(error).__name__, "done": min(state.done, max(state.total - 1, 0))}
                self._report(lane, name, state.model_copy(update=update))
            else:
                total = self._states[name].total
                self._report(lane, name, PartState(done=total, total=total))
