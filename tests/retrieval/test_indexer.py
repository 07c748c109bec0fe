import io
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from palate.domain import Item
from palate.errors import ConfigurationError, IndexUnusable, InvalidInput
from palate.sql import open_sqlite
from retrieval.catalog import SqlCatalog
from retrieval.index import ChromaIndex
from retrieval.indexer import Indexer


class HashText:
    """A small embedder that counts what it embeds: the real ones are tested by themselves."""

    dim = 8

    def __init__(self, space: str = "text-en", version: str = "v1") -> None:
        self.space, self.version, self.seen = space, version, []

    def embed_texts(self, texts):
        self.seen.extend(texts)
        rows = [np.random.default_rng(list(text.encode())).standard_normal(self.dim) for text in texts]
        return np.array(rows, dtype=np.float32).reshape(len(texts), self.dim)

    def embed_query(self, text):
        return self.embed_texts([text])[0]


class MeanColour:
    space, version, dim = "image", "v1", 3

    def __init__(self) -> None:
        self.seen = 0

    def embed_images(self, images):
        self.seen += len(images)
        return np.array([np.asarray(i, dtype=np.float32).mean((0, 1)) + 1 for i in images], dtype=np.float32).reshape(-1, 3)


class Loudness:
    space, version, dim = "audio", "v1", 2

    def embed_audio(self, waves):
        return np.array([[1.0, np.abs(w).mean()] for w in waves], dtype=np.float32).reshape(-1, 2)


