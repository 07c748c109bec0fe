from __future__ import annotations

import pytest

from palate.domain import Item
from retrieval.phrases import PhraseRows

ITEMS = [
    Item(item_id="a", type="movie", title="The Truth About Cats & Dogs", creators=("Janeane Garofalo",)),
    Item(item_id="b", type="movie", title="Amélie", description="A witch in a café watches movies. 迪士尼出品"),
    Item(item_id="c", type="movie", title="All Dogs Go to Heaven 2", genres=("Children's",)),
    Item(item_id="d", type="track", title="Star Trek Theme", alt_titles=("星际迷航",), attributes={"mood": "bossy"}),
    Item(item_id="e", type="movie", title="A Star on the Trek"),
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
        ("movie", "abce"),
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
        ("!?", ""),
    ],
)
def test_who_says_it(phrases, phrase, found):
    rows = phrases.rows(phrase)
    assert rows.dtype == "int32"
    assert "".join(ITEMS[row].item_id for row in rows.tolist()) == found


def test_of_no_items_nobody_says_anything():
    assert PhraseRows([]).rows("dog").size == 0
