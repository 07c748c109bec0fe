from __future__ import annotations

import numpy as np
import pytest

from palate.domain import Item, Query
from palate.testing.candidate_source import CandidateSourceContract, ListedInteractions, sample_profile
from retrieval import AttributesSource, ItemTable

ITEMS = [
    Item(item_id="alien", type="movie", title="Alien", genres=("Horror", "Sci-Fi"), creators=("Scott",)),
    Item(item_id="blade", type="movie", title="Blade Runner", genres=("Drama", "Sci-Fi"), creators=("Scott",)),
    Item(item_id="drama", type="movie", title="Drama", genres=("Drama",)),
    Item(item_id="fun", type="movie", title="Fun", genres=("Comedy",)),
    Item(item_id="funny-space", type="movie", title="Funny Space", genres=("Comedy", "Sci-Fi")),
    Item(item_id="jazz-1", type="track", title="Jazz 1", genres=("Jazz",)),
    Item(item_id="jazz-2", type="track", title="Jazz 2", genres=("Jazz",)),
    Item(item_id="plain", type="movie", title="Plain"),
]


class TestAttributes(CandidateSourceContract):
    @pytest.fixture
    def source(self):
        return AttributesSource()


class TestAttributesOfAQuery(TestAttributes):
    @pytest.fixture
    def query(self):
        return Query(text="like that but funny", like_item_ids=("film-06",), genres=("Comedy",))


@pytest.fixture
def table():
    return ItemTable(ITEMS)


@pytest.fixture
def source(table):
    made = AttributesSource()
    made.fit(table, ListedInteractions())
    return made


def ids(source, profile, query, table, hidden=()):
    allowed = np.array([i not in hidden for i in table.ids], dtype=np.bool_)
    return [s.item_id for s in source.candidates(profile, query, 10, allowed)]


def test_wanted_genre_with_the_genres_of_the_named_item_comes_first(source, table):
    query = Query(text="like Alien but funny", like_item_ids=("alien",), genres=("comedy",))
    found = ids(source, sample_profile(), query, table, hidden=("alien",))
    assert found[:2] == ["funny-space", "fun"]
    assert found[2] == "blade"
    evidence = source.explain(sample_profile(), query, ["funny-space", "blade"])
    assert [(e.detail, e.item_id, e.platform) for e in evidence["funny-space"]] == [
        ("Comedy", None, None),
        ("Sci-Fi", "alien", None),
    ]
    assert ("Scott", "alien") in [(e.detail, e.item_id) for e in evidence["blade"]]


def test_history_speaks_without_a_query_for_and_against(source, table):
    found = ids(source, sample_profile("jazz-1"), Query(), table, hidden=("jazz-1",))
    assert found == ["jazz-2"]
    assert ids(source, sample_profile("jazz-1", weight=-1.0), Query(), table) == []
    (evidence,) = source.explain(sample_profile("jazz-1", platform="spotify"), Query(), ["jazz-2"])["jazz-2"]
    assert (evidence.item_id, evidence.platform, evidence.detail, evidence.weight) == ("jazz-1", "spotify", "Jazz", 1.0)


def test_words_alone_say_nothing_here(source, table):
    assert ids(source, sample_profile("jazz-1"), Query(text="anything"), table) == []


def test_falls_without(source, table):
    allowed = np.ones(len(table), dtype=np.bool_)
    profile = sample_profile("jazz-1", "fun")
    assert source.falls_without(profile, Query(), [("jazz-2", "jazz-1"), ("jazz-2", "fun")], allowed) == [True, False]


def test_popularity_orders_what_is_otherwise_equal(table):
    from palate.domain import Interaction

    source = AttributesSource()
    events = [Interaction("a", "jazz-2", "like", None, 0.0)]
    source.fit(table, ListedInteractions(events))
    assert ids(source, sample_profile(), Query(genres=("Jazz",)), table) == ["jazz-2", "jazz-1"]


PEOPLE = [
    Item(item_id="both", type="movie", title="Both", genres=("Drama",), creators=("Ann Lee", "Bo Yang")),
    Item(item_id="one", type="movie", title="One", genres=("Comedy",), creators=("Ann Lee",)),
    Item(item_id="none", type="movie", title="None", genres=("Comedy",)),
]


def test_creators_that_the_words_name_are_found_and_told():
    table, source = ItemTable(PEOPLE), AttributesSource()
    source.fit(table, ListedInteractions([]))
    query = Query(text="what did Ann Lee and bo yang make?")
    found = source.candidates(sample_profile(), query, 5, np.ones(3, dtype=np.bool_))
    assert [scored.item_id for scored in found] == ["both", "one"]
    said = source.explain(sample_profile(), query, ["both", "one", "none"])
    assert {item: [(e.kind, e.detail) for e in evidence] for item, evidence in said.items()} == {
        "both": [("query", "Ann Lee"), ("query", "Bo Yang")],
        "one": [("query", "Ann Lee")],
    }


def test_a_genre_that_is_wanted_and_a_creator_that_is_named_count_together():
    table, source = ItemTable(PEOPLE), AttributesSource()
    source.fit(table, ListedInteractions([]))
    query = Query(text="a comedy by Ann Lee", genres=("Comedy",))
    found = source.candidates(sample_profile(), query, 5, np.ones(3, dtype=np.bool_))
    assert found[0].item_id == "one"
