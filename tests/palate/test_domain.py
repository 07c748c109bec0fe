from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import palate.domain
from palate.domain import VERBS, Event, Item, Query, Request, event_id_for, preference, utc_now

AT = datetime(2024, 3, 14, 20, 15, tzinfo=UTC)


def event(**changes: object) -> Event:
    values = {"event_id": "e1", "platform": "netflix", "user_id": "ann", "item_id": "ml-1", "verb": "play", "at": AT}
    return Event.model_validate(values | changes)


def test_public_names_are_sorted_and_there() -> None:
    assert palate.domain.__all__ == sorted(
        palate.domain.__all__, key=lambda name: (not name.isupper(), not name[0].isupper(), name)
    )
    assert all(hasattr(palate.domain, name) for name in palate.domain.__all__)


def test_times_become_utc_and_naive_ones_are_refused() -> None:
    tokyo = timezone(timedelta(hours=9))
    assert event(at=datetime(2024, 3, 15, 5, 15, tzinfo=tokyo)).at == AT
    assert event(at=datetime(2024, 3, 15, 5, 15, tzinfo=tokyo)).at.utcoffset() == timedelta(0)
    with pytest.raises(ValidationError, match="has no time zone"):
        event(at=datetime(2024, 3, 14))  # noqa: DTZ001
    assert utc_now().utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "changes",
    [
        {"value": 1.1},
        {"value": -0.1},
        {"verb": "watch"},
        {"platform": "Netflix"},
        {"user_id": ""},
        {"item_id": "a b"},
        {"item_id": "../x"},
        {"more": 1},
    ],
)
def test_events_refuse_what_they_do_not_mean(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        event(**changes)


def test_values_are_immutable_and_come_back_from_json() -> None:
    one = event(value=0.5)
    with pytest.raises(ValidationError):
        one.verb = "like"  # type: ignore[misc]
    assert Event.model_validate_json(one.model_dump_json()) == one


def test_items_have_bounds() -> None:
    assert Item(item_id="a", type="movie", title="T").attributes == {}
    for changes in ({"title": ""}, {"title": "x" * 501}, {"description": "x" * 20_001}, {"year": 20}, {"type": "film"}):
        with pytest.raises(ValidationError):
            Item.model_validate({"item_id": "a", "type": "movie", "title": "T"} | changes)


def test_requests_have_bounds() -> None:
    assert Request(person_id="ann").query.empty
    assert not Query(genres=("Comedy",)).empty
    for changes in ({"n": 0}, {"n": 51}, {"deadline_ms": 0}, {"person_id": ""}, {"query": {"text": "x" * 2001}}):
        with pytest.raises(ValidationError):
            Request.model_validate({"person_id": "ann"} | changes)


@given(st.text(max_size=20), st.text(max_size=20), st.sampled_from(VERBS), st.integers(0, 10**9))
def test_event_ids_depend_on_everything_and_on_nothing_else(what: str, other: str, verb: str, seconds: int) -> None:
    at = datetime.fromtimestamp(seconds, UTC)
    one = event_id_for("netflix", "ann", what, verb, at)
    assert one == event_id_for("netflix", "ann", what, verb, at.astimezone(timezone(timedelta(hours=5))))
    assert event(event_id=one).event_id == one
    assert (one == event_id_for("netflix", "ann", other, verb, at)) == (what == other)
    assert one != event_id_for("spotify", "ann", what, verb, at)
    assert one != event_id_for("netflix", "ann", what, verb, at + timedelta(seconds=1))


def test_preference_tells_liking_from_disliking() -> None:
    assert preference("like", None) > preference("complete", None) > preference("play", None) > 0
    assert preference("dislike", None) < preference("skip", None) < 0
    assert preference("impression", None) == preference("search", None) == 0
    assert preference("rate", 0.0) < 0 < preference("rate", 1.0)
    assert preference("play", 0.1) < preference("play", 0.9)
