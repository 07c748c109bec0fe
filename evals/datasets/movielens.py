"""MovieLens as its csv releases have it (latest-small, latest, 20M, 25M, 32M): ``ratings.csv`` and ``movies.csv``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from evals.base import Dataset
from evals.datasets.rows import Rows, bad, cell, dict_rows, make_item, number, seconds, title_and_year

__all__ = ["load", "recognises"]

_NO_GENRES = "(no genres listed)"


def recognises(folder: Path) -> bool:
    """Return whether both files are there."""
    return (folder / "ratings.csv").is_file() and (folder / "movies.csv").is_file()


def load(folder: Path, name: str) -> Dataset:
    """Read the ratings (0.5 to 5) and films of a folder.

    Raises:
        BadExport: A line cannot be read; the message names it.

    """
    movies, ratings = folder / "movies.csv", folder / "ratings.csv"
    items = {}
    for line, row in _table(movies, ("movieId", "title", "genres")):
        key = cell(row, "movieId", movies, line)
        title, year = title_and_year(row["title"].strip())
        genres = tuple(genre for genre in row["genres"].split("|") if genre and genre != _NO_GENRES)
        items[key] = make_item(key, "movie", title, year=year, genres=genres)
    rows = Rows()
    for line, row in _table(ratings, ("userId", "movieId", "rating", "timestamp")):
        value, at = number(row["rating"], "rating", ratings, line), seconds(row["timestamp"], "timestamp", ratings, line)
        rows.add(cell(row, "userId", ratings, line), cell(row, "movieId", ratings, line), value, at)
    return rows.dataset(name, items, source=ratings, item_type="movie", facts={"format": "movielens"}, top=5.0)


def _table(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    for line, row in dict_rows(path):
        if missing := [column for column in columns if column not in row]:
            raise bad(path, 1, f"The column {missing[0]!r} is missing.", f"Expected: {','.join(columns)}.")
        yield line, row
