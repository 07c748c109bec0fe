"""What many people like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import Field

from palate.domain import Evidence, InteractionReader, Profile, Query, Value
from palate.errors import Unavailable
from retrieval.base import Float32, ItemTable, Mask, Scored
from retrieval.sources._ranking import best_rows_by_type, popularity_evidence, read_positives, to_scored

__all__ = ["PopConfig", "PopSource"]


class PopConfig(Value):
    """``half_life_days`` halves a liking for every so many days before the newest one; ``None`` counts all alike."""

    half_life_days: float | None = Field(default=None, gt=0)


class PopSource:
    """Popularity: the logarithm of how many people liked an item, with optional decay over time."""

    name = "pop"

    def __init__(self, config: PopConfig | None = None) -> None:
        self.config = config or PopConfig()
        self._table: ItemTable | None = None
        self._scores: Float32 = np.zeros(0, dtype=np.float32)
        self._people: dict[str, int] = {}

    def fit(self, table: ItemTable, interactions: InteractionReader) -> None:
        """Count the people who liked each item."""
        positives = read_positives(table, interactions)
        weights = np.ones(len(positives.rows))
        if self.config.half_life_days is not None and len(positives.at):
            days = (positives.at.max() - positives.at) / 86_400.0
            weights = 0.5 ** (days / self.config.half_life_days)
        mass = np.bincount(positives.rows, weights=weights, minlength=len(table))
        counts = np.bincount(positives.rows, minlength=len(table))
        self._scores = np.log1p(mass).astype(np.float32)
        self._people = {table.ids[row]: int(counts[row]) for row in np.flatnonzero(counts)}
        self._table = table

    def candidates(self, profile: Profile, query: Query, n: int, allowed: Mask) -> list[Scored]:
        """Return the most liked items, with room for every type; items that nobody liked come last."""
        table = self._fitted()
        return to_scored(table, best_rows_by_type(self._scores, allowed, table.types, n), self._scores)

    def explain(self, profile: Profile, query: Query, item_ids: Sequence[str]) -> dict[str, list[Evidence]]:
        """Return by how many people each item was liked; nothing for items that nobody liked."""
        table = self._fitted()
        return popularity_evidence(self.name, table, self._scores, self._people, item_ids)

    def describe(self) -> dict[str, Any]:
        """Return the config and how many items anybody liked."""
        return {"name": self.name, "config": self.config.model_dump(), "items": len(self._people)}

    def _fitted(self) -> ItemTable:
        if self._table is None:
            raise Unavailable("The source 'pop' is not fitted.", remedy="Call fit(table, interactions) first.")
        return self._table
