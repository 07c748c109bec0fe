"""What every loader shares: rows gathered as columns, items made valid, files read with the place of what is wrong."""

from __future__ import annotations

import csv
import gzip
import hashlib
import math
import re
from array import array
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.base import Dataset, Interactions
from palate.domain import Item, ItemType
from palate.errors import BadExport

__all__ = ["Rows", "bad", "cell", "dict_rows", "files_of", "lines", "make_item", "number", "seconds", "title_and_year"]

_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}")
_TITLE_YEAR = re.compile(r"^(?P<title>.*\S)\s*\((?P<year>[12]\d{3})\)\s*$")
_SCALES = (1.0, 5.0, 10.0, 100.0)
_Values = NDArray[np.float32]
_LATEST = 1e11
"""POSIX seconds beyond this are the year 5138: such a time is in a smaller unit."""


class Rows:
    """Interactions as they are read: ids become positions in order of first appearance.

    A rating or a time that a row lacks is NaN.
    """

    def __init__(self) -> None:
        self._users: dict[str, int] = {}
        self._items: dict[str, int] = {}
        self._columns = (array("i"), array("i"), array("f"), array("d"))

    def __len__(self) -> int:
        return len(self._columns[0])

    def add(self, user: str, item: str, value: float = math.nan, at: float = math.nan) -> None:
        """Append one row. ``value`` is a rating on the data set's own scale; ``at`` are POSIX seconds."""
        users, items, values, times = self._columns
        users.append(self._users.setdefault(user, len(self._users)))
        items.append(self._items.setdefault(item, len(self._items)))
        values.append(value)
        times.append(at)

    def dataset(
        self,
        name: str,
        described: Mapping[str, Item],
        *,
        source: Path,
        item_type: ItemType,
        facts: Mapping[str, Any],
        top: float | None = None,
    ) -> Dataset:
        """Return the data set: the described items, in their order, then those that only interactions name.

        Ratings are divided by ``top``, the top of their scale; unset, the least of 1, 5, 10 and 100 that holds them all. Where any
        time is missing the order of the file counts, and ``facts["times"]`` says ``order``.

        Raises:
            BadExport: ``source`` holds no interaction, or ratings outside their scale.

        """
        if not len(self):
            raise bad(source, 1, "There is no interaction in it.", "Give at least one.")
        users, items, values, times = (np.asarray(column) for column in self._columns)
        catalog = list(described.values())
        place = {key: position for position, key in enumerate(described)}
        bare = [key for key in self._items if key not in place]
        for key in bare:
            place[key] = len(catalog)
            catalog.append(make_item(key, item_type, f"Item {key}"))
        known_times = not np.isnan(times).any()
        order = np.lexsort((times, users)) if known_times else np.argsort(users, kind="stable")
        users = users[order].astype(np.int32)
        at = times[order] if known_times else _places(users)
        values, top = _scaled(values[order], source, top)
        counts = {"users": len(self._users), "items": len(catalog), "interactions": len(users)}
        told = {"times": "posix" if known_times else "order", "rating_top": top, "items_without_description": len(bare)}
        codes = np.fromiter((place[key] for key in self._items), np.int32, len(self._items))
        interactions = Interactions(users, codes[items[order]], values, at)
        return Dataset(name, tuple(self._users), tuple(catalog), interactions, top is not None, {**counts, **told, **facts})


def make_item(key: str, item_type: ItemType, title: str, **known: Any) -> Item:
    """Return an item for a data set's own id; what is too long is cut, and an id that Palate does not allow is hashed.

    ``attributes["source_id"]`` then keeps the id as it was.
    """
    item_id, attributes = key, dict(known.pop("attributes", {}))
    if not _IDENTIFIER.fullmatch(key):
        item_id = "x" + hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=10).hexdigest()
        attributes["source_id"] = key.encode("utf-8", "replace").decode()
    title = title.encode("utf-8", "replace").decode().strip()[:500] or f"Item {item_id}"
    known["description"] = known.get("description", "")[:20_000]
    return Item(item_id=item_id, type=item_type, title=title, attributes=attributes, **known)


def title_and_year(text: str) -> tuple[str, int | None]:
    """Split ``Alien (1979)``; the year is ``None`` where there is none."""
    found = _TITLE_YEAR.match(text)
    return (found["title"], int(found["year"])) if found else (text, None)


def files_of(folder: Path, pattern: str) -> list[Path]:
    """Return the files of a folder that match, by name; folders are none."""
    return sorted(path for path in folder.glob(pattern) if path.is_file())


