"""What is asked of ``POST /v1/chat``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from api.protocol import Body, DeadlineMs, Flag, Language, Whole
from palate.domain import MAX_QUERY_CHARS, Identifier

__all__ = ["ChatBody"]


class ChatBody(Body):
    """One turn of a conversation; without ``conversation_id`` a new one begins. ``stream`` false gives one JSON document."""

    person_id: Identifier
    message: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_QUERY_CHARS)]
    conversation_id: Identifier | None = None
    n: Annotated[Whole, Field(ge=1, le=20)] = 6
    without_platforms: Annotated[tuple[str, ...], Field(max_length=50)] = ()
    deadline_ms: DeadlineMs | None = None
    language: Annotated[Language | None, Field(description="Of the answer; unset, that of the message.")] = None
    stream: Flag = True
