"""A small recommender over a real socket: real stores, real Chroma, real sources; only LLM and embedder are small."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

import finetune.registry
from agent.llm.scripted import ScriptedLLM
from api.lazy import LazyEmbedder
from api.runtime import Palate
from api.server import served
from api.wiring import build
from palate.domain import Account, Event, Item, utc_now
from palate.settings import Settings
from retrieval.base import Float32

GENRES = ("Comedy", "Sci-Fi", "Horror", "Drama", "Crime")


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Commands set logging up; other tests are not to see that."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands have a data folder of their own, no data sets, and no LoRA adapters, whatever comes with the product."""
    monkeypatch.setenv("PALATE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PALATE_DATASETS", raising=False)
    monkeypatch.setattr(finetune.registry.LoraRegistry.__init__, "__defaults__", (tmp_path / "shipped",))


class WordEmbedder:
    """Hashed words, summed: enough for neighbours that share words."""

    space, version, dim = "text-en", "words-1", 64

    def embed_texts(self, texts: Sequence[str]) -> Float32:
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                vectors[row, zlib.crc32(word.encode()) % self.dim] += 1.0
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)

    def embed_query(self, text: str) -> Float32:
        vector: Float32 = self.embed_texts([text])[0]
        return vector


@pytest.fixture
def words() -> type[WordEmbedder]:
    """What loads the small embedder."""
    return WordEmbedder


def small_catalog() -> list[Item]:
    films = [
        Item(
            item_id=f"film-{n}",
            type="movie",
            title=f"Reel Number {n}" if n else "Alien",
            year=1970 + n,
            genres=(GENRES[n % 5], GENRES[(n + 2) % 5]),
            image=f"covers/film-{n}.png" if n == 0 else None,
        )
        for n in range(30)
    ]
    tracks = [
        Item(item_id=f"track-{n}", type="track", title=f"Tune {n}", creators=("The Band",), genres=("Ambient",)) for n in range(10)
    ]
    return [*films, *tracks]


def fill(palate: Palate) -> None:
    """Give the catalog its items, twelve people their likes, and ``ann`` a history on two platforms."""
    palate.catalog.put(small_catalog())
    links, events = [], []
    for n in range(12):
        links.append((f"p{n}", Account(platform="movielens", user_id=f"p{n}")))
        events += [event("movielens", f"p{n}", f"film-{(n + step) % 30}", f"{n}-{step}") for step in (0, 1, 2, 5, 10, 15)]
    links += [("ann", Account(platform=platform, user_id="ann")) for platform in ("netflix", "spotify")]
    events += [event("netflix", "ann", f"film-{n}", f"a{n}") for n in (1, 2, 3)]
    events += [event("spotify", "ann", f"track-{n}", f"t{n}") for n in (1, 2)]
    palate.history.link_all(links)
    palate.history.append(events)


def event(platform: str, user: str, item: str, event_id: str) -> Event:
    return Event(event_id=event_id, platform=platform, user_id=user, item_id=item, verb="complete", at=utc_now())


def make(home: Path, llm: ScriptedLLM | None = None, **settings: Any) -> Palate:
    """Return a filled recommender over ``home``; nothing of it runs yet."""
    media = home / "media" / "covers"
    media.mkdir(parents=True, exist_ok=True)
    (media / "film-0.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    palate = build(
        Settings(home=home, llm="none", demo=True, **settings),
        llm=llm or ScriptedLLM(score=lambda prompt: range(len(prompt.labels))),
        models=[LazyEmbedder("text-en", WordEmbedder)],
    )
    fill(palate)
    return palate


Serve = Callable[..., AbstractContextManager[httpx.Client]]


@contextmanager
def _serving(home: Path, **settings: Any) -> Iterator[httpx.Client]:
    with make(home, **settings) as palate, served(palate) as url:
        palate.open()
        assert palate.wait_ready(llm=True, seconds=60), palate.readiness()
        with httpx.Client(base_url=url, timeout=30, trust_env=False) as http:
            http.palate = palate  # type: ignore[attr-defined]
            yield http


@pytest.fixture
def serve() -> Serve:
    """A server of one's own: ``with serve(home, **settings) as http``; ``http.palate`` are its parts."""
    return _serving


@pytest.fixture(scope="session")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The server that tests share which change nothing that others look at."""
    with _serving(tmp_path_factory.mktemp("shared") / "home") as client:
        yield client
