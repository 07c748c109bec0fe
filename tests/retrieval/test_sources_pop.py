from __future__ import annotations

import math

import numpy as np
import pytest

from palate.domain import Interaction, Profile, Query
from palate.errors import Unavailable
from palate.testing.candidate_source import CandidateSourceContract, ListedInteractions, SampleTable, sample_items
from retrieval import ItemTable, PopConfig, PopSource

NOBODY = Profile(person_id="p")
DAY = 86_400.0


class TestPop(CandidateSourceContract):
    @pytest.fixture
    def source(self):
        return PopSource()


def offered(events, config=None, n=40):
    table = ItemTable(sample_items())
    source = PopSource(config)
    source.fit(table, ListedInteractions(events))
    return {s.item_id: s.score for s in source.candidates(NOBODY, Query(), n, np.ones(len(table), dtype=np.bool_))}, source


def test_counts_people_who_liked_once_each():
    events = [Interaction(p, "film-03", "like", None, 0.0) for p in "aab"] + [Interaction("c", "film-03", "dislike", None, 0.0)]
    found, source = offered(events)
    assert found["film-03"] == pytest.approx(math.log(3))
    (evidence,) = source.explain(NOBODY, Query(), ["film-03", "film-04"])["film-03"]
    assert evidence.detail == "2"
    assert "film-04" not in source.explain(NOBODY, Query(), ["film-04"])


def test_decay_prefers_what_is_liked_now():
    old = [Interaction(f"p{i}", "film-01", "like", None, 0.0) for i in range(3)]
    new = [Interaction(f"q{i}", "film-02", "like", None, 100 * DAY) for i in range(2)]
    assert next(iter(offered(old + new)[0])) == "film-01"
    assert next(iter(offered(old + new, PopConfig(half_life_days=10))[0])) == "film-02"


def test_every_type_has_room():
    events = [Interaction(f"p{i}", f"film-{i:02d}", "like", None, 0.0) for i in range(30)]
    found, _ = offered(events, n=8)
    assert sum(i.startswith("track") for i in found) == 2
    assert len(found) == 8


def test_not_fitted():
    with pytest.raises(Unavailable, match="fit"):
        PopSource().candidates(NOBODY, Query(), 1, np.ones(len(SampleTable([])), dtype=np.bool_))
