"""What several endpoint families share: strict bodies and the clock of a request."""

from __future__ import annotations

import re
import time
from typing import Annotated, Literal

from fastapi import Depends
from pydantic import BaseModel, ConfigDict, Field, Strict

from palate.deadline import Deadline

__all__ = ["Body", "Clock", "DeadlineMs", "Flag", "Language", "Number", "Received", "Whole", "language_of"]

# JSON has types of its own: a string or true is no number. (Lists are tuples here, so bodies cannot be strict as a whole.)
Whole = Annotated[int, Strict()]
Number = Annotated[float, Strict()]
Flag = Annotated[bool, Strict()]
DeadlineMs = Annotated[
    Whole, Field(ge=1, le=120_000, description="Milliseconds from when the request was read; unset, the server's.")
]
Language = Literal["en", "zh"]
_HAN, _LATIN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]"), re.compile("[A-Za-z]+")


def language_of(words: str, given: Language | None) -> Language:
    """Return the language to answer in: the one given, else Chinese where Han characters are no fewer than Latin words."""
    if given is not None:
        return given
    han = len(_HAN.findall(words))
    return "zh" if han and han >= len(_LATIN.findall(words)) else "en"


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
