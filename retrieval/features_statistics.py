"""What the features of learned fusion are computed from: who took what, in which order, and when."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import sparse

from palate.domain import Value
from retrieval.base import Float32
from retrieval.inverse import invert
from retrieval.titles import TITLE_COLUMNS

__all__ = ["FeatureConfig", "Sequences", "Statistics", "kernel", "weighted_rows"]

Int64 = NDArray[np.int64]
Matrix = Any
"""float32 [m, m]: an array, or a CSR matrix where most of it is zero."""


class FeatureConfig(Value):
    """``regularization`` is EASE's lambda. ``taus`` are recency scales in positions; ``history`` bounds how many of the newest
    events are looked at. ``steps`` and ``wide`` are how far transitions reach, in positions. ``neighbours`` are the people of
    user-kNN. ``bins`` cut time into equal shares of all events. Matrices of at most ``dense_items`` items are dense.
    """

    regularization: float = Field(default=100.0, gt=0)
    taus: tuple[float, ...] = (1.0, 3.0, 10.0, 40.0)
    history: int = Field(default=200, ge=1)
    steps: int = Field(default=5, ge=1)
    wide: int = Field(default=30, ge=1)
    neighbours: int = Field(default=200, ge=1)
    bins: int = Field(default=64, ge=2)
    dense_items: int = Field(default=5000, ge=1)


@dataclass(frozen=True)
class Sequences:
    """What people took, as columns: person ``u`` has rows ``bounds[u]`` to ``bounds[u + 1]``, oldest first, no item twice.

    Attributes:
        bounds: int64 [u + 1].
        items: int32 [n], positions of items, 0 to m - 1.
        at: float64 [n], POSIX seconds, or any other order.
        values: float32 [n], ratings 0 to 1, NaN where there is none.

    """

    bounds: Int64
    items: NDArray[np.int32]
    at: NDArray[np.float64]
    values: Float32

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def of(self, person: int) -> tuple[NDArray[np.int32], NDArray[np.float64], Float32]:
        """Return a person's items, times and ratings, oldest first."""
        rows = slice(self.bounds[person], self.bounds[person + 1])
        return self.items[rows], self.at[rows], self.values[rows]


