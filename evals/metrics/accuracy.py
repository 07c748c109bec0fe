"""Accuracy of ranked lists, a value a case.

Rules, the same for every metric here:

* Gains are binary: an item is a target or not.
* Lists are ranked already; equal scores are the ranker's to order, and no metric averages over them.
* ``-1`` in a list is an empty place. An item that a list repeats counts at its first place and is a miss at later ones.
* A cut at k looks at the first k places; a shorter list has empty places at its end. Precision divides by k all the same.
* Recall and average precision divide by all targets, also where there are more than k; NDCG's ideal list is cut at k.
* A case without targets is 0 everywhere. Protocols make none.

These are ``Success@k R@k P@k nDCG@k RR@k AP@k`` of trec_eval and ir-measures, which the tests compare with.
Jaervelin & Kekaelaeinen (2002), Cumulated gain-based evaluation of IR techniques, https://doi.org/10.1145/582415.582418.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evals.base import Int32
from palate.errors import InvalidInput

__all__ = ["METRICS", "Judged", "average_precision", "f1", "hit_rate", "judge", "mrr", "ndcg", "per_case", "precision", "recall"]

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """Which places of ranked lists are targets, bool [cases, n], and how many targets each case has, int64 [cases]."""

    hits: NDArray[np.bool_]
    totals: NDArray[np.int64]

    def first(self, k: int) -> NDArray[np.bool_]:
        """Return the first ``k`` places, bool [cases, min(k, n)]; raises InvalidInput where ``k`` is less than 1."""
        if k < 1:
            raise InvalidInput(f"k is {k}.", remedy="Cut at 1 or later.", param="k")
        return self.hits[:, :k]


def judge(ranked: Int32, targets: Sequence[Int32]) -> Judged:
    """Compare ranked lists, int32 [cases, n] (-1: nothing), with the distinct targets of each case.

    Raises:
        InvalidInput: There are not as many lists as cases.

    """
    ranked = np.asarray(ranked)
    if ranked.ndim != 2 or len(ranked) != len(targets):
        message = f"Ranked lists of shape {ranked.shape} do not fit {len(targets)} cases."
        raise InvalidInput(message, remedy="Give a row for each case.", param="ranked")
    distinct = [np.unique(np.asarray(one, np.int64)) for one in targets]
    totals = np.array([len(one) for one in distinct], np.int64)
    wanted = np.concatenate(distinct) if distinct else np.empty(0, np.int64)
    width = int(max(ranked.max(initial=0), wanted.max(initial=0))) + 2  # -1 and every item have a number of their own
    rows = np.arange(len(ranked), dtype=np.int64)
    keys = rows[:, None] * width + ranked + 1
    hits = (ranked >= 0) & np.isin(keys, np.repeat(rows, totals) * width + wanted + 1)
    if hits.any():
        places = np.flatnonzero(hits)
        first = np.unique(keys.ravel()[places], return_index=True)[1]
        hits = np.zeros_like(hits)
        hits.ravel()[places[first]] = True
    return Judged(hits, totals)


def hit_rate(judged: Judged, k: int) -> Float64:
    """Return 1 where a target is among the first ``k``, else 0, float64 [cases]."""
    return np.asarray(judged.first(k).any(axis=1), np.float64)


def recall(judged: Judged, k: int) -> Float64:
    """Return the share of the targets that is among the first ``k``, float64 [cases]."""
    return np.asarray(_found(judged, k) / np.maximum(judged.totals, 1))


def precision(judged: Judged, k: int) -> Float64:
    """Return the share of ``k`` places that holds a target, float64 [cases]."""
    return _found(judged, k) / k


def f1(judged: Judged, k: int) -> Float64:
    """Return the harmonic mean of precision and recall at ``k``, 0 where both are, float64 [cases]."""
    return np.asarray(2 * _found(judged, k) / (k + np.maximum(judged.totals, 1)))


def ndcg(judged: Judged, k: int) -> Float64:
    """Return the discounted gain, ``1 / log2(place + 1)`` for each target, over that of an ideal list of ``k``, float64 [cases]."""
    first = judged.first(k)
    discounts = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.r_[1.0, np.cumsum(discounts)][np.minimum(judged.totals, k)]
    found: Float64 = first @ discounts[: first.shape[1]] / ideal
    return found


def mrr(judged: Judged, k: int) -> Float64:
    """Return 1 over the place of the first target among the first ``k``, 0 where there is none, float64 [cases]."""
    first = judged.first(k)
    if not first.shape[1]:
        return np.zeros(len(first))
    return np.asarray(first.any(axis=1) / (first.argmax(axis=1) + 1.0))


def average_precision(judged: Judged, k: int) -> Float64:
    """Return the sum of the precision at each target among the first ``k``, over the number of targets, float64 [cases].

    Its mean over cases is MAP@k.
    """
    first = judged.first(k)
    precisions = first.cumsum(axis=1) / np.arange(1, first.shape[1] + 1)
    found: Float64 = (precisions * first).sum(axis=1) / np.maximum(judged.totals, 1)
    return found


def _found(judged: Judged, k: int) -> Float64:
    return np.asarray(judged.first(k).sum(axis=1), np.float64)


METRICS: dict[str, Callable[[Judged, int], Float64]] = {
    "ndcg": ndcg,
    "recall": recall,
    "precision": precision,
    "hit_rate": hit_rate,
    "mrr": mrr,
    "map": average_precision,
    "f1": f1,
}
"""The metrics by the names that reports use."""


def per_case(
    ranked: Int32, targets: Sequence[Int32], *, ks: Sequence[int] = (5, 10, 20, 50), metrics: Sequence[str] = tuple(METRICS)
) -> dict[str, Float64]:
    """Return ``{"ndcg@10": float64 [cases], …}`` for each metric and cut.

    Raises:
        InvalidInput: A metric is not known, or the lists do not fit the cases.

    """
    if unknown := [name for name in metrics if name not in METRICS]:
        raise InvalidInput(f"There is no metric {unknown[0]!a}.", remedy=f"Use {', '.join(METRICS)}.", param="metrics")
    judged = judge(ranked, targets)
    return {f"{name}@{k}": METRICS[name](judged, k) for name in metrics for k in ks}
