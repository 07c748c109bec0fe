"""``POST /v1/events``."""

from __future__ import annotations

from fastapi import APIRouter

from api.events.protocol import EventsAnswer, EventsBody
from api.events.service import take_events
from api.parts import Parts

__all__ = ["router"]

router = APIRouter(tags=["events"])


@router.post("/v1/events", status_code=202)
def post_events(body: EventsBody, palate: Parts) -> EventsAnswer:
    """Take one event or a list of up to 1,000. Answered once they are on disk; a bad one does not hold the others up."""
    return take_events(palate, body)
