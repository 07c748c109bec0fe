"""The demo world as a whole: what is in the catalog, who listens and watches, and what it looks and sounds like.

MovieLens-100K may be used for research; it may not be redistributed, nor used for gain without GroupLens' permission. It is read
where it is installed (see :mod:`api.demo.films`); the pieces of music, the covers and the three people are our own.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal, Protocol

from api.demo.covers import draw_cover
from api.demo.films import film_items, movielens_file
from api.demo.music import audio_bytes, track_items
from palate.domain import Account, Event, Item, Progress
from retrieval.base import Catalog

__all__ = ["DEMO_PEOPLE", "DemoPerson", "MediaCache", "catalog_items", "exports_of", "install", "media_bytes"]

MediaKind = Literal["image", "audio"]


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """Somebody to try the demo as; ``language`` is what they read and write."""

    person_id: str
    name: str
    about: str
    language: Literal["en", "zh"]


DEMO_PEOPLE: tuple[DemoPerson, ...] = (
    DemoPerson("demo-1", "Ada", "Science fiction and thrillers; ambient, techno and synthwave.", "en"),
    DemoPerson("demo-2", "Bruno", "Comedies and romances; jazz and bossa nova.", "en"),
    DemoPerson("demo-3", "晓雯", "剧情片、动画和老电影；钢琴与古筝。", "zh"),
)

_EXPORTS = (("netflix", "netflix.csv"), ("spotify", "spotify.json"))


class History(Protocol):
    """What is needed of the history store."""

    def events(self, person_id: str, without_platforms: Sequence[str] = ()) -> list[Event]:
        """Return a person's events."""
        ...

    def accounts(self, person_id: str) -> list[Account]:
        """Return a person's accounts."""
        ...

    def link(self, person_id: str, account: Account) -> bool:
        """Give an account to a person."""
        ...


class Imports(Protocol):
    """What is needed of the importer. Its matcher has to know :func:`catalog_items`."""

    def run(self, platform: str, path: Path, person_id: str | None, progress: Progress | None = None) -> Any:
        """Import an export."""
        ...


def catalog_items() -> list[Item]:
    """Return all films and pieces, without drawing or synthesising any; raises :class:`palate.errors.MissingWeights`."""
    return [*film_items(), *track_items()]


def exports_of(person_id: str) -> list[tuple[str, Path]]:
    """Return the platforms and the export files of one of the demo people."""
    folder = Path(str(resources.files("api.demo") / "people"))
    return [(platform, folder / f"{person_id}-{ending}") for platform, ending in _EXPORTS]


def media_bytes(item: Item, kind: MediaKind) -> bytes | None:
    """Draw the cover (PNG) or synthesise the sound (Ogg Vorbis) of an item of the demo world; ``None`` for what is not ours."""
    if item.origin not in {"demo", "movielens"}:
        return None
    if kind == "image":
        return draw_cover(item) if item.image else None
    return audio_bytes(item) if item.audio and item.origin == "demo" else None


class MediaCache:
    """Makes media on first use and keeps them.

    Args:
        media: The folder that media keys are relative to.

    """

    def __init__(self, media: Path) -> None:
        self._media = media

    def get(self, item: Item, kind: MediaKind) -> bytes | None:
        """Return a cover or sound from the folder, made and written there (whole or not at all) if it is missing."""
        key = item.image if kind == "image" else item.audio
        if key is None or item.origin not in {"demo", "movielens"}:
            return None
        path = self._media / key
        if not path.resolve().is_relative_to(self._media.resolve()):
            return None
        if path.is_file():
            return path.read_bytes()
        made = media_bytes(item, kind)
        if made is not None:
            _write(path, made)
        return made


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".part", delete=False) as file:
        part = Path(file.name)
        file.write(content)
    part.chmod(0o644)
    part.replace(path)


def install(
    catalog: Catalog, history: History, importer: Imports, progress: Progress | None = None, *, interactions: Path | None = None
) -> None:
    """Fill a catalog and a history with the demo world; what is there already stays, so a second call does next to nothing.

    Args:
        catalog: Gets the items that are missing or different.
        history: Gets the ratings of MovieLens-100K (persons ``movielens-<user>``) and the three people's events and accounts.
        importer: Over the same history; its matcher has to know :func:`catalog_items`.
        progress: Told of the stages ``catalog``, ``movielens`` and ``people``.
        interactions: Ratings to import in place of MovieLens-100K's own (a RecBole ``.inter`` file).

    Raises:
        MissingWeights: MovieLens-100K is not installed.

    """
    tell = progress or _silent
    items = catalog_items()
    there = catalog.get_many([item.item_id for item in items])
    missing = [item for item in items if there.get(item.item_id) != item]
    if missing:
        catalog.put(missing)
    tell("catalog", len(items), len(items))

    ratings = interactions or movielens_file("ml-100k.inter")
    last_user, last_item = _last_row(ratings)
    if not any(event.item_id == f"ml-{last_item}" for event in history.events(f"movielens-{last_user}")):
        total = _count_rows(ratings)
        importer.run("movielens", ratings, None, lambda _stage, done, _total: tell("movielens", done, total))

    for done, person in enumerate(DEMO_PEOPLE, start=1):
        _install_person(person.person_id, history, importer)
        tell("people", done, len(DEMO_PEOPLE))


def _install_person(person_id: str, history: History, importer: Imports) -> None:
    known = {event.platform for event in history.events(person_id)}
    accounts = {account.platform for account in history.accounts(person_id)}
    for platform, path in exports_of(person_id):
        if platform not in accounts:
            history.link(person_id, Account(platform=platform, user_id=person_id))
        if platform not in known:  # an export this small is one transaction: whole or not there
            importer.run(platform, path, person_id)


def _last_row(path: Path) -> tuple[str, str]:
    """Return user and item of the last rating: ratings are imported in file order, so it is there when all are."""
    with path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - 400))
        user, item = file.read().decode("utf-8").rstrip("\r\n").splitlines()[-1].split("\t")[:2]
    return user, item


def _count_rows(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file) - 1


def _silent(stage: str, done: int, total: int) -> None:
    """Hear nothing."""
