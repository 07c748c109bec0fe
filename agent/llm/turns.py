"""One at a time: what a server must not be asked for by several at once."""

from __future__ import annotations

import asyncio
import math
import threading
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from palate.deadline import Deadline
from palate.errors import DeadlineExceeded

__all__ = ["Turns"]


@dataclass(eq=False)
class _Waiter:
    loop: asyncio.AbstractEventLoop
    called: asyncio.Future[None]


class Turns:
    """Lets one caller in at a time, in the order they came, from any thread and event loop of the process."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: deque[_Waiter] = deque()
        self._taken = False

    @asynccontextmanager
    async def turn(self, deadline: Deadline) -> AsyncIterator[None]:
        """Wait for a turn, and hold it for as long as the context lasts.

        Raises:
            DeadlineExceeded: It did not come in time.

        """
        await self._wait(deadline.remaining())
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        with self._guard:
            if not self._taken:
                self._taken = True
                return
            waiter = _Waiter(loop, loop.create_future())
            self._waiting.append(waiter)
        try:
            async with asyncio.timeout(None if math.isinf(seconds) else seconds):
                await waiter.called
        except BaseException as error:
            with self._guard:
                given = waiter not in self._waiting
                if not given:
                    self._waiting.remove(waiter)
            if given:  # it came while this one went
                self._pass_on()
            if isinstance(error, TimeoutError):
                raise DeadlineExceeded("Others were served first.", remedy="Allow more time, or ask again later.") from error
            raise

    def _pass_on(self) -> None:
        """Give the turn to whoever waits longest; those whose event loop has ended wait no more."""
        with self._guard:
            while self._waiting:
                waiter = self._waiting.popleft()
                try:
                    waiter.loop.call_soon_threadsafe(_call, waiter.called)
                except RuntimeError:
                    continue
                return
            self._taken = False


def _call(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
