"""What an item says in words: the text that is embedded and searched."""

from __future__ import annotations

from palate.domain import Item

__all__ = ["MAX_TEXT_CHARS", "item_text"]

MAX_TEXT_CHARS = 2000
_MAX_DESCRIPTION = 1200
_MAX_LIST = 12


def item_text(item: Item) -> str:
    """Return title, other titles, year, type, genres, creators, attributes and description, in this order, as one text.

    It has at most ``MAX_TEXT_CHARS`` characters: embedders read 256 to 512 tokens, and the start counts most.
    """
    parts = [f"{item.title} ({item.year})" if item.year else item.title]
    if item.alt_titles:
        parts.append("Also known as " + "; ".join(item.alt_titles[:_MAX_LIST]))
    genres = ", ".join(item.genres[:_MAX_LIST])
    parts.append(f"{genres} {item.type}" if genres else item.type)
    if item.creators:
        parts.append("By " + ", ".join(item.creators[:_MAX_LIST]))
    parts.extend(f"{key}: {value}" for key, value in sorted(item.attributes.items())[:_MAX_LIST])
    if item.description:
        parts.append(item.description[:_MAX_DESCRIPTION])
    text = " ".join(". ".join(part.strip() for part in parts).split())
    return text[:MAX_TEXT_CHARS]
