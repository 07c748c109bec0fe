"""``POST /v1/recommendations``."""

from __future__ import annotations

from fastapi import APIRouter

from api.parts import Parts
from api.protocol import Received
from api.recommendations.protocol import RecommendationBody, SlateOut
from api.recommendations.service import recommend

__all__ = ["router"]

router = APIRouter(tags=["recommendations"])


@router.post("/v1/recommendations")
async def post_recommendations(body: RecommendationBody, clock: Received, palate: Parts) -> SlateOut:
    """Return a slate for a person, ranked, with reasons. A person without history gets what many like."""
    return await recommend(palate, body, clock)
