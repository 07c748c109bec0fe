from typing import NamedTuple

import pytest

from agent.dialogue.refine import Refined, Shown, asks_why, counts_a_place, places, refine
from palate.domain import Query

SHOWN = [
    Shown(item_id="a", year=1979),
    Shown(item_id="b", year=1995),
    Shown(item_id="c", year=2009),
]
BEFORE = Query(text="like Alien but funny", like_item_ids=("x",), genres=("Comedy",), without_genres=("War",), types=("movie",))


class Span(NamedTuple):
    item_id: str
    start: int
    end: int


def spans(text, titles):
    """Return where titles stand in a text; the id of one is that of the slate, else its own name."""
    ids = {"Alien": "a", "Heat": "b", "Up": "c"}
    return [Span(ids.get(title, title), text.index(title), text.index(title) + len(title)) for title in titles]


def follow(text, titles=(), **new):
    return refine(BEFORE, Query(text=text, **new), text, SHOWN, spans(text, titles))


def test_at_the_beginning_a_message_is_itself():
    new = Query(text="no horror", without_genres=("Horror",))
    assert refine(None, new, "no horror", []).query == new


@pytest.mark.parametrize("text", ["none of these", "none of these, something else", "not any of those", "none of them"])
def test_what_only_refuses_the_slate_adds_no_words(text):
    assert follow(text).query == BEFORE


def test_none_of_something_else_is_a_wish_of_its_own():
    refined = follow("I want none of the sad ones")
    assert (refined.kind, refined.exclude) == ("new", ())


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
    ("before", "new", "kept"),
    [
        ((None, 1979), (1961, None), (1961, 1979)),
        ((1990, None), (None, 1995), (1990, 1995)),
        ((1990, 1999), (1995, None), (1995, 1999)),
        ((None, 1979), (1991, None), (1991, None)),
        ((1990, 1999), (None, 1979), (None, 1979)),
        ((None, 1979), (1990, 1999), (1990, 1999)),
        ((1990, 1999), (None, None), (1990, 1999)),
    ],
)
def test_a_bound_of_years_stays_where_a_later_one_leaves_room(before, new, kept):
    previous = BEFORE.model_copy(update={"year_min": before[0], "year_max": before[1]})
    query = refine(previous, Query(year_min=new[0], year_max=new[1]), "and those years", SHOWN).query
    assert (query.year_min, query.year_max) == kept


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ("nothing made before 1995", {"year_min": 1995}),
        ("nothing from before 1990 please", {"year_min": 1990}),
        ("could you please show me something that was made after 1990", {"year_min": 1991}),
        ("please show me some that were not made in the nineties", {}),
        ("I don't want to see any films made before 1980", {"year_min": 1980, "types": ("movie",)}),
        ("could you please show me none of those from the 90s", {"without_years": ((1990, 1999),)}),
        ("90年代的电影免了", {"without_years": ((1990, 1999),), "types": ("movie",)}),
    ],
)
def test_what_only_bounds_years_changes_the_last_request(text, new):
    refined = refine(BEFORE, Query(**new), text, SHOWN)
    assert (refined.kind, refined.query) == ("follow-up", BEFORE.model_copy(update=new))


@pytest.mark.parametrize(
    ("text", "new"), [("hello", {}), (" ", {}), ("songs made before 1980", {"year_max": 1979, "types": ("track",)})]
)
def test_a_greeting_and_what_asks_for_a_type_change_nothing_before(text, new):
    assert refine(BEFORE, Query(**new), text, SHOWN).kind == "new"


