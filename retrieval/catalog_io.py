"""Reads items from JSON lines and CSV files; bad rows are named, good rows are kept."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from palate.domain import ITEM_TYPES, Item, Value
from palate.errors import BadExport, InvalidInput

__all__ = ["CatalogReport", "ItemRowError", "read_items", "validation_message"]

MAX_LINE_BYTES = 1_000_000
_LISTS = ("alt_titles", "genres", "creators")
_REQUIRED = ("item_id", "type", "title")


class ItemRowError(Value):
    """A row that cannot become an item: where (``file:line``), which value, and what to do."""

    location: str
    message: str
    value: str
    remedy: str


class CatalogReport(Value):
    """What came of an import. ``errors`` holds the first hundred of the ``rejected`` rows."""

    read: int
    new: int
    changed: int
    rejected: int
    errors: tuple[ItemRowError, ...] = ()


def read_items(path: Path) -> Iterator[Item | ItemRowError]:
    """Yield the items of ``path`` in file order, lazily; a bad row is an :class:`ItemRowError`.

    By the name's end: ``.jsonl``/``.ndjson``: an object of :class:`palate.domain.Item`'s fields a line. ``.csv``: a header of those
    fields, several values joined by ``|``, attributes as ``key=value|key=value``. ``.item``: films in RecBole's MovieLens format.

    Raises:
        InvalidInput: The file is not there, or its name ends otherwise.
        BadExport: The header is not one of items.

    """
    if not path.is_file():
        raise InvalidInput(f"There is no file {path}.", remedy="Name a .jsonl, .csv or .item file.", param="path")
    suffix = path.suffix.lower()
    if suffix in {".jsonl", ".ndjson"}:
        return _read_json_lines(path)
    if suffix == ".csv":
        return _read_csv(path)
    if suffix == ".item":
        from retrieval.movielens import read_movielens_items

        return read_movielens_items(path)
    raise InvalidInput(f"{path.name} is not a catalog file.", remedy="Name a .jsonl, .csv or .item file.", param="path")


def validation_message(error: ValidationError) -> tuple[str, str, str]:
    """Return (message, value, remedy) of the first fault that pydantic found."""
    first = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "row"
    value = repr(first["input"])[:80]
    if first["type"] == "missing":
        return f"{field} is missing.", "", f"Add {field}."
    if field == "type":
        return f"{field} is not known.", value, f"Use one of {', '.join(ITEM_TYPES)}."
    if first["type"] == "extra_forbidden":
        return f"{field} is not a field of an item.", value, f"Use {', '.join(Item.model_fields)}."
    return f"{field}: {first['msg']}.", value, f"Correct {field} and import the file again; good rows are not doubled."


def _read_json_lines(path: Path) -> Iterator[Item | ItemRowError]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            location = f"{path.name}:{number}"
            if len(line) > MAX_LINE_BYTES:
                while line and not line.endswith(b"\n"):
                    line = file.readline(MAX_LINE_BYTES)
                yield _error(location, "The line is too long.", f"more than {MAX_LINE_BYTES} bytes", "Shorten the description.")
                continue
            line = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if line.strip():
                yield _json_row(line, location)


def _json_row(line: bytes, location: str) -> Item | ItemRowError:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        return _error(location, f"The line is no JSON: {error}.", repr(line[:80]), "Write one JSON object a line, in UTF-8.")
    if not isinstance(row, dict):
        return _error(location, "The line is no object.", repr(row)[:80], "Write one JSON object a line.")
    return _item(row, location)


def _read_csv(path: Path) -> Iterator[Item | ItemRowError]:
    # Bytes that are no UTF-8 become surrogates, which Item refuses: the row is named, the others go on.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        rows = csv.DictReader(file)
        try:
            header = list(rows.fieldnames or [])
        except csv.Error as error:
            raise BadExport(f"The header cannot be read: {error}.", location=f"{path.name}:1", remedy="Save it as CSV.") from error
        missing = [name for name in _REQUIRED if name not in header]
        unknown = [name for name in header if name not in Item.model_fields]
        if missing or unknown:
            what = f"has no column {missing[0]!r}" if missing else f"has the unknown column {unknown[0]!r}"
            remedy = f"Name the columns {', '.join(Item.model_fields)}; the first three are needed."
            raise BadExport(f"The header {what}.", location=f"{path.name}:1", remedy=remedy)
        while True:
            try:
                row = next(rows, None)
            except csv.Error as error:
                yield _error(f"{path.name}:{rows.line_num}", f"The row is no CSV: {error}.", "", "Check its quotes and lengths.")
                continue
            if row is None:
                return
            yield _csv_row(row, f"{path.name}:{rows.line_num}")


def _csv_row(row: dict[Any, Any], location: str) -> Item | ItemRowError:
    if None in row:
        return _error(location, "The row has more columns than the header.", repr(row[None])[:80], "Quote values that hold commas.")
    values: dict[str, Any] = {}
    for name, text in row.items():
        if text is None or not text.strip():
            continue
        parts = [part.strip() for part in text.split("|") if part.strip()]
        if name in _LISTS:
            values[name] = parts
        elif name == "attributes":
            if bad := next((part for part in parts if "=" not in part), None):
                return _error(location, "attributes: not key=value.", repr(bad)[:80], "Write key=value|key=value.")
            values[name] = dict(part.split("=", 1) for part in parts)
        else:
            values[name] = text.strip()
    return _item(values, location)


def _item(row: dict[str, Any], location: str) -> Item | ItemRowError:
    try:
        return Item.model_validate(row)
    except ValidationError as error:
        return _error(location, *validation_message(error))


def _error(location: str, message: str, value: str, remedy: str) -> ItemRowError:
    safe = value.encode("utf-8", "backslashreplace").decode()
    return ItemRowError(location=location, message=message.encode("utf-8", "backslashreplace").decode(), value=safe, remedy=remedy)
