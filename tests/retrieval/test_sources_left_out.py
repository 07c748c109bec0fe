"""What a person took on a platform that a request leaves out does not come back through what was learned from it."""

from __future__ import annotations

import pytest

from palate.domain import Interaction, Query
from palate.testing.candidate_source import ListedInteractions, sample_interactions, sample_profile
from retrieval import (
    AlsSource,
    BprSource,
    EaseSource,
    ItemKnnSource,
    SasrecSource,
    TransitionsSource,
    UserKnnSource,
)

PRIVATE = {"track-0", "track-1"}


def likes(person, *item_ids):
    return [Interaction(person, item_id, "like", None, 2e9 + n) for n, item_id in enumerate(item_ids)]


@pytest.mark.parametrize("kind", [AlsSource, BprSource, EaseSource, ItemKnnSource, SasrecSource, TransitionsSource, UserKnnSource])
def test_what_nobody_else_took_is_not_offered(kind, table, every):
    mine = sample_profile("film-00", "film-01", "film-02")
    others = [event for event in sample_interactions().interactions() if event.item_id not in PRIVATE]
    source = kind()
    source.fit(table, ListedInteractions([*others, *likes(mine.person_id, "film-00", "film-01", "film-02", *PRIVATE)]))
    offered = {scored.item_id for scored in source.candidates(mine, Query(), len(table), every)}
    assert offered
    assert not offered & PRIVATE


def test_nobody_is_their_own_neighbour(table, every):
    mine = sample_profile("film-00", "film-01")
    events = (
        likes("a", "film-00", "film-01") + likes(mine.person_id, "film-00", "film-01", "film-09") + likes("b", "film-09", "film-03")
    )
    source = UserKnnSource()
    source.fit(table, ListedInteractions(events))
    assert "film-09" not in [scored.item_id for scored in source.candidates(mine, Query(), 50, every)]
