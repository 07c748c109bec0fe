"""Finds the picture or sound behind a media key. Only keys that the catalog names are served, so no path leads outside."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from palate.domain import Item
from palate.errors import NotFound
from retrieval.base import ItemTable

__all__ = ["MediaKind", "MediaLibrary", "MediaSource", "media_type"]

MediaKind = Literal["image", "audio"]
MediaSource = Callable[[Item, MediaKind], "bytes | None"]

_TYPES = {".ogg": "audio/ogg", ".flac": "audio/flac", ".webp": "image/webp"}


def media_type(key: str) -> str:
    """Return the content type of a media key; only pictures and sounds have one of their own."""
    suffix = Path(key).suffix.lower()
    guess = _TYPES.get(suffix) or mimetypes.guess_type(key)[0] or ""
    safe = guess.startswith(("image/", "audio/")) and guess != "image/svg+xml"  # an SVG may hold scripts
    return guess if safe else "application/octet-stream"


class MediaLibrary:
    """Media by key.

    Args:
        folder: The media folder.
        table: Gives the catalog's present table.
        source: Makes media on first use; tried before the folder.

    """

    def __init__(self, folder: Path, table: Callable[[], ItemTable], source: MediaSource | None = None) -> None:
        self._folder = folder
        self._table = table
        self._source = source
        self._keys: tuple[ItemTable, dict[str, tuple[Item, MediaKind]]] | None = None

    def find(self, key: str) -> Path | bytes:
        """Return the file behind a key, or its content.

        Raises:
            NotFound: No item has this key, or its file is not there.

        """
        item, kind = self._known().get(key, (None, None))
        if item is None or kind is None:
            raise NotFound(f"No item has the media {ascii(key)[:200]}.", remedy="Take the URL from an item.", param="key")
        file = (self._folder / key).resolve()
        inside = file.is_relative_to(self._folder.resolve())
        if inside and file.is_file():
            return file
        made = self._source(item, kind) if self._source is not None else None
        if inside and file.is_file():  # the source keeps what it makes
            return file
        if made is None:
            raise NotFound(
                f"The file {key!r} of {item.item_id} is not in the media folder.", remedy=f"Put it into {self._folder.name}/."
            )
        return made

    def _known(self) -> dict[str, tuple[Item, MediaKind]]:
        table = self._table()
        if self._keys is None or self._keys[0] is not table:
            keys: dict[str, tuple[Item, MediaKind]] = {}
            for item in table.items:
                if item.image:
                    keys[item.image] = (item, "image")
                if item.audio:
                    keys[item.audio] = (item, "audio")
            self._keys = (table, keys)
        return self._keys[1]
