from __future__ import annotations

import pytest

from agent.dialogue.refine import Refined, Shown, refine
from palate.domain import Query

SHOWN = [Shown(item_id="a", year=1979), Shown(item_id="b", year=1995), Shown(item_id="c", year=2009)]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a film with a dog", ()),
        ("something funny", ("dogs",)),
        ("you showed me dogs again", ("dogs",)),
        ("the first one has a dog", ("dogs",)),
        ("there are still dogs in it", ("dogs",)),
    ],
)
def test_a_refused_word_is_lifted_by_a_wish_and_not_by_a_complaint(text, left):
    before = Query(text="comedy", without_words=("dogs",))
    assert refine(before, Query(text=text), text, SHOWN).query.without_words == left


def test_years_that_are_refused_leave_some_of_those_that_are_wanted():
    before = Query(text="comedy", year_min=1990, without_years=((1990, 1999),))
    text = "nothing after 1999"
    query = refine(before, Query(year_max=1999), text, SHOWN).query
    assert (query.year_min, query.year_max, query.without_years) == (1990, 1999, ())


@pytest.mark.parametrize(
    ("text", "new", "left"),
    [
        ("dogs are fine again", {}, {"without_words": ()}),
        ("never mind the dogs", {}, {"without_words": ()}),
        ("horror is ok after all", {"genres": ("Horror",)}, {"without_genres": ()}),
        ("恐怖片也可以", {"genres": ("Horror",)}, {"without_genres": ()}),
        ("the 90s are okay now", {"year_min": 1990, "year_max": 1999}, {"without_years": ()}),
        ("dogs are not fine", {}, {}),
    ],
)
def test_what_is_taken_back_is_not_asked_for(text, new, left):
    refused = {"without_words": ("dogs",), "without_genres": ("Horror",), "without_years": ((1990, 1999),)}
    before = Query(text="comedy", genres=("Comedy",), **refused)
    refined = refine(before, Query(text=text, **new), text, SHOWN)
    if left:
        assert refined == Refined(query=before.model_copy(update=left), kind="follow-up")
    else:
        assert refined.query.without_words == ("dogs",)


def test_a_thing_that_is_refused_leaves_the_genre_that_was_wanted():
    before, new = Query(text="horror", genres=("Horror",)), Query(without_genres=("Horror",), without_words=("zombies",))
    query = refine(before, new, "no zombies", SHOWN).query
    assert (query.genres, query.without_genres, query.without_words) == (("Horror",), (), ("zombies",))
