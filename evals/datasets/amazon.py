"""Amazon reviews as JSON lines, plain or gzip, with the products' descriptions beside them if wanted.

Reviews have ``reviewerID asin overall unixReviewTime`` (2014, 2018) or ``user_id parent_asin rating timestamp`` (2023);
descriptions are in a file named ``meta…``, and those of 2014, Python literals, are understood too.
McAuley et al. (2015), https://cseweb.ucsd.edu/~jmcauley/datasets/amazon/links.html;
Hou et al. (2024), https://amazon-reviews-2023.github.io.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from evals.base import Dataset
from evals.datasets.rows import Rows, bad, files_of, lines, make_item, number, seconds
from palate.domain import Item
from palate.errors import BadExport

__all__ = ["load", "recognises"]

_USERS, _ITEMS = ("reviewerID", "user_id"), ("parent_asin", "asin")
_RATINGS, _TIMES = ("overall", "rating"), ("unixReviewTime", "timestamp")
_EXPECTED = 'Expected a JSON object a line, e.g. {"reviewerID": "A1", "asin": "B1", "overall": 5, "unixReviewTime": 1400000000}.'


def recognises(folder: Path) -> bool:
    """Return whether the first line of any file looks like a review; files named ``meta…`` are not asked."""
    return bool(_review_files(folder))


def load(folder: Path, name: str) -> Dataset:
    """Read all files of reviews (1 to 5) in the order of their names, and what is known of the products that were reviewed.

    Raises:
        BadExport: A line is no review; the message names it.

    """
    files = _review_files(folder)
    rows, found = Rows(), set()
    for path in files:
        for line, review in _objects(path):
            user, item = (str(_first(review, names, path, line)).strip() for names in (_USERS, _ITEMS))
            value = number(_first(review, _RATINGS, path, line), "rating", path, line)
            at = seconds(_first(review, _TIMES, path, line), "timestamp", path, line)
            rows.add(user, item, value, at)
            found.add(item)
    items: dict[str, Item] = {}
    for path in _files(folder, meta=True):
        items |= _items(path, found)
    return rows.dataset(name, items, source=files[0], item_type="product", facts={"format": "amazon"}, top=5.0)


def _files(folder: Path, *, meta: bool) -> list[Path]:
    found = (path for path in files_of(folder, "*") if path.name.endswith((".json", ".jsonl", ".json.gz", ".jsonl.gz")))
    return [path for path in found if path.name.lower().startswith("meta") == meta]


def _review_files(folder: Path) -> list[Path]:
    return [path for path in _files(folder, meta=False) if _is_review(path)]


def _is_review(path: Path) -> bool:
    try:
        _, first = next(_objects(path), (0, {}))
    except BadExport:
        return False
    return any(key in first for key in _USERS) and any(key in first for key in _ITEMS)


def _objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, text in lines(path):
        try:
            found = json.loads(text)
        except ValueError:
            found = _literal(text)
        if not isinstance(found, dict):
            raise bad(path, line, f"{text[:60]!a} is no JSON object.", _EXPECTED)
        yield line, found


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _first(review: Mapping[str, Any], names: tuple[str, ...], path: Path, line: int) -> Any:
    for name in names:
        value = review.get(name)
        if isinstance(value, str | int | float) and str(value).strip():
            return value
    raise bad(path, line, f"There is no {' or '.join(names)}.", _EXPECTED)


def _items(path: Path, wanted: set[str]) -> dict[str, Item]:
    items = {}
    for _, meta in _objects(path):
        key = next((str(meta[name]) for name in _ITEMS if meta.get(name)), "")
        if key in wanted:
            brand = meta.get("brand") or meta.get("store")
            items[key] = make_item(
                key,
                "product",
                _text(meta.get("title")),
                genres=tuple(dict.fromkeys(_flat(meta.get("categories") or meta.get("category")))),
                creators=(str(brand),) if brand else (),
                description=_text(meta.get("description")),
            )
    return items


def _text(value: Any) -> str:
    return " ".join(_flat(value))


def _flat(value: Any) -> list[str]:
    """Return the texts in nested lists, in order."""
    if isinstance(value, list):
        return [text for one in value for text in _flat(one)]
    return [value.strip()] if isinstance(value, str) and value.strip() else []
