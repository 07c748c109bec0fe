"""What goes into each space of the index: which items, from which content, by which embedder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, Protocol, TypeVar

from palate.domain import Item
from palate.errors import InvalidInput
from retrieval.base import AudioEmbedder, Float32, ImageEmbedder, TextEmbedder
from retrieval.embedders.media import decode_audio, decode_image
from retrieval.texts import item_text

__all__ = ["AudioFeed", "Embedded", "Feed", "ImageFeed", "MediaKind", "MediaReader", "MediaSource", "TextFeed"]

MediaKind = Literal["image", "audio"]
MediaSource = Callable[[Item, MediaKind], bytes | None]
"""Makes the picture or sound of an item when it is needed; ``None`` where it has none, then the media folder is looked in."""

_T = TypeVar("_T")

Embedded = tuple[list[Item], Float32, dict[str, str]]
"""The items that could be embedded, their vectors, float32 [n, dim], and by item id what is wrong with the others."""


class Feed(Protocol):
    """One space of the index."""

    space: str
    batch: int
    """How many items are embedded between two looks at whether to stop."""

    @property
    def version(self) -> str:
        """Return the embedder's version; read as late as may be, since it may load the weights."""
        ...

    @property
    def dim(self) -> int:
        """Return how many numbers a vector has; read as late as ``version``."""
        ...

    def has(self, item: Item) -> bool:
        """Return whether the item belongs into the space."""
        ...

    def digest(self, item: Item) -> str:
        """Return a hash of the content that the item's vector is made from, and of its type, which is filtered by."""
        ...

    def embed(self, items: Sequence[Item]) -> Embedded:
        """Return vectors of the items that can be embedded, and the faults of the others."""
        ...


class TextFeed:
    """Every item, by its text."""

    batch = 64

    def __init__(self, embedder: TextEmbedder) -> None:
        self.space, self._embedder = embedder.space, embedder

    @property
    def version(self) -> str:
        """Return the embedder's version."""
        return self._embedder.version

    @property
    def dim(self) -> int:
        """Return how many numbers a vector has."""
        return self._embedder.dim

    def has(self, item: Item) -> bool:
        """Return true: every item has a title."""
        return True

    def digest(self, item: Item) -> str:
        """Return a hash of text and type."""
        return _hash(item_text(item), item.type)

    def embed(self, items: Sequence[Item]) -> Embedded:
        """Embed the texts."""
        return list(items), self._embedder.embed_texts([item_text(item) for item in items]), {}


class MediaReader:
    """Finds the pictures and sounds of items: from the source, else in the folder that media keys are relative to."""

    def __init__(self, folder: Path, source: MediaSource | None = None) -> None:
        self._folder, self._source = folder.resolve(), source

    def digest(self, item: Item, kind: MediaKind) -> str:
        """Return a hash of the media key, and of the file's size and time where no source makes media when needed."""
        key = _key(item, kind) or ""
        stamp = ""
        path = self._path(key)
        if self._source is None and path is not None and path.is_file():
            stat = path.stat()
            stamp = f"{stat.st_size}:{stat.st_mtime_ns}"
        return _hash(key, stamp, item.type)

    def read(
        self, items: Sequence[Item], kind: MediaKind, decode: Callable[[bytes | Path], _T]
    ) -> tuple[list[tuple[Item, _T]], dict[str, str]]:
        """Return the decoded media of the items whose media can be read, and by item id what is wrong with the others."""
        good: list[tuple[Item, _T]] = []
        errors: dict[str, str] = {}
        for item in items:
            try:
                good.append((item, decode(self._find(item, kind))))
            except (InvalidInput, OSError) as error:
                errors[item.item_id] = f"{item.item_id}: {error}"
        return good, errors

    def _find(self, item: Item, kind: MediaKind) -> bytes | Path:
        made = None if self._source is None else self._source(item, kind)
        if made is not None:
            return made
        key = _key(item, kind) or ""
        path = self._path(key)
        if path is None:
            raise InvalidInput(f"The media key {key!r} leads out of the media folder.", remedy="Correct the item.")
        if not path.is_file():
            raise InvalidInput(f"The media file {key!r} is not there.", remedy="Put it into the media folder, or correct the item.")
        return path

    def _path(self, key: str) -> Path | None:
        if "\0" in key:
            return None
        path = (self._folder / key).resolve()
        return path if path.is_relative_to(self._folder) else None


class ImageFeed:
    """Items with a picture, by it."""

    batch = 16  # a stop, and what is kept of the work before it, would come late after 64

    def __init__(self, embedder: ImageEmbedder, media: MediaReader) -> None:
        self.space, self._embedder, self._media = embedder.space, embedder, media

    @property
    def version(self) -> str:
        """Return the embedder's version."""
        return self._embedder.version

    @property
    def dim(self) -> int:
        """Return how many numbers a vector has."""
        return self._embedder.dim

    def has(self, item: Item) -> bool:
        """Return whether the item has a picture."""
        return item.image is not None

    def digest(self, item: Item) -> str:
        """Return a hash of key, file and type."""
        return self._media.digest(item, "image")

    def embed(self, items: Sequence[Item]) -> Embedded:
        """Decode and embed the pictures."""
        good, errors = self._media.read(items, "image", decode_image)
        return [i for i, _ in good], self._embedder.embed_images([picture for _, picture in good]), errors


class AudioFeed:
    """Items with a sound, by it."""

    batch = 4  # a piece takes more than a second

    def __init__(self, embedder: AudioEmbedder, media: MediaReader) -> None:
        self.space, self._embedder, self._media = embedder.space, embedder, media

    @property
    def version(self) -> str:
        """Return the embedder's version."""
        return self._embedder.version

    @property
    def dim(self) -> int:
        """Return how many numbers a vector has."""
        return self._embedder.dim

    def has(self, item: Item) -> bool:
        """Return whether the item has a sound."""
        return item.audio is not None

    def digest(self, item: Item) -> str:
        """Return a hash of key, file and type."""
        return self._media.digest(item, "audio")

    def embed(self, items: Sequence[Item]) -> Embedded:
        """Decode and embed the sounds."""
        good, errors = self._media.read(items, "audio", decode_audio)
        return [i for i, _ in good], self._embedder.embed_audio([wave for _, wave in good]), errors


def _key(item: Item, kind: MediaKind) -> str | None:
    return item.image if kind == "image" else item.audio


def _hash(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()[:20]
