from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.domain import Candidate, Item, Profile, ProfileEntry, Query
from retrieval import ItemTable, calibrated, type_target

MOVIES = [Item(item_id=f"m{i:02d}", type="movie", title=f"M {i}", genres=("Comedy",)) for i in range(20)]
TRACKS = [Item(item_id=f"t{i:02d}", type="track", title=f"T {i}", genres=("Jazz",)) for i in range(20)]
TABLE = ItemTable(MOVIES + TRACKS)
ORDER = [Candidate(item=item, score=1.0 - place / 100, hits=()) for place, item in enumerate(MOVIES + TRACKS)]


def profile(*liked):
    at = datetime(2026, 1, 1, tzinfo=UTC)
    entries = [ProfileEntry(item_id=i, platform="x", verb="like", at=at, weight=w) for i, w in liked]
    return Profile(person_id="p", entries=tuple(entries))


def count(found, type_):
    return sum(c.item.type == type_ for c in found)


@pytest.mark.parametrize(("movie", "tracks"), [(0.5, 5), (0.7, 3), (0.96, 0), (1.0, 0), (0.0, 10)])
def test_shares_follow_the_target(movie, tracks):
    assert count(calibrated(ORDER, {"movie": movie, "track": 1 - movie}, 10), "track") == tracks


def test_without_a_target_the_order_stays():
    assert calibrated(ORDER, {}, 7) == ORDER[:7]


def test_what_has_no_share_fills_up():
    assert count(calibrated(ORDER, {"track": 1.0}, 25), "movie") == 5
    assert len(calibrated(ORDER, {"podcast": 1.0}, 100)) == len(ORDER)


@given(st.floats(0.01, 0.99), st.integers(0, 45), st.permutations(ORDER))
def test_prefixes_are_near_the_target_and_each_type_keeps_its_order(share, n, order):
    target = {"movie": share, "track": 1 - share}
    found = calibrated(order, target, n)
    assert len(found) == min(n, len(order))
    assert found == calibrated(order, target, len(order))[: len(found)]
    for type_ in ("movie", "track"):
        wanted = [c for c in order if c.item.type == type_]
        got = [c for c in found if c.item.type == type_]
        assert got == wanted[: len(got)]
    if n <= 20:
        assert abs(count(found, "movie") - share * n) <= 1.0


def test_target_of_a_history_holds_all_its_types():
    target = type_target(profile(("m00", 9.0), ("t00", 1.0)), Query(), TABLE)
    assert target == pytest.approx({"movie": 0.8 * 0.9 + 0.1, "track": 0.8 * 0.1 + 0.1})
    assert type_target(profile(("m00", 1.0)), Query(), TABLE) == {"movie": 1.0}
    assert type_target(profile(("m00", 1.0), ("t00", -1.0)), Query(), TABLE) == {"movie": 1.0}


def test_target_without_history_is_even():
    assert type_target(profile(), Query(), TABLE) == {"movie": 0.5, "track": 0.5}


def test_target_of_a_query():
    films = profile(("m00", 1.0))
    assert type_target(films, Query(types=("track",)), TABLE) == {"track": 1.0}
    assert type_target(films, Query(text="more", like_item_ids=("t01",)), TABLE) == {"track": 1.0}
    assert type_target(films, Query(genres=("jazz",)), TABLE) == {"track": 1.0}
    assert type_target(films, Query(text="words"), TABLE) == {}
    assert type_target(films, Query(text="words"), TABLE, ORDER[10:30]) == {"movie": 0.5, "track": 0.5}
