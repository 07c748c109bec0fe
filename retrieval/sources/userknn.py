"""What people of the same taste liked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import sparse

from palate.domain import InteractionReader, Profile, Query, Value
from retrieval.base import Float32, ItemTable
from retrieval.sources._neighbours import touched
from retrieval.sources._profiles import Inputs, ProfileSource, Rows
from retrieval.sources._ranking import newest_of_each, read_positives

__all__ = ["UserKnnConfig", "UserKnnSource"]


class UserKnnConfig(Value):
    """``neighbours`` are the people who are asked. ``shrinkage`` damps similarities to people who share little, by
    ``n / (n + shrinkage)`` for ``n`` shared items. ``tau`` is the recency scale in positions, ``query_weight`` that of items named
    in the query. Of each person the newest ``max_liked`` likings are read, and of each item the newest ``max_people`` who liked it.

    Items that fewer than ``min_people`` liked are left out.
    """

    similarity: Literal["cosine", "pearson"] = "cosine"
    neighbours: int = Field(default=50, ge=1)
    shrinkage: float = Field(default=0.0, ge=0)
    tau: float = Field(default=5.0, gt=0)
    query_weight: float = Field(default=3.0, ge=0)
    min_people: int = Field(default=2, ge=1)
    max_liked: int = Field(default=1000, ge=1)
    max_people: int = Field(default=2000, ge=1)


class UserKnnSource(ProfileSource):
    """User-based nearest neighbours (Resnick et al., CSCW 1994), found from the live profile through an inverted index.

    The profile is a weighted vector over items, a neighbour liked an item or did not. Work is bounded by the newest hundred entries
    of the profile, ``max_people`` an item, and ``neighbours`` times ``max_liked``. Given the neighbours, the score is linear in the
    profile, so each entry's share is exact.
    """

    name = "userknn"

    def __init__(self, config: UserKnnConfig | None = None) -> None:
        self.config = config or UserKnnConfig()
        self._liked = sparse.csr_array((0, 0), dtype=np.float32)
        self._people = sparse.csr_array((0, 0), dtype=np.float32)
        self._means: Float32 = np.zeros(0, dtype=np.float32)
        self._norms: Float32 = np.zeros(0, dtype=np.float32)
        self._known: frozenset[int] = frozenset()
        self._places: dict[str, int] = {}

    def fit(self, table: ItemTable, interactions: InteractionReader) -> None:
        """Index who liked what, both ways."""
        config = self.config
        positives = newest_of_each(read_positives(table, interactions, config.min_people), config.max_liked)
        ones = np.ones(len(positives.rows), dtype=np.float32)
        self._liked = sparse.csr_array((ones, (positives.people, positives.rows)), shape=(positives.n_people, len(table)))
        newest = np.lexsort((positives.people, -positives.at, positives.rows))
        rows = positives.rows[newest]
        newest = newest[np.arange(len(rows)) - np.searchsorted(rows, rows) < config.max_people]
        indexed = (ones[newest], (positives.rows[newest], positives.people[newest]))
        self._people = sparse.csr_array(indexed, shape=(len(table), positives.n_people))
        lengths = np.diff(self._liked.indptr).astype(np.float32)
        means = lengths / np.float32(max(len(table), 1)) if config.similarity == "pearson" else np.zeros_like(lengths)
        self._means, self._norms = means, np.sqrt(np.maximum(lengths * (1 - means), np.float32(1e-6)))
        self._places = {name: at for at, name in enumerate(positives.names)}
        self._known = frozenset(np.unique(positives.rows).tolist())
        self._table = table

    def describe(self) -> dict[str, Any]:
        """Return the config, and of how many people the likings are known."""
        return {"name": self.name, "config": self.config.model_dump(), "people": self._liked.shape[0]}

    def _scored(self, profile: Profile, query: Query) -> tuple[Rows, Float32]:
        people, shares = self._neighbours(self._inputs(profile, query), profile.person_id)
        columns, values, _ = touched(self._liked, people, shares.sum(axis=0))
        rows, at = np.unique(columns, return_inverse=True)
        return rows, np.bincount(at, weights=values, minlength=len(rows)).astype(np.float32)

    def _shares(self, profile: Profile, query: Query, item_ids: Sequence[str]) -> Float32:
        table, inputs = self._fitted(), self._inputs(profile, query)
        out = np.zeros((len(profile.entries), len(item_ids)), dtype=np.float32)
        people, shares = self._neighbours(inputs, profile.person_id)
        liked = self._liked[people][:, [table.rows[item_id] for item_id in item_ids]].toarray()
        out[inputs.places] = (shares @ liked)[: len(inputs.places)]
        return out

    def _neighbours(self, inputs: Inputs, person_id: str) -> tuple[NDArray[np.int64], Float32]:
        """Return the nearest people, int64 [k], ties by who came first, and each input's share in their similarity, [m, k]."""
        found, values, owner = touched(self._people, inputs.rows, inputs.weights)
        others = found != self._places.get(person_id, -1)  # nobody is a neighbour of their own: what was left out stays so
        found, values, owner = found[others], values[others], owner[others]
        people, at = np.unique(found, return_inverse=True)
        sums = np.bincount(at, weights=values, minlength=len(people))
        shared = np.bincount(at, minlength=len(people))
        norm = max(float(np.sqrt(np.square(inputs.weights).sum())), 1e-6)
        scale = shared / np.maximum(shared + self.config.shrinkage, 1e-6) / (self._norms[people] * norm)
        similarity = (sums - self._means[people] * float(inputs.weights.sum())) * scale
        best = np.lexsort((people, -similarity))[: self.config.neighbours]
        best = best[similarity[best] > 0]
        place = np.full(len(people), -1, dtype=np.int64)
        place[best] = np.arange(len(best))
        shares = np.outer(inputs.weights, -self._means[people[best]]).astype(np.float32)
        among = np.flatnonzero(place[at] >= 0)
        np.add.at(shares, (owner[among], place[at[among]]), values[among])
        return people[best], (shares * scale[best].astype(np.float32)).astype(np.float32)
