"""What is answered of a person."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel

from palate.domain import ItemType, UtcDatetime, Verb

__all__ = ["HistoryEntry", "HistoryOut"]


class HistoryEntry(BaseModel):
    """One event with its item's title."""

    item_id: str
    title: str
    type: ItemType
    platform: str
    verb: Verb
    at: UtcDatetime
    value: float | None


class HistoryOut(BaseModel):
    """A person's events, newest first, and how many there are by platform."""

    person_id: str
    entries: list[HistoryEntry]
    platforms: Mapping[str, int]
