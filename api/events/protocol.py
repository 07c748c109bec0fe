"""What is asked of, and answered by, ``POST /v1/events``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from api.protocol import Body, Number
from palate.domain import Identifier, Platform, UtcDatetime, Verb

__all__ = ["MAX_EVENTS", "EventBody", "EventResult", "EventsAnswer", "EventsBody"]

MAX_EVENTS = 1000


class EventBody(Body):
    """One event. Without ``event_id`` it gets one; without ``at`` it is now."""

    person_id: Identifier
    platform: Platform
    item_id: Identifier
    verb: Verb
    value: Annotated[Annotated[Number, Field(ge=0.0, le=1.0)] | None, Field(validate_default=True)] = None
    at: UtcDatetime | None = None
    event_id: Identifier | None = None

    @field_validator("value")
    @classmethod
    def _with_a_rating(cls, value: float | None, info: ValidationInfo) -> float | None:
        if value is None and info.data.get("verb") == "rate":
            raise PydanticCustomError("rating_without_value", "With the verb 'rate' it is the rating, a number from 0 to 1")
        return value


def _one_or_many(body: Any) -> Any:
    if not isinstance(body, dict | list):  # said here once, for what a union says of each of its members helps nobody
        raise PydanticCustomError(
            "no_events", "Input should be an event (a JSON object) or a list of events, sent with Content-Type: application/json"
        )
    return body


EventsBody = Annotated[
    dict[str, Any] | list[Any], BeforeValidator(_one_or_many), Field(description="One event, or a list of up to 1,000.")
]


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
