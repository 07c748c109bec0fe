from __future__ import annotations

import copy
import gc
import time
import weakref

import numpy as np
import pytest

from palate.domain import Query
from palate.testing.candidate_source import CandidateSourceContract, ListedInteractions, sample_items, sample_profile
from retrieval import ChromaIndex, ContentConfig, ContentSource, ItemTable

DIM = 16
ITEMS = sample_items()
TABLE = ItemTable(ITEMS)


def vector(*axes, jitter=0.0, seed=0):
    """A unit vector along some axes, with a little noise of its own."""
    out = np.zeros(DIM, dtype=np.float32)
    out[list(axes)] = 1.0
    out += jitter * np.random.default_rng(seed).standard_normal(DIM).astype(np.float32)
    return out / np.linalg.norm(out)


GENRE_AXIS = {"Comedy": 0, "Drama": 1, "Horror": 2, "Sci-Fi": 3, "Ambient": 4, "Jazz": 5}


class AxisEmbedder:
    """Maps genre words to the axis of the genre: a text space in which nearness is known."""

    version, dim = "axes", DIM

    def __init__(self, space="text-en"):
        self.space = space
        self.asked = []

    def embed_query(self, text):
        self.asked.append(text)
        return vector(*[axis for word, axis in GENRE_AXIS.items() if word.lower() in text.lower()] or [9])

    def embed_texts(self, texts):
        return np.stack([self.embed_query(text) for text in texts])


@pytest.fixture
def index(tmp_path):
    made = ChromaIndex(tmp_path / "chroma")
    spaces = {"text-en": ITEMS, "audio": [i for i in ITEMS if i.type == "track"], "text-mixed": ITEMS}
    for space, items in spaces.items():
        made.open_space(space, version="axes", dim=DIM)
        vectors = np.stack([vector(*(GENRE_AXIS[g] for g in i.genres), jitter=0.1, seed=n) for n, i in enumerate(items)])
        made.upsert(space, [i.item_id for i in items], vectors, [i.type for i in items])
    yield made
    made.close()


def make(index, **config):
    source = ContentSource(index, {"text-en": AxisEmbedder()}, ContentConfig(**config))
    source.fit(TABLE, ListedInteractions())
    return source


def ids(source, profile, query=None, n=10, hidden=()):
    allowed = np.array([i not in hidden for i in TABLE.ids], dtype=np.bool_)
    return [s.item_id for s in source.candidates(profile, query or Query(), n, allowed)]


class TestContentResident(CandidateSourceContract):
    @pytest.fixture
    def source(self, index):
        return ContentSource(index, {"text-en": AxisEmbedder()})


class TestContentSearchedInTheIndex(CandidateSourceContract):
    @pytest.fixture
    def source(self, index):
        return ContentSource(index, {"text-en": AxisEmbedder()}, ContentConfig(resident_items=0))

    @pytest.fixture
    def query(self):
        return Query(text="comedy", like_item_ids=("film-02",))


@pytest.mark.parametrize("resident", [0, 50_000])
def test_music_is_carried_by_content_and_films_by_theirs(index, resident):
    source = make(index, resident_items=resident, cross_type_weight=0.0)
    found = ids(source, sample_profile("track-0", platform="spotify"), n=2, hidden=("track-0",))
    assert sorted(found) == ["track-2", "track-4"]
    both = sample_profile("film-00", "track-1")
    assert {i.split("-")[0] for i in ids(source, both, n=6, hidden=("film-00", "track-1"))} == {"film", "track"}


def test_in_memory_and_in_the_index_agree(index):
    profile = sample_profile("film-00", "film-05", "track-1")
    query = Query(text="horror", like_item_ids=("film-03",))
    assert ids(make(index), profile, query, hidden=("film-00",)) == ids(
        make(index, resident_items=0), profile, query, hidden=("film-00",)
    )


def test_one_type_leads_to_another_but_less(index):
    found = ids(make(index), sample_profile("film-00"), n=36, hidden=("film-00",))
    assert any(i.startswith("track") for i in found)
    assert found[0].startswith("film")
    assert not any(i.startswith("track") for i in ids(make(index, cross_type_weight=0.0), sample_profile("film-00"), n=36))


def test_the_query_leads(index):
    found = ids(make(index), sample_profile("film-00"), Query(text="some jazz please"), n=3)
    assert sorted(found) == ["track-1", "track-3", "track-5"]


def test_chinese_goes_to_the_mixed_space(index):
    english, mixed = AxisEmbedder(), AxisEmbedder("text-mixed")
    source = ContentSource(index, {"text-en": english, "text-mixed": mixed})
    source.fit(TABLE, ListedInteractions())
    ids(source, sample_profile(), Query(text="jazz 音乐"))
    assert (english.asked, mixed.asked) == ([], ["jazz 音乐"])
    ids(source, sample_profile(), Query(text="jazz 音乐"))
    assert mixed.asked == ["jazz 音乐"], "the same words are embedded once"
    ids(source, sample_profile(), Query(text="jazz"))
    assert english.asked == ["jazz"]