def lines(path: Path, encoding: str = "utf-8-sig") -> Iterator[tuple[int, str]]:
    """Yield the numbered lines of a text file, plain or gzip, without line ends and without blank ones.

    Raises:
        BadExport: A line is not in the encoding, or the file cannot be unpacked.

    """
    number_ = 0
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            for number_, raw in enumerate(file, 1):
                text = raw.decode(encoding if number_ == 1 or encoding != "utf-8-sig" else "utf-8").rstrip("\r\n")
                if text.strip():
                    yield number_, text
    except UnicodeDecodeError as error:
        raise bad(path, number_, f"The line is not text in {encoding}: {error.reason}.", "Save the file as UTF-8.") from error
    except (gzip.BadGzipFile, EOFError) as error:
        raise bad(path, number_ + 1, f"The file cannot be unpacked: {error}.", "Fetch it again.") from error


def dict_rows(path: Path, delimiter: str = ",") -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the numbered rows of a table whose first line names its columns.

    Raises:
        BadExport: There is no header, or a row has more or fewer fields than it.

    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, quoting=csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL)
        try:
            header = [name.strip() for name in next((row for row in reader if _filled(row)), [])]
            if not header:
                raise bad(path, 1, "There is no header.", "Name the columns in the first line.")
            for fields in reader:
                if len(fields) == len(header):
                    yield reader.line_num, dict(zip(header, fields, strict=True))
                elif _filled(fields):
                    message = f"The row has {len(fields)} fields, the header {len(header)}."
                    raise bad(path, reader.line_num, message, f"Expected: {delimiter.join(header)!a}.")
        except UnicodeDecodeError as error:
            raise bad(path, reader.line_num + 1, f"Not text in UTF-8: {error.reason}.", "Save the file as UTF-8.") from error
        except csv.Error as error:
            raise bad(path, reader.line_num, f"Not a table: {error}.", "Check quotes and line ends.") from error


def cell(row: Mapping[str, str], column: str, path: Path, line: int) -> str:
    """Return a field that must not be empty; raises BadExport where it is."""
    value = row[column].strip()
    if not value:
        raise bad(path, line, f"The column {column!r} is empty.", "Give a value.")
    return value


def number(text: Any, column: str, path: Path, line: int) -> float:
    """Return a finite number; raises BadExport where it is none."""
    try:
        value = float(text)
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise bad(path, line, f"{column} is {text!a}, not a number.", "Give a number, e.g. 4.5.")
    return value


def seconds(text: Any, column: str, path: Path, line: int) -> float:
    """Return POSIX seconds of a number (milliseconds and less where too great for seconds) or an ISO 8601 time (UTC by default)."""
    try:
        value = float(text)
    except (TypeError, ValueError):
        try:
            moment = datetime.fromisoformat(str(text).strip())
        except ValueError:
            raise bad(path, line, f"{column} is {text!a}, not a time.", "Give POSIX seconds or 2024-05-01T20:15:00Z.") from None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not math.isfinite(value):
        raise bad(path, line, f"{column} is {text!a}, not a time.", "Give POSIX seconds or 2024-05-01T20:15:00Z.")
    for scale in (1.0, 1e3, 1e6, 1e9):  # seconds, milliseconds, microseconds, nanoseconds
        if abs(value) / scale <= _LATEST:
            return value / scale
    raise bad(path, line, f"{column} is {text!a}, not a time.", "Give POSIX seconds or 2024-05-01T20:15:00Z.")


def bad(path: Path, line: int, message: str, remedy: str) -> BadExport:
    """Return the error for one place of a file."""
    return BadExport(message, location=f"{path}:{line}", remedy=remedy)


def _filled(fields: list[str]) -> bool:
    return any(field.strip() for field in fields)


def _places(users: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return the place of each row within its user; rows come ordered by user."""
    starts = np.flatnonzero(np.r_[True, users[1:] != users[:-1]])
    return (np.arange(len(users)) - np.repeat(starts, np.diff(np.r_[starts, len(users)]))).astype(np.float64)


def _scaled(values: _Values, source: Path, given: float | None) -> tuple[_Values, float | None]:
    """Return the ratings over the top of their scale, and that; ``None`` where nothing is rated."""
    if np.isnan(values).all():
        return values.astype(np.float32), None
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    top = next((scale for scale in ([given] if given is not None else _SCALES) if high <= scale), None)
    if top is None or low < 0:
        message, expected = f"Ratings go from {low:g} to {high:g}.", given or _SCALES[-1]
        raise bad(source, 1, message, f"Expected a scale that begins at 0 or above and ends by {expected:g}.")
    return (values / top).astype(np.float32), top
