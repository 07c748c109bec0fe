"""What people took next."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field
from scipy import sparse

from palate.domain import InteractionReader, Value
from retrieval.base import Float32, ItemTable
from retrieval.sources._neighbours import LinearSource, strongest
from retrieval.sources._profiles import Rows
from retrieval.sources._ranking import Positives, newest_of_each, read_positives

__all__ = ["TransitionsConfig", "TransitionsSource"]


class TransitionsConfig(Value):
    """A liking counts towards what the same person liked up to ``steps`` likings later, by one over the distance, and ``backward``
    times as much towards what they liked before. The count is divided by all counts from the earlier item plus ``shrinkage``, and
    by the ``damping``-th power of all counts to the later one. The strongest ``neighbours`` are kept an item; ``tau`` is the
    recency scale in positions, ``query_weight`` that of items named in the query. Of each person the newest ``max_liked`` likings
    are read.

    Items that fewer than ``min_people`` liked are left out.
    """

    steps: int = Field(default=10, ge=1, le=50)
    backward: float = Field(default=0.5, ge=0, le=1)
    damping: float = Field(default=0.1, ge=0, le=1)
    shrinkage: float = Field(default=5.0, ge=0)
    neighbours: int = Field(default=200, ge=1)
    tau: float = Field(default=3.0, gt=0)
    query_weight: float = Field(default=3.0, ge=0)
    min_people: int = Field(default=2, ge=1)
    max_liked: int = Field(default=1000, ge=2)


class TransitionsSource(LinearSource):
    """Co-visitation: which items follow one another in people's histories, nearer ones counting more.

    Sequential rules (Kamehkhosh, Jannach and Ludewig, 2017), with some weight on the way back. The score is linear in the profile,
    so each recent item's share is exact.
    """

    name = "transitions"

    def __init__(self, config: TransitionsConfig | None = None) -> None:
        super().__init__()
        self.config = config or TransitionsConfig()

    def fit(self, table: ItemTable, interactions: InteractionReader) -> None:
        """Count what follows what: memory grows with the likings times ``steps``, then the items times ``neighbours``."""
        config = self.config
        positives = newest_of_each(read_positives(table, interactions, config.min_people), config.max_liked)
        counts = _counts(positives, len(table), config)
        left, reached = counts.sum(axis=1), counts.sum(axis=0)

        def weigh(rows: Rows, columns: Rows, values: Float32) -> Float32:
            shrunk = values / (left[rows] + np.float32(config.shrinkage))
            scores: Float32 = (shrunk / np.power(reached[columns] + 1.0, config.damping)).astype(np.float32)
            return scores

        identity = sparse.eye_array(len(table), dtype=np.float32, format="csr")
        self._set(table, strongest(counts, identity, config.neighbours, weigh))

    def describe(self) -> dict[str, Any]:
        """Return the config, and from how many items something follows and how many pairs are kept."""
        return {"name": self.name, "config": self.config.model_dump(), **self._size()}


def _counts(positives: Positives, n_items: int, config: TransitionsConfig) -> sparse.csr_array:
    """Return float32 [n_items, n_items]: how much each item leads to each other one."""
    found = sparse.csr_array((n_items, n_items), dtype=np.float32)
    for step in range(1, config.steps + 1):
        same = np.flatnonzero(positives.people[:-step] == positives.people[step:])
        before, after = positives.rows[same], positives.rows[same + step]
        near = np.full(len(same), 1.0 / step, dtype=np.float32)
        forward = sparse.csr_array((near, (before, after)), shape=(n_items, n_items))
        found = found + forward + np.float32(config.backward) * forward.T.tocsr()
    return found.tocsr()