def test_evidence_names_the_nearest_liked_item_its_platform_and_the_cosine(index):
    source = make(index)
    profile = sample_profile("film-01", "film-00", "track-0")
    (evidence, *_) = source.explain(profile, Query(), ["film-16"])["film-16"]
    vectors = index.get("text-en", ["film-00", "film-16"])
    assert (evidence.kind, evidence.item_id, evidence.platform) == ("content", "film-00", "netflix")
    assert evidence.weight == pytest.approx(float(vectors["film-00"] @ vectors["film-16"]), abs=1e-3)
    spaces = {e.detail for e in source.explain(profile, Query(), ["track-2"])["track-2"]}
    assert spaces == {"text-en", "audio"}


def test_items_named_in_the_query_are_evidence_without_a_platform(index):
    query = Query(text="like that", like_item_ids=("film-00",))
    (evidence, *_) = make(index).explain(sample_profile("film-00"), query, ["film-16"])["film-16"]
    assert (evidence.item_id, evidence.platform) == ("film-00", None)


def test_falls_without_a_near_item_and_not_without_a_far_one(index):
    source = make(index)
    allowed = np.ones(len(TABLE), dtype=np.bool_)
    profile = sample_profile("film-00", "film-10")
    assert source.falls_without(profile, Query(), [("film-16", "film-00"), ("film-16", "film-10")], allowed) == [True, False]


def test_an_index_that_is_being_filled_is_followed(index, tmp_path):
    empty = ChromaIndex(tmp_path / "growing")
    source = make(empty, refresh_seconds=0.0, cross_type_weight=0.0)
    profile = sample_profile("film-00")
    assert ids(source, profile) == []
    empty.open_space("text-en", version="axes", dim=DIM)
    empty.upsert("text-en", ["film-00", "film-16"], np.stack([vector(0), vector(0, jitter=0.1)]), ["movie", "movie"])
    assert set(ids(source, profile)) == {"film-00", "film-16"}
    empty.upsert("text-en", ["film-20"], vector(0, 1)[None], ["movie"])
    for _ in range(100):
        if "film-20" in ids(source, profile):
            break
        time.sleep(0.02)
    assert set(ids(source, profile)) == {"film-00", "film-16", "film-20"}
    empty.close()


def test_replaced_vectors_are_read_when_told(index):
    source = make(index, cross_type_weight=0.0)
    index.upsert("text-en", ["film-17"], vector(0)[None], ["movie"])
    profile = sample_profile("film-00")
    before = source.explain(profile, Query(), ["film-17"])
    source.refresh()
    after = source.explain(profile, Query(), ["film-17"])
    assert before != after
    assert after["film-17"][0].weight > 0.9


def read_by(index, monkeypatch):
    """Return the names of spaces, one for each time that vectors of one are read to be held in memory."""
    read, get = [], index.get
    monkeypatch.setattr(index, "get", lambda space, ids: read.append(space) or get(space, ids))
    return read


def test_copies_that_are_fitted_together_hold_one_reading_and_embed_words_once(index, monkeypatch):
    embedder, read, events = AxisEmbedder(), read_by(index, monkeypatch), ListedInteractions()
    unfitted = ContentSource(index, {"text-en": embedder})
    first, second = copy.copy(unfitted), copy.copy(unfitted)
    first.fit(TABLE, events)
    second.fit(TABLE, events)
    assert sorted(read) == ["audio", "text-en", "text-mixed"]
    asked = Query(text="horror")
    assert ids(first, sample_profile("film-00"), asked) == ids(second, sample_profile("film-00"), asked)
    assert embedder.asked == ["horror"]


def test_another_fit_reads_anew_and_leaves_the_first_alone(index, monkeypatch):
    events = ListedInteractions()
    unfitted = ContentSource(index, {})
    first, second, third = copy.copy(unfitted), copy.copy(unfitted), copy.copy(unfitted)
    first.fit(TABLE, events)
    profile = sample_profile("film-00")
    before = first.explain(profile, Query(), ["film-17"])
    index.upsert("text-en", ["film-17"], vector(0)[None], ["movie"])
    read = read_by(index, monkeypatch)
    second.fit(TABLE, ListedInteractions())  # other events
    third.fit(ItemTable(ITEMS), events)  # another table
    assert len(read) == 6
    assert second.explain(profile, Query(), ["film-17"]) == third.explain(profile, Query(), ["film-17"]) != before
    assert first.explain(profile, Query(), ["film-17"]) == before
    first.fit(TABLE, events)  # the same once more
    assert first.explain(profile, Query(), ["film-17"]) != before


class Slots:
    """A reader that nothing can refer to weakly."""

    __slots__ = ()

    def interactions(self):
        return iter(())


def test_a_fit_that_cannot_be_known_again_is_shared_with_nobody(index, monkeypatch):
    read, events = read_by(index, monkeypatch), Slots()
    unfitted = ContentSource(index, {})
    for source in (copy.copy(unfitted), copy.copy(unfitted)):
        source.fit(TABLE, events)
        assert ids(source, sample_profile("film-00"), n=1)
    assert len(read) == 6


def test_events_are_not_kept_for_the_sake_of_sharing(index):
    events = ListedInteractions()
    source = ContentSource(index, {})
    source.fit(TABLE, events)
    left = weakref.ref(events)
    del events
    gc.collect()
    assert left() is None
