"""RecBole's atomic files: tab-separated ``X.inter`` and, if it is there, ``X.item``, with a typed header.

Format: https://recbole.io/docs/user_guide/data/atomic_files.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from evals.base import Dataset
from evals.datasets.rows import Rows, bad, cell, dict_rows, files_of, make_item, number, seconds, title_and_year
from palate.domain import Item, ItemType

__all__ = ["load", "recognises"]

_TITLES = ("title", "name")
_GENRES = ("class", "genre", "genres", "categories", "category", "tags")
_YEARS = ("release_year", "year")
_QUOTED = re.compile(r"'([^']+)'|\"([^\"]+)\"")


def recognises(folder: Path) -> bool:
    """Return whether there is any ``.inter`` file."""
    return bool(files_of(folder, "*.inter"))


def load(folder: Path, name: str) -> Dataset:
    """Read interactions (``user_id``, ``item_id``, if there ``rating`` and ``timestamp``) and what is known of the items.

    Raises:
        BadExport: A line cannot be read, a needed column is missing, or there are several such files; the message names it.

    """
    inter, *others = files_of(folder, "*.inter")
    if others:
        raise bad(others[0], 1, f"There is {inter.name!a} beside it.", "Give each data set a folder, with one .inter file.")
    described = inter.with_suffix(".item")
    items = _items(described) if described.is_file() else {}
    rows = Rows()
    for line, row in _table(inter, ("user_id", "item_id")):
        value = number(row["rating"], "rating", inter, line) if row.get("rating") else float("nan")
        at = seconds(row["timestamp"], "timestamp", inter, line) if row.get("timestamp") else float("nan")
        rows.add(cell(row, "user_id", inter, line), cell(row, "item_id", inter, line), value, at)
    kind = next(iter(items.values())).type if items else "product"
    return rows.dataset(name, items, source=inter, item_type=kind, facts={"format": "recbole"})


def _items(path: Path) -> dict[str, Item]:
    items = {}
    for line, row in _table(path, ("item_id",)):
        title_column = next((column for column in row if column.split("_")[-1] in _TITLES), None)
        kind: ItemType = "movie" if title_column is not None and "movie" in title_column else "product"
        key = cell(row, "item_id", path, line)
        title, year = title_and_year(row[title_column] if title_column else "")
        written = next((row[column].strip() for column in _YEARS if column in row), "")
        year = int(written) if re.fullmatch(r"[12]\d{3}", written) else year
        genres = next((_many(row[column]) for column in _GENRES if column in row), ())
        items[key] = make_item(key, kind, title, year=year, genres=genres)
    return items


def _many(text: str) -> tuple[str, ...]:
    """Return the values of a sequence: quoted ones, else those between spaces."""
    quoted = [one or other for one, other in _QUOTED.findall(text)] if "," in text or text.startswith("[") else []
    return tuple(dict.fromkeys(quoted or text.split()))


def _table(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    for line, typed in dict_rows(path, "\t"):
        row = {column.split(":")[0]: value for column, value in typed.items()}
        if missing := [column for column in columns if column not in row]:
            raise bad(path, 1, f"The column {missing[0]!r} is missing.", f"Expected: {', '.join(columns)}, each with its type.")
        yield line, row