@dataclass(frozen=True)
class Statistics:
    """Counts over all sequences, of ``m`` items.

    Attributes:
        inverse: float32 [m, m], ``(X'X + lambda I)^-1`` (EASE: Steck, WWW 2019).
        together: how many took both, divided by the root of how many took the row's item.
        after: how often the column's item came 1 to ``steps`` places after the row's, each counted ``1 / distance``, per taker.
        near: how often both came within ``wide`` places, in either order, each counted ``exp(-distance / 10)``, per taker.
        counts: float64 [m], how many took it.
        ratings: float64 [2, m], the sum of an item's ratings and how many there are.
        edges: float64 [bins - 1], times that cut all events into equal shares.
        when: float32 [m, bins], events of each item before the end of each bin.
        tags: float32 [m, g], tags by rarity, unit rows.
        years: float32 [m], NaN where unknown.
        titles: float32 [m, 3], ``retrieval.titles.TITLE_COLUMNS``, NaN where no language model read them.
        takers: CSR [m, u], who took it.
        sequences: what all was counted on.

    """

    inverse: Float32
    together: Matrix
    after: Matrix
    near: Matrix
    counts: NDArray[np.float64]
    ratings: NDArray[np.float64]
    edges: NDArray[np.float64]
    when: Float32
    tags: Float32
    years: Float32
    titles: Float32
    takers: Any
    sequences: Sequences

    @classmethod
    def fit(
        cls,
        sequences: Sequences,
        tags: NDArray[np.bool_],
        years: NDArray[Any],
        config: FeatureConfig,
        titles: Float32 | None = None,
    ) -> Statistics:
        """Count. ``tags`` is bool [m, g]; ``years`` [m], 0 where unknown; ``titles`` float32 [m, 3], unset where none were read."""
        m, people = len(years), np.repeat(np.arange(len(sequences)), np.diff(sequences.bounds))
        taken = sparse.csr_matrix((np.ones(len(people), dtype=np.float32), (people, sequences.items)), shape=(len(sequences), m))
        gram = (taken.T @ taken).tocsr()
        counts = np.bincount(sequences.items, minlength=m).astype(np.float64)
        per_taker = sparse.diags((1.0 / np.maximum(counts, 1.0)).astype(np.float32))
        steps = _following(sequences, m, np.array([kernel(d, config.steps, wide=False) for d in range(1, config.steps + 1)]))
        wide = _following(sequences, m, np.array([kernel(d, config.wide, wide=True) for d in range(1, config.wide + 1)]))
        root = sparse.diags((1.0 / np.sqrt(np.maximum(counts, 1.0))).astype(np.float32))
        edges = np.quantile(sequences.at, np.linspace(0, 1, config.bins + 1)[1:-1]) if len(people) else np.zeros(config.bins - 1)
        bins = np.searchsorted(edges, sequences.at, side="right")
        when = np.bincount(sequences.items * np.int64(config.bins) + bins, minlength=m * config.bins).reshape(m, config.bins)
        return cls(
            inverse=_inverse(gram, config.regularization),
            together=_packed(root @ gram, config),
            after=_packed(per_taker @ steps, config),
            near=_packed(per_taker @ (wide + wide.T), config),
            counts=counts,
            ratings=_ratings(sequences, m),
            edges=edges,
            when=np.cumsum(when, axis=1).astype(np.float32),
            tags=_rare(tags),
            years=np.where(years > 0, years, np.nan).astype(np.float32),
            titles=np.full((m, len(TITLE_COLUMNS)), np.nan, dtype=np.float32) if titles is None else titles,
            takers=taken.T.tocsr(),
            sequences=sequences,
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all as arrays, to be saved; :meth:`from_arrays` reads them."""
        out: dict[str, NDArray[Any]] = {}
        for name in (f.name for f in fields(self) if f.name != "sequences"):
            held = getattr(self, name)
            if sparse.issparse(held):
                out |= {f"{name}.data": held.data, f"{name}.indices": held.indices, f"{name}.indptr": held.indptr}
                out[f"{name}.shape"] = np.array(held.shape)
            else:
                out[name] = held
        out |= {f"sequences.{f.name}": getattr(self.sequences, f.name) for f in fields(self.sequences)}
        return out

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Statistics:
        """Return what :meth:`arrays` gave. Raises :class:`KeyError` where one is missing."""
        made: dict[str, Any] = {"sequences": Sequences(**{f.name: arrays[f"sequences.{f.name}"] for f in fields(Sequences)})}
        for name in (f.name for f in fields(cls) if f.name != "sequences"):
            if name in arrays:
                made[name] = arrays[name]
            else:
                parts = (arrays[f"{name}.data"], arrays[f"{name}.indices"], arrays[f"{name}.indptr"])
                made[name] = sparse.csr_matrix(parts, shape=tuple(arrays[f"{name}.shape"].tolist()))
        return cls(**made)


def kernel(distance: NDArray[Any] | int, reach: int, *, wide: bool) -> NDArray[np.float64]:
    """Return what two events count that lie ``distance`` places apart: nothing beyond ``reach``, nor where the order is turned."""
    d = np.asarray(distance, dtype=np.float64)
    value = np.exp(-d / 10.0) if wide else 1.0 / np.maximum(d, 1.0)
    return np.where((d >= 1) & (d <= reach), value, 0.0)


def weighted_rows(matrix: Matrix, rows: NDArray[Any], weights: Float32) -> Float32:
    """Return ``weights @ matrix[rows]``, float32 [k, m], with weights [k, len(rows)]."""
    if sparse.issparse(matrix):
        found: Float32 = np.ascontiguousarray((matrix[rows].T @ weights.T).T, dtype=np.float32)
        return found
    product: Float32 = weights @ matrix[rows]
    return product


def _inverse(gram: Any, regularization: float) -> Float32:
    dense: Float32 = np.ascontiguousarray(gram.toarray(), dtype=np.float32)
    dense[np.diag_indices_from(dense)] += np.float32(regularization)
    invert(dense)
    return dense


def _following(sequences: Sequences, m: int, weights: NDArray[np.float64]) -> Any:
    """Return CSR [m, m]: how often the column's item came ``d`` places after the row's, counted ``weights[d - 1]``."""
    people = np.repeat(np.arange(len(sequences)), np.diff(sequences.bounds))
    total = sparse.csr_matrix((m, m), dtype=np.float32)
    for d, weight in enumerate(weights.tolist(), start=1):
        same = people[:-d] == people[d:]
        rows, columns = sequences.items[:-d][same], sequences.items[d:][same]
        total = total + sparse.csr_matrix((np.full(len(rows), weight, dtype=np.float32), (rows, columns)), shape=(m, m))
    return total


def _packed(matrix: Any, config: FeatureConfig) -> Matrix:
    return matrix.toarray() if matrix.shape[0] <= config.dense_items else matrix.tocsr().astype(np.float32)


def _ratings(sequences: Sequences, m: int) -> NDArray[np.float64]:
    rated = ~np.isnan(sequences.values)
    items, values = sequences.items[rated], sequences.values[rated].astype(np.float64)
    return np.stack([np.bincount(items, weights=values, minlength=m), np.bincount(items, minlength=m).astype(np.float64)])


def _rare(tags: NDArray[np.bool_]) -> Float32:
    weighted = tags * np.log((1.0 + len(tags)) / (1.0 + tags.sum(axis=0)))
    norm = np.linalg.norm(weighted, axis=1, keepdims=True) if tags.shape[1] else np.ones((len(tags), 1))
    unit: Float32 = (weighted / np.maximum(norm, 1e-9)).astype(np.float32)
    return unit
