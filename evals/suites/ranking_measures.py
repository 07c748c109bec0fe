"""What the ranking suite says of lists: accuracy with intervals, candidate recall, and what lies beyond accuracy."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals import bootstrap, metrics
from evals.base import Dataset, Int32, Split
from evals.suites.ranking_beyond import Beyond

__all__ = ["CANDIDATES", "CURVE", "CUTS", "KEYS", "Measures", "accuracy", "in_turn"]

Float64 = NDArray[np.float64]

CUTS = (5, 10, 20, 50)
_METRICS = ("ndcg", "recall", "precision", "hit_rate", "mrr")
KEYS = tuple(f"{name}@{k}" for name in _METRICS for k in CUTS)
CANDIDATES = (50, 200, 500)
CURVE = (1, 2, 5, 10, 20, 50, 100, 200, 500)
_SWAPS = 2000
_COLD = ("ndcg@10", "recall@10", "hit_rate@10", "recall@50")


def accuracy(lists: Int32, targets: Sequence[Int32]) -> dict[str, Float64]:
    """Return the value of every key for every case, float64 [cases] each. ``lists`` is int32 [cases, n], -1 for nothing."""
    return metrics.per_case(lists, targets, ks=CUTS, metrics=_METRICS)


class Measures:
    """Judges the lists of the cases of one split, or of all folds, one after the other.

    The bootstrap draws users, with the same seed for every row.
    """

    def __init__(self, dataset: Dataset, splits: Sequence[Split], samples: int, seed: int) -> None:
        self._samples, self._seed = samples, seed
        self._targets = [case.targets for split in splits for case in split.cases]
        self._users = np.array([case.user for split in splits for case in split.cases], dtype=np.int64)
        self._histories = [split.known.items[case.history] for split in splits for case in split.cases]
        self._items = len(dataset.items)
        self._beyond = Beyond(dataset, splits, self._histories)
        self._unseen = np.array([self._beyond.ranked_items - len(np.unique(items)) for items in self._histories], dtype=np.int64)

    def row(self, lists: Int32) -> dict[str, Any]:
        """Return ``metrics``, ``more``, ``beyond``, ``errors``, ``candidates`` and ``curve`` of a row's lists, int32 [cases, n]."""
        found = metrics.judge(lists, self._targets)
        depth = lists.shape[1]
        return {
            "metrics": self._intervals(accuracy(lists, self._targets), self._users),
            "more": self._intervals(self._more(found), self._users),
            "beyond": self._beyond.of(lists),
            "errors": self._errors(lists),
            "candidates": self._intervals({f"recall@{k}": metrics.recall(found, k) for k in CANDIDATES if k <= depth}, self._users),
            "curve": {str(k): round(float(metrics.recall(found, k).mean()), 6) for k in CURVE if k <= depth},
        }

    def subset(self, lists: Int32, chosen: Sequence[int]) -> dict[str, Any]:
        """Return the accuracy of lists of some cases, with ``cases``, how many they are."""
        return self._few(lists, [self._targets[at] for at in chosen], self._users[list(chosen)])

    def of_targets(self, lists: Int32, chosen: Sequence[tuple[int, Int32]]) -> dict[str, Any]:
        """Return the accuracy of some cases' lists for targets of their own, with ``cases``, how many they are."""
        rows = [at for at, _ in chosen]
        return self._few(lists[rows], [targets for _, targets in chosen], self._users[rows])

    def union(self, lists: Mapping[str, Int32]) -> dict[str, Any]:
        """Return the recall of the first 50, 200 and 500 items of all lists taken in turn, with the names of the lists."""
        if not lists:
            return {"models": []}
        found = metrics.judge(in_turn(list(lists.values()), max(CANDIDATES)), self._targets)
        values = {f"recall@{k}": metrics.recall(found, k) for k in CANDIDATES}
        return {"models": list(lists), **self._intervals(values, self._users)}

    def against_best(self, lists: Mapping[str, Int32]) -> list[dict[str, Any]]:
        """Return for each row how far its NDCG@10 is from that of the best row over the same cases: ``difference`` with its paired
        interval over users, and ``p`` of a paired randomisation test.
        """
        values = {name: metrics.ndcg(metrics.judge(found, self._targets), 10) for name, found in lists.items()}
        if not values:
            return []
        best = max(values, key=lambda name: float(values[name].mean()))
        out = []
        for name in (name for name in values if name != best):
            pair = values[name], values[best], self._users
            gap = bootstrap.difference(*pair, samples=self._samples, rng=self._seed)
            told = {"value": _number(gap.value), "low": _number(gap.low), "high": _number(gap.high)}
            p = bootstrap.randomisation_test(*pair, samples=_SWAPS, rng=self._seed)
            out.append({"model": name, "against": best, "metric": "ndcg@10", "difference": told, "p": round(p, 6)})
        return out

    def _more(self, found: metrics.Judged) -> dict[str, Float64]:
        return {
            "map@10": metrics.average_precision(found, 10),
            "f1@10": metrics.f1(found, 10),
            "auc": metrics.auc_of_lists(found, self._unseen),
        }

    def _errors(self, lists: Int32) -> dict[str, int]:
        found = metrics.count_errors(lists.tolist(), range(self._items), [items.tolist() for items in self._histories])
        return dict(found.model_dump())

    def _few(self, lists: Int32, targets: Sequence[Int32], users: NDArray[np.int64]) -> dict[str, Any]:
        if not len(targets):
            return {"cases": 0, **{key: {"value": None, "low": None, "high": None} for key in _COLD}}
        found = accuracy(lists, targets)
        return {"cases": len(targets), **self._intervals({key: found[key] for key in _COLD}, users)}

    def _intervals(self, values: dict[str, Float64], users: NDArray[np.int64]) -> dict[str, dict[str, float | None]]:
        if not values:
            return {}
        found = bootstrap.intervals(values, users, samples=self._samples, rng=self._seed)
        return {key: {"value": _number(i.value), "low": _number(i.low), "high": _number(i.high)} for key, i in found.items()}


def in_turn(lists: Sequence[Int32], n: int) -> Int32:
    """Return the lists of every case merged, the first of each, then the second of each, without repeats, int32 [cases, n]."""
    cases = lists[0].shape[0]
    out = np.full((cases, n), -1, dtype=np.int32)
    stacked = np.stack(lists, axis=2).reshape(cases, -1)  # [cases, places * lists], place by place
    for case in range(cases):
        row = stacked[case][stacked[case] >= 0]
        _, first = np.unique(row, return_index=True)
        merged = row[np.sort(first)][:n]
        out[case, : len(merged)] = merged
    return out


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 6)
