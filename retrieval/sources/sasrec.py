"""A small transformer over the order of events."""

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

__all__ = ["SasrecConfig", "SasrecSource"]


class SasrecConfig(Value):
    """``dim`` numbers a vector, ``blocks`` of ``heads`` heads over the newest ``length`` items; ``max_items`` bounds the softmax
    to the items that most people liked. Training stops after ``epochs``, or when ``patience`` of them brought nothing for the last
    item of the people, which is held back for that. Of more items than four times ``negatives`` that many are drawn a step.

    Items that fewer than ``min_people`` liked are left out.
    """

    dim: int = Field(default=64, ge=2)
    blocks: int = Field(default=2, ge=1)
    heads: int = Field(default=2, ge=1)
    length: int = Field(default=50, ge=2)
    dropout: float = Field(default=0.3, ge=0, lt=1)
    learning_rate: float = Field(default=2e-3, gt=0)
    epochs: int = Field(default=20, ge=1)
    patience: int = Field(default=2, ge=1)
    batch: int = Field(default=64, ge=1)
    negatives: int = Field(default=1024, ge=1)
    min_people: int = Field(default=2, ge=1)
    max_items: int = Field(default=20_000, ge=1)
    seed: int = 0


class SasrecSource:
    """Self-attentive sequential recommendation (Kang and McAuley, ICDM 2018), trained with the cross-entropy over all items, which
    makes the difference to later models (Klenitskiy and Vasilev, RecSys 2023).

    A request is one pass over the profile, so that a new event counts at once.
    """

    name = "sasrec"

    def __init__(self, config: SasrecConfig | None = None) -> None:
        self.config = config or SasrecConfig()
        self._table: ItemTable | None = None
        self._rows: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._columns: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._network: Any = None
        self._epochs = 0

    def fit(self, table: ItemTable, interactions: InteractionReader, progress: Progress | None = None) -> None:
        """Train on what people liked, in order.

        Raises:
            MissingExtra: torch is not installed.

        """
        import_torch()
        positives = read_positives(table, interactions, self.config.min_people)
        rows, columns = best_known(positives, len(table), self.config.max_items)
        sequences = [s for s in histories(positives, columns) if len(s) >= 2]
        network = None
        if sequences:
            from retrieval.sources._sasrec_net import train

            with seeded(self.config.seed):
                network, self._epochs = train(sequences, len(rows), self.config, progress)
        self._table, self._rows, self._columns, self._network = table, rows, columns, network

    def candidates(self, profile: Profile, query: Query, n: int, allowed: Mask) -> list[Scored]:
        """Return the items of the highest score; none if no entry of the profile is known."""
        table = self._fitted()
        history = rows_of(profile, table, self._columns, self.config.length)
        if self._network is None or not history:
            return []
        scores = np.full(len(table), -np.inf, dtype=np.float32)
        scores[self._rows] = self._forward(history)
        return to_scored(table, best_rows(scores, allowed, n), scores)

    def explain(self, profile: Profile, query: Query, item_ids: Sequence[str]) -> dict[str, list[Evidence]]:
        """Return nothing: attention is no share of a score."""
        return {}

    def describe(self) -> dict[str, Any]:
        """Return the config, how many items are known and how many epochs the training took."""
        return {"name": self.name, "config": self.config.model_dump(), "items": len(self._rows), "epochs": self._epochs}

    def _forward(self, history: list[int]) -> Float32:
        torch = import_torch()
        with torch.inference_mode():
            found: Float32 = self._network.next_scores(torch.tensor([history])).numpy()[0]
        return found

    def _fitted(self) -> ItemTable:
        if self._table is None:
            raise Unavailable("The source 'sasrec' is not fitted.", remedy="Call fit(table, interactions) first.")
        return self._table
