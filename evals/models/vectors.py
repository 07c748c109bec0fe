"""A vector index in memory, and the text vectors of a data set's items."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from palate.domain import Progress
from palate.errors import IndexUnusable, InvalidInput
from retrieval.base import Float32, ItemTable, TextEmbedder
from retrieval.texts import item_text

__all__ = ["MemoryIndex", "text_vectors"]

_BATCH = 256


@dataclass
class _Held:
    """One space: vectors and types by item id, and the vectors stacked in the order of ids until something changes."""

    version: str
    dim: int
    vectors: dict[str, Float32] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    stacked: tuple[list[str], Float32, list[str]] | None = None


class MemoryIndex:
    """Exact nearest neighbours over arrays (:class:`retrieval.base.VectorIndex`): it lives as long as an evaluation does."""

    def __init__(self) -> None:
        self._spaces: dict[str, _Held] = {}
        self._lock = threading.Lock()

    def open_space(self, space: str, *, version: str, dim: int) -> None:
        """Make the space, or check that it was made by ``version`` with ``dim``.

        Raises:
            IndexUnusable: It was made by another version, or with another ``dim``.

        """
        with self._lock:
            held = self._spaces.setdefault(space, _Held(version, dim))
        if (held.version, held.dim) != (version, dim):
            raise IndexUnusable(
                f"The space {space!r} holds {held.version} with {held.dim} dimensions, not {version} with {dim}.",
                remedy="Reset the space and rebuild it.",
            )

    def upsert(self, space: str, ids: Sequence[str], vectors: Float32, types: Sequence[str]) -> None:
        """Put vectors, float32 [n, dim], with the item types they are filtered by.

        Raises:
            IndexUnusable: The space was not opened.
            InvalidInput: Lengths or dimensions differ, or a number is not finite.

        """
        held = self._spaces.get(space)
        if held is None:
            raise IndexUnusable(f"There is no space {space!r}.", remedy="Call open_space first.")
        if vectors.shape != (len(ids), held.dim) or len(types) != len(ids) or not np.isfinite(vectors).all():
            raise InvalidInput(
                f"Vectors {vectors.shape} and {len(types)} types do not fit {len(ids)} items of {held.dim} dimensions.",
                remedy="Give a finite vector and a type for each item.",
            )
        with self._lock:
            held.vectors.update({item_id: vector.astype(np.float32) for item_id, vector in zip(ids, vectors, strict=True)})
            held.types.update(zip(ids, types, strict=True))
            held.stacked = None

    def query(self, space: str, vector: Float32, n: int, types: Sequence[str] = ()) -> list[tuple[str, float]]:
        """Return up to ``n`` (item id, cosine) pairs, best first, ties by item id."""
        held = self._spaces.get(space)
        if held is None or not held.vectors or n <= 0:
            return []
        ids, matrix, kinds = self._stacked(held)
        # Rounded, as a product may differ in the last bit between rows that are alike.
        cosines = np.round(matrix @ (vector / max(float(np.linalg.norm(vector)), 1e-12)).astype(np.float32), 6)
        order = (at for at in np.argsort(-cosines, kind="stable").tolist() if not types or kinds[at] in types)
        return [(ids[at], float(cosines[at])) for at in islice(order, n)]

    def get(self, space: str, ids: Sequence[str]) -> dict[str, Float32]:
        """Return the vectors that are there, by item id."""
        held = self._spaces.get(space)
        return {} if held is None else {item_id: held.vectors[item_id] for item_id in ids if item_id in held.vectors}

    def ids(self, space: str) -> set[str]:
        """Return the item ids of a space."""
        held = self._spaces.get(space)
        return set() if held is None else set(held.vectors)

    def delete(self, ids: Sequence[str], space: str | None = None) -> None:
        """Remove items from every space, or from the one named; unknown ids are passed over."""
        with self._lock:
            for name, held in self._spaces.items():
                if space in {None, name}:
                    for item_id in ids:
                        held.vectors.pop(item_id, None)
                        held.types.pop(item_id, None)
                    held.stacked = None

    def reset(self, space: str) -> None:
        """Remove a space with all it holds."""
        with self._lock:
            self._spaces.pop(space, None)

    def _stacked(self, held: _Held) -> tuple[list[str], Float32, list[str]]:
        with self._lock:
            if held.stacked is None:
                ids = sorted(held.vectors)
                held.stacked = ids, np.stack([held.vectors[i] for i in ids]), [held.types[i] for i in ids]
            return held.stacked


def text_vectors(table: ItemTable, embedder: TextEmbedder, folder: Path | None = None, progress: Progress | None = None) -> Float32:
    """Return the unit vectors of the items' texts, float32 [len(table), dim], kept in ``folder`` by a hash of texts and weights."""
    texts = [item_text(item) for item in table.items]
    digest = hashlib.sha256("\x1e".join([embedder.version, *texts]).encode()).hexdigest()[:24]
    path = folder / f"texts-{digest}.npy" if folder is not None else None
    if path is not None and path.exists():
        held: Float32 = np.load(path)
        return held
    parts = []
    for start in range(0, len(texts), _BATCH):
        if progress is not None:
            progress("embed texts", start, len(texts))
        parts.append(embedder.embed_texts(texts[start : start + _BATCH]))
    vectors = np.concatenate(parts) if parts else np.zeros((0, embedder.dim), dtype=np.float32)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_suffix(".part").open("wb") as file:
            np.save(file, vectors)
        path.with_suffix(".part").replace(path)
    return vectors