@pytest.mark.parametrize(
    ("text", "titles", "excluded"),
    [
        ("no, not that one", (), "abc"),
        ("not the second one", (), "b"),
        ("I've already seen Heat", ("Heat",), "b"),
        ("something else", (), "abc"),
        ("none of these", (), "abc"),
        ("None of them please", (), "abc"),
        ("no, not any of those", (), "abc"),
        ("换一批", (), "abc"),
        ("不要第二个,换一个", (), "b"),
        ("but scarier", (), ""),
        ("remove the first one", (), "a"),
        ("please skip Up", ("Up",), "c"),
        ("delete The Third Man", ("The Third Man",), ""),
        ("I'm not interested in the third", (), "c"),
        ("I've seen the second one", (), "b"),
        ("remove the first and the third one", (), "ac"),
        ("drop the first two", (), "ab"),
        ("skip those", (), "abc"),
        ("I'm not interested in any of these", (), "abc"),
        ("去掉第一个", (), "a"),
        ("去掉第2个", (), "b"),
        ("我不喜欢第一个", (), "a"),
        ("不太想看第二个", (), "b"),
        ("前两个都看过了", (), "ab"),
        ("第三个看过了", (), "c"),
        ("除了第一个我都看过了", (), "bc"),
        ("对这些不感兴趣", (), "abc"),
        ("I haven't seen the first one", (), ""),
        ("don't remove the first one", (), ""),
        ("我没看过第一个", (), ""),
        ("a film about the second world war", (), ""),
        ("remove the 9th", (), ""),
        ("drop the seventh one", (), ""),
        ("not like the first one", (), "a"),
        ("I hate the first one", (), "a"),
        ("I don't like number 2", (), "b"),
        ("can't stand the last film", (), "c"),
        ("no, I don't like any of these", (), "abc"),
        ("I don't want any of them", (), "abc"),
        ("no", (), "abc"),
        ("No!", (), "abc"),
        ("nah", (), "abc"),
        ("这几个都不要", (), "abc"),
        ("都不喜欢", (), "abc"),
    ],
)
def test_what_was_shown_is_left_out(text, titles, excluded):
    assert follow(text, titles).exclude == tuple(excluded)


@pytest.mark.parametrize(
    "text",
    ["remove the first one", "drop Heat", "第二个我看过了", "skip it", "I hate the first one", "no", "nah", "I don't like any"],
)
def test_what_is_removed_leaves_the_request_as_it_was(text):
    refined = follow(text, ("Heat",) if "Heat" in text else ())
    assert (refined.kind, refined.query) == ("follow-up", BEFORE)


def test_the_like_of_what_was_shown_is_no_removal():
    for text in ("give me more like Heat", "I'd like a film like Heat"):
        assert follow(text, ("Heat",), like_item_ids=("b",)).query.like_item_ids == ("b",)
    another = follow("another film like Heat", ("Heat",), like_item_ids=("b",))
    assert (another.kind, another.query.like_item_ids, another.exclude) == ("follow-up", ("x", "b"), ("a", "b", "c"))


@pytest.mark.parametrize(
    ("text", "titles", "adds"),
    [
        ("but with dinosaurs", (), True),
        ("also set in Paris please", (), True),
        ("另外要有恐龙的", (), True),
        ("no, something else", (), False),
        ("another one please", (), False),
        ("less gore", (), False),
        ("not so violent please", (), False),
        ("how about something newer", (), False),
        ("换一批别的看看", (), False),
        ("不要太长的", (), False),
        ("not Heat", ("Heat",), False),
    ],
)
def test_what_a_follow_up_says_beyond_a_change_is_looked_for_too(text, titles, adds):
    refined = follow(text, titles)
    assert (refined.kind, refined.query.text) == ("follow-up", f"{BEFORE.text}; {text}" if adds else BEFORE.text)


def test_creators_stay_refused_until_they_are_named_again():
    refused = follow("I don't want Tom Cruise", without_creators=("Tom Cruise",))
    assert (refused.kind, refused.query.without_creators, refused.query.genres) == ("follow-up", ("Tom Cruise",), ("Comedy",))

    def then(text, **new):
        return refine(refused.query, Query(text=text, **new), text, SHOWN).query

    assert then("no Ann Lee either", without_creators=("Ann Lee",)).without_creators == ("Tom Cruise", "Ann Lee")
    assert then("jazz instead", genres=("Jazz",)).without_creators == ("Tom Cruise",)
    assert then("but with Tom Cruise after all").without_creators == ()


