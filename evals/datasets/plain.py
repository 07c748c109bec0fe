"""Plain tables: ``interactions.csv`` and, if it is there, ``items.csv``, each with its columns named in the first line.

Interactions have ``user_id`` and ``item_id``, if known ``rating`` (0 or more) and ``timestamp`` (POSIX seconds or ISO 8601); where
a time is missing, the order of the file counts. Items have ``item_id`` and, if known, ``title type year genres creators language
description``; genres and creators are separated by ``|``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

from evals.base import Dataset
from evals.datasets.rows import Rows, bad, cell, dict_rows, make_item, number, seconds
from palate.domain import ITEM_TYPES, Item, ItemType

__all__ = ["load", "recognises"]

_NAMES = {
    "user": "user_id",
    "userid": "user_id",
    "item": "item_id",
    "itemid": "item_id",
    "value": "rating",
    "time": "timestamp",
    "at": "timestamp",
    "name": "title",
    "genre": "genres",
    "category": "genres",
    "categories": "genres",
    "creator": "creators",
}


def recognises(folder: Path) -> bool:
    """Return whether ``interactions.csv`` is there."""
    return (folder / "interactions.csv").is_file()


def load(folder: Path, name: str) -> Dataset:
    """Read interactions and items.

    Raises:
        BadExport: A line cannot be read, or a needed column is missing; the message names it.

    """
    events, described = folder / "interactions.csv", folder / "items.csv"
    items = _items(described) if described.is_file() else {}
    rows = Rows()
    for line, row in _table(events, ("user_id", "item_id")):
        rating, time = row.get("rating", "").strip(), row.get("timestamp", "").strip()
        value = number(rating, "rating", events, line) if rating else math.nan
        at = seconds(time, "timestamp", events, line) if time else math.nan
        rows.add(cell(row, "user_id", events, line), cell(row, "item_id", events, line), value, at)
    kind = next(iter(items.values())).type if items else "product"
    return rows.dataset(name, items, source=events, item_type=kind, facts={"format": "plain"})


def _items(path: Path) -> dict[str, Item]:
    items = {}
    for line, row in _table(path, ("item_id",)):
        kind, year = row.get("type", "").strip() or "product", row.get("year", "").strip()
        if kind not in ITEM_TYPES:
            raise bad(path, line, f"There is no type {kind!a}.", f"Use {', '.join(ITEM_TYPES)}.")
        if year and not (year.isdecimal() and 1000 <= int(year) <= 3000):
            raise bad(path, line, f"The year is {year!a}.", "Give a year, e.g. 1995, or nothing.")
        key = cell(row, "item_id", path, line)
        items[key] = make_item(
            key,
            cast("ItemType", kind),
            row.get("title", ""),
            year=int(year) if year else None,
            genres=_many(row, "genres"),
            creators=_many(row, "creators"),
            language=row.get("language", "").strip() or "en",
            description=row.get("description", ""),
        )
    return items


def _many(row: Mapping[str, str], column: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in row.get(column, "").split("|") if part.strip()))


def _table(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    for line, raw in dict_rows(path):
        row = {_NAMES.get(column.lower(), column.lower()): value for column, value in raw.items()}
        if missing := [column for column in columns if column not in row]:
            raise bad(path, 1, f"The column {missing[0]!r} is missing.", f"Expected: {', '.join(columns)}.")
        yield line, row
