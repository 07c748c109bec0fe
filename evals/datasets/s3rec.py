"""S3-Rec's files: ``X.txt``, a user a line (``user item item …`` in time order), and, if it is there, ``X_item2attributes.json``.

Zhou et al. (2020), S3-Rec: Self-Supervised Learning for Sequential Recommendation, https://arxiv.org/abs/2008.07873. There are
neither times nor ratings nor names; item 0 pads sequences there and is unused.
"""

from __future__ import annotations

import json
from pathlib import Path

from evals.base import Dataset
from evals.datasets.rows import Rows, bad, files_of, lines, make_item
from palate.domain import Item
from palate.errors import BadExport

__all__ = ["load", "recognises"]

_SUFFIX = "_item2attributes.json"


def recognises(folder: Path) -> bool:
    """Return whether a ``.txt`` file has attributes beside it, or is the only one and begins with a user and items."""
    return bool(_sequences(folder))


def load(folder: Path, name: str) -> Dataset:
    """Read the sequences; an item's attributes become its genres, ``attribute N``.

    Raises:
        BadExport: A line is not a user and items in numbers, attributes are not lists by item, or there are several data sets.

    """
    sequences, *others = _sequences(folder)
    if others:
        raise bad(others[0], 1, f"There is {sequences.name!a} beside it.", "Give each data set a folder of its own.")
    attributes = _beside(sequences)
    known, rows = _attributes(attributes) if attributes.is_file() else {}, Rows()
    found: set[int] = set()
    for line, text in lines(sequences):
        fields = text.split()
        if len(fields) < 2 or not all(field.isdecimal() for field in fields):
            raise bad(sequences, line, f"{text[:60]!a} is not a user and items.", "Expected numbers: user item item …")
        user, *items = (str(int(field)) for field in fields)
        if "0" in items:
            raise bad(sequences, line, "Item 0 is used.", "Number items from 1: 0 is padding in this format.")
        for item in items:
            rows.add(user, item)
        found.update(map(int, items))
    described = {str(number): _item(number, known.get(str(number), [])) for number in sorted(found)}
    return rows.dataset(name, described, source=sequences, item_type="product", facts={"format": "s3rec"})


def _sequences(folder: Path) -> list[Path]:
    texts = files_of(folder, "*.txt")
    if described := [path for path in texts if _beside(path).is_file()]:
        return described
    return [path for path in texts if _begins_well(path)]


def _beside(sequences: Path) -> Path:
    return sequences.with_name(sequences.stem + _SUFFIX)


def _begins_well(path: Path) -> bool:
    try:
        _, first = next(lines(path), (0, ""))
    except BadExport:
        return False
    return len(fields := first.split()) > 1 and all(field.isdecimal() for field in fields)


def _attributes(path: Path) -> dict[str, list[int]]:
    try:
        known = json.loads(path.read_bytes())
    except ValueError as error:
        raise bad(path, getattr(error, "lineno", 1), f"Not JSON: {error}.", 'Expected {"4": [1, 2], …}.') from error
    if not isinstance(known, dict) or not all(isinstance(values, list) for values in known.values()):
        raise bad(path, 1, "The attributes are not lists by item.", 'Expected {"4": [1, 2], …}.')
    return known


def _item(number: int, attributes: list[int]) -> Item:
    return make_item(str(number), "product", f"Product {number}", genres=tuple(f"attribute {one}" for one in attributes))
