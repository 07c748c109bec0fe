import pytest

from agent.dialogue.refine import Shown, asks_why, ordinal, refine
from palate.domain import Query

SHOWN = [
    Shown(item_id="a", title="Alien", year=1979),
    Shown(item_id="b", title="Heat", year=1995),
    Shown(item_id="c", title="Up", year=2009),
]
BEFORE = Query(text="like Alien but funny", like_item_ids=("x",), genres=("Comedy",), without_genres=("War",), types=("movie",))


def follow(text, named=(), **new):
    return refine(BEFORE, Query(text=text, **new), text, SHOWN, named)


def test_at_the_beginning_a_message_is_itself():
    new = Query(text="no horror", without_genres=("Horror",))
    assert refine(None, new, "no horror", []).query == new


def test_new_genres_add_and_refusals_take_away():
    assert follow("but also scary", genres=("Horror",)).query.genres == ("Comedy", "Horror")
    refused = follow("not funny", without_genres=("Comedy",)).query
    assert (refused.genres, refused.without_genres, refused.types) == ((), ("War", "Comedy"), ("movie",))
    assert follow("and war", genres=("War",)).query.without_genres == ()


def test_instead_replaces_all_but_refusals():
    query = follow("jazz instead", genres=("Jazz",)).query
    assert (query.genres, query.like_item_ids, query.types, query.without_genres) == (("Jazz",), (), (), ("War",))


@pytest.mark.parametrize(
    ("text", "years"), [("something older", (None, 1994)), ("newer please", (1996, None)), ("老一点的", (None, 1994))]
)
def test_older_and_newer_are_relative_to_the_slate(text, years):
    query = follow(text).query
    assert (query.year_min, query.year_max) == years
    assert query.genres == ("Comedy",)
    assert query.text == BEFORE.text


@pytest.mark.parametrize(
    ("text", "named", "excluded"),
    [
        ("no, not that one", (), ("a", "b", "c")),
        ("not the second one", (), ("b",)),
        ("I've already seen Heat", ("b",), ("b",)),
        ("something else", (), ("a", "b", "c")),
        ("换一批", (), ("a", "b", "c")),
        ("不要第二个,换一个", (), ("b",)),
        ("but scarier", (), ()),
        ("remove the first one", (), ("a",)),
        ("please skip Up", ("c",), ("c",)),
        ("I'm not interested in the third", (), ("c",)),
        ("I've seen the second one", (), ("b",)),
        ("去掉第一个", (), ("a",)),
        ("第三个看过了", (), ("c",)),
    ],
)
def test_what_was_shown_is_left_out(text, named, excluded):
    assert follow(text, named).exclude == excluded


@pytest.mark.parametrize("text", ["start over", "Find me a long documentary about trains and the sea"])
def test_a_new_request_forgets(text):
    refined = follow(text)
    assert (refined.query, refined.kind) == (Query(text=text), "new")


def test_the_text_stays_within_its_limit():
    before = BEFORE.model_copy(update={"text": "x" * 1990})
    assert len(refine(before, Query(text="and funny", genres=("Comedy",)), "and funny", SHOWN).query.text) == 2000


@pytest.mark.parametrize("text", ["why?", "Why the second one", "but why Alien", "how come?", "为什么推荐这个", "为什么？"])
def test_why(text):
    assert asks_why(text)


@pytest.mark.parametrize("text", ["I don't know why", "whydunit", "more", "something like Alien"])
def test_not_why(text):
    assert not asks_why(text)


@pytest.mark.parametrize(
    ("text", "place"), [("the second one", 1), ("第三个", 2), ("the last one", 2), ("the sixth", None), ("it", None)]
)
def test_ordinals(text, place):
    assert ordinal(text, 3) == place


@pytest.mark.parametrize("text", ["remove the first one", "drop Heat", "第二个我看过了"])
def test_what_is_removed_leaves_the_request_as_it_was(text):
    refined = follow(text, ("b",) if "Heat" in text else ())
    assert (refined.kind, refined.query) == ("follow-up", BEFORE)


def test_seen_elsewhere_is_not_a_removal():
    assert refine(BEFORE, Query(text="I have seen the Godfather"), "I have seen the Godfather", SHOWN, ["g"]).kind == "new"
