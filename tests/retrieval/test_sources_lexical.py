from __future__ import annotations

import numpy as np
import pytest

from palate.domain import Item, Query
from palate.testing.candidate_source import CandidateSourceContract, ListedInteractions, sample_profile
from retrieval import ItemTable, LexicalSource


class TestLexical(CandidateSourceContract):
    @pytest.fixture
    def source(self):
        return LexicalSource()

    @pytest.fixture
    def query(self):
        return Query(text="a horror comedy")


TABLE = ItemTable(
    [
        Item(item_id="a", type="movie", title="Night of the Robots", description="Robots wake in a lighthouse."),
        Item(item_id="b", type="movie", title="The Lighthouse"),
        Item(item_id="c", type="track", title="夜航", description="安静的钢琴"),
    ]
)


@pytest.fixture
def source():
    made = LexicalSource()
    made.fit(TABLE, ListedInteractions())
    return made


def ids(source, text):
    return [s.item_id for s in source.candidates(sample_profile(), Query(text=text), 5, np.ones(3, dtype=np.bool_))]


def test_words_are_found_and_named(source):
    assert ids(source, "robots in a lighthouse") == ["a", "b"]
    assert ids(source, "钢琴") == ["c"]
    evidence = source.explain(sample_profile(), Query(text="robots in a lighthouse"), ["a", "b", "c"])
    assert [(e.kind, e.detail) for e in evidence["b"]] == [("query", "lighthouse")]
    assert {e.detail for e in evidence["a"]} == {"robots", "lighthouse"}
    assert "c" not in evidence


@pytest.mark.parametrize("text", ["", "   ", "!?", "zzzz"])
def test_nothing_asked_nothing_offered(source, text):
    assert ids(source, text) == []
    assert source.explain(sample_profile(), Query(text=text), ["a"]) == {}


def test_an_empty_catalog(source):
    empty = ItemTable([])
    source.fit(empty, ListedInteractions())
    assert source.candidates(sample_profile(), Query(text="robots"), 5, np.ones(0, dtype=np.bool_)) == []
