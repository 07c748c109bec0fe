"""Nearest neighbours in Chroma, embedded or on a server."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from palate.errors import ConfigurationError, IndexUnusable, InvalidInput, PalateError, ServiceDown
from retrieval.base import Float32

__all__ = ["ChromaIndex"]

_REMEDY = "Run 'palate index rebuild': it is made again from the catalog."
_PREFIX = "palate-"
_PAGE = 5000
_SPARE = 16  # fetched beyond n, so that ids decide between ties at the end
# One thread builds the graph, so that the same vectors give the same neighbours.
_CONFIGURATION = {"hnsw": {"space": "cosine", "max_neighbors": 32, "ef_construction": 200, "ef_search": 400, "num_threads": 1}}


class ChromaIndex:
    """Vectors in Chroma collections, one a space. Safe to use from several threads.

    Args:
        path: Folder of an embedded Chroma; one process at a time may have it open.
        client: A Chroma client instead, e.g. ``chromadb.HttpClient`` for a server that several processes share.

    Raises:
        ConfigurationError: Neither or both are given.
        IndexUnusable: The folder cannot be read.

    """

    def __init__(self, path: Path | None = None, client: Any = None) -> None:
        if (path is None) == (client is None):
            raise ConfigurationError("An index needs a folder or a Chroma client.", remedy="Give path or client, and not both.")
        self._lock = threading.RLock()
        self._collections: dict[str, Any] = {}
        self._path = path
        with self._guard("open"):
            self._client = _open(path) if client is None and path is not None else client
            self._page = min(_PAGE, int(self._client.get_max_batch_size()))
            self._load()

    @classmethod
    def recreate(cls, path: Path) -> ChromaIndex:
        """Remove the folder ``path``, damaged or not, and return a new, empty index there."""
        _forget(path)
        if path.exists():
            shutil.rmtree(path)
        return cls(path)

    def close(self) -> None:
        """Let go of the folder, so that it can be opened again or removed."""
        with self._lock:
            self._collections.clear()
            if self._path is not None:
                self._client.close()
                _forget(self._path)

    def open_space(self, space: str, *, version: str, dim: int) -> None:
        """Make the space, or check that it was built by ``version`` with ``dim``.

        Raises:
            IndexUnusable: The space belongs to another version or cannot be read.

        """
        wanted = {"version": version, "dim": dim}
        with self._lock, self._guard(space):
            collection = self._collections.get(space)
            if collection is None:
                collection = self._client.get_or_create_collection(
                    _PREFIX + space, metadata=wanted, configuration=_CONFIGURATION, embedding_function=None
                )
                self._collections[space] = collection
            metadata: Mapping[str, Any] = collection.metadata or {}
            found = {"version": metadata.get("version"), "dim": metadata.get("dim")}
            if found != wanted:
                raise IndexUnusable(f"The space {space!r} was built by {found}, and the embedder is {wanted}.", remedy=_REMEDY)

    def upsert(self, space: str, ids: Sequence[str], vectors: Float32, types: Sequence[str]) -> None:
        """Put vectors, float32 [n, dim], with the item types they are filtered by.

        Raises:
            IndexUnusable: The space was not opened.
            InvalidInput: The counts differ, the vectors have another dimension, or are not finite.

        """
        collection = self._collection(space)
        if vectors.shape != (len(ids), collection.metadata["dim"]) or len(types) != len(ids):
            raise InvalidInput(
                f"{len(ids)} ids and {len(types)} types came with vectors of shape {list(vectors.shape)} for {space!r}.",
                remedy=f"Give one type and one vector of {collection.metadata['dim']} values an id.",
            )
        if not np.isfinite(vectors).all():
            raise InvalidInput(f"A vector for {space!r} holds values that are not finite.", remedy="Check the embedder.")
        last = {item_id: row for row, item_id in enumerate(ids)}  # Chroma refuses an id twice in a call
        rows = list(last.values())
        with self._lock, self._guard(space):
            for start in range(0, len(rows), self._page):
                page = rows[start : start + self._page]
                collection.upsert(
                    ids=[ids[row] for row in page],
                    embeddings=np.ascontiguousarray(vectors[page], dtype=np.float32),
                    metadatas=[{"type": types[row]} for row in page],
                )

    def query(self, space: str, vector: Float32, n: int, types: Sequence[str] = ()) -> list[tuple[str, float]]:
        """Return up to ``n`` (item id, cosine) pairs, best first, ties by item id; none for a space that is not there."""
        collection = self._collections.get(space)
        if collection is None or n <= 0:
            return []
        where = {"type": {"$in": sorted(set(types))}} if types else None
        with self._guard(space):
            found = collection.query(
                query_embeddings=np.asarray(vector, dtype=np.float32)[None],
                n_results=n + _SPARE,
                where=where,
                include=["distances"],
            )
        pairs = zip(found["ids"][0], found["distances"][0], strict=True)
        scored = sorted(
            ((item_id, float(np.float32(1.0 - distance))) for item_id, distance in pairs), key=lambda pair: (-pair[1], pair[0])
        )
        return scored[:n]

    def get(self, space: str, ids: Sequence[str]) -> dict[str, Float32]:
        """Return the vectors that are there, float32 [dim], by item id."""
        collection = self._collections.get(space)
        vectors: dict[str, Float32] = {}
        if collection is None:
            return vectors
        unique = list(dict.fromkeys(ids))
        with self._guard(space):
            for start in range(0, len(unique), self._page):
                found = collection.get(ids=unique[start : start + self._page], include=["embeddings"])
                vectors.update(zip(found["ids"], np.asarray(found["embeddings"], dtype=np.float32), strict=True))
        return vectors

    def ids(self, space: str) -> set[str]:
        """Return the item ids of a space; none for a space that is not there."""
        collection = self._collections.get(space)
        found: set[str] = set()
        if collection is None:
            return found
        with self._guard(space):
            while page := collection.get(include=[], limit=self._page, offset=len(found))["ids"]:
                found.update(page)
        return found

    def delete(self, ids: Sequence[str], space: str | None = None) -> None:
        """Remove items from every space, or from the one named; unknown ids are passed over."""
        unique = list(dict.fromkeys(ids))
        with self._lock, self._guard("all"):
            for name, collection in self._collections.items():
                if space is not None and name != space:
                    continue
                for start in range(0, len(unique), self._page):
                    collection.delete(ids=unique[start : start + self._page])

    def reset(self, space: str) -> None:
        """Remove a space with all it holds."""
        with self._lock, self._guard(space):
            if self._collections.pop(space, None) is not None:
                self._client.delete_collection(_PREFIX + space)

    def _load(self) -> None:
        for collection in self._client.list_collections():
            if collection.name.startswith(_PREFIX):
                name = collection.name
                self._collections[name.removeprefix(_PREFIX)] = self._client.get_collection(name, embedding_function=None)

    def _collection(self, space: str) -> Any:
        collection = self._collections.get(space)
        if collection is None:
            raise IndexUnusable(f"The space {space!r} is not there.", remedy="Open it first, or run 'palate index build'.")
        return collection

    @contextmanager
    def _guard(self, what: str) -> Iterator[None]:
        """Turn what Chroma raises into the error tree. Its Rust core panics with what is no ``Exception``."""
        try:
            yield
        except (PalateError, KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException as error:
            reason = f"{type(error).__name__}: {str(error)[:300]}"
            if self._path is None:
                raise ServiceDown(
                    f"The Chroma server failed ({what}): {reason}.", remedy="Check that it runs ('chroma run')."
                ) from error
            raise IndexUnusable(f"The index in {self._path} cannot be used ({what}): {reason}.", remedy=_REMEDY) from error


def _open(path: Path) -> Any:
    import chromadb
    from chromadb.config import Settings

    path.mkdir(parents=True, exist_ok=True)
    return chromadb.PersistentClient(path=str(path), settings=Settings(anonymized_telemetry=False))


def _forget(path: Path) -> None:
    """Drop Chroma's cached handle of a folder; else a folder that was made anew is served from the old one.

    There is no public way to do it for one folder only.
    """
    from chromadb.api.shared_system_client import SharedSystemClient

    system = SharedSystemClient._identifier_to_system.pop(str(path), None)
    SharedSystemClient._identifier_to_refcount.pop(str(path), None)
    if system is not None:
        with suppress(AttributeError):  # one that never started has nothing to stop
            system.stop()
