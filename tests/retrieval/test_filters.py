from __future__ import annotations

from datetime import UTC, datetime

import pytest

from palate.domain import Item, Profile, ProfileEntry, Query, Request
from retrieval import ItemTable, allowed_mask, disliked_items

ITEMS = [
    Item(item_id="alien", type="movie", title="Alien", year=1979, genres=("Horror", "Sci-Fi"), creators=("Ridley Scott",)),
    Item(item_id="airplane", type="movie", title="Airplane!", year=1980, genres=("Comedy",)),
    Item(item_id="lost", type="movie", title="Lost year", genres=("Drama",)),
    Item(item_id="tune", type="track", title="Tune", year=1990, genres=("Jazz",)),
]
TABLE = ItemTable(ITEMS)
NOBODY = Profile(person_id="p")
AT = datetime(2026, 1, 1, tzinfo=UTC)


def left(profile=NOBODY, query=None, **request):
    mask = allowed_mask(TABLE, Request(person_id="p", query=query or Query(), **request), profile)
    assert mask.shape == (len(TABLE),)
    return {TABLE.ids[row] for row in mask.nonzero()[0]}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query(), {"alien", "airplane", "lost", "tune"}),
        (Query(types=("track",)), {"tune"}),
        (Query(types=("track", "movie")), {"alien", "airplane", "lost", "tune"}),
        (Query(types=("podcast",)), set()),
        (Query(year_min=1980), {"airplane", "tune"}),
        (Query(year_max=1980), {"alien", "airplane"}),
        (Query(year_min=1980, year_max=1980), {"airplane"}),
        (Query(without_years=((1980, 1990),)), {"alien", "lost"}),
        (Query(without_years=((1979, 1979), (1990, 1999))), {"airplane", "lost"}),
        (Query(without_years=((0, 1985),)), {"lost", "tune"}),
        (Query(without_genres=("horror", "No such")), {"airplane", "lost", "tune"}),
        (Query(without_creators=("Ridley Scott", "Nobody")), {"airplane", "lost", "tune"}),
        (Query(without_creators=("Nobody",)), {"alien", "airplane", "lost", "tune"}),
        (Query(without_words=("lost",)), {"alien", "airplane", "tune"}),
        (Query(without_words=("Ridley Scott", "airplanes")), {"lost", "tune"}),
        (Query(without_words=("dogs",)), {"alien", "airplane", "lost", "tune"}),
        (Query(genres=("Comedy",)), {"alien", "airplane", "lost", "tune"}),
        (Query(like_item_ids=("alien", "unknown")), {"airplane", "lost", "tune"}),
    ],
)
def test_query(query, expected):
    assert left(query=query) == expected


def test_seen_and_excluded():
    seen = Profile(person_id="p", seen=frozenset({"alien", "gone"}))
    assert left(seen) == {"airplane", "lost", "tune"}
    assert left(seen, include_seen=True) == {"alien", "airplane", "lost", "tune"}
    assert left(exclude_item_ids=("tune", "gone")) == {"alien", "airplane", "lost"}


def entry(item_id, weight, platform="netflix"):
    return ProfileEntry(item_id=item_id, platform=platform, verb="rate", at=AT, weight=weight)


def test_disliked_stays_out_even_when_seen_may_come_in():
    profile = Profile(person_id="p", entries=(entry("alien", -1.0), entry("tune", 1.0)), seen=frozenset({"alien", "tune"}))
    assert left(profile, include_seen=True) == {"airplane", "lost", "tune"}


def test_the_newest_word_decides_what_is_disliked():
    entries = (entry("alien", 1.0, "palate"), entry("alien", -1.0), entry("tune", -0.3), entry("tune", 1.0, "spotify"))
    assert disliked_items(Profile(person_id="p", entries=entries)) == {"tune"}
