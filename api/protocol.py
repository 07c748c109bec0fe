"""What several endpoint families share: strict bodies and the clock of a request."""

from __future__ import annotations

import time
from typing import Annotated, Literal

from fastapi import Depends
from pydantic import BaseModel, ConfigDict, Field, Strict

from palate.deadline import Deadline

__all__ = ["Body", "Clock", "DeadlineMs", "Flag", "Language", "Number", "Received", "Whole"]

# JSON has types of its own: a string or true is no number. (Lists are tuples here, so bodies cannot be strict as a whole.)
Whole = Annotated[int, Strict()]
Number = Annotated[float, Strict()]
Flag = Annotated[bool, Strict()]
DeadlineMs = Annotated[
    Whole, Field(ge=1, le=120_000, description="Milliseconds from when the request was read; unset, the server's.")
]
Language = Literal["en", "zh"]


class Body(BaseModel):
    """Base of request bodies: refuses fields it does not know, and numbers that are none."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Clock:
    """When a request had been read."""

    def __init__(self) -> None:
        self._start = time.perf_counter()

    def elapsed_ms(self) -> float:
        """Return milliseconds since then."""
        return (time.perf_counter() - self._start) * 1000

    def deadline(self, milliseconds: int) -> Deadline:
        """Return the deadline that many milliseconds after the request was read."""
        return Deadline.after_ms(max(0.0, milliseconds - self.elapsed_ms()))


async def _received() -> Clock:
    return Clock()


Received = Annotated[Clock, Depends(_received)]
