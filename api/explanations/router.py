"""``POST /v1/explanations``."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from api.explanations.protocol import ExplanationBody
from api.explanations.service import explain
from api.parts import Parts
from api.protocol import Received

__all__ = ["router"]

router = APIRouter(tags=["explanations"])


@router.post("/v1/explanations")
async def post_explanations(body: ExplanationBody, clock: Received, palate: Parts) -> dict[str, Any]:
    """Return why an item was in a slate: reasons, evidence, sources, scores and its rank before the LLM or the learned order."""
    return await explain(palate, body, clock)