@pytest.mark.parametrize(("text", "kind"), [("I don't like war", "follow-up"), ("I don't like war, a comedy film", "new")])
def test_a_message_that_only_refuses_changes_the_last_request(text, kind):
    new = {"without_genres": ("War",)} | ({"types": ("movie",), "genres": ("Comedy",)} if kind == "new" else {})
    assert follow(text, **new).kind == kind


@pytest.mark.parametrize(
    "text",
    [
        *("shorter please", "even newer", "a bit darker", "less violent", "nothing with vampires", "remove the 9th", "fewer songs"),
        *("短一点的", "更短的"),
    ],
)
def test_a_comparison_changes_the_last_request(text):
    refined = follow(text)
    assert (refined.kind, refined.query.genres, refined.query.like_item_ids) == ("follow-up", ("Comedy",), ("x",))


@pytest.mark.parametrize(
    ("text", "liked"),
    [
        ("more like the first one", "a"),
        ("something similar to the 2nd", "b"),
        ("像第三个那样的", "c"),
        ("the second one is great, more like that", "b"),
    ],
)
def test_the_like_of_what_is_counted_is_looked_for(text, liked):
    refined = follow(text)
    assert (refined.kind, refined.query.like_item_ids, refined.exclude) == ("follow-up", ("x", liked), ())


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ("a thriller from Norway", {"genres": ("Thriller",)}),
        ("nothing beats a good western film from the 60s", {"genres": ("Western",), "types": ("movie",)}),
        ("Cheaper by the Dozen", {}),
        ("a 19th century drama, leave out the romance", {"genres": ("Drama",), "without_genres": ("Romance",)}),
        ("今天心情不好,给我推荐一些轻松一点的音乐", {"types": ("track",)}),
        ("a film like The Third Man", {"types": ("movie",)}),
        ("I would like the first one", {}),
        ("I hate the first Alien film", {}),
        ("films about people who hate number theory", {"types": ("movie",)}),
    ],
)
def test_what_is_wanted_anew_is_no_change(text, new):
    refined = follow(text, **new)
    assert (refined.kind, refined.query.like_item_ids, refined.exclude) == ("new", (), ())


@pytest.mark.parametrize(
    ("text", "liked", "excluded"),
    [
        ("第一个和第二个都看过了", "", "ab"),
        ("no more like the first one", "", "a"),
        ("less like the second one", "", "b"),
        ("不像第一个那样的", "", "a"),
        ("no, not that. More like the first one", "a", "bc"),
        ("I've already seen these, show me more like the first one", "a", "bc"),
        ("换成像第二个那样的", "b", ""),
    ],
)
def test_the_like_of_what_is_counted_is_told_from_what_is_refused(text, liked, excluded):
    refined = follow(text)
    added = tuple(i for i in refined.query.like_item_ids if i != "x")
    assert (added, refined.exclude) == (tuple(liked), tuple(excluded))


def test_a_title_that_is_refused_is_not_shown_again_and_changes_nothing_else():
    def said(text, previous=BEFORE):
        return refine(previous, Query(text=text), text, SHOWN, spans(text, ["Up", "Fargo"] if "Up" in text else ["Fargo"]), ("f",))

    for text in ("ok but no Fargo", "skip Fargo", "not Fargo please"):
        assert (said(text).kind, said(text).exclude) == ("follow-up", ("f",))
    assert said("anything but Fargo", previous=None).exclude == ("f",)


def test_what_was_refused_stays_refused_in_new_requests():
    refused = {"without_genres": ("Horror",), "without_creators": ("Tom Cruise",)}
    before = Query(text="no horror, no Tom Cruise", **refused)

    def then(text, **new):
        return refine(before, Query(text=text, **new), text, SHOWN)

    western = then("show me a western from the sixties", genres=("Western",), year_min=1960, year_max=1969)
    assert (western.kind, western.query.genres) == ("new", ("Western",))
    assert western.query.model_dump(include=set(refused)) == refused
    assert then("show me some horror film with Tom Cruise", genres=("Horror",)).query.without_genres == ()
    assert then("show me some horror film with Tom Cruise", genres=("Horror",)).query.without_creators == ()
    assert then("start over, a western please", genres=("Western",)).query.without_genres == ()
    assert then("show me something in the vein of The Shining", like_item_ids=("s",)).query.without_genres == ()
    cruising = then("show me some film about a cruiser called Tom Cruisers", types=("movie",))
    assert cruising.query.without_creators == ("Tom Cruise",)


