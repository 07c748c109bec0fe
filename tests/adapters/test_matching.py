import csv
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import Match, TitleMatcher, find_item, normalise_title
from palate.domain import Item


def film(item_id: str, title: str, year: int | None = None, *alt_titles: str) -> Item:
    return Item(item_id=item_id, type="movie", title=title, year=year, alt_titles=alt_titles)


def track(item_id: str, title: str, *creators: str) -> Item:
    return Item(item_id=item_id, type="track", title=title, creators=creators)


CATALOG = [
    film("alien", "Alien", 1979, "异形"),
    film("aliens", "Aliens", 1986),
    film("trek4", "Star Trek IV: The Voyage Home", 1986),
    film("seven", "Seven (Se7en)", 1995),
    film("suspects", "Usual Suspects, The", 1995),
    film("postino", "Postino, Il (The Postman)", 1994),
    film("sabrina-54", "Sabrina", 1954),
    film("sabrina-95", "Sabrina", 1995),
    film("amy-1", "Chasing Amy", 1997),
    film("amy-2", "Chasing Amy", 1997),
    film("amelie", "Amélie", 2001),
    film("spirited", "千与千寻", 2001),
    film("heat", "Heat", 1995),
    film("speed", "Speed", 1994),
    film("it", "It", 2017),
    film("up", "Up", 2009),
    film("her", "Her", 2013, "她"),
    film("godfather", "Godfather, The", 1972),
    film("godfather-2", "Godfather: Part II, The", 1974),
    film("toy", "Toy Story", 1995),
    film("now", "Now and Then", 1995),
    film("shawshank", "Shawshank Redemption, The", 1994),
    film("ai", "A.I. Artificial Intelligence", 2001),
    film("dots", "...", 2000),
    track("t-heat", "Heat", "Glass Rooms"),
    track("t-rain-a", "Rain Song", "Anna"),
    track("t-rain-b", "Rain Song", "Ben"),
    track("t-solo", "Nightdrive Boulevard"),
]
MATCHER = TitleMatcher(CATALOG)


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("ALIEN", "alien"),
        ("Alien (1979)", "alien"),
        ("Alien (1990)", None),
        ("Alíen", "alien"),
        ("Ａｌｉｅｎ", "alien"),
        ("异形", "alien"),
        ("《千与千寻》", "spirited"),
        ("千与千", None),
        ("Aliens", "aliens"),
        ("Alienz", None),
        ("star trek 4 - the voyage home", "trek4"),
        ("Star Trek V: The Voyage Home", None),
        ("Se7en", "seven"),
        ("The Usual Suspects", "suspects"),
        ("Usual Suspects", "suspects"),
        ("Il Postino", "postino"),
        ("The Postman", "postino"),
        ("Sabrina", None),
        ("Sabrina (1995)", "sabrina-95"),
        ("Chasing Amy", "amy-1"),
        ("Amelie", "amelie"),
        ("The Shawshank Redemtion", "shawshank"),
        ("AI: Artificial Intelligence", "ai"),
        ("...", "dots"),
        ("???", None),
        ("", None),
        ("heat", "heat"),
        ("godfather", "godfather"),
        ("amy-2", "amy-2"),
    ],
)
def test_films(title: str, expected: str | None) -> None:
    found = MATCHER.match(title, type="movie")
    assert (found and found.item_id) == expected


@pytest.mark.parametrize(
    ("title", "creators", "expected"),
    [
        ("Heat", ("Glass Rooms",), "t-heat"),
        ("Heat - Remastered 2011", ("Glass Rooms",), "t-heat"),
        ("Heat (feat. Someone)", ("The Glass Rooms & Friends",), "t-heat"),
        ("Heat", ("Somebody Else",), None),
        ("Heat", (), "t-heat"),
        ("Rain Song", ("Ben",), "t-rain-b"),
        ("Rain Song", (), None),
        ("Nightdrive Boulevard", ("Whoever",), "t-solo"),
        ("Nightdrive Bulevard", ("Whoever",), "t-solo"),
        ("Alien", (), None),
        ("The Usual Suspects", (), None),
    ],
)
def test_tracks_need_their_creators_and_are_never_films(title: str, creators: tuple[str, ...], expected: str | None) -> None:
    found = MATCHER.match(title, type="track", creators=creators)
    assert (found and found.item_id) == expected


def test_how_and_score_say_how_sure_it_is() -> None:
    assert MATCHER.match("The Alien", type="movie") == Match("alien", 1.0, "exact")
    assert MATCHER.match("异形", type="movie") == Match("alien", 0.98, "alternative")
    fuzzy = MATCHER.match("Shawshank Redemtion", type="movie")
    assert fuzzy is not None
    assert fuzzy.how == "fuzzy"
    assert 0.9 < fuzzy.score < 0.98
    assert MATCHER.match("Shawshank Redemtion", type="movie", fuzzy=False) is None


