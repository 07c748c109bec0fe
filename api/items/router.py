"""``GET /v1/items/{item_id}`` and ``GET /v1/items?title=``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.items.protocol import FoundItems, ItemOut
from api.items.service import find_items, item_out
from api.parts import Parts

__all__ = ["router"]

router = APIRouter(tags=["items"])


@router.head("/v1/items", include_in_schema=False)
@router.get("/v1/items")
def get_items(
    palate: Parts,
    title: Annotated[str, Query(min_length=1, max_length=500)],
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
) -> FoundItems:
    """Return items by a part of their title."""
    return FoundItems(items=find_items(palate, title, limit))


@router.head("/v1/items/{item_id}", include_in_schema=False)
@router.get("/v1/items/{item_id}")
def get_item(item_id: str, palate: Parts) -> ItemOut:
    """Return one item."""
    return item_out(palate.catalog.get(item_id))