def test_a_year_in_a_title_is_not_asked_for():
    before, text = Query(text="comedy", without_years=((1990, 1999),)), "like Blade Runner 2049, nothing before 1980"
    refined = refine(before, Query(text=text, year_min=1980), text, SHOWN, spans(text, ["Blade Runner 2049"]))
    assert refined.query.without_years == ((1990, 1999),)


def test_seen_elsewhere_is_not_a_removal():
    assert follow("I have seen The Godfather", ("The Godfather",)).kind == "new"


CARRIED = {
    "Horror": {"movie"},
    "Romance": {"movie"},
    "Jazz": {"track"},
    "Ambient": {"track"},
    "K-Pop": {"track"},
    "Drama": {"movie", "podcast"},
}


def carriers(genres):
    return frozenset[str]().union(*(CARRIED[genre] for genre in genres))


@pytest.mark.parametrize(
    ("before", "text", "new"),
    [
        ({"genres": ("Horror",), "types": ("movie",)}, "some jazz please", {"genres": ("Jazz",)}),
        ({"genres": ("Horror",)}, "来点爵士乐", {"genres": ("Jazz",)}),
        ({"types": ("track",)}, "90年代的爱情片", {"genres": ("Romance",), "year_min": 1990, "year_max": 1999}),
        ({"genres": ("Horror",)}, "k-pop", {"genres": ("K-Pop",)}),
        ({"genres": ("Jazz",)}, "I feel like a really scary evening now", {"genres": ("Horror",)}),
    ],
)
def test_a_genre_that_the_last_type_has_not_begins_a_new_request(before, text, new):
    new = Query(text=text, **new)
    refined = refine(Query(text="before", without_genres=("War",), **before), new, text, SHOWN, carriers=carriers)
    assert refined == Refined(query=new.model_copy(update={"without_genres": ("War",)}), kind="new")


@pytest.mark.parametrize("text", ["something romantic", "more romantic", "浪漫一点的"])
def test_a_mood_that_the_last_type_has_no_genre_for_is_looked_for_in_words(text):
    refined = refine(Query(text="jazz", genres=("Jazz",)), Query(text=text, genres=("Romance",)), text, SHOWN, carriers=carriers)
    assert (refined.query.genres, refined.query.text, refined.kind) == (("Jazz",), f"jazz; {text}", "follow-up")


@pytest.mark.parametrize(("before", "text", "genre"), [("Horror", "a drama", "Drama"), ("Horror", "romantic", "Romance")])
def test_a_genre_that_the_last_type_has_too_is_added(before, text, genre):
    refined = refine(Query(text="x", genres=(before,)), Query(text=text, genres=(genre,)), text, SHOWN, carriers=carriers)
    assert (refined.query.genres, refined.kind) == ((before, genre), "follow-up")


@pytest.mark.parametrize(
    ("text", "place"),
    [("why number 2", 1), ("why no. 3?", 2), ("why number two", 1), ("why #3?", 2), ("why the 2nd?", 1), ("為什麼第二個", 1)],
)
def test_why_points_at_the_place_that_is_counted(text, place):
    assert asks_why(text)
    assert places(text, 6) == (place,)
    assert counts_a_place(text)


def test_why_of_a_place_that_is_not_there_points_at_none():
    for text in ("why number 9?", "why number nine", "why the 9th?"):
        assert places(text, 6) == ()
        assert counts_a_place(text)
    assert places("why The Number 23", 6) == ()
    assert places("compare the third and the first one", 6) == (0, 2)


@pytest.mark.parametrize("text", ["something older", "newer please", "老一点的"])
def test_older_and_newer_ones_are_others(text):
    assert follow(text).exclude == ("a", "b", "c")
