"""What the catalog answers."""

from __future__ import annotations

from pydantic import BaseModel

from palate.domain import Item

__all__ = ["FoundItems", "ItemOut"]


class ItemOut(Item):
    """An item; ``image`` and ``audio`` are URLs."""


class FoundItems(BaseModel):
    """Items whose title fits, best first."""

    items: list[ItemOut]
