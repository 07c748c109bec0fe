from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.domain import VERBS, Event
from retrieval import ProfileConfig, build_profile

NOW = datetime(2026, 5, 1, tzinfo=UTC)
PLAIN = ProfileConfig(balance=0.0)


def event(item, verb="like", days=0.0, platform="netflix", value=None, key=None):
    at = NOW - timedelta(days=days)
    return Event(
        event_id=key or f"{item}-{verb}-{days}-{platform}",
        platform=platform,
        user_id="u",
        item_id=item,
        verb=verb,
        at=at,
        value=value,
    )


def weights(events, config=PLAIN):
    return {(e.item_id, e.platform): e.weight for e in build_profile("p", events, config).entries}


def test_newest_first_and_preferences_are_summed():
    profile = build_profile("p", [event("a", "play", 10), event("b", "like", 5), event("a", "complete", 0)], PLAIN)
    assert [e.item_id for e in profile.entries] == ["a", "b"]
    assert profile.entries[0].verb == "complete"
    assert profile.entries[0].weight == pytest.approx(1.0 + 0.7 * 0.5 ** (10 / 365))


def test_a_weight_halves_with_the_half_life_counted_from_the_platforms_newest_event():
    events = [event("a", days=1000, platform="old"), event("b", days=1365, platform="old"), event("c", days=0)]
    found = weights(events)
    assert found["a", "old"] == pytest.approx(found["c", "netflix"])
    assert found["b", "old"] == pytest.approx(found["a", "old"] / 2)


def test_seen_leaves_out_impressions_and_searches():
    profile = build_profile("p", [event("a", "impression"), event("b", "search"), event("c", "skip")])
    assert profile.seen == {"c"}
    assert [e.item_id for e in profile.entries] == ["c"]


def test_a_later_verdict_overrules_what_was_said_before_on_any_platform():
    events = [event("a", "complete", 10), event("a", "like", 9), event("a", "dislike", 1, platform="palate")]
    assert weights(events) == {("a", "palate"): -1.5}
    assert weights([event("a", "dislike", 9), event("a", "like", 1)]) == {("a", "netflix"): 1.5}
    assert "a" in build_profile("p", events).seen


def test_delivered_twice_counts_once():
    one = event("a", "complete")
    assert weights([one, one]) == weights([one])


def test_repeats_are_capped():
    events = [event("a", "complete", 0, key=f"k{i}") for i in range(100)]
    assert weights(events)["a", "netflix"] == PLAIN.cap


def test_a_heavy_platform_does_not_drown_another():
    events = [event(f"n{i}") for i in range(100)] + [event("s", platform="spotify")]
    mass = {"netflix": 0.0, "spotify": 0.0}
    for entry in build_profile("p", events, ProfileConfig(balance=1.0)).entries:
        mass[entry.platform] += entry.weight
    assert mass["netflix"] == pytest.approx(mass["spotify"])
    half = build_profile("p", events).entries
    share = sum(e.weight for e in half if e.platform == "spotify") / sum(e.weight for e in half)
    assert 1 / 101 < share < 0.5


def test_no_events_no_entries():
    profile = build_profile("p", [])
    assert profile.entries == ()
    assert profile.seen == frozenset()


@given(
    st.lists(
        st.builds(
            event,
            st.sampled_from("abcd"),
            st.sampled_from(VERBS),
            st.integers(0, 4000),
            st.sampled_from(["netflix", "spotify"]),
        ),
        max_size=20,
    ),
    st.randoms(use_true_random=False),
)
def test_order_of_arrival_changes_nothing(events, rng):
    shuffled = list(events)
    rng.shuffle(shuffled)
    assert build_profile("p", shuffled) == build_profile("p", events)
