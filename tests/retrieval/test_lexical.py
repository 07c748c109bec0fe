import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palate.domain import Item
from retrieval import lexical
from retrieval.lexical import LexicalIndex, tokenize


def film(item_id: str, title: str, **fields) -> Item:
    return Item(item_id=item_id, type="movie", title=title, **fields)


ITEMS = [
    film("a", "Alien", genres=("Horror", "Sci-Fi")),
    film("b", "Aliens", genres=("Action",)),
    film("c", "The Who", genres=("Documentary",)),
    film("d", "星球大战", genres=("Sci-Fi",)),
    film("e", "Le Fabuleux Destin d'Amélie Poulain", genres=("Comedy",)),
    film("f", "Schindler's List", genres=("Drama",)),
]


@pytest.fixture(scope="module")
def index() -> LexicalIndex:
    return LexicalIndex(ITEMS)


def ids(found) -> list[str]:
    return [scored.item_id for scored in found]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Schindler's List", ["schindler", "list"]),
        ("Sci-Fi_2001", ["sci", "fi", "2001"]),
        ("星球大战 x", ["星球", "球大", "大战", "x"]),
        ("大", ["大"]),
        ("ＡＬＩＥＮ Ünder", ["alien", "under"]),
        ("!?", []),
    ],
)
def test_tokens(text, tokens):
    assert tokenize(text) == tokens


@pytest.mark.parametrize(
    ("query", "best"),
    [("alien", "a"), ("AMELIE", "e"), ("星球", "d"), ("the who", "c"), ("something like Alien", "a"), ("schindlers list", "f")],
)
def test_the_best_is_what_was_asked_for(index, query, best):
    assert ids(index.search(query, 3))[0] == best


@pytest.mark.parametrize("query", ["", "   ", "!?", "zzz", "x" * 2000])
def test_nothing_asked_or_known_gives_nothing(index, query):
    assert index.search(query, 5) == []
    assert index.matched_terms(query, "a") == []


def test_common_words_do_not_match(index):
    assert "c" not in ids(index.search("the alien", 5))


def test_allowed_rows_only(index):
    allowed = np.array([item.item_id != "a" for item in ITEMS])
    assert ids(index.search("alien sci fi", 5, allowed)) == ["d"]
    assert index.search("alien", 5, np.zeros(len(ITEMS), dtype=bool)) == []


def test_ties_go_by_id_also_at_the_end():
    index = LexicalIndex([film(i, "Same Words") for i in "cadbfe"] + [film("z", "Other")])
    assert ids(index.search("same", 3)) == ["a", "b", "c"]
    assert ids(index.search("same", 50)) == ["a", "b", "c", "d", "e", "f"]


def test_matched_terms_sum_to_the_score(index):
    query = "alien horror sci"
    score = {s.item_id: s.score for s in index.search(query, 5)}["a"]
    terms = index.matched_terms(query, "a")
    assert sum(weight for _, weight in terms) == pytest.approx(score, rel=1e-5)
    assert {term for term, _ in terms} == {"alien", "horror", "sci"}
    assert [weight for _, weight in terms] == sorted((weight for _, weight in terms), reverse=True)
    assert index.matched_terms(query, "nothing") == []


@pytest.mark.parametrize("items", [[], [film("a", "!?")]])
def test_hardly_any_items(items):
    index = LexicalIndex(items)
    assert len(index) == len(items)
    assert index.search("alien", 5) == []


def test_it_prints_nothing(capfd):
    LexicalIndex(ITEMS).search("alien", 2)
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=200), st.integers(0, 8))
def test_any_text_is_taken(index, text, n):
    found = index.search(text, n)
    assert len(found) <= n
    assert found == index.search(text, n)
    assert [s.score for s in found] == sorted((s.score for s in found), reverse=True)
    assert all(s.score > 0 for s in found)


def test_the_examples_hold():
    assert doctest.testmod(lexical).failed == 0
