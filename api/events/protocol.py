"""What is asked of, and answered by, ``POST /v1/events``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from api.protocol import Body
from palate.domain import Identifier, Platform, UtcDatetime, Verb

__all__ = ["MAX_EVENTS", "EventBody", "EventResult", "EventsAnswer", "EventsBody"]

MAX_EVENTS = 1000


class EventBody(Body):
    """One event. Without ``event_id`` it gets one; without ``at`` it is now."""

    person_id: Identifier
    platform: Platform
    item_id: Identifier
    verb: Verb
    value: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    at: UtcDatetime | None = None
    event_id: Identifier | None = None


EventsBody = Annotated[dict[str, Any] | list[Any], Field(description="One event, or a list of up to 1,000.")]


class EventResult(BaseModel):
    """What became of one event, in the order they were sent."""

    event_id: str | None
    status: Literal["accepted", "duplicate", "rejected"]
    reason: str | None = None


class EventsAnswer(BaseModel):
    """Counts, and each event's result. What is accepted is on disk."""

    accepted: int
    duplicates: int
    rejected: int
    results: list[EventResult]
