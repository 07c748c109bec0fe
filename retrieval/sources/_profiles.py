"""What the sources share that score items from a live profile: which entries count how much, and what removing one would do."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from palate.domain import Evidence, Profile, Query
from palate.errors import Unavailable
from retrieval.base import Float32, ItemTable, Mask, Scored
from retrieval.counterfactual import without_item
from retrieval.sources._ranking import falls

__all__ = ["HISTORY", "Inputs", "ProfileSource", "inputs_of", "known_entries", "known_named"]

HISTORY = 100
"""Entries that are served: older ones weigh next to nothing, and work stays bounded."""
_REASONS = 3

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Inputs:
    """What speaks in a request: ``rows`` int64 [m] of items, ``weights`` float32 [m], signed. The first ``len(places)`` are entries
    of the profile, newest first, at ``places`` int64 in ``profile.entries``; items that the query names follow.
    """

    rows: Rows
    weights: Float32
    places: Rows

    def __len__(self) -> int:
        return len(self.rows)


def inputs_of(
    table: ItemTable, known: Container[int], profile: Profile, query: Query, *, tau: float, query_weight: float
) -> Inputs:
    """Return the newest entries whose row is in ``known``, each weighing ``exp(-position / tau)`` by how strong it is (at most 1),
    and the known items that the query names, at ``query_weight``.
    """
    rows, places, strength = known_entries(table, known, profile, HISTORY)
    recency = np.exp(-np.arange(len(rows), dtype=np.float32) / np.float32(tau))
    named = known_named(table, known, query)
    weights = np.concatenate([strength * recency, np.full(len(named), query_weight, dtype=np.float32)])
    return Inputs(np.concatenate([rows, named]), weights, places)


def known_entries(table: ItemTable, known: Container[int], profile: Profile, most: int) -> tuple[Rows, Rows, Float32]:
    """Return rows, places in ``profile.entries`` and strengths (-1 to 1) of the newest ``most`` entries whose row is known."""
    found: list[tuple[int, int, float]] = []
    for place, entry in enumerate(profile.entries):
        row = table.rows.get(entry.item_id)
        if row is not None and row in known:
            found.append((row, place, max(-1.0, min(1.0, entry.weight))))
            if len(found) == most:
                break
    columns = np.array(found, dtype=np.float64).reshape(-1, 3).T
    return columns[0].astype(np.int64), columns[1].astype(np.int64), columns[2].astype(np.float32)


def known_named(table: ItemTable, known: Container[int], query: Query) -> Rows:
    """Return the rows of the known items that a query names."""
    rows = (table.rows.get(item_id) for item_id in query.like_item_ids)
    return np.array([row for row in rows if row is not None and row in known], dtype=np.int64)


class ProfileSource:
    """A source whose scores are computed anew from the profile in every request, so that a new event counts without a refit.

    A source implements ``_scored``: rows, int64 [m] ascending, and their scores, float32 [m]; and ``_shares``: what each entry of
    the profile adds to each item's score, float32 [len(profile.entries), len(item_ids)].
    """

    name: str
    config: Any
    """Holds ``tau``, the recency scale in positions, and ``query_weight``, that of items named in the query."""
    _table: ItemTable | None = None
    _known: Container[int]
    """Rows of items that the fit knows."""
    _floor = 0.0
    """Scores that are not above it are not offered."""

    def candidates(self, profile: Profile, query: Query, n: int, allowed: Mask) -> list[Scored]:
        """Return the items of the highest score; none if no entry of the profile is known."""
        table = self._fitted()
        rows, scores = self._scored(profile, query)
        kept = np.flatnonzero(allowed[rows] & (scores > self._floor))
        rows, scores = rows[kept], scores[kept]
        if 0 < n < len(rows):
            least = np.partition(scores, len(scores) - n)[len(scores) - n]
            kept = np.flatnonzero(scores >= least)
            rows, scores = rows[kept], scores[kept]
        order = np.lexsort((rows, -scores))[: max(n, 0)]
        return [Scored(table.ids[rows[at]], float(scores[at])) for at in order.tolist()]

    def explain(self, profile: Profile, query: Query, item_ids: Sequence[str]) -> dict[str, list[Evidence]]:
        """Return up to three liked history items of the greatest positive share in each item's score, with that share."""
        table = self._fitted()
        known = [item_id for item_id in item_ids if item_id in table.rows]
        shares = self._shares(profile, query, known)
        liked = np.array([entry.weight > 0 for entry in profile.entries], dtype=np.bool_)
        shares[~liked] = 0.0
        best = np.argsort(-shares, axis=0, kind="stable")[:_REASONS]
        found = {}
        for at, item_id in enumerate(known):
            places = [place for place in best[:, at].tolist() if shares[place, at] > 0]
            if places:
                found[item_id] = [_evidence(self.name, profile, place, float(shares[place, at])) for place in places]
        return found

    def falls_without(self, profile: Profile, query: Query, pairs: Sequence[tuple[str, str]], allowed: Mask) -> list[bool]:
        """Return for each (candidate, history item) pair whether the candidate would fall if the history item had not been.

        Exact: the profile is scored anew without the item. What would no longer be offered falls.
        """
        table = self._fitted()
        removed = sorted({gone for _, gone in pairs})
        rows, scores = self._scored_without(profile, query, removed)
        column = {int(row): at for at, row in enumerate(rows.tolist())}
        place = {gone: at for at, gone in enumerate(removed, start=1)}
        asked = [(column.get(table.rows.get(item_id, -1)), place[gone]) for item_id, gone in pairs]
        offered = allowed[rows] & (scores > self._floor)
        fell = falls(scores, allowed[rows], asked)
        return [
            at is not None and (down or bool(offered[0, at] and not offered[row, at]))
            for (at, row), down in zip(asked, fell, strict=True)
        ]

    def _scored_without(self, profile: Profile, query: Query, removed: Sequence[str]) -> tuple[Rows, Float32]:
        """Return rows, int64 [m] ascending, and their scores, float32 [1 + len(removed), m]: with all, and without each item."""
        found = [self._scored(one, query) for one in (profile, *(without_item(profile, gone) for gone in removed))]
        rows = np.unique(np.concatenate([rows for rows, _ in found]))
        scores = np.full((len(found), len(rows)), self._floor, dtype=np.float32)
        for at, (some, values) in enumerate(found):
            scores[at, np.searchsorted(rows, some)] = values
        return rows, scores

    def _inputs(self, profile: Profile, query: Query) -> Inputs:
        config = self.config
        return inputs_of(self._fitted(), self._known, profile, query, tau=config.tau, query_weight=config.query_weight)

    def _scored(self, profile: Profile, query: Query) -> tuple[Rows, Float32]:
        raise NotImplementedError

    def _shares(self, profile: Profile, query: Query, item_ids: Sequence[str]) -> Float32:
        raise NotImplementedError

    def _fitted(self) -> ItemTable:
        if self._table is None:
            raise Unavailable(f"The source {self.name!r} is not fitted.", remedy="Call fit(table, interactions) first.")
        return self._table


def _evidence(source: str, profile: Profile, place: int, weight: float) -> Evidence:
    entry = profile.entries[place]
    return Evidence(kind="history", source=source, weight=weight, item_id=entry.item_id, platform=entry.platform, detail="")
