"""MovieLens: ratings of many users, as GroupLens publishes them or as RecBole's atomic files."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from adapters.base import ExportRow, RowError
from adapters.parsing import read_csv
from palate.errors import BadExport

__all__ = ["MovieLensAdapter"]

_COLUMNS = ("user", "item", "rating", "timestamp")
_NAMES = {
    "user_id:token": "user",
    "item_id:token": "item",
    "rating:float": "rating",
    "timestamp:float": "timestamp",
    "userid": "user",
    "movieid": "item",
    "rating": "rating",
    "timestamp": "timestamp",
}
_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._:@-]{0,99}$")
_ONE_TO_FIVE = re.compile(r"100k|1m|^u\.data$|^u[1-5ab]\.(base|test)$|\.dat$", re.IGNORECASE)
_EXPECTED = "Expected ratings.csv (userId, movieId, rating, timestamp), u.data (tab-separated) or a RecBole .inter file."


class MovieLensAdapter:
    """Reads the ratings of a MovieLens set: a bulk source, with a user in each row and items named ``ml-<id>``.

    ``value`` is the rating on a scale of 0 to 1. The scale is 1 to 5 where the name of the file or its folder says ml-100k or ml-1m
    (or it is ``u.data``), else 0.5 to 5.

    Sets and terms of use: https://grouplens.org/datasets/movielens/ (Harper and Konstan, 2015, doi:10.1145/2827872).
    """

    name = "movielens"
    description = "MovieLens ratings.csv, u.data, or a RecBole .inter file; holds many users, so no person is named."

    def parse(self, path: Path) -> Iterator[ExportRow | RowError]:
        """Yield ratings in file order.

        Raises:
            BadExport: The columns are not those of MovieLens ratings.

        """
        delimiter = "," if path.suffix.lower() == ".csv" else "\t"
        low = 1.0 if any(_ONE_TO_FIVE.search(part) for part in (path.name, path.absolute().parent.name)) else 0.5
        with closing(read_csv(path, delimiter=delimiter)) as rows:
            location, first = next(rows, (f"{path.name}:1", []))
            columns = _header(first)
            if columns is None:
                result = None if isinstance(first, RowError) or len(first) != 4 else _rating(first, location, low, range(4))
                if not isinstance(result, ExportRow):
                    shown = "" if isinstance(first, RowError) else str(first)[:200]
                    raise BadExport(f"the first row is {shown}.", location=location, remedy=_EXPECTED)
                yield result
                columns = [0, 1, 2, 3]
            for location, cells in rows:
                yield cells if isinstance(cells, RowError) else _rating(cells, location, low, columns)


def _header(cells: list[str] | RowError) -> list[int] | None:
    """Return where user, item, rating and timestamp stand; ``None`` for a row that is no header."""
    if isinstance(cells, RowError):
        return None
    names = [_NAMES.get(cell.strip().lower(), "") for cell in cells]
    return [names.index(column) for column in _COLUMNS] if set(names) >= set(_COLUMNS) else None


def _rating(cells: list[str], location: str, low: float, columns: list[int] | range) -> ExportRow | RowError:
    if len(cells) <= max(columns):
        message = f"{len(cells)} cells, {max(columns) + 1} expected."
        return RowError(location=location, message=message, value=str(cells)[:100], remedy="Complete or remove the row.")
    user, item, rating_text, time_text = (cells[column].strip() for column in columns)
    if not _ID.match(user) or not _ID.match(item):
        return _bad(location, "user or item id", f"{user}, {item}", "Use letters, digits and . _ : @ - only.")
    rating = _number(rating_text)
    if rating is None or not low <= rating <= 5.0:
        return _bad(location, "rating", rating_text, f"Give a rating from {low} to 5; the scale comes from the file's name.")
    seconds = _number(time_text)
    if seconds is None or not 0 <= seconds < 4e9:
        return _bad(location, "timestamp", time_text, "Give seconds since 1970.")
    item_id = f"ml-{item}"
    return ExportRow(
        title=item_id,
        type="movie",
        verb="rate",
        at=datetime.fromtimestamp(seconds, UTC),
        location=location,
        value=(rating - low) / (5.0 - low),
        item_id=item_id,
        user_id=user,
    )


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _bad(location: str, field: str, value: str, remedy: str) -> RowError:
    return RowError(location=location, message=f"{field} {value[:100]!r} cannot be used.", value=value[:100], remedy=remedy)
