import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.dialogue import years
from agent.dialogue.refine import Shown, refine
from agent.dialogue.years import read_years, wants_years
from palate.domain import Query


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("late 80s", (1985, 1989)),
        ("the nineties", (1990, 1999)),
        ("00s", (2000, 2009)),
        ("1990's", (1990, 1999)),
        ("in 1994", (1994, 1994)),
        ("between 1990 and 1995", (1990, 1995)),
        ("1995-1990", (1990, 1995)),
        ("after 1990", (1991, None)),
        ("since the 90s", (1990, None)),
        ("until 1980", (None, 1980)),
        ("older than 1970", (None, 1969)),
        ("before the 80s", (None, 1979)),
        ("1980年以前", (None, 1979)),
        ("2000年以后", (2000, None)),
        ("80年代", (1980, 1989)),
        ("1994年的", (1994, 1994)),
        ("nothing made after 1960", (None, 1960)),
        ("not from before the 90s", (1990, None)),
        ("nothing older than 1995 please", (1995, None)),
        ("no horror, before 1980", (None, 1979)),
        ("no later than 1990", (None, 1990)),
        ("2000年之前的都不要", (2000, None)),
        ("别给我1980年之后的电影", (None, 1980)),
        ("不要恐怖,1980年以前的", (None, 1979)),
        ("i don't want movies made before 1980", (1980, None)),
        ("I don't want to see anything after 1990", (None, 1990)),
        ("no films that came out before 1980", (1980, None)),
        ("别推荐2000年之前的", (2000, None)),
        ("不要推荐2000年之前的", (2000, None)),
        ("2000年之前的都不要了,谢谢", (2000, None)),
        ("不是1990年以前的", (1990, None)),
        ("2000年以后的电影不要恐怖片", (2000, None)),
        ("2010年以后的片子不要动作片", (2010, None)),
        ("2000年以前的音乐不要摇滚", (None, 1999)),
        ("1990年之前的电影别太老", (None, 1989)),
        ("1990年以后的别给我恐怖片", (1990, None)),
        ("特别1990年以前的", (None, 1989)),
        ("要不要1990年以前的", (None, 1989)),
        ("还是不要1990年以前的", (1990, None)),
        ("why not something after 1990", (1991, None)),
        ("nothing from the 90s", (None, None)),
        ("I don't like movies from the 90s", (None, None)),
        ("no films released in 1990", (None, None)),
        ("not between 1990 and 1995", (None, None)),
        ("不要90年代的电影", (None, None)),
        ("90年代的电影不要", (None, None)),
        ("1990年的免了吧", (None, None)),
        ("90年代的电影不要黑白的", (1990, 1999)),
        ("是不是90年代的", (1990, 1999)),
        ("nothing from the 80s or the 90s", (None, None)),
        ("80年代和90年代的都不要", (None, None)),
        ("不要80年代和90年代的", (None, None)),
        ("nothing from the 90s and something from the 80s", (1980, 1989)),
        ("不要90年代的电影,要80年代的", (1980, 1989)),
        ("nothing but 90s films", (1990, 1999)),
        ("why don't you show me something from the 90s", (1990, 1999)),
        ("older than 1980 but newer than 1960", (1961, 1979)),
        ("not older than 1990 and not newer than 1995", (1990, 1995)),
        ("nothing before 1995 or after 1996", (1995, 1996)),
        ("nothing made before 1995 or released after 1996", (1995, 1996)),
        ("not before 1990 and before 2000", (1990, 1999)),
        ("after 1960 and before 1970 with cowboys", (1961, 1969)),
        ("before 1980, nothing older than 1960", (1960, 1979)),
        ("1990年以后,2000年以前的", (1990, 1999)),
        ("1990年以前和2000年以后的都不要", (1990, 2000)),
        ("after 1990, nothing from 1995", (1991, None)),
        ("before 1980, no, after 1990", (1991, None)),
        ("before 1950 or after 1990", (None, None)),
        ("no films from the 70s, 80s or 90s", (None, None)),
        ("not from 1995", (None, None)),
        ("except 1980-1985", (None, None)),
        ("anything but the 90s", (None, None)),
        ("I'm not in the mood for the nineties", (None, None)),
        ("sick of the 90s", (None, None)),
        ("除了90年代的", (None, None)),
        ("90年代以外的", (None, None)),
        ("1995年拍的不要", (None, None)),
        ("don't you like the 90s", (1990, 1999)),
        ("there's nothing like the 80s", (1980, 1989)),
        ("there is nothing like 1999", (1999, 1999)),
        ("is there nothing from 1995?", (1995, 1995)),
        ("is there nothing newer than 1995?", (1996, None)),
        ("more recent than 1980", (1981, None)),
        ("nothing more recent than 1980", (None, 1980)),
        ("more modern than 1980", (1981, None)),
        ("younger than 1980", (1981, None)),
        ("not younger than 1980", (None, 1980)),
        ("less recent than 1980", (None, 1979)),
        ("older films than 1980", (None, 1979)),
        ("only films from 1990 on", (1990, None)),
        ("from the 90s onwards", (1990, None)),
        ("from 1990 only", (1990, 1990)),
        ("made by 1975", (None, 1975)),
        ("by the year 1975", (None, 1975)),
        ("songs by The 1975", (None, None)),
        ("songs by 80s bands", (1980, 1989)),
        ("想听Beatles1966年之前的歌", (None, 1965)),
        ("room 101", (None, None)),
        ("12345", (None, None)),
        ("nothing", (None, None)),
    ],
)
def test_years(text, expected):
    years = read_years(text)
    assert (years.first, years.last) == expected


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("nothing from the 90s", [(1990, 1999)]),
        ("nothing like the 80s", [(1980, 1989)]),
        ("no films from 1995", [(1995, 1995)]),
        ("except 1980-1985", [(1980, 1985)]),
        ("not from the early 90s", [(1990, 1994)]),
        ("not between 1995 and 1990", [(1990, 1995)]),
        ("nothing from the 80s or the 90s, and not from the 80s", [(1980, 1989), (1990, 1999)]),
        ("after 1980 but nothing from the 90s", [(1990, 1999)]),
        ("不要九十年代的", [(1990, 1999)]),
        ("1995年拍的不要", [(1995, 1995)]),
        ("80年代和90年代的都不要", [(1980, 1989), (1990, 1999)]),
        ("nothing before 1980", []),
        ("nothing but 90s films", []),
        ("there's nothing like the 80s", []),
        ("there is nothing like the 80s", []),
        ("films from the 90s", []),
        ("no horror", []),
    ],
)
def test_years_that_are_left_out(text, without):
    assert read_years(text).without == tuple(without)


