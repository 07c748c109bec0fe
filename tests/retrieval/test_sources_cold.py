"""Cold items: near to what is liked, those first that many are expected to take."""

from __future__ import annotations

import numpy as np
import pytest

from palate.domain import Interaction, Item, Query
from palate.errors import Unavailable
from palate.testing.candidate_source import (
    CandidateSourceContract,
    ListedInteractions,
    sample_interactions,
    sample_items,
    sample_profile,
)
from retrieval import ChromaIndex, ContentSource, ItemTable, Removable, moving
from retrieval.sources import ColdConfig, ColdSource
from retrieval.titles import TitleLikelihoods

pytest.importorskip("lightgbm")

DIM = 8
FILMS = [Item(item_id=f"film-{n:03d}", type="movie", title=f"Reel {n:03d}", year=2000, genres=("Drama",)) for n in range(160)]
COLD = FILMS[120:]
TABLE = ItemTable(FILMS)
EVERY = np.ones(len(FILMS), dtype=np.bool_)


def fame(n):
    """How well known a film is, 0 to 9: nothing but its title tells."""
    return n * 7 % 10


@pytest.fixture
def index(tmp_path):
    made = ChromaIndex(tmp_path / "chroma")
    made.open_space("text-en", version="v", dim=DIM)
    for items in (FILMS, sample_items()):
        vectors = np.random.default_rng(0).normal(1.0, 0.3, (len(items), DIM)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        made.upsert("text-en", [i.item_id for i in items], vectors, [i.type for i in items])
    yield made
    made.close()


@pytest.fixture
def crowd():
    """The better known, the more people took it; nobody took the last forty."""
    people = [(n, p) for n in range(120) for p in range(1 + 5 * fame(n))]
    return ListedInteractions([Interaction(f"p{p:02d}", f"film-{n:03d}", "like", None, 1e9 + n) for n, p in people])


@pytest.fixture
def titles():
    read = TitleLikelihoods()
    likely = np.array([fame(n) - 20.0 for n in range(len(FILMS))], dtype=np.float32)
    read.put(FILMS, np.stack([likely, likely - 2.0], axis=1))
    return read


SMALL = ColdConfig(trees=ColdConfig().trees.model_copy(update={"min_leaf": 5}))
LIKES = sample_profile("film-003", "film-010")


def made(index, titles, crowd, config=SMALL):
    source = ColdSource(ContentSource(index, {}), titles, config)
    source.fit(TABLE, crowd)
    return source


def offered(source, allowed=EVERY, n=40):
    return [one.item_id for one in source.candidates(LIKES, Query(), n, allowed)]


class TestColdSource(CandidateSourceContract):
    @pytest.fixture
    def source(self, index):
        return ColdSource(ContentSource(index, {}), None)

    @pytest.fixture
    def table(self):
        return ItemTable(sample_items())

    @pytest.fixture
    def interactions(self):
        some = [e for e in sample_interactions().interactions() if int(e.item_id[-2:]) < 20]
        return ListedInteractions(some)


def test_only_what_nobody_took_is_offered(index, titles, crowd):
    assert set(offered(made(index, titles, crowd))) == {film.item_id for film in COLD}
    source = made(index, titles, ListedInteractions([*crowd.interactions(), Interaction("p", "film-125", "like", None, 2e9)]))
    assert "film-125" not in offered(source)


def test_what_the_llm_knows_comes_before_what_is_a_little_nearer(index, titles, crowd):
    by_title = offered(made(index, titles, crowd, SMALL.model_copy(update={"nearness": 0.2})))
    known = [fame(int(item_id[-3:])) for item_id in by_title]
    assert np.mean(known[:10]) > 7 > 3 > np.mean(known[-10:])


def test_without_titles_nothing_tells_them_apart_and_nearness_decides(index, crowd):
    plain, content = made(index, None, crowd), ContentSource(index, {})
    content.fit(TABLE, crowd)
    cold = np.isin(TABLE.ids, [film.item_id for film in COLD])
    assert offered(plain) == [one.item_id for one in content.candidates(LIKES, Query(), 100, cold)][:40]


def test_nothing_is_expected_where_too_few_items_were_taken(index, titles, crowd):
    few = ListedInteractions([e for e in crowd.interactions() if e.item_id < "film-020"])
    source = made(index, titles, few, SMALL.model_copy(update={"min_items": 21}))
    content = ContentSource(index, {})
    content.fit(TABLE, few)
    cold = np.array([item_id >= "film-020" for item_id in TABLE.ids])
    assert offered(source, n=30) == [one.item_id for one in content.candidates(LIKES, Query(), 100, cold)][:30]


def test_it_says_what_it_is_near_to_and_what_was_read(index, titles, crowd):
    source = made(index, titles, crowd)
    first = offered(source, n=1)
    evidence = source.explain(LIKES, Query(), [*first, "film-001"])
    assert set(evidence) == set(first)  # people took the other one
    assert {(e.kind, e.source) for e in evidence[first[0]]} == {("content", "cold")}
    said = source.describe()
    assert (said["items"], said["titles_read"]) == (40, 160)
    assert made(index, None, crowd).describe()["titles_read"] == 0


@pytest.fixture
def two_kinds(tmp_path):
    """Even films are near to each other, odd ones are, and the two kinds are far apart. What is liked is amidst its kind."""
    made = ChromaIndex(tmp_path / "kinds")
    made.open_space("text-en", version="v", dim=DIM)
    vectors = np.random.default_rng(1).normal(0.0, 0.1, (len(FILMS), DIM)).astype(np.float32)
    vectors[[3, 10]] = 0.0
    vectors[0::2, 0] += 1.0
    vectors[1::2, 1] += 1.0
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    made.upsert("text-en", [film.item_id for film in FILMS], vectors, ["movie"] * len(FILMS))
    yield made
    made.close()


class AskedAnew:
    """The same source without ``falls_without``."""

    name = "cold"

    def __init__(self, source):
        self.candidates = source.candidates


ODD, EVEN = "film-003", "film-010"


@pytest.mark.parametrize("known", [False, True])
def test_a_reason_is_one_when_the_source_is_asked_anew_too(two_kinds, titles, crowd, known):
    source = made(two_kinds, titles if known else None, crowd)
    profile = sample_profile(ODD, EVEN)
    some = [one.item_id for one in source.candidates(profile, Query(), 10, EVERY)]
    assert {int(item_id[-3:]) % 2 for item_id in some} == {0, 1}
    reasons = source.explain(profile, Query(), some)
    assert all(reasons.values())
    assert moving(source, profile, Query(), reasons, EVERY) == reasons
    assert moving(AskedAnew(source), profile, Query(), reasons, EVERY) == reasons
    other = {i: [e.model_copy(update={"item_id": ODD if e.item_id == EVEN else EVEN}) for e in reasons[i]] for i in some}
    assert not any(moving(source, profile, Query(), other, EVERY).values())


def test_what_falls_is_what_is_less_near_when_that_is_measured_anew(index, titles, crowd):
    source = made(index, titles, crowd)
    liked = ["film-003", "film-010", "film-040", "film-077"]
    vectors = index.get("text-en", list(TABLE.ids))

    def nearness(item_id, likes):
        mean = np.sum([vectors[like] for like in likes], axis=0)
        return float(vectors[item_id] @ mean / np.linalg.norm(mean))

    pairs = [(film.item_id, gone) for film in COLD for gone in liked]
    told = source.falls_without(sample_profile(*liked), Query(), pairs, EVERY)
    less = [nearness(i, [like for like in liked if like != gone]) - nearness(i, liked) for i, gone in pairs]
    sure = [(fell, change < 0) for fell, change in zip(told, less, strict=True) if abs(change) > 1e-3]  # half precision
    assert len(sure) > 0.8 * len(pairs)
    assert all(fell == lower for fell, lower in sure)
    assert {lower for _, lower in sure} == {True, False}


def test_no_ranking_tells_what_falls(two_kinds, crowd, monkeypatch):
    source = made(two_kinds, None, crowd)
    assert isinstance(source, Removable)
    monkeypatch.setattr(ContentSource, "candidates", None)
    pairs = [("film-120", EVEN), ("film-120", ODD), ("film-121", ODD)]
    assert source.falls_without(sample_profile(ODD, EVEN), Query(), pairs, EVERY) == [True, False, True]


def test_what_is_not_offered_does_not_fall_and_nothing_does_where_nearness_counts_for_nothing(two_kinds, crowd):
    profile, hidden = sample_profile(ODD, EVEN), EVERY.copy()
    hidden[TABLE.rows["film-120"]] = False
    pairs = [("film-120", EVEN), ("film-122", EVEN), ("film-012", EVEN), ("elsewhere", EVEN)]
    source = made(two_kinds, None, crowd)
    assert source.falls_without(profile, Query(), pairs, hidden) == [False, True, False, False]
    alone = made(two_kinds, None, crowd, SMALL.model_copy(update={"nearness": 0.0}))
    assert not any(alone.falls_without(profile, Query(), pairs, EVERY))
    found = {"film-122": source.explain(profile, Query(), ["film-122"])["film-122"]}
    assert moving(AskedAnew(alone), profile, Query(), found, EVERY) == {"film-122": []}


def test_nothing_falls_before_it_is_fitted(index):
    with pytest.raises(Unavailable, match="not fitted"):
        ColdSource(ContentSource(index, {})).falls_without(LIKES, Query(), [], EVERY)
