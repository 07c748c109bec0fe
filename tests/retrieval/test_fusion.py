from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.domain import Item, Query
from retrieval import FusionConfig, ItemTable, Scored, fuse

ITEMS = [
    Item(item_id=f"i{i}", type="track" if i >= 8 else "movie", title=f"I {i}", genres=("Comedy",) if i % 3 == 0 else ("Drama",))
    for i in range(10)
]
TABLE = ItemTable(ITEMS)
FLAT = FusionConfig(weights={}, query_weights={})


def listed(*ids):
    return [Scored(item_id, 1.0 / place) for place, item_id in enumerate(ids, start=1)]


def ids(found):
    return [candidate.item.item_id for candidate in found]


def test_scores_are_the_sum_of_weighted_reciprocal_ranks_and_every_hit_is_kept():
    config = FusionConfig(weights={"a": 2.0, "b": 0.5})
    found = fuse({"a": listed("i1", "i2"), "b": listed("i2")}, TABLE, Query(), config)
    assert ids(found) == ["i2", "i1"]
    assert found[0].score == pytest.approx(2.0 / 62 + 0.5 / 61)
    assert [(h.source, h.rank, h.score) for h in found[0].hits] == [("a", 2, 0.5), ("b", 1, 1.0)]


def test_ties_go_by_item_id():
    assert ids(fuse({"a": listed("i5"), "b": listed("i4")}, TABLE, Query(), FLAT)) == ["i4", "i5"]


def test_a_query_changes_what_sources_count():
    offered = {"ease": listed("i1"), "content": listed("i2")}
    assert ids(fuse(offered, TABLE, Query(), FusionConfig()))[0] == "i1"
    assert ids(fuse(offered, TABLE, Query(text="x"), FusionConfig()))[0] == "i2"


def test_items_that_carry_the_wanted_genre_come_first():
    offered = {"content": listed("i1", "i2", "i4", "i9"), "ease": listed("i1", "i2", "i3"), "lexical": listed("i1")}
    found = ids(fuse(offered, TABLE, Query(genres=("comedy",)), FusionConfig()))
    assert set(found[:2]) == {"i3", "i9"}


def test_the_best_of_each_type_stay_beyond_n():
    offered = {"a": listed(*(f"i{i}" for i in range(10)))}
    assert ids(fuse(offered, TABLE, Query(), FLAT, n=3)) == ["i0", "i1", "i2"]
    assert ids(fuse(offered, TABLE, Query(), FLAT, n=3, per_type=1)) == ["i0", "i1", "i2", "i8"]


def test_unknown_items_and_empty_lists_are_dropped():
    assert fuse({"a": listed("gone"), "b": []}, TABLE, Query(genres=("Comedy",)), FLAT) == []


@given(st.dictionaries(st.sampled_from("abc"), st.permutations(range(10)).map(lambda p: [f"i{i}" for i in p[:6]]), min_size=1))
def test_order_of_sources_changes_nothing_and_scores_fall(lists):
    offered = {name: listed(*found) for name, found in lists.items()}
    found = fuse(offered, TABLE, Query(), FLAT)
    assert found == fuse(dict(reversed(offered.items())), TABLE, Query(), FLAT)
    assert [c.score for c in found] == sorted((c.score for c in found), reverse=True)
    assert set(ids(found)) == {i for many in lists.values() for i in many}
