"""Cold starts within a split: histories of one, three and five events, and targets that no training event touches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evals.base import Case, Dataset, Int32, Ranker, Split

__all__ = ["COLD_EVENTS", "cold_item_cases", "cold_users", "rank_cold", "rank_in_parts"]

COLD_EVENTS = (1, 3, 5)
_PART = 256


def cold_users(split: Split, events: int, most: int, rng: np.random.Generator) -> list[int]:
    """Return which cases, at most ``most`` of those with so many events, stand for users that have only their newest ``events``."""
    enough = [at for at, case in enumerate(split.cases) if len(case.history) >= events]
    if len(enough) <= most:
        return enough
    return sorted(rng.choice(enough, size=most, replace=False).tolist())


def rank_cold(ranker: Ranker, dataset: Dataset, split: Split, chosen: Sequence[int], *, events: int, n: int) -> Int32:
    """Return what a ranker offers where it is told only the newest ``events`` of each chosen case's history, int32 [chosen, n].

    The fit is that of all rows: what is cold is the profile. Items of the history that is withheld are taken out of the lists, for
    they cannot be targets and a fit that knows them would rank them high.
    """
    cases = [
        Case(user=split.cases[at].user, history=split.cases[at].history[-events:], targets=split.cases[at].targets) for at in chosen
    ]
    lists = ranker.rank(dataset, split, cases, n)
    out = np.full_like(lists, -1)
    for row, at in enumerate(chosen):
        known = split.known.items[split.cases[at].history]
        kept = lists[row][(lists[row] >= 0) & ~np.isin(lists[row], known)]
        out[row, : len(kept)] = kept
    return out


def cold_item_cases(split: Split) -> list[tuple[int, Int32]]:
    """Return the cases that have targets which no event of ``split.train`` touches, with only these targets."""
    seen: NDArray[np.int32] = np.unique(split.train.items)
    found = ((at, case.targets[~np.isin(case.targets, seen)]) for at, case in enumerate(split.cases))
    return [(at, targets) for at, targets in found if len(targets)]


def rank_in_parts(ranker: Ranker, dataset: Dataset, split: Split, n: int, tell: object = None) -> Int32:
    """Return what a ranker offers for every case, int32 [cases, n]; ``tell(done, total)`` is called after every 256 of them."""
    parts = []
    for start in range(0, len(split.cases), _PART):
        parts.append(ranker.rank(dataset, split, split.cases[start : start + _PART], n))
        if callable(tell):
            tell(min(start + _PART, len(split.cases)), len(split.cases))
    return np.concatenate(parts) if parts else np.zeros((0, n), dtype=np.int32)
