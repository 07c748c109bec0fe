"""The protocols of retrieval: embedders, the vector index, candidate sources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from palate.domain import ITEM_TYPES, Evidence, InteractionReader, Item, Profile, Query

if TYPE_CHECKING:
    from retrieval.phrases import PhraseRows

__all__ = [
    "AudioEmbedder",
    "CandidateSource",
    "Catalog",
    "Float32",
    "ImageEmbedder",
    "ItemTable",
    "Mask",
    "Scored",
    "TextEmbedder",
    "VectorIndex",
]

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]


class TextEmbedder(Protocol):
    """Maps texts to unit vectors. ``space`` names the collection its vectors belong to, ``version`` the weights."""

    space: str
    version: str
    dim: int

    def embed_texts(self, texts: Sequence[str]) -> Float32:
        """Return unit vectors of passages, float32 [len(texts), dim]."""
        ...

    def embed_query(self, text: str) -> Float32:
        """Return the unit vector of a query, float32 [dim]."""
        ...


class ImageEmbedder(Protocol):
    """Maps pictures to unit vectors."""

    space: str
    version: str
    dim: int

    def embed_images(self, images: Sequence[Image.Image]) -> Float32:
        """Return unit vectors, float32 [len(images), dim]."""
        ...


class AudioEmbedder(Protocol):
    """Maps sound to unit vectors."""

    space: str
    version: str
    dim: int

    def embed_audio(self, waves: Sequence[Float32]) -> Float32:
        """Return unit vectors, float32 [len(waves), dim], of 16 kHz mono waves, each float32 [samples] in -1 to 1."""
        ...


class VectorIndex(Protocol):
    """Nearest neighbours by cosine, a collection a space. Must pass ``palate.testing.VectorIndexContract``.

    It is derived: it can be rebuilt from the catalog.
    """

    def open_space(self, space: str, *, version: str, dim: int) -> None:
        """Make the space, or check that it was built by ``version`` with ``dim``.

        Raises:
            IndexUnusable: The space belongs to another version or cannot be read.

        """
        ...

    def upsert(self, space: str, ids: Sequence[str], vectors: Float32, types: Sequence[str]) -> None:
        """Put vectors, float32 [n, dim], with the item types they are filtered by."""
        ...

    def query(self, space: str, vector: Float32, n: int, types: Sequence[str] = ()) -> list[tuple[str, float]]:
        """Return up to ``n`` (item id, cosine) pairs, best first, ties by item id."""
        ...

    def get(self, space: str, ids: Sequence[str]) -> dict[str, Float32]:
        """Return the vectors that are there, by item id."""
        ...

    def ids(self, space: str) -> set[str]:
        """Return the item ids of a space."""
        ...

    def delete(self, ids: Sequence[str], space: str | None = None) -> None:
        """Remove items from every space, or from the one named; unknown ids are passed over."""
        ...

    def reset(self, space: str) -> None:
        """Remove a space with all it holds."""
        ...


class Catalog(Protocol):
    """The record of items. Must pass ``palate.testing.CatalogContract``."""

    def put(self, items: Sequence[Item]) -> None:
        """Insert or replace items, durably on return."""
        ...

    def get(self, item_id: str) -> Item:
        """Return an item; raises :class:`palate.errors.NotFound`."""
        ...

    def get_many(self, item_ids: Sequence[str]) -> dict[str, Item]:
        """Return the items that exist, by id."""
        ...

    def all(self) -> Iterator[Item]:
        """Yield all items ordered by id."""
        ...

    def __len__(self) -> int:
        """Return how many items there are."""
        ...

    def __contains__(self, item_id: object) -> bool:
        """Return whether an item is there."""
        ...

    @property
    def revision(self) -> int:
        """Return a number that grows with every change."""
        ...


class ItemTable:
    """The catalog as columns, for fast filters and scores: row ``i`` is item ``ids[i]``. Immutable.

    Attributes:
        ids: Item ids, sorted, ``n`` of them.
        rows: Row by item id.
        items: The items themselves.
        types: int8 [n], position in ``palate.domain.ITEM_TYPES``.
        years: int16 [n], 0 where unknown.
        genre_names: The ``g`` genres that occur, sorted.
        genres: bool [n, g].

    """

    def __init__(self, items: Iterable[Item]) -> None:
        self.items: tuple[Item, ...] = tuple(sorted(items, key=lambda item: item.item_id))
        self.ids: tuple[str, ...] = tuple(item.item_id for item in self.items)
        self.rows: dict[str, int] = {item_id: row for row, item_id in enumerate(self.ids)}
        self.types = np.array([ITEM_TYPES.index(item.type) for item in self.items], dtype=np.int8)
        self.years = np.array([item.year or 0 for item in self.items], dtype=np.int16)
        self.genre_names: tuple[str, ...] = tuple(sorted({genre for item in self.items for genre in item.genres}))
        columns = {genre: column for column, genre in enumerate(self.genre_names)}
        self.genres = np.zeros((len(self.items), len(columns)), dtype=np.bool_)
        for row, item in enumerate(self.items):
            self.genres[row, [columns[genre] for genre in item.genres]] = True

    def __len__(self) -> int:
        return len(self.items)

    @cached_property
    def by_creator(self) -> Mapping[str, list[int]]:
        """Return the rows of each creator's items, ascending, by the name as the catalog gives it."""
        rows: dict[str, list[int]] = {}
        for row, item in enumerate(self.items):
            for creator in dict.fromkeys(item.creators):
                rows.setdefault(creator, []).append(row)
        return rows

    @cached_property
    def phrases(self) -> PhraseRows:
        """Return what tells which items hold a phrase."""
        from retrieval.phrases import PhraseRows

        return PhraseRows(self.items)


@dataclass(frozen=True, slots=True)
class Scored:
    """An item id with a source's own score, higher is better."""

    item_id: str
    score: float


@runtime_checkable
class CandidateSource(Protocol):
    """Offers candidates. Must pass ``palate.testing.CandidateSourceContract``.

    ``name`` is one of the field's: ``pop ease content lexical`` …, used in hits, ``degraded`` and reports.
    """

    name: str

    def fit(self, table: ItemTable, interactions: InteractionReader) -> None:
        """Learn from the catalog and all interactions. Called again when either has grown; keeps ``table`` for its rows."""
        ...

    def candidates(self, profile: Profile, query: Query, n: int, allowed: Mask) -> list[Scored]:
        """Return up to ``n`` items, best first, ties by item id; none if the source has nothing to say for this request.

        ``allowed`` is bool [len(table)]: only rows that are true may be offered.
        """
        ...

    def explain(self, profile: Profile, query: Query, item_ids: Sequence[str]) -> dict[str, list[Evidence]]:
        """Return evidence for items that this source offered, strongest first."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return the source's config and what it was fitted on, for records and reports."""
        ...