@pytest.mark.parametrize(
    ("text", "wants"),
    [
        ("from the 90s", True),
        ("before 1980", True),
        ("nothing before 1980, but something from 1995", True),
        ("nothing before 1980", False),
        ("nothing from the 90s", False),
        ("a comedy", False),
    ],
)
def test_years_are_asked_for_or_not(text, wants):
    assert wants_years(text) is wants


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a comedy, nothing before 1995", ["nothing before 1995"]),
        ("I don't like the 90s, but jazz before 1980", ["I don't like the 90s", "before 1980"]),
        ("after 1960 and before 1970", ["after 1960 and before 1970"]),
        ("nothing from the 80s or the 90s", ["nothing from the 80s or the 90s"]),
        ("submarines that were made after 1990", ["that were made after 1990"]),
        ("想听Beatles1966年之前录制的歌", ["1966年之前录制的"]),
        ("a comedy of 1995", []),
    ],
)
def test_where_words_only_bound_or_refuse_years(text, words):
    assert [text[start:end] for start, end in read_years(text).spans] == words


@pytest.mark.parametrize(
    ("text", "new", "without"),
    [
        ("a western", {}, [(1990, 1999)]),
        ("jazz instead", {"genres": ("Jazz",)}, [(1990, 1999)]),
        ("something older", {}, [(1990, 1999)]),
        ("nothing from 1985 either", {"without_years": ((1985, 1985),)}, [(1990, 1999), (1985, 1985)]),
        ("nothing before 1980", {"year_min": 1980}, [(1990, 1999)]),
        ("films from the 80s", {"year_min": 1980, "year_max": 1989}, [(1990, 1999)]),
        ("films before 1980", {"year_max": 1979}, [(1990, 1999)]),
        ("films from 1995", {"year_min": 1995, "year_max": 1995}, []),
        ("and from the 90s", {"year_min": 1990, "year_max": 1999}, []),
        ("after 1980", {"year_min": 1981}, []),
        ("after 1980, not 1995", {"year_min": 1981, "without_years": ((1995, 1995),)}, [(1995, 1995)]),
        ("start over, a western", {}, []),
    ],
)
def test_years_stay_refused_until_they_are_asked_for(text, new, without):
    before = Query(text="comedy, nothing from the 90s", without_years=((1990, 1999),))
    refined = refine(before, Query(text=text, **new), text, [Shown(item_id="a", year=1979)])
    assert refined.query.without_years == tuple(without)


@pytest.mark.parametrize(
    ("asked", "refused", "left"),
    [
        ((1990, 1999), ((1990, 1999),), (None, None)),
        ((1985, 1995), ((1980, 1989), (1990, 1999)), (None, None)),
        ((1990, 1999), ((1995, 1999),), (1990, 1999)),
        ((1990, None), ((1990, 1999),), (1990, None)),
    ],
)
def test_no_bounds_stay_within_which_all_years_are_refused(asked, refused, left):
    before = Query(text="comedy", year_min=asked[0], year_max=asked[1])
    refined = refine(before, Query(without_years=refused), "nothing of those years", [])
    assert (refined.kind, refined.query.without_years, refined.query.text) == ("follow-up", refused, before.text)
    assert (refined.query.year_min, refined.query.year_max) == left


def test_a_list_of_years_is_refused_as_a_whole():
    decades = [f"{tens}0" for tens in range(192, 200)]
    spans = tuple((int(year), int(year) + 9) for year in decades)
    assert read_years(f"nothing from the {'s, '.join(decades[:-1])}s or {decades[-1]}s").without == spans
    assert read_years(f"{'年代、'.join(decades)}年代的都不要").without == spans


_PARTS = ("not", "nothing", "before", "after", "by the", "or", "and", ",", "1980", "1995", "90s", "don't", "不要", "以前", "的")


@given(st.lists(st.sampled_from(_PARTS), max_size=12).map(" ".join))
def test_bounds_are_in_order_and_the_words_of_none_overlap(text):
    years = read_years(text)
    assert years.first is None or years.last is None or years.first <= years.last
    ends = [end for span in years.spans for end in span]
    assert ends == sorted(ends)
    assert not ends or (ends[0] >= 0 and ends[-1] <= len(text))


def test_the_examples_of_the_documentation_hold():
    assert doctest.testmod(years).failed == 0
