"""From a message to a stream of events."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Any

from agent.dialogue import ChatEvent
from api.chat.protocol import ChatBody
from api.errors import envelope, palate_envelope
from api.protocol import language_of
from api.recommendations.service import slate_out
from api.runtime import Palate
from palate.errors import PalateError

__all__ = ["chat_events", "chat_whole", "check"]

_logger = logging.getLogger(__name__)


def check(palate: Palate, body: ChatBody) -> None:
    """Raise what can be known before the first event is sent, so that it has an HTTP status."""
    palate.require_ready()
    palate.check_platforms(body.without_platforms, param="without_platforms")


async def _events(palate: Palate, body: ChatBody) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    agent = palate.chat
    with palate.busy():
        async for event in agent.stream(
            body.person_id,
            body.conversation_id,
            body.message,
            n=body.n,
            deadline_ms=body.deadline_ms or palate.settings.deadline_ms,
            language=language_of(body.message, body.language),
            without_platforms=body.without_platforms,
        ):
            yield event.kind, _data(event)


def _data(event: ChatEvent) -> dict[str, Any]:
    if event.slate is not None:
        return {"slate": slate_out(event.slate).model_dump(mode="json")}
    return dict(event.data)


async def chat_events(palate: Palate, body: ChatBody, request_id: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """Yield (event name, data): ``status``, ``slate``, ``text``, then ``done`` or ``error``."""
    try:
        async for name, data in _events(palate, body):
            yield name, data
    except PalateError as error:
        yield "error", palate_envelope(error)
    except Exception:  # the status line is out, so an event has to say it
        _logger.exception("Request %s failed while its answer was streaming", request_id)
        message = f"Something went wrong here; the log has it under {request_id}."
        yield "error", envelope(message, status=500, code="internal_error")


async def chat_whole(palate: Palate, body: ChatBody) -> dict[str, Any]:
    """Return the same as one document: ``{conversation_id, decision_id, degraded, text, slate}``."""
    answer: dict[str, Any] = {"slate": None}
    text: list[str] = []
    async for name, data in _events(palate, body):
        if name == "text":
            text.append(data["delta"])
        elif name in {"slate", "done"}:
            answer.update(data)
    return {**answer, "text": "".join(text)}
