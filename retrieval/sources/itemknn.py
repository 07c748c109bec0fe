"""Items that the same people liked."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import sparse

from palate.domain import InteractionReader, Value
from retrieval.base import Float32, ItemTable
from retrieval.sources._neighbours import LinearSource, strongest
from retrieval.sources._profiles import Rows
from retrieval.sources._ranking import newest_of_each, read_positives

__all__ = ["ItemKnnConfig", "ItemKnnSource"]


class ItemKnnConfig(Value):
    """``neighbours`` are kept an item. ``shrinkage`` damps what few people say, ``n / (n + shrinkage)`` for ``n`` who liked both.
    ``tau`` is the recency scale in positions, ``query_weight`` that of items named in the query. Of each person the newest
    ``max_liked`` likings are read.

    Items that fewer than ``min_people`` liked are left out.
    """

    similarity: Literal["cosine", "pearson"] = "pearson"
    neighbours: int = Field(default=200, ge=1)
    shrinkage: float = Field(default=10.0, ge=0)
    tau: float = Field(default=3.0, gt=0)
    query_weight: float = Field(default=3.0, ge=0)
    min_people: int = Field(default=2, ge=1)
    max_liked: int = Field(default=1000, ge=2)


class ItemKnnSource(LinearSource):
    """Item-based nearest neighbours (Sarwar et al., WWW 2001; shrinkage after Bell and Koren, ICDM 2007), sparse throughout.

    People either liked an item or not: Pearson's correlation is then the phi coefficient. The score is linear in the profile, so
    each entry's share is exact.
    """

    name = "itemknn"

    def __init__(self, config: ItemKnnConfig | None = None) -> None:
        super().__init__()
        self.config = config or ItemKnnConfig()

    def fit(self, table: ItemTable, interactions: InteractionReader) -> None:
        """Find each item's neighbours: memory grows with the items times ``neighbours``."""
        config = self.config
        positives = newest_of_each(read_positives(table, interactions, config.min_people), config.max_liked)
        ones = np.ones(len(positives.rows), dtype=np.float32)
        x = sparse.csr_array((ones, (positives.people, positives.rows)), shape=(positives.n_people, len(table)))
        liked = np.bincount(positives.rows, minlength=len(table)).astype(np.float32)
        people = np.float32(max(positives.n_people, 1))

        def weigh(rows: Rows, columns: Rows, both: Float32) -> Float32:
            a, b = liked[rows], liked[columns]
            similar: NDArray[Any] = both / np.sqrt(a * b)
            if config.similarity == "pearson":
                spread = np.sqrt(np.maximum(a * (people - a) * b * (people - b), np.float32(1e-6)))
                similar = (people * both - a * b) / spread
            damped: Float32 = (similar * both / (both + np.float32(config.shrinkage))).astype(np.float32)
            return damped

        self._set(table, strongest(x.T.tocsr(), x, config.neighbours, weigh))

    def describe(self) -> dict[str, Any]:
        """Return the config, and how many items have neighbours and how many are kept in all."""
        return {"name": self.name, "config": self.config.model_dump(), **self._size()}
