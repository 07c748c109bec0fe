"""How good scores are where labels exist: both of them float or bool [n], one place an event."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evals.metrics.accuracy import Judged
from palate.errors import InvalidInput

__all__ = ["accuracy", "auc", "auc_by_user", "auc_of_lists"]

Float64 = NDArray[np.float64]


def accuracy(scores: ArrayLike, labels: ArrayLike, threshold: float = 0.5) -> float:
    """Return the share of events whose score is at or above ``threshold`` just where the label is true; NaN for no events.

    Raises:
        InvalidInput: There are not as many scores as labels, or one is NaN.

    """
    given, true = _checked(scores, labels)
    return float(((given >= threshold) == true).mean()) if len(given) else float("nan")


def auc(scores: ArrayLike, labels: ArrayLike) -> float:
    """Return how likely a true event scores above a false one, a tie counting half; NaN where either is missing.

    Mann-Whitney's U over the number of pairs: Hanley & McNeil (1982), https://doi.org/10.1148/radiology.143.1.7063747.

    Raises:
        InvalidInput: There are not as many scores as labels, or one is NaN.

    """
    given, true = _checked(scores, labels)
    return float(_by_group(given, true, np.zeros(len(given), np.int64), 1)[0])


def auc_by_user(scores: ArrayLike, labels: ArrayLike, users: ArrayLike) -> Float64:
    """Return :func:`auc` within the events of each user (or impression), int [n], in order of their numbers, float64 [users].

    MIND's leaderboard reports the mean of those that are not NaN.

    Raises:
        InvalidInput: Lengths differ, or a score is NaN.

    """
    given, true = _checked(scores, labels)
    owners = np.asarray(users)
    if owners.shape != given.shape:
        raise InvalidInput(f"Users of shape {owners.shape} do not fit {len(given)} scores.", remedy="Give one each.", param="users")
    known, owner = np.unique(owners, return_inverse=True)
    return _by_group(given, true, owner, len(known))


def auc_of_lists(judged: Judged, unseen: ArrayLike) -> Float64:
    """Return the AUC of each case's ranking of its unseen items, float64 [cases]; NaN where there is none but targets.

    A list may end before all of the ``unseen`` items, int [cases], are ranked: those behind its end share the places that are left,
    so that each pair of them counts half.
    """
    places = np.arange(1, judged.hits.shape[1] + 1)
    found = judged.hits.sum(axis=1)
    items = np.maximum(np.asarray(unseen, np.int64), judged.totals)
    listed = np.minimum(judged.hits.shape[1], items)
    missing = judged.totals - found
    ranks = (judged.hits * places).sum(axis=1) + missing * (listed + 1 + items) / 2  # sum of the targets' places
    pairs = judged.totals * (items - judged.totals)
    lost = ranks - judged.totals * (judged.totals + 1) / 2  # pairs in which the other item comes first
    return np.asarray(1 - np.divide(lost, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0))


def _checked(scores: ArrayLike, labels: ArrayLike) -> tuple[Float64, NDArray[np.bool_]]:
    given, true = np.asarray(scores, np.float64), np.asarray(labels)
    if given.ndim != 1 or given.shape != true.shape or np.isnan(given).any():
        message = f"Scores of shape {given.shape} do not fit labels of shape {true.shape}, or are NaN."
        raise InvalidInput(message, remedy="Give a number for each label.", param="scores")
    return given, true.astype(np.bool_)


def _by_group(scores: Float64, true: NDArray[np.bool_], owner: NDArray[np.int64], groups: int) -> Float64:
    order = np.lexsort((scores, owner))
    scores, true, owner = scores[order], true[order], owner[order]
    if not len(scores):
        return np.full(groups, np.nan)
    new = np.r_[True, (scores[1:] != scores[:-1]) | (owner[1:] != owner[:-1])]
    tie = np.cumsum(new) - 1
    ranks = np.flatnonzero(new)[tie] + (np.bincount(tie)[tie] + 1) / 2  # mean rank of equal scores, from 1 over all groups
    sizes, trues = np.bincount(owner, minlength=groups), np.bincount(owner, true, minlength=groups)
    before = np.r_[0, np.cumsum(sizes)[:-1]]
    above = np.bincount(owner, np.where(true, ranks - before[owner], 0.0), minlength=groups) - trues * (trues + 1) / 2
    pairs = trues * (sizes - trues)
    return np.asarray(np.divide(above, pairs, out=np.full(groups, np.nan), where=pairs > 0))
