"""What lies beyond accuracy, of the first ten of every list."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evals.base import Dataset, Int32, Split

__all__ = ["Beyond"]

_TOP = 10
_HEAD = 0.8


class Beyond:
    """Coverage, novelty, diversity and popularity of lists, from the training events and the items' genres.

    * ``coverage@10``: share of the ranked items that anybody is offered.
    * ``novelty@10``: mean self-information, ``-log2`` of the share of training users who took the item (Vargas and Castells,
      RecSys 2011); an item that nobody took counts as taken by one half of a user.
    * ``diversity@10``: 1 minus the mean cosine of the genres of two items of a list; items without genres are alike to none.
    * ``popularity@10``: mean number of training events of an offered item.
    * ``long_tail@10``: share of places with items outside those that make up 80 % of the training events.
    * ``gini@10``: how unevenly places are given to the ranked items, 0 to 1.
    """

    def __init__(self, dataset: Dataset, splits: Sequence[Split]) -> None:
        n = len(dataset.items)
        self._counts: NDArray[np.float64] = np.bincount(splits[0].train.items, minlength=n).astype(np.float64)
        self._users = max(len(np.unique(splits[0].train.users)), 1)
        parts = [part for s in splits for part in (s.train.items, s.known.items, *(case.targets for case in s.cases))]
        self._ranked = np.unique(np.concatenate(parts))
        order = np.argsort(-self._counts, kind="stable")
        share = np.cumsum(self._counts[order]) / max(self._counts.sum(), 1.0)
        self._head: NDArray[np.bool_] = np.zeros(n, dtype=np.bool_)
        self._head[order[: int(np.searchsorted(share, _HEAD)) + 1]] = True
        self._genres = _genres(dataset)

    def of(self, lists: Int32) -> dict[str, float | None]:
        """Return the values for lists, int32 [cases, n]; ``None`` where there is nothing to tell from."""
        top = lists[:, :_TOP]
        offered = top[top >= 0]
        if not len(offered):
            return dict.fromkeys(("coverage@10", "novelty@10", "diversity@10", "popularity@10", "long_tail@10", "gini@10"))
        places = np.bincount(offered, minlength=len(self._counts))[self._ranked]
        taken = np.maximum(self._counts[offered], 0.5) / self._users
        return {
            "coverage@10": _rounded((places > 0).mean()),
            "novelty@10": _rounded(-np.log2(taken).mean()),
            "diversity@10": self._diversity(top),
            "popularity@10": _rounded(self._counts[offered].mean()),
            "long_tail@10": _rounded((~self._head[offered]).mean()),
            "gini@10": _rounded(gini(places.astype(np.float64))),
        }

    def _diversity(self, top: Int32) -> float | None:
        if self._genres is None:
            return None
        present = top >= 0
        vectors = np.where(present[:, :, None], self._genres[np.maximum(top, 0)], np.float32(0.0))  # [cases, 10, genres]
        sums, own = vectors.sum(axis=1), (vectors**2).sum(axis=(1, 2))
        n = present.sum(axis=1).astype(np.float64)
        pairs = n * (n - 1)
        known = pairs > 0
        return _rounded((1 - ((sums**2).sum(axis=1) - own)[known] / pairs[known]).mean()) if known.any() else None


def gini(values: NDArray[np.float64]) -> float:
    """Return the Gini coefficient of values of at least 0: 0 where all are alike, towards 1 where one has everything."""
    ordered = np.sort(values)
    total, n = float(ordered.sum()), len(ordered)
    return 0.0 if not total else float(2 * (np.arange(1, n + 1) * ordered).sum() / (n * total) - (n + 1) / n)


def _genres(dataset: Dataset) -> NDArray[np.float32] | None:
    """Return the items' genres as unit vectors, float32 [items, genres]."""
    names = {name: at for at, name in enumerate(sorted({genre for item in dataset.items for genre in item.genres}))}
    if not names:
        return None
    out = np.zeros((len(dataset.items), len(names)), dtype=np.float32)
    for row, item in enumerate(dataset.items):
        out[row, [names[genre] for genre in item.genres]] = 1.0
    lengths = np.linalg.norm(out, axis=1, keepdims=True)
    unit: NDArray[np.float32] = (out / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
    return unit


def _rounded(value: float) -> float:
    return round(float(value), 6)
