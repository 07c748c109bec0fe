from __future__ import annotations

import numpy as np
import pytest

from palate.domain import Candidate, Evidence, Query
from palate.testing.candidate_source import sample_interactions, sample_items, sample_profile
from retrieval import AttributesSource, EaseConfig, EaseSource, ItemTable, PopSource, Scored, moves, moving
from retrieval.counterfactual import without_item

TABLE = ItemTable(sample_items())
EVERY = np.ones(len(TABLE), dtype=np.bool_)
PROFILE = sample_profile("film-00", "film-01", "film-04", "film-08")


def fitted(source):
    source.fit(TABLE, sample_interactions())
    return source


class Plain:
    """A source without ``falls_without``, as a stranger's may be."""

    name = "plain"

    def __init__(self, inner):
        self._inner = inner

    def candidates(self, profile, query, n, allowed):
        return [Scored(s.item_id, s.score) for s in self._inner.candidates(profile, query, n, allowed)]


def evidence(item_id, *, kind="history", platform="netflix", source="ease"):
    return Evidence(kind=kind, source=source, weight=1.0, item_id=item_id, platform=platform)


@pytest.mark.parametrize("make", [lambda: EaseSource(EaseConfig(regularization=5.0, min_people=1)), AttributesSource])
def test_what_stays_is_what_moves_the_item_when_the_source_is_asked_anew(make):
    source = fitted(make())
    offered = source.candidates(PROFILE, Query(), 1000, EVERY)
    found = {s.item_id: [evidence(e.item_id) for e in PROFILE.entries] for s in offered}
    kept = moving(source, PROFILE, Query(), found, EVERY)
    assert 0 < sum(map(len, kept.values())) < sum(map(len, found.values()))
    before = {s.item_id: (-rank, s.score) for rank, s in enumerate(offered)}
    for item_id, many in kept.items():
        for one in many:
            anew = source.candidates(without_item(PROFILE, one.item_id), Query(), 1000, EVERY)
            after = {s.item_id: (-rank, s.score) for rank, s in enumerate(anew)}.get(item_id, (-9999, 0.0))
            assert after[0] < before[item_id][0] or after[1] < before[item_id][1]


def test_a_source_that_cannot_tell_is_asked_anew_and_agrees():
    source = fitted(EaseSource(EaseConfig(regularization=5.0, min_people=1)))
    found = {s.item_id: [evidence(e.item_id) for e in PROFILE.entries] for s in source.candidates(PROFILE, Query(), 5, EVERY)}
    assert moving(Plain(source), PROFILE, Query(), found, EVERY) == moving(source, PROFILE, Query(), found, EVERY)


def test_what_does_not_stand_on_the_history_stays():
    source = fitted(PopSource())
    found = {
        "film-02": [
            Evidence(kind="popularity", source="pop", weight=3.0, detail="12"),
            Evidence(kind="query", source="lexical", weight=1.0, detail="comedy"),
            evidence("film-00", kind="content", platform=None, source="content"),
        ]
    }
    assert moving(source, PROFILE, Query(), found, EVERY) == found


def test_history_that_the_profile_does_not_hold_is_dropped():
    source = fitted(EaseSource(EaseConfig(min_people=1)))
    candidate = Candidate(item=TABLE.items[2], score=1.0, hits=())
    assert not moves(source, PROFILE, Query(), candidate, evidence("film-29"), allowed=EVERY)
    found = {"film-02": [evidence("film-29")]}
    assert moving(source, PROFILE, Query(), found, EVERY) == {"film-02": []}
