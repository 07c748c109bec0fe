"""One at a time: what a server must not be asked for by several at once."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from palate.deadline import Deadline
from palate.errors import DeadlineExceeded

__all__ = ["Turns"]


class Turns:
    """Lets one caller in at a time, in the order they came. Callers on different event loops do not wait for each other."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    @asynccontextmanager
    async def turn(self, deadline: Deadline) -> AsyncIterator[None]:
        """Wait for a turn, and hold it for as long as the context lasts.

        Raises:
            DeadlineExceeded: It did not come in time.

        """
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # a lock belongs to the loop that waited for it first
            self._loop, self._lock = loop, asyncio.Lock()
        lock, left = self._lock, deadline.remaining()
        try:
            async with asyncio.timeout(None if math.isinf(left) else left):
                await lock.acquire()
        except TimeoutError as late:
            raise DeadlineExceeded("Others were served first.", remedy="Allow more time, or ask again later.") from late
        try:
            yield
        finally:
            lock.release()
