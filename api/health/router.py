"""``GET /healthz`` and ``GET /readyz``."""

from __future__ import annotations

import os

from fastapi import APIRouter, Response

from api.health.protocol import Live, Ready
from api.parts import Parts
from palate import __version__

__all__ = ["router"]

router = APIRouter(tags=["health"])


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz")
async def get_health() -> Live:
    """Return that the process lives."""
    return Live(pid=os.getpid(), version=__version__)


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz")
async def get_ready(response: Response, palate: Parts) -> Ready:
    """Return how far each part is: 200 once requests can be answered, 503 before."""
    state = palate.readiness()
    response.status_code = 200 if state.ready else 503
    response.headers["cache-control"] = "no-store"
    return state