def picture(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def world(tmp_path: Path):
    engine = open_sqlite(tmp_path / "catalog.db")
    catalog = SqlCatalog(engine)
    index = ChromaIndex(tmp_path / "chroma")
    (tmp_path / "media").mkdir()
    made = []

    def make(*texts, image=None, audio=None, **more) -> Indexer:
        made.append(Indexer(catalog, index, texts, image, audio, tmp_path / "media", **more))
        return made[-1]

    make.catalog, make.index, make.media = catalog, index, tmp_path / "media"
    yield make
    for indexer in made:
        indexer.close()
    index.close()
    engine.dispose()


def films(n: int, **fields) -> list[Item]:
    return [Item(item_id=f"f{k:03d}", type="movie", title=f"Film {k}", **fields) for k in range(n)]


def test_it_builds_all_and_then_nothing(world):
    world.catalog.put(films(150))
    english, mixed = HashText(), HashText("text-mixed")
    indexer = world(mixed, english)
    assert indexer.spaces == ("text-en", "text-mixed")
    assert indexer.status()["text-en"].done == 0
    calls = []
    status = indexer.build(lambda *call: calls.append(call))
    assert {name: (s.done, s.total, s.complete) for name, s in status.items()} == {
        "text-en": (150, 150, True),
        "text-mixed": (150, 150, True),
    }
    assert calls[:4] == [("text-en", 0, 150), ("text-en", 64, 150), ("text-en", 128, 150), ("text-en", 150, 150)]
    assert len(english.seen) == 150
    indexer.build()
    assert len(english.seen) == len(mixed.seen) == 150


def test_a_stop_keeps_what_is_done_and_another_process_resumes(world):
    world.catalog.put(films(150))
    first, stop = HashText(), threading.Event()
    status = world(first).build(lambda stage, done, total: stop.set() if done >= 64 else None, stop)
    assert status["text-en"].done == 64
    second = HashText()
    again = world(second)
    assert again.status()["text-en"].done == 64
    assert again.build()["text-en"].complete
    assert len(second.seen) == 150 - 64
    assert not set(first.seen) & set(second.seen)


def test_only_what_changed_is_embedded_again(world):
    world.catalog.put(films(10))
    embedder = HashText()
    indexer = world(embedder)
    indexer.build()
    embedder.seen.clear()
    changed = Item(item_id="f003", type="movie", title="Another")
    world.catalog.put([changed, films(10)[4]])
    indexer.build()
    assert embedder.seen == ["Another. movie"]
    assert world.index.query("text-en", embedder.embed_query("Another. movie"), 1)[0][0] == "f003"


def test_what_left_the_catalog_leaves_the_index(world):
    world.catalog.put(films(5))
    indexer = world(HashText())
    indexer.build()
    world.catalog.remove(["f001"])
    status = indexer.build()["text-en"]
    assert (status.done, status.total) == (4, 4)
    assert "f001" not in world.index.ids("text-en")


def test_another_embedder_needs_a_rebuild(world):
    world.catalog.put(films(5))
    world(HashText()).build()
    other = HashText(version="v2")
    indexer = world(other)
    with pytest.raises(IndexUnusable, match="rebuild"):
        indexer.build()
    assert indexer.rebuild()["text-en"].complete
    assert len(other.seen) == 5


def test_an_index_that_was_removed_is_filled_again(world):
    world.catalog.put(films(5))
    embedder = HashText()
    indexer = world(embedder)
    indexer.build()
    world.index.reset("text-en")
    assert indexer.build()["text-en"].complete
    assert len(embedder.seen) == 10
    assert len(world.index.ids("text-en")) == 5


def test_unreadable_media_are_named_and_the_others_go_on(world):
    (world.media / "good.png").write_bytes(picture("red"))
    (world.media / "bad.png").write_bytes(b"no picture")
    keys = {"a": "good.png", "b": "bad.png", "c": "missing.png", "d": "../catalog.db", "e": "good\0.png", "f": None}
    world.catalog.put([Item(item_id=i, type="movie", title=i, image=key) for i, key in keys.items()])
    indexer = world(HashText(), image=MeanColour())
    status = indexer.build()["image"]
    assert (status.done, status.total, status.complete) == (1, 5, True)
    assert [error[:2] for error in status.errors] == ["b:", "c:", "d:", "e:"]
    assert "out of the media folder" in status.errors[2]
    (world.media / "bad.png").write_bytes(picture("blue"))
    assert indexer.build()["image"].done == 2


def test_a_picture_that_changed_broke_or_went(world):
    (world.media / "p.png").write_bytes(picture("red"))
    world.catalog.put([Item(item_id="a", type="movie", title="a", image="p.png")])
    images = MeanColour()
    indexer = world(HashText(), image=images)
    indexer.build()
    indexer.build()
    assert images.seen == 1
    (world.media / "p.png").write_bytes(picture("green") + b"longer")
    indexer.build()
    assert images.seen == 2
    assert world.index.get("image", ["a"])["a"].argmax() == 1
    (world.media / "p.png").write_bytes(b"broken")
    status = indexer.build()["image"]
    assert (status.done, len(status.errors)) == (0, 1)
    assert world.index.ids("image") == set()
    (world.media / "p.png").write_bytes(picture("blue"))
    assert indexer.build()["image"].done == 1
    world.catalog.put([Item(item_id="a", type="movie", title="a")])
    assert indexer.build()["image"].total == 0
    assert world.index.ids("image") == set()
    assert world.index.ids("text-en") == {"a"}


def test_media_are_made_when_needed(world):
    soundfile = pytest.importorskip("soundfile", reason="needs the extra 'audio'")
    soundfile.write(world.media / "s.wav", np.full(3200, 0.5, dtype=np.float32), 32_000)
    items = [
        Item(item_id="a", type="movie", title="a", image="made.png"),
        Item(item_id="b", type="track", title="b", image="made.png", audio="s.wav"),
    ]
    world.catalog.put(items)
    asked = []

    def source(item: Item, kind: str) -> bytes | None:
        asked.append((item.item_id, kind))
        return picture("red") if kind == "image" else None

    images = MeanColour()
    indexer = world(HashText(), image=images, audio=Loudness(), media_source=source)
    status = indexer.build()
    assert status["image"].done == 2
    assert status["audio"].done == 1
    assert asked == [("a", "image"), ("b", "image"), ("b", "audio")]
    indexer.build()
    assert len(asked) == 3


def test_spaces_can_be_chosen_and_must_exist(world):
    world.catalog.put(films(3))
    indexer = world(HashText(), HashText("text-mixed"))
    status = indexer.build(spaces=["text-mixed"])
    assert (status["text-en"].done, status["text-mixed"].done) == (0, 3)
    with pytest.raises(InvalidInput, match="'smell'"):
        indexer.build(spaces=["smell"])
    with pytest.raises(ConfigurationError, match="text-en"):
        world(HashText(), HashText())


def test_the_status_can_be_asked_for_during_a_build(world):
    world.catalog.put(films(200))
    indexer = world(HashText())
    seen = []
    indexer.build(lambda *_: seen.append(indexer.status()["text-en"].done))
    assert seen == [0, 64, 128, 192, 200]


def test_a_space_with_nothing_to_embed_never_loads_its_weights(world):
    class Unloadable:
        space = "image"

        @property
        def version(self):
            raise AssertionError("the weights were loaded")

        dim = version

    world.catalog.put([Item(item_id="a", type="movie", title="A")])
    status = world(HashText(), image=Unloadable()).build()
    assert (status["image"].done, status["image"].total) == (0, 0)
