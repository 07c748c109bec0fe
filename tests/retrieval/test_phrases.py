from __future__ import annotations

import doctest

import pytest

from palate.domain import Item
from retrieval import phrases as module
from retrieval.phrases import PhraseRows

ITEMS = [
    Item(item_id="a", type="movie", title="The Truth About Cats & Dogs", creators=("Janeane Garofalo",)),
    Item(item_id="b", type="movie", title="Amélie", description="A witch in a café watches movies. 迪士尼出品"),
    Item(item_id="c", type="movie", title="All Dogs Go to Heaven 2", genres=("Children's",)),
    Item(item_id="d", type="track", title="Star Trek Theme", alt_titles=("星际迷航",), attributes={"mood": "bossy"}),
    Item(item_id="e", type="movie", title="A Star on the Trek"),
    Item(item_id="f", type="movie", title="An American Werewolf in London", description="Last action hero, knife, 一个女人"),
]


@pytest.fixture(scope="module")
def phrases():
    return PhraseRows(ITEMS)


@pytest.mark.parametrize(
    ("phrase", "found"),
    [
        ("dog", "ac"),
        ("DOGS", "ac"),
        ("cats", "a"),
        ("witches", "b"),
        ("cafe", "b"),
        ("movie", "abcef"),
        ("amelie", "b"),
        ("star trek", "d"),
        ("Star-Trek", "d"),
        ("garofalo", "a"),
        ("boss", ""),
        ("bossy", "d"),
        ("迪士尼", "b"),
        ("星", "d"),
        ("海", ""),
        ("do", ""),
        ("heaven 2", "c"),
        ("", ""),
        ("werewolves", "f"),
        ("heroes", "f"),
        ("knives", "f"),
        ("女人", "f"),
        ("女士", ""),
        ("!?", ""),
    ],
)
def test_who_says_it(phrases, phrase, found):
    rows = phrases.rows(phrase)
    assert rows.dtype == "int32"
    assert "".join(ITEMS[row].item_id for row in rows.tolist()) == found


def test_the_examples_hold():
    assert doctest.testmod(module).failed == 0


def test_of_no_items_nobody_says_anything():
    assert PhraseRows([]).rows("dog").size == 0
