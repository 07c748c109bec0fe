"""MovieLens as its csv releases have it (latest-small, 20M, 25M, 32M): ``ratings.csv`` and, if it is there, ``movies.csv``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from evals.base import Dataset
from evals.datasets.rows import Rows, bad, cell, dict_rows, make_item, number, seconds, title_and_year
from palate.domain import Item

__all__ = ["load", "recognises"]

_NO_GENRES = "(no genres listed)"


def recognises(folder: Path) -> bool:
    """Return whether ``ratings.csv`` is there."""
    return (folder / "ratings.csv").is_file()


def load(folder: Path, name: str) -> Dataset:
    """Read the ratings (0.5 to 5) and films of a folder.

    Raises:
        BadExport: A line cannot be read; the message names it.

    """
    movies, ratings = folder / "movies.csv", folder / "ratings.csv"
    items = _items(movies) if movies.is_file() else {}
    rows = Rows()
    for line, row in _table(ratings, ("userId", "movieId", "rating", "timestamp")):
        value, at = number(row["rating"], "rating", ratings, line), seconds(row["timestamp"], "timestamp", ratings, line)
        rows.add(cell(row, "userId", ratings, line), cell(row, "movieId", ratings, line), value, at)
    return rows.dataset(name, items, source=ratings, item_type="movie", facts={"format": "movielens"}, top=5.0)


def _items(path: Path) -> dict[str, Item]:
    items = {}
    for line, row in _table(path, ("movieId", "title")):
        key = cell(row, "movieId", path, line)
        title, year = title_and_year(row["title"].strip())
        genres = (genre.strip() for genre in row.get("genres", "").split("|"))
        items[key] = make_item(key, "movie", title, year=year, genres=tuple(g for g in genres if g and g != _NO_GENRES))
    return items


def _table(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    for line, row in dict_rows(path):
        if missing := [column for column in columns if column not in row]:
            raise bad(path, 1, f"The column {missing[0]!r} is missing.", f"Expected: {','.join(columns)}.")
        yield line, row
