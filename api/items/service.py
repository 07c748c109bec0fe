"""Reading the catalog."""

from __future__ import annotations

from api.items.protocol import ItemOut
from api.recommendations.service import media_url
from api.runtime import Palate
from palate.domain import Item

__all__ = ["find_items", "item_out"]


def item_out(item: Item) -> ItemOut:
    """Return an item as it goes out."""
    return ItemOut(**{**item.model_dump(), "image": media_url(item.image), "audio": media_url(item.audio)})


def find_items(palate: Palate, title: str, limit: int) -> list[ItemOut]:
    """Return up to ``limit`` items with ``title`` in one of their titles: equal ones first, then those it begins, then by title."""
    wanted = title.casefold().strip()
    found: list[tuple[int, str, str, Item]] = []
    for item in palate.catalog.table().items:
        names = [name.casefold() for name in (item.title, *item.alt_titles) if wanted in name.casefold()]
        if names:
            place = min(0 if name == wanted else 1 if name.startswith(wanted) else 2 for name in names)
            found.append((place, item.title.casefold(), item.item_id, item))
    return [item_out(item) for *_, item in sorted(found, key=lambda entry: entry[:3])[:limit]]
