"""``GET /v1/people/{person_id}/history``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.parts import Parts
from api.people.protocol import HistoryOut
from api.people.service import history_of
from palate.domain import Identifier, Platform

__all__ = ["router"]

router = APIRouter(tags=["people"])


@router.head("/v1/people/{person_id}/history", include_in_schema=False)
@router.get("/v1/people/{person_id}/history")
def get_history(
    person_id: Identifier,
    palate: Parts,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    platform: Annotated[Platform | None, Query()] = None,
) -> HistoryOut:
    """Return what a person watched, heard and read, newest first, with titles and platforms."""
    return history_of(palate, person_id, platform, limit)
