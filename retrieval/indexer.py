"""Brings the vector index up to the catalog: resumes where it was cut off, re-embeds what changed, removes what is gone."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from pathlib import Path

from palate.domain import Item, Progress, Value
from palate.errors import ConfigurationError, InvalidInput
from retrieval.base import AudioEmbedder, Catalog, ImageEmbedder, TextEmbedder, VectorIndex
from retrieval.feeds import AudioFeed, Feed, ImageFeed, MediaReader, MediaSource, TextFeed
from retrieval.ledger import Ledger

__all__ = ["Indexer", "SpaceStatus"]

_ORDER = ("text-en", "text-mixed", "image", "audio")


class SpaceStatus(Value):
    """How far a space is: ``done`` of ``total`` items have a vector; ``errors`` names those whose media cannot be read."""

    done: int
    total: int
    errors: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Return whether nothing is left to do."""
        return self.done + len(self.errors) >= self.total


class Indexer:
    """Embeds the catalog into the index, a space after the other, the most needed first.

    Args:
        catalog: The record of items.
        index: Where vectors go.
        text_embedders: Each makes a space of its own.
        image_embedder: For items with a picture; ``None`` leaves pictures out.
        audio_embedder: For items with a sound; ``None`` leaves sounds out.
        media: Folder that media keys are relative to.
        media_source: Tried before the folder, for media that are made when needed.
        ledger: File of content hashes; ``None`` puts ``index-ledger.db`` beside the media folder.

    Raises:
        ConfigurationError: Two embedders are of the same space.

    """

    def __init__(  # noqa: PLR0917 (its parts, in the order of the wiring)
        self,
        catalog: Catalog,
        index: VectorIndex,
        text_embedders: Sequence[TextEmbedder],
        image_embedder: ImageEmbedder | None,
        audio_embedder: AudioEmbedder | None,
        media: Path,
        *,
        media_source: MediaSource | None = None,
        ledger: Path | None = None,
    ) -> None:
        self._catalog, self._index = catalog, index
        self._ledger = Ledger(ledger or media.parent / "index-ledger.db")
        reader = MediaReader(media, media_source)
        feeds: list[Feed] = [TextFeed(embedder) for embedder in text_embedders]
        if image_embedder is not None:
            feeds.append(ImageFeed(image_embedder, reader))
        if audio_embedder is not None:
            feeds.append(AudioFeed(audio_embedder, reader))
        names = sorted(feed.space for feed in feeds)
        if len(set(names)) < len(names):
            raise ConfigurationError(f"Two embedders are of one space: {names}.", remedy="Leave one of them out.")
        rank = {name: place for place, name in enumerate(_ORDER)}
        self._feeds = {feed.space: feed for feed in sorted(feeds, key=lambda f: (rank.get(f.space, len(rank)), f.space))}
        self._have: dict[str, set[str]] = {}
        self._errors: dict[str, dict[str, str]] = {name: {} for name in self._feeds}
        self._wanted: tuple[int, dict[str, set[str]]] | None = None
        self._building = threading.Lock()
        self._state = threading.Lock()

    @property
    def spaces(self) -> tuple[str, ...]:
        """Return the spaces in the order in which they are built."""
        return tuple(self._feeds)

    def build(
        self, progress: Progress | None = None, stop: threading.Event | None = None, spaces: Collection[str] | None = None
    ) -> dict[str, SpaceStatus]:
        """Embed what is missing or changed, remove what is no longer in the catalog, and return the status.

        ``stop`` is heeded between batches; what is done is kept. One build runs at a time: a second waits for the first.

        Raises:
            IndexUnusable: A space was built by another embedder, or cannot be read.
            InvalidInput: ``spaces`` names one that has no embedder.

        """
        chosen = self._choose(spaces)
        with self._building:
            items = list(self._catalog.all())
            self._remove_gone({item.item_id for item in items})
            for name in chosen:
                self._build_space(self._feeds[name], items, progress, stop)
        return self.status()

    def rebuild(
        self, progress: Progress | None = None, stop: threading.Event | None = None, spaces: Collection[str] | None = None
    ) -> dict[str, SpaceStatus]:
        """Remove the spaces with all they hold, whoever built them, and build them anew; see :meth:`build`."""
        with self._building:
            for name in self._choose(spaces):
                self._index.reset(name)
                self._ledger.forget_space(name)
                with self._state:
                    self._have[name] = set()
        return self.build(progress, stop, spaces)

    def status(self) -> dict[str, SpaceStatus]:
        """Return how far each space is, cheaply: it may be asked for again and again while a build runs."""
        wanted = self._wanted_ids()
        statuses = {}
        for name in self._feeds:
            with self._state:
                if name not in self._have:
                    self._have[name] = self._index.ids(name)
                have, errors = self._have[name] & wanted[name], dict(self._errors[name])
            faults = tuple(errors[item_id] for item_id in sorted(errors) if item_id in wanted[name] - have)
            statuses[name] = SpaceStatus(done=len(have), total=len(wanted[name]), errors=faults)
        return statuses

    def close(self) -> None:
        """Close the ledger."""
        self._ledger.close()

    def _choose(self, spaces: Collection[str] | None) -> list[str]:
        unknown = sorted(set(spaces or ()) - set(self._feeds))
        if unknown:
            raise InvalidInput(f"There is no space {unknown[0]!r}.", remedy=f"Use {', '.join(self._feeds)}.", param="spaces")
        return [name for name in self._feeds if spaces is None or name in spaces]

    def _wanted_ids(self) -> dict[str, set[str]]:
        revision = self._catalog.revision
        wanted = self._wanted  # read once: another thread may replace it
        if wanted is None or wanted[0] != revision:
            items = list(self._catalog.all())
            wanted = (revision, {name: {i.item_id for i in items if feed.has(i)} for name, feed in self._feeds.items()})
            self._wanted = wanted
        return wanted[1]

    def _remove_gone(self, present: set[str]) -> None:
        gone = sorted(set[str]().union(*(self._index.ids(name) for name in self._feeds)) - present)
        if gone:
            self._index.delete(gone)
            self._ledger.forget(gone)
            with self._state:
                for have in self._have.values():
                    have.difference_update(gone)

    def _build_space(self, feed: Feed, items: Sequence[Item], progress: Progress | None, stop: threading.Event | None) -> None:
        name = feed.space
        if not any(feed.has(item) for item in items) and not self._index.ids(name):
            return  # nothing to embed: the weights need not be loaded
        self._index.open_space(name, version=feed.version, dim=feed.dim)
        hashes, there = self._ledger.hashes(name), self._index.ids(name)
        with self._state:
            self._have[name] = set(there)
            self._errors[name] = {}
        wanted = [(item, feed.digest(item)) for item in items if feed.has(item)]
        self._drop(name, there - {item.item_id for item, _ in wanted})  # their picture or sound was taken from them
        todo = [(item, digest) for item, digest in wanted if item.item_id not in there or hashes.get(item.item_id) != digest]
        done = len(wanted) - len(todo)
        for start in range(0, len(todo), feed.batch):
            if progress is not None:
                progress(name, done + start, len(wanted))
            if stop is not None and stop.is_set():
                return
            self._embed(feed, todo[start : start + feed.batch])
        if progress is not None:
            progress(name, len(wanted), len(wanted))

    def _embed(self, feed: Feed, batch: Sequence[tuple[Item, str]]) -> None:
        name = feed.space
        good, vectors, errors = feed.embed([item for item, _ in batch])
        ids = [item.item_id for item in good]
        if good:
            self._index.upsert(name, ids, vectors, [item.type for item in good])
        # After the vectors: cut off in between, they are only made once more.
        digests = {item.item_id: digest for item, digest in batch}
        self._ledger.write(name, {item_id: digests[item_id] for item_id in ids})
        with self._state:
            self._have[name].update(ids)
            self._errors[name].update(errors)
            stale = self._have[name] & errors.keys()
        self._drop(name, stale)  # the vector of a picture that was there before must not stand for one that cannot be read

    def _drop(self, name: str, ids: Collection[str]) -> None:
        if ids:
            self._index.delete(sorted(ids), space=name)
            with self._state:
                self._have[name].difference_update(ids)
