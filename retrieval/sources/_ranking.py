"""Small array work that the candidate sources share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from palate.domain import Evidence, Interaction, InteractionReader, preference
from retrieval.base import Float32, ItemTable, Mask, Scored

__all__ = [
    "Positives",
    "best_rows",
    "best_rows_by_type",
    "falls",
    "genre_columns",
    "newest_of_each",
    "popularity_evidence",
    "read_positives",
    "to_scored",
]

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Positives:
    """Who liked what: ``people`` int64 [p] into ``names``, ``rows`` int64 [p] into the table, by person in the order of the first
    liking; ``at`` and ``since`` are when each liking was last and first heard of, float64 [p] POSIX seconds.
    """

    people: NDArray[np.int64]
    rows: NDArray[np.int64]
    at: NDArray[np.float64]
    since: NDArray[np.float64]
    names: tuple[str, ...]

    @property
    def n_people(self) -> int:
        """Return how many people liked anything."""
        return len(self.names)


def read_positives(table: ItemTable, interactions: InteractionReader, min_people: int = 1) -> Positives:
    """Read the interactions of positive preference with items of ``table``; each person's liking of an item counts once.

    Items that fewer than ``min_people`` liked are left out: what one person alone took would lead back to that person, also where a
    request leaves the platform out on which it was taken.
    """
    times: dict[tuple[int, int], tuple[float, float]] = {}
    people: dict[str, int] = {}
    for event in _known(interactions.interactions(), table):
        if preference(event.verb, event.value) > 0:
            person = people.setdefault(event.person_id, len(people))
            key = (person, table.rows[event.item_id])
            since, at = times.get(key, (event.at, event.at))
            times[key] = min(since, event.at), max(at, event.at)
    pairs = np.array(list(times), dtype=np.int64).reshape(-1, 2)
    counts = np.bincount(pairs[:, 1], minlength=len(table))
    kept = counts[pairs[:, 1]] >= min_people
    since_at = np.array(list(times.values()), dtype=np.float64).reshape(-1, 2)
    return Positives(pairs[kept, 0], pairs[kept, 1], since_at[kept, 1], since_at[kept, 0], tuple(people))


def _known(events: Iterable[Interaction], table: ItemTable) -> Iterable[Interaction]:
    return (event for event in events if event.item_id in table.rows)


def best_rows(scores: Float32, allowed: Mask, n: int, floor: float = -np.inf) -> Rows:
    """Return up to ``n`` allowed rows of a score above ``floor``, best first, ties by row (so by item id)."""
    rows: Rows = np.flatnonzero(allowed & (scores > floor))
    if n <= 0:
        return rows[:0]
    if len(rows) > n:
        negated = -scores[rows]
        rows = rows[negated <= np.partition(negated, n - 1)[n - 1]]
    order = np.lexsort((rows, -scores[rows]))
    return rows[order][:n]


def best_rows_by_type(scores: Float32, allowed: Mask, types: NDArray[Any], n: int, floor: float = -np.inf) -> Rows:
    """Like :func:`best_rows`, with room for every type: half of ``n`` is shared out evenly among the types that are allowed.

    Otherwise the type that most people use would leave no candidate of another for the later stages to choose from.
    """
    present = np.flatnonzero(np.bincount(types[allowed]))  # cheaper than to sort a large catalog's types
    if len(present) < 2:
        return best_rows(scores, allowed, n, floor)
    quota = n // (2 * len(present))
    picked = np.zeros(len(scores), dtype=np.bool_)
    for code in present:
        picked[best_rows(scores, allowed & (types == code), quota, floor)] = True
    picked[best_rows(scores, allowed & ~picked, n - int(picked.sum()), floor)] = True
    return best_rows(scores, picked, n, floor)


def falls(scores: Float32, allowed: Mask, pairs: Iterable[tuple[int | None, int]]) -> list[bool]:
    """Return for each (column, row) pair whether the column's item stands lower in that row of ``scores`` than in row 0.

    ``scores`` is float32 [1 + removed, m], ``allowed`` bool [m]. Lower is: more allowed columns score above it, or equally many
    while its own score is lower. Columns that are ``None`` or not allowed do not fall.
    """
    standing = np.where(allowed[None, :], scores, np.float32(-np.inf))
    out = []
    for column, row in pairs:
        if column is None or not allowed[column]:
            out.append(False)
            continue
        before, after = standing[0, column], standing[row, column]
        above = int(np.count_nonzero(standing[0] > before)), int(np.count_nonzero(standing[row] > after))
        out.append(bool(above[1] > above[0] or (above[1] == above[0] and after < before)))
    return out


def popularity_evidence(
    source: str, table: ItemTable, scores: Float32, people: Mapping[str, int], item_ids: Iterable[str]
) -> dict[str, list[Evidence]]:
    """Return by how many people each item was liked, weighing its score; nothing for items that ``people`` does not hold."""
    return {
        item_id: [
            Evidence(kind="popularity", source=source, weight=float(scores[table.rows[item_id]]), detail=str(people[item_id]))
        ]
        for item_id in item_ids
        if item_id in people
    }


def to_scored(table: ItemTable, rows: Rows, scores: Float32) -> list[Scored]:
    """Return the rows as scored items."""
    return [Scored(table.ids[row], float(scores[row])) for row in rows.tolist()]


def genre_columns(table: ItemTable, genres: Iterable[str]) -> list[int]:
    """Return the columns of ``table.genres`` for genre names in any letter case; unknown names are passed over."""
    wanted = {genre.casefold() for genre in genres}
    return [column for column, genre in enumerate(table.genre_names) if genre.casefold() in wanted]


def newest_of_each(positives: Positives, n: int) -> Positives:
    """Return the newest ``n`` likings of each person, by person and oldest first; simultaneous ones keep their order."""
    order = np.lexsort((positives.at, positives.people))
    people = positives.people[order]
    left = np.searchsorted(people, people, side="right") - np.arange(len(people))
    kept = order[left <= n]
    return Positives(positives.people[kept], positives.rows[kept], positives.at[kept], positives.since[kept], positives.names)
