"""Finds a data set by name or path, recognises its format by its files, and checks what is known of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from evals.base import Dataset
from evals.datasets import amazon, mind, movielens, netflix, plain, recbole, s3rec
from palate.errors import InvalidInput, Unavailable

__all__ = ["FORMATS", "known_datasets", "load_dataset"]

FORMATS: dict[str, tuple[ModuleType, str]] = {
    "movielens": (movielens, "ratings.csv (and movies.csv)"),
    "recbole": (recbole, "X.inter (and X.item)"),
    "s3rec": (s3rec, "X.txt (and X_item2attributes.json)"),
    "netflix": (netflix, "combined_data_*.txt or mv_*.txt (and movie_titles.csv)"),
    "mind": (mind, "behaviors.tsv (and news.tsv)"),
    "plain": (plain, "interactions.csv (and items.csv)"),
    "amazon": (amazon, ".json or .jsonl of reviews, plain or .gz (and meta*)"),
}
"""Each format with its module and the files by which it is recognised."""


def load_dataset(name_or_path: str | Path, root: Path | None = None) -> Dataset:
    """Return a data set by its name under ``root`` (``PALATE_DATASETS``), or from any folder in a known format.

    The files of a known name must have the recorded SHA-256 and yield the recorded counts; ``facts["checked"]`` is then ``hash``.
    A folder that is not known is checked for its shape only: ``facts["checked"]`` is ``shape``.

    Raises:
        Unavailable: The name is known, but ``root`` is unset or has no such folder.
        InvalidInput: There is no such data set or folder, its format is not known, or a known one is not the recorded one.
        BadExport: A file cannot be read; the message names file and line.

    """
    name, known = str(name_or_path), known_datasets()
    if name in known:
        return _known(name, known[name], root)
    folder = Path(name).expanduser()
    if not folder.is_dir() and root is not None and (root / name).is_dir():
        folder = root / name
    if not name.strip() or not folder.is_dir():
        remedy = f"Give a folder, or one of: {', '.join(known)}" + (
            f", or a folder's name under {root}." if root else "; or set PALATE_DATASETS to where a folder of this name is."
        )
        raise InvalidInput(f"There is no data set {name!a}.", remedy=remedy, param="dataset")
    found = [kind for kind, (module, _) in FORMATS.items() if module.recognises(folder)]
    if not found:
        expected = "; ".join(f"{kind}: {files}" for kind, (_, files) in FORMATS.items())
        message = f"{str(folder)!a} is {'in no known format' if any(folder.iterdir()) else 'empty'}."
        raise InvalidInput(message, remedy=f"Expected in it: {expected}.", param="dataset")
    if len(found) > 1:
        message = f"{str(folder)!a} holds files of several formats: {', '.join(found)}."
        raise InvalidInput(message, remedy="Give each data set a folder of its own.", param="dataset")
    dataset: Dataset = FORMATS[found[0]][0].load(folder, folder.resolve().name)
    return replace(dataset, facts={**dataset.facts, "checked": "shape"})


@lru_cache(maxsize=1)
def known_datasets() -> dict[str, dict[str, Any]]:
    """Return what is known of each data set by name: format, counts, home, terms, and the SHA-256 of its files."""
    known: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("known.json").read_text("utf-8"))
    return known


def _known(name: str, record: dict[str, Any], root: Path | None) -> Dataset:
    if root is None:
        remedy = f"Set it to a folder that has {name}/ (from {record['home']})."
        raise Unavailable(
            f"The data set {name!r} is looked for under PALATE_DATASETS, which is unset.", remedy=remedy, param="dataset"
        )
    folder = root / name
    for file, recorded in record["files"].items():
        path = folder / file
        if not path.is_file():
            raise Unavailable(f"The file {str(path)!a} is missing.", remedy=f"Get it from {record['home']}.", param="dataset")
        with path.open("rb") as opened:
            found = hashlib.file_digest(opened, "sha256").hexdigest()
        if found != recorded:
            message = f"{str(path)!a} is not the known file of {name!r}: its SHA-256 is {found}, not {recorded}."
            remedy = f"Get it from {record['home']}, or give the folder's path to have it checked for its shape only."
            raise InvalidInput(message, remedy=remedy, param="dataset")
    dataset: Dataset = FORMATS[record["format"]][0].load(folder, name)
    for count in ("users", "items", "interactions"):
        if dataset.facts[count] != record[count]:
            message = f"{name!r} has {dataset.facts[count]} {count}, not {record[count]}."
            raise InvalidInput(message, remedy="Report this: the files are right.", param="dataset")
    about = {"checked": "hash", "sha256": record["files"], "home": record["home"], "terms": record["terms"]}
    return replace(dataset, facts={**dataset.facts, **about})