def test_alternatives_match_exactly_only() -> None:
    found = find_item(
        MATCHER, "Toy Story: Season 1: Pilot", ("Toy Story: Season 1", "Toy Story"), type="movie", creators=(), year=None
    )
    assert found is not None
    assert found.item_id == "toy"
    assert find_item(MATCHER, "X: Season 1", ("Usual Suspect",), type="movie", creators=(), year=None) is None


def test_the_empty_catalog_matches_nothing() -> None:
    empty = TitleMatcher([])
    assert empty.match("Alien", type="movie") is None
    assert empty.mentions("something like Alien") == []
    assert len(empty) == 0


@given(st.text(max_size=60))
def test_any_text_is_safe_and_normal_forms_are_stable(text: str) -> None:
    form = normalise_title(text)
    assert normalise_title(text.strip()) == form
    MATCHER.match(text, type="movie")
    end = 0
    for mention in MATCHER.mentions(f"something like {text} and Heat"):
        assert mention.start >= end
        assert mention.item_id in MATCHER
        end = mention.end


@given(
    st.sampled_from([item for item in CATALOG if item.type == "movie" and item.item_id != "amy-2"]),
    st.booleans(),
)
def test_every_film_finds_itself(item: Item, shout: bool) -> None:
    title = item.title.upper() if shout else item.title
    found = MATCHER.match(f"{title} ({item.year})", type="movie")
    assert found is not None
    assert found.item_id == item.item_id


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("something like Alien but funny", ["alien"]),
        ("Something like alien, but funny", ["alien"]),
        ("a funny alien movie", []),
        ("heat the oven, I like it, pick me up", []),
        ("I like it", []),
        ("Up for something new", []),
        ("it was up to her", []),
        ("movies like heat and speed", ["heat", "speed"]),
        ("I loved Heat", ["heat"]),
        ("Heat was great", ["heat"]),
        ("Speed things up", []),
        ("Have you seen 'Up' yet?", ["up"]),
        ("more like “It”", ["it"]),
        ("I watched It yesterday", ["it"]),
        ("heat", ["heat"]),
        ("similar to the movie heat", ["heat"]),
        ("like the usual suspects but slow", ["suspects"]),
        ("The Godfather: Part II or the Godfather?", ["godfather-2", "godfather"]),
        ("godfather part 2", ["godfather-2"]),
        ("now and then I watch toy story", ["toy"]),
        ("SOMETHING LIKE ALIEN", ["alien"]),
        ("SPEED UP PLEASE", []),
        ("别再给我推荐异形了", ["alien"]),
        ("不看异形", ["alien"]),
        ("异形好看吗", ["alien"]),
        ("有异形3吗", []),
        ("异形一样的黑暗", []),
        ("我想异形", []),
        ("有异形吗？", ["alien"]),
        ("请问你们有没有异形", ["alien"]),
        ("异形那样的片子", ["alien"]),
        ("别再推荐异形", ["alien"]),
        ("外星的异形生物", []),
        ("我有一个异形的杯子", []),
        ("像异形一样但是搞笑", ["alien"]),
        ("类似《她》的电影", ["her"]),
        ("她喜欢千与千寻", ["spirited"]),
        ("toystory", []),
        ("", []),
    ],
)
def test_mentions(text: str, expected: list[str]) -> None:
    assert [mention.item_id for mention in MATCHER.mentions(text, types=("movie",))] == expected


def test_mentions_give_their_place_and_keep_to_the_types() -> None:
    text = "slow, like Heat please"
    (mention,) = MATCHER.mentions(text)
    assert (mention.item_id, text[mention.start : mention.end]) == ("heat", "Heat")
    assert [m.item_id for m in MATCHER.mentions(text, types=("track",))] == ["t-heat"]


def test_movielens_titles_find_themselves() -> None:
    spec = find_spec("recbole")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("recbole is not installed")
    path = Path(spec.submodule_search_locations[0]) / "dataset_example" / "ml-100k" / "ml-100k.item"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t"))[1:]
    items = [film(f"ml-{row[0]}", row[1], int(row[2]) if row[2].isdigit() else None) for row in rows]
    matcher = TitleMatcher(items)
    found = [(item, matcher.match(item.title, type="movie", year=item.year)) for item in items]
    right = sum(match is not None and (match.item_id == item.item_id or match.item_id < item.item_id) for item, match in found)
    same = sum(match is not None and match.item_id == item.item_id for item, match in found)
    assert right == len(items)
    assert same > 0.98 * len(items)


def test_a_hostile_text_is_read_in_time():
    assert [one.item_id for one in TitleMatcher(CATALOG).mentions("你们不要" * 500 + "x异形")] == []
