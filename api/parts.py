"""How endpoints reach the parts."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from api.runtime import Palate

__all__ = ["Parts"]


async def _parts(request: Request) -> Palate:
    palate: Palate = request.app.state.palate
    return palate


Parts = Annotated[Palate, Depends(_parts)]
