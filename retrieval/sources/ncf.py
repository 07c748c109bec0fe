"""A neural collaborative filter whose people are what they liked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from palate.domain import Evidence, InteractionReader, Profile, Progress, Query, Value
from palate.errors import Unavailable
from retrieval.base import Float32, ItemTable, Mask, Scored
from retrieval.sources._ranking import best_rows, read_positives, to_scored
from retrieval.sources._torch import best_known, histories, import_torch, rows_of, seeded

__all__ = ["NcfConfig", "NcfSource"]


class NcfConfig(Value):
    """``dim`` numbers a vector; ``history`` newest items are a person, weights falling by ``tau`` positions; ``max_items`` bounds
    the items with a vector of their own to those that most people liked. ``unknown`` is the share of items that must be found by
    their genres alone in a training step, so that an item nobody took has a place. Up to ``positions`` moments a person are learned
    from. Of more items than four times ``negatives`` that many are drawn a step.

    Items that fewer than ``min_people`` liked are left out.
    """

    dim: int = Field(default=64, ge=2)
    hidden: int = Field(default=128, ge=1)
    history: int = Field(default=50, ge=1)
    tau: float = Field(default=10.0, gt=0)
    dropout: float = Field(default=0.3, ge=0, lt=1)
    unknown: float = Field(default=0.1, ge=0, lt=1)
    learning_rate: float = Field(default=3e-3, gt=0)
    epochs: int = Field(default=8, ge=1)
    positions: int = Field(default=40, ge=1)
    batch: int = Field(default=256, ge=1)
    negatives: int = Field(default=1024, ge=1)
    min_people: int = Field(default=2, ge=1)
    max_items: int = Field(default=20_000, ge=1)
    seed: int = 0


class NcfSource:
    """Neural collaborative filtering (He et al., WWW 2017) in the form of two towers: a person is the weighted mean of vectors of
    what they liked, through a perceptron (Covington et al., RecSys 2016), so that a new event or person needs no refit; an item is
    a vector of its own and that of its genres.
    """

    name = "ncf"

    def __init__(self, config: NcfConfig | None = None) -> None:
        self.config = config or NcfConfig()
        self._table: ItemTable | None = None
        self._columns: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._known = 0
        self._network: Any = None
        self._items: Float32 = np.zeros((0, 0), dtype=np.float32)

    def fit(self, table: ItemTable, interactions: InteractionReader, progress: Progress | None = None) -> None:
        """Train on what people liked after what.

        Raises:
            MissingExtra: torch is not installed.

        """
        import_torch()
        positives = read_positives(table, interactions, self.config.min_people)
        rows, columns = best_known(positives, len(table), self.config.max_items)
        sequences = [s for s in histories(positives, columns) if len(s) >= 2]
        network, items = None, np.zeros((0, 0), dtype=np.float32)
        if sequences:
            from retrieval.sources._ncf_net import train

            genres = table.genres.astype(np.float32)
            with seeded(self.config.seed):
                network = train(sequences, genres[rows], self.config, progress)
            items = network.vectors(genres, columns)
        self._table, self._columns, self._known, self._network, self._items = table, columns, len(rows), network, items

    def candidates(self, profile: Profile, query: Query, n: int, allowed: Mask) -> list[Scored]:
        """Return the items of the highest score, also such as nobody took; none if no entry of the profile is known."""
        table = self._fitted()
        history = rows_of(profile, table, self._columns, self.config.history)
        if self._network is None or not history:
            return []
        scores = self._items @ self._network.person(history)
        return to_scored(table, best_rows(scores, allowed, n), scores)

    def explain(self, profile: Profile, query: Query, item_ids: Sequence[str]) -> dict[str, list[Evidence]]:
        """Return nothing: what goes through a perceptron has no share of a score."""
        return {}

    def describe(self) -> dict[str, Any]:
        """Return the config and how many items have a vector of their own."""
        return {"name": self.name, "config": self.config.model_dump(), "items": self._known}

    def _fitted(self) -> ItemTable:
        if self._table is None:
            raise Unavailable("The source 'ncf' is not fitted.", remedy="Call fit(table, interactions) first.")
        return self._table
