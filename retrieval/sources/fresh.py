"""What is new and taken up fast, for catalogs that age quickly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import Field

from palate.domain import Evidence, InteractionReader, Profile, Query, Value
from palate.errors import Unavailable
from retrieval.base import Float32, ItemTable, Mask, Scored
from retrieval.sources._ranking import best_rows, popularity_evidence, read_positives, to_scored

__all__ = ["FreshConfig", "FreshSource"]

_SECONDS_A_DAY = 86_400.0


class FreshConfig(Value):
    """An item is fresh for ``window_days`` after it was first liked; a liking halves in ``half_life_days``; ``taste`` is how much
    an item with the genres of the whole profile gains.
    """

    window_days: float = Field(default=7.0, gt=0)
    half_life_days: float = Field(default=1.0, gt=0)
    taste: float = Field(default=2.0, ge=0)


class FreshSource:
    """Decayed popularity among what was first liked lately, times how its genres fit the profile.

    Time is counted back from the newest event of the fit. See Das et al. (WWW 2007) on news.
    """

    name = "fresh"

    def __init__(self, config: FreshConfig | None = None) -> None:
        self.config = config or FreshConfig()
        self._table: ItemTable | None = None
        self._scores: Float32 = np.zeros(0, dtype=np.float32)
        self._people: dict[str, int] = {}
        self._genres: Float32 = np.zeros((0, 0), dtype=np.float32)

    def fit(self, table: ItemTable, interactions: InteractionReader) -> None:
        """Find what is fresh, and how fast it is taken up."""
        positives, config = read_positives(table, interactions), self.config
        first = np.full(len(table), np.inf)
        np.minimum.at(first, positives.rows, positives.since)
        now = positives.at.max() if len(positives.at) else 0.0
        decay = 0.5 ** ((now - positives.at) / _SECONDS_A_DAY / config.half_life_days)
        mass = np.bincount(positives.rows, weights=decay, minlength=len(table))
        fresh = np.isfinite(first) & (now - first <= config.window_days * _SECONDS_A_DAY)
        counts = np.bincount(positives.rows, minlength=len(table))
        self._scores = np.where(fresh, np.log1p(mass), 0.0).astype(np.float32)
        self._people = {table.ids[row]: int(counts[row]) for row in np.flatnonzero(fresh)}
        lengths = np.sqrt(np.maximum(table.genres.sum(axis=1, keepdims=True), 1))
        self._genres = (table.genres / lengths).astype(np.float32)
        self._table = table

    def candidates(self, profile: Profile, query: Query, n: int, allowed: Mask) -> list[Scored]:
        """Return what is fresh, that first which is taken up fast and fits; none if nothing is."""
        table = self._fitted()
        rows = [table.rows[e.item_id] for e in profile.liked if e.item_id in table.rows]
        scores = self._scores
        if rows and self._genres.shape[1]:
            taste = self._genres[rows].mean(axis=0)
            scores = scores * (1.0 + self.config.taste * (self._genres @ taste)).astype(np.float32)
        return to_scored(table, best_rows(scores, allowed, n, floor=0.0), scores)

    def explain(self, profile: Profile, query: Query, item_ids: Sequence[str]) -> dict[str, list[Evidence]]:
        """Return by how many people each fresh item was liked."""
        table = self._fitted()
        return popularity_evidence(self.name, table, self._scores, self._people, item_ids)

    def describe(self) -> dict[str, Any]:
        """Return the config and how many items are fresh."""
        return {"name": self.name, "config": self.config.model_dump(), "items": len(self._people)}

    def _fitted(self) -> ItemTable:
        if self._table is None:
            raise Unavailable("The source 'fresh' is not fitted.", remedy="Call fit(table, interactions) first.")
        return self._table
