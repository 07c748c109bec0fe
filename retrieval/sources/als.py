"""Factors that explain who liked what."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from palate.domain import InteractionReader, Progress, Value
from retrieval.base import ItemTable
from retrieval.repeatable import one_blas_thread
from retrieval.sources._factors import FactorSource, compact, import_implicit
from retrieval.sources._ranking import read_positives

__all__ = ["AlsConfig", "AlsSource"]


class AlsConfig(Value):
    """``factors`` numbers a vector, ``alpha`` is how much more a liking counts than nothing known, ``regularization`` is lambda,
    ``seed`` draws the first vectors. ``tau`` is the recency scale in positions, ``query_weight`` that of items named in the query.

    Items that fewer than ``min_people`` liked are left out.
    """

    factors: int = Field(default=128, ge=1)
    alpha: float = Field(default=10.0, gt=0)
    regularization: float = Field(default=10.0, gt=0)
    min_people: int = Field(default=2, ge=1)
    iterations: int = Field(default=15, ge=1)
    seed: int = 0
    tau: float = Field(default=5.0, gt=0)
    query_weight: float = Field(default=3.0, ge=0)


class AlsSource(FactorSource):
    """Implicit-feedback factorization by alternating least squares (Hu, Koren and Volinsky, ICDM 2008), fitted by ``implicit``.

    The person's side is solved anew from the live profile in every request.
    """

    name = "als"

    def __init__(self, config: AlsConfig | None = None) -> None:
        self.config = config or AlsConfig()
        super().__init__(self.config.alpha, self.config.regularization)

    @one_blas_thread
    def fit(self, table: ItemTable, interactions: InteractionReader, progress: Progress | None = None) -> None:
        """Factorize who liked what, on one thread.

        Raises:
            MissingExtra: ``implicit`` is not installed.

        """
        als, _ = import_implicit()
        config = self.config
        rows, liked = compact(read_positives(table, interactions, config.min_people))
        if not len(rows):
            self._set(table, rows, np.zeros((0, 1), dtype=np.float32), np.zeros(0, dtype=np.float32))
            return

        def tell(done: int, *_: Any) -> None:
            if progress is not None:
                progress("als", done + 1, config.iterations)

        model = als.AlternatingLeastSquares(
            factors=config.factors,
            alpha=1.0 + config.alpha,
            regularization=config.regularization,
            iterations=config.iterations,
            num_threads=1,
            random_state=config.seed,
        )
        model.fit(liked, show_progress=False, callback=tell)
        self._set(table, rows, model.item_factors, np.zeros(len(rows), dtype=np.float32))

    def describe(self) -> dict[str, Any]:
        """Return the config and how many items have a vector."""
        return {"name": self.name, "config": self.config.model_dump(), "items": len(self._rows)}
