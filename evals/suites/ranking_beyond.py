"""What lies beyond accuracy, of the first ten of every list."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evals import metrics
from evals.base import Dataset, Int32, Split

__all__ = ["Beyond"]

_TOP = 10
_KEYS = ("coverage@10", "novelty@10", "diversity@10", "calibration@10", "popularity@10", "long_tail@10", "gini@10")


class Beyond:
    """Coverage, novelty, diversity, calibration and popularity of lists (:mod:`evals.metrics.beyond`), a mean over cases each.

    Popularity is counted in the training events of the first split, diversity and calibration are of genres, and only items that
    the splits rank count as catalog.

    Args:
        dataset: Whose items are ranked.
        splits: One split, or those of all folds.
        histories: Item positions of each case's history, int32 each.

    """

    def __init__(self, dataset: Dataset, splits: Sequence[Split], histories: Sequence[Int32]) -> None:
        train, n = splits[0].train, len(dataset.items)
        parts = [part for s in splits for part in (s.train.items, s.known.items, *(case.targets for case in s.cases))]
        ranked = np.unique(np.concatenate(parts))
        self.ranked_items = len(ranked)
        self._row = np.full(n + 1, -1, np.int64)  # of the ranked items; the last place is for -1
        self._row[ranked] = np.arange(len(ranked))
        counts: NDArray[np.int64] = np.bincount(train.items, minlength=n)
        self._counts, self._users = counts[ranked], max(len(np.unique(train.users)), 1)
        self._genres, names = metrics.genre_matrix([dataset.items[at] for at in ranked.tolist()])
        self._has_genres = bool(names)
        self._histories: list[Int32] = [self._row[items].astype(np.int32) for items in histories]

    def of(self, lists: Int32) -> dict[str, float | None]:
        """Return the values for the lists of all cases, int32 [cases, n]; ``None`` where there is nothing to tell from."""
        top = self._row[lists[:, :_TOP]].astype(np.int32)
        if not (top >= 0).any():
            return dict.fromkeys(_KEYS)
        found = {
            "coverage@10": metrics.coverage(top, self.ranked_items),
            "novelty@10": _mean(metrics.novelty(top, self._counts, self._users)),
            "diversity@10": _mean(metrics.diversity(top, self._genres)) if self._has_genres else None,
            "calibration@10": _mean(metrics.calibration(top, self._histories, self._genres)) if self._has_genres else None,
            "popularity@10": _mean(metrics.average_popularity(top, self._counts)),
            "long_tail@10": _mean(metrics.long_tail_share(top, self._counts)),
            "gini@10": metrics.gini(top, self.ranked_items),
        }
        return {name: None if value is None else round(value, 6) for name, value in found.items()}


def _mean(values: NDArray[np.float64]) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None
