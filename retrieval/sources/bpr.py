"""Factors that put what was liked before what was not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import sparse

from palate.domain import InteractionReader, Profile, Query, Value
from retrieval.base import Float32, ItemTable
from retrieval.repeatable import one_blas_thread
from retrieval.sources._factors import FactorSource, compact, import_implicit
from retrieval.sources._profiles import Inputs
from retrieval.sources._ranking import read_positives

__all__ = ["BprConfig", "BprSource"]


class BprConfig(Value):
    """``factors`` numbers a vector, beside a bias an item; ``seed`` draws the first vectors and the pairs. ``alpha``,
    ``fold_regularization`` and ``tau``, the recency scale in positions, are of profiles that are folded in, ``query_weight`` of
    items that a query names.

    Items that fewer than ``min_people`` liked are left out.
    """

    factors: int = Field(default=10, ge=1)
    learning_rate: float = Field(default=0.01, gt=0)
    regularization: float = Field(default=0.05, ge=0)
    min_people: int = Field(default=2, ge=1)
    iterations: int = Field(default=100, ge=1)
    seed: int = 0
    alpha: float = Field(default=10.0, gt=0)
    fold_regularization: float = Field(default=10.0, gt=0)
    tau: float = Field(default=10.0, gt=0)
    query_weight: float = Field(default=3.0, ge=0)


class BprSource(FactorSource):
    """Bayesian personalised ranking (Rendle et al., UAI 2009), fitted by ``implicit``, which draws what was not liked from what
    others liked: popular items lose more often than by even draws, and results are better than with those.

    A person whose likings are those of the fit is served the vector that was learned, and no history item has a share of its own in
    that. Any other profile is folded in, at the mean length of learned vectors, so that the biases keep their part.
    """

    name = "bpr"

    def __init__(self, config: BprConfig | None = None) -> None:
        self.config = config or BprConfig()
        super().__init__(self.config.alpha, self.config.fold_regularization)
        self._people: dict[str, int] = {}
        self._vectors: Float32 = np.zeros((0, 0), dtype=np.float32)
        self._liked = sparse.csr_matrix((0, 0), dtype=np.float32)
        self._length = 0.0

    @one_blas_thread
    def fit(self, table: ItemTable, interactions: InteractionReader) -> None:
        """Learn from pairs of what a person liked and what they did not, on one thread.

        Raises:
            MissingExtra: ``implicit`` is not installed.

        """
        _, bpr = import_implicit()
        config = self.config
        positives = read_positives(table, interactions, config.min_people)
        rows, liked = compact(positives)
        self._people = {name: at for at, name in enumerate(positives.names)}
        self._liked = liked
        if not len(rows):
            self._set(table, rows, np.zeros((0, 1), dtype=np.float32), np.zeros(0, dtype=np.float32))
            return
        model = bpr.BayesianPersonalizedRanking(
            factors=config.factors,
            learning_rate=config.learning_rate,
            regularization=config.regularization,
            iterations=config.iterations,
            num_threads=1,
            random_state=config.seed,
        )
        model.fit(liked, show_progress=False)
        self._vectors = np.ascontiguousarray(model.user_factors[:, :-1], dtype=np.float32)
        self._length = float(np.linalg.norm(self._vectors, axis=1).mean())
        self._set(table, rows, model.item_factors[:, :-1], model.item_factors[:, -1])

    def describe(self) -> dict[str, Any]:
        """Return the config and how many items and people have a vector."""
        return {"name": self.name, "config": self.config.model_dump(), "items": len(self._rows), "people": len(self._people)}

    def _user(self, profile: Profile, query: Query) -> NDArray[np.float64] | None:
        learned = self._learned(profile, query)
        return super()._user(profile, query) if learned is None else learned.astype(np.float64)

    def _shares(self, profile: Profile, query: Query, item_ids: Sequence[str]) -> Float32:
        if self._learned(profile, query) is not None:
            return np.zeros((len(profile.entries), len(item_ids)), dtype=np.float32)
        return super()._shares(profile, query, item_ids)

    def _folded(self, inputs: Inputs) -> NDArray[np.float64]:
        shares = super()._folded(inputs)
        return shares * (self._length / max(float(np.linalg.norm(shares.sum(axis=0))), 1e-9))

    def _learned(self, profile: Profile, query: Query) -> Float32 | None:
        """Return the vector of a person whose likings are those that it was learned from."""
        person = self._people.get(profile.person_id)
        if person is None or query.like_item_ids:
            return None
        rows = self._fitted().rows
        columns = {self._known.get(rows.get(entry.item_id, -1), -1) for entry in profile.entries if entry.weight > 0}
        known = self._liked.indices[self._liked.indptr[person] : self._liked.indptr[person + 1]]
        return self._vectors[person] if columns == set(known.tolist()) else None
