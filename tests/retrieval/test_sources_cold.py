"""Cold items: near to what is liked, those first that many are expected to take."""

from __future__ import annotations

import numpy as np
import pytest

from palate.domain import Interaction, Item, Query
from palate.testing.candidate_source import (
    CandidateSourceContract,
    ListedInteractions,
    sample_interactions,
    sample_items,
    sample_profile,
)
from retrieval import ChromaIndex, ContentSource, ItemTable
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
