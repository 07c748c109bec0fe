"""The Netflix Prize's files: ``combined_data_*.txt`` or ``mv_*.txt``, and ``movie_titles.csv``.

A rating file has blocks, a film each: ``MovieID:`` and below it ``CustomerID,Rating,YYYY-MM-DD``. Titles are ``id,year,title``
in Latin-1 (or UTF-8), and a title may hold commas. Bennett & Lanning (2007), The Netflix Prize. Events of a day keep the order of
the files.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from evals.base import Dataset
from evals.datasets.rows import Rows, bad, files_of, lines, make_item
from palate.domain import Item

__all__ = ["load", "recognises"]

_NO_YEAR = "NULL"
_HEADER = re.compile(r"(\d+):")
_EXPECTED = "Expected 'MovieID:' and below it 'CustomerID,Rating,YYYY-MM-DD'."


def recognises(folder: Path) -> bool:
    """Return whether there are rating files; the titles may be missing."""
    return bool(_rating_files(folder))


def load(folder: Path, name: str) -> Dataset:
    """Read all rating files in the order of their names, and the titles if they are there.

    Raises:
        BadExport: A line cannot be read; the message names it.

    """
    titles = folder / "movie_titles.csv"
    items = _items(titles) if titles.is_file() else {}
    rows, files = Rows(), _rating_files(folder)
    for path in files:
        _read(path, rows)
    return rows.dataset(name, items, source=files[0], item_type="movie", facts={"format": "netflix"}, top=5.0)


def _rating_files(folder: Path) -> list[Path]:
    return files_of(folder, "combined_data_*.txt") or files_of(folder, "mv_*.txt")


def _read(path: Path, rows: Rows) -> None:
    movie, days = "", {}
    for line, text in lines(path):
        if header := _HEADER.fullmatch(text.strip()):
            movie = header[1]
            continue
        fields = text.split(",")
        if not movie or len(fields) != 3 or not fields[0].strip().isdecimal() or fields[1].strip() not in {"1", "2", "3", "4", "5"}:
            raise bad(path, line, f"{text[:60]!a} is no rating of a film.", _EXPECTED)
        customer, rating, day = (field.strip() for field in fields)
        if day not in days:
            days[day] = _day(day, path, line)
        rows.add(customer, movie, float(rating), days[day])


def _day(text: str, path: Path, line: int) -> float:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise bad(path, line, f"{text!a} is not a day.", _EXPECTED) from None


def _encoding(path: Path) -> str:
    try:
        path.read_text("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8-sig"


def _items(path: Path) -> dict[str, Item]:
    items = {}
    for line, text in lines(path, _encoding(path)):
        key, *rest = text.split(",", 2)
        if len(rest) != 2 or not key.isdecimal() or not re.fullmatch(rf"[12]\d{{3}}|{_NO_YEAR}", rest[0]):
            raise bad(path, line, f"{text[:60]!a} is no film.", "Expected 'id,year,title', the year NULL where it is not known.")
        items[key] = make_item(key, "movie", rest[1], year=None if rest[0] == _NO_YEAR else int(rest[0]))
    return items
