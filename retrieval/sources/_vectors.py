"""One space of the vector index, kept at hand while it is small enough."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import simsimd
from numpy.typing import NDArray

from palate.domain import ITEM_TYPES
from palate.errors import PalateError
from retrieval.base import Float32, ItemTable, Mask, VectorIndex
from retrieval.sources._ranking import best_rows

__all__ = ["Space"]

_log = logging.getLogger(__name__)
_THREADS = 2


@dataclass(frozen=True)
class _Resident:
    """Vectors, float16 [m, dim], of table rows, int64 [m], and their types, int8 [m]; ``at`` is -1 or the place in ``vectors`` for
    every table row, [n].
    """

    vectors: NDArray[np.float16]
    rows: NDArray[np.int64]
    types: NDArray[np.int8]
    at: NDArray[np.int64]


class Space:
    """Nearest items of the catalog in one space.

    Up to ``resident`` vectors are copied into memory in half precision, where a search looks at all of them, keeps to the mask and
    takes half a millisecond for 10,000; a larger space is searched in the index, asking for more than is needed and leaving out
    what is not allowed.
    The copy follows an index that is still being filled: it is renewed in the background when ``refresh_seconds`` have passed.
    """

    def __init__(self, index: VectorIndex, name: str, table: ItemTable, resident: int, refresh_seconds: float) -> None:
        self.name = name
        self._index, self._table, self._limit, self._every = index, table, resident, refresh_seconds
        self._lock = threading.Lock()
        self._ids: frozenset[str] = frozenset()
        self._resident: _Resident | None = None
        self._read_at = float("-inf")

    def refresh(self, *, force: bool = False) -> None:
        """Read the index anew if other items are in it than before, or if told to.

        Raises:
            IndexUnusable: The index cannot be read.

        """
        with self._lock:
            ids = frozenset(self._index.ids(self.name)) & self._table.rows.keys()
            if force or ids != self._ids:
                self._resident = self._load(sorted(ids)) if len(ids) <= self._limit else None
                self._ids = ids
            self._read_at = time.monotonic()

    def keep_fresh(self) -> None:
        """Start a refresh in the background if it is due; at once if the space was empty."""
        if time.monotonic() - self._read_at < self._every or self._lock.locked():
            return
        if self._ids:
            self._read_at = time.monotonic()
            threading.Thread(target=self._refresh_quietly, name=f"refresh-{self.name}", daemon=True).start()
        else:
            self.refresh()

    def nearest(self, vector: Float32, n: int, groups: Sequence[Sequence[str]], allowed: Mask) -> list[list[tuple[str, float]]]:
        """Return for each group of types up to ``n`` allowed (item id, cosine) pairs, best first, ties by item id.

        ``vector`` is a unit vector [dim]. What is in memory is read once for all groups.
        """
        if not self._ids:
            return [[] for _ in groups]
        held = self._resident
        if held is None:
            return [self._asked(vector, n, types, allowed) for types in groups]
        cosines, free = _products(held.vectors, vector), allowed[held.rows]
        found = []
        for types in groups:
            wanted = np.zeros(len(ITEM_TYPES), dtype=np.bool_)
            wanted[[ITEM_TYPES.index(t) for t in types]] = True
            best = best_rows(cosines, free & wanted[held.types], n).tolist()
            found.append([(self._table.ids[held.rows[i]], float(cosines[i])) for i in best])
        return found

    def _asked(self, vector: Float32, n: int, types: Sequence[str], allowed: Mask) -> list[tuple[str, float]]:
        spare = min(int(np.count_nonzero(~allowed)), 3 * n)
        # Without the filter first: its cost grows with the number of items that pass it, to a hundred times that of the search.
        found = self._kept(self._index.query(self.name, vector, n + spare), types, allowed)
        if len(found) < n and n + spare < len(self._ids):
            found = self._kept(self._index.query(self.name, vector, n + spare, types), types, allowed)
        return found[:n]

    def _kept(self, found: Sequence[tuple[str, float]], types: Sequence[str], allowed: Mask) -> list[tuple[str, float]]:
        rows, items = self._table.rows, self._table.items
        return [(i, cosine) for i, cosine in found if i in rows and allowed[rows[i]] and items[rows[i]].type in types]

    def vectors(self, item_ids: Sequence[str]) -> dict[str, Float32]:
        """Return the vectors that are there, float32 [dim] each, by item id."""
        held = self._resident
        if held is None:
            known = [item_id for item_id in item_ids if item_id in self._ids]
            return self._index.get(self.name, known) if known else {}
        places = {item_id: int(held.at[self._table.rows[item_id]]) for item_id in item_ids if item_id in self._table.rows}
        return {item_id: held.vectors[place].astype(np.float32) for item_id, place in places.items() if place >= 0}

    def __len__(self) -> int:
        return len(self._ids)

    def _load(self, ids: Sequence[str]) -> _Resident | None:
        at = np.full(len(self._table), -1, dtype=np.int64)
        if not ids:
            return None
        found = self._index.get(self.name, ids)
        kept = [item_id for item_id in ids if item_id in found]
        rows = np.array([self._table.rows[item_id] for item_id in kept], dtype=np.int64)
        at[rows] = np.arange(len(rows))
        vectors = np.empty((len(kept), len(found[kept[0]]) if kept else 0), dtype=np.float16)
        for place, item_id in enumerate(kept):
            vectors[place] = found[item_id]
        return _Resident(vectors, rows, self._table.types[rows], at)

    def _refresh_quietly(self) -> None:
        try:
            self.refresh()
        except PalateError:
            _log.exception("The space %r cannot be read; what was read before stays in use", self.name)


def _products(vectors: NDArray[np.float16], vector: Float32) -> Float32:
    """Return the inner products, float32 [m]. What limits them is how fast memory is read, so half as much is half the time."""
    found = simsimd.cdist(vector.astype(np.float16)[None], vectors, metric="dot", threads=_THREADS)
    return np.asarray(found, dtype=np.float32).reshape(-1)
