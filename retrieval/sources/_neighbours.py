"""Sparse item-to-item scores: built in blocks, kept to the strongest, summed over the rows of a profile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from palate.domain import Profile, Query
from retrieval.base import Float32, ItemTable
from retrieval.sources._profiles import HISTORY, ProfileSource, Rows, known_entries, known_named

__all__ = ["LinearSource", "strongest", "touched"]

_BLOCK_PRODUCTS = 20_000_000
"""Multiplications of one block: bounds the memory of the products before they are cut to the strongest."""

Weigh = Callable[[Rows, Rows, Float32], Float32]
"""From rows, columns and raw counts to scores."""


def strongest(left: sparse.csr_array, right: sparse.csr_array, n: int, weigh: Weigh) -> sparse.csr_array:
    """Return ``weigh(left @ right)`` without its diagonal, the ``n`` greatest positive scores a row, ties by column.

    It goes over the rows in blocks, so that the whole product is never held.
    """
    parts, total = [], left.shape[0]
    for first, last in _blocks(left, right):
        product = (left[first:last] @ right).tocoo()
        rows, columns = product.coords[0].astype(np.int64) + first, product.coords[1].astype(np.int64)
        values = weigh(rows, columns, product.data.astype(np.float32))
        kept = np.flatnonzero((values > 0) & (rows != columns))
        rows, columns, values = rows[kept], columns[kept], values[kept]
        order = np.lexsort((columns, -values, rows))
        rows, columns, values = rows[order], columns[order], values[order]
        starts = np.searchsorted(rows, rows, side="left")
        kept = np.flatnonzero(np.arange(len(rows)) - starts < n)
        parts.append((rows[kept], columns[kept], values[kept]))
    if not parts:
        return sparse.csr_array((total, right.shape[1]), dtype=np.float32)
    rows, columns, values = (np.concatenate(many) for many in zip(*parts, strict=True))
    return sparse.csr_array((values, (rows, columns)), shape=(total, right.shape[1]))


def _blocks(left: sparse.csr_array, right: sparse.csr_array) -> Iterator[tuple[int, int]]:
    """Yield ranges of rows of ``left`` whose products with ``right`` stay below the bound (one row at least)."""
    lengths = np.diff(right.indptr)
    cost = np.concatenate([[0], np.cumsum(lengths[left.indices], dtype=np.int64)])[left.indptr]
    first = 0
    while first < left.shape[0]:
        last = int(np.searchsorted(cost, cost[first] + _BLOCK_PRODUCTS, side="right")) - 1
        last = max(last, first + 1)
        yield first, last
        first = last


class LinearSource(ProfileSource):
    """Scores ``sum_i w_i S_ij`` over the profile's entries for a sparse ``S``: a request touches only the rows of the profile."""

    def __init__(self) -> None:
        self._s = sparse.csr_array((0, 0), dtype=np.float32)
        self._known: frozenset[int] = frozenset()

    def _set(self, table: ItemTable, s: sparse.csr_array) -> None:
        self._s, self._table = s, table
        self._known = frozenset(np.flatnonzero(np.diff(s.indptr)).tolist())

    def _size(self) -> dict[str, int]:
        return {"items": len(self._known), "pairs": int(self._s.nnz)}

    def _scored(self, profile: Profile, query: Query) -> tuple[Rows, Float32]:
        inputs = self._inputs(profile, query)
        columns, values, _ = touched(self._s, inputs.rows, inputs.weights)
        rows, at = np.unique(columns, return_inverse=True)
        return rows, np.bincount(at, weights=values, minlength=len(rows)).astype(np.float32)

    def _scored_without(self, profile: Profile, query: Query, removed: Sequence[str]) -> tuple[Rows, Float32]:
        table, config = self._fitted(), self.config
        rows, _, strength = known_entries(table, self._known, profile, HISTORY + len(removed))
        gone = np.array([table.rows.get(item_id, -1) for item_id in removed], dtype=np.int64)
        stays = np.concatenate([np.ones((1, len(rows)), dtype=np.bool_), rows[None, :] != gone[:, None]])
        places = np.cumsum(stays, axis=1) - 1  # what is older moves up
        weights = np.where(stays & (places < HISTORY), strength * np.exp(-places / config.tau), 0.0)
        named = known_named(table, self._known, query)
        weights = np.concatenate([weights, np.full((len(weights), len(named)), config.query_weight)], axis=1)
        rows = np.concatenate([rows, named])
        columns, values, owner = touched(self._s, rows, np.ones(len(rows), dtype=np.float32))
        found, at = np.unique(columns, return_inverse=True)
        spoken = sparse.csr_array((values.astype(np.float64), (at, owner)), shape=(len(found), len(rows)))
        return found, (spoken @ weights.T).T.astype(np.float32)

    def _shares(self, profile: Profile, query: Query, item_ids: Sequence[str]) -> Float32:
        table, inputs = self._fitted(), self._inputs(profile, query)
        m = len(inputs.places)
        out = np.zeros((len(profile.entries), len(item_ids)), dtype=np.float32)
        place = {table.rows[item_id]: at for at, item_id in enumerate(item_ids)}
        columns, values, owner = touched(self._s, inputs.rows[:m], inputs.weights[:m])
        for at in np.flatnonzero(np.isin(columns, list(place))).tolist():
            out[inputs.places[owner[at]], place[int(columns[at])]] = values[at]
        return out


def touched(matrix: sparse.csr_array, rows: Rows, weights: Float32) -> tuple[Rows, Float32, NDArray[np.int64]]:
    """Return the columns of all entries of some rows, their values by the row's weight, and each one's position in ``rows``."""
    starts = matrix.indptr[rows].astype(np.int64)
    lengths = matrix.indptr[rows + 1] - starts
    owner = np.repeat(np.arange(len(rows)), lengths)
    at = np.arange(len(owner)) + np.repeat(starts - np.cumsum(lengths) + lengths, lengths)
    return matrix.indices[at].astype(np.int64), matrix.data[at] * weights[owner], owner
