"""Gives each type of item its share of a slate."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence

from palate.domain import ITEM_TYPES, Candidate, ItemType, Profile, Query
from retrieval.base import ItemTable
from retrieval.sources._ranking import genre_columns

__all__ = ["calibrated", "type_target"]

_SMOOTHING = 0.2
_OFFERED = 20


def calibrated(order: Sequence[Candidate], target: Mapping[ItemType, float], n: int) -> list[Candidate]:
    """Return up to ``n`` of ``order`` so that the types' shares follow ``target``; within a type the order is kept.

    Calibration as in Steck (RecSys 2018), for shares of types; instead of trading scores against a divergence, places are given
    out by Webster's method (``share / (2 * taken + 1)``, ties by score, then by place): so every prefix is as near to the target as
    whole places allow, and a longer slate begins with the shorter. Types without a share come only when the others are used up.
    An empty target leaves the order as it is.
    """
    if not any(share > 0 for share in target.values()):
        return list(order[:n])
    queues: dict[ItemType, deque[tuple[int, Candidate]]] = defaultdict(deque)
    for place, candidate in enumerate(order):
        queues[candidate.item.type].append((place, candidate))
    taken: Counter[ItemType] = Counter()
    chosen: list[Candidate] = []
    while len(chosen) < n and any(queues.values()):
        open_types = [type_ for type_, queue in queues.items() if queue]
        claim = {t: max(0.0, target.get(t, 0.0)) / (2 * taken[t] + 1) for t in open_types}
        best = min(open_types, key=lambda t: (-claim[t], -queues[t][0][1].score, queues[t][0][0]))
        chosen.append(queues[best].popleft()[1])
        taken[best] += 1
    return chosen


def type_target(profile: Profile, query: Query, table: ItemTable, offered: Sequence[Candidate] = ()) -> dict[ItemType, float]:
    """Return which share each item type should have; shares sum to 1, and an empty answer means: keep the order.

    * Types that the query names: only these, shared as in the history.
    * Items that the query names: their types. Genres: the types that have these genres.
    * Other words: the types of the first 20 ``offered``; without ``offered`` the answer is empty.
    * No query: the types of what the history likes, a fifth of the weight shared out evenly among them; without a history, all
      types of the catalog alike.
    """
    history = _history_shares(profile, table)
    if query.types:
        return _normalised({t: history.get(t, 0.0) + 0.1 for t in query.types})
    named = Counter(table.items[table.rows[i]].type for i in query.like_item_ids if i in table.rows)
    if named:
        return _normalised(named)
    columns = genre_columns(table, query.genres)
    if columns:
        rows = table.genres[:, columns].any(axis=1)
        return _normalised(Counter(ITEM_TYPES[code] for code in table.types[rows].tolist()))
    if query.text.strip():
        return _normalised(Counter(c.item.type for c in offered[:_OFFERED]))
    if history:
        even = 1 / len(history)
        return {t: (1 - _SMOOTHING) * share + _SMOOTHING * even for t, share in history.items()}
    return _normalised({ITEM_TYPES[code]: 1.0 for code in set(table.types.tolist())})


def _history_shares(profile: Profile, table: ItemTable) -> dict[ItemType, float]:
    mass: dict[ItemType, float] = defaultdict(float)
    for entry in profile.liked:
        row = table.rows.get(entry.item_id)
        if row is not None:
            mass[table.items[row].type] += entry.weight
    return _normalised(mass)


def _normalised(mass: Mapping[ItemType, float]) -> dict[ItemType, float]:
    total = float(sum(mass.values()))
    return {t: mass[t] / total for t in sorted(mass)} if total > 0 else {}
