from __future__ import annotations

import numpy as np
import pytest

from palate.domain import Interaction, Profile, Query
from palate.errors import Unavailable
from palate.testing.candidate_source import CandidateSourceContract, ListedInteractions, sample_items, sample_profile
from retrieval import FreshConfig, FreshSource, ItemTable

DAY = 86_400.0


class TestFresh(CandidateSourceContract):
    @pytest.fixture
    def source(self):
        return FreshSource(FreshConfig())


@pytest.fixture
def table():
    return ItemTable(sample_items())


def liked(item_id, people, day):
    return [Interaction(f"p{who}", item_id, "like", None, 1e9 + day * DAY) for who in range(people)]


def offered(source, table, *newest_first):
    profile = sample_profile(*newest_first) if newest_first else Profile(person_id="nobody")
    return [s.item_id for s in source.candidates(profile, Query(), 100, np.ones(len(table), dtype=np.bool_))]


def test_offers_only_what_is_young_however_popular_the_old(table):
    source = FreshSource(FreshConfig(window_days=7))
    source.fit(table, ListedInteractions(liked("film-00", 20, 0) + liked("film-00", 15, 30) + liked("film-01", 2, 25)))
    assert offered(source, table) == ["film-01"]
    assert "film-00" not in source.explain(Profile(person_id="nobody"), Query(), ["film-00", "film-01"])


def test_what_is_taken_up_now_is_before_what_was_a_few_days_ago(table):
    source = FreshSource(FreshConfig(window_days=7, half_life_days=1))
    source.fit(table, ListedInteractions(liked("film-00", 10, 0) + liked("film-01", 5, 5)))
    assert offered(source, table) == ["film-01", "film-00"]
    slow = FreshSource(FreshConfig(window_days=7, half_life_days=100))
    slow.fit(table, ListedInteractions(liked("film-00", 10, 0) + liked("film-01", 5, 5)))
    assert offered(slow, table) == ["film-00", "film-01"]


def test_the_genres_of_the_profile_come_first(table):
    source = FreshSource()
    source.fit(table, ListedInteractions(liked("film-00", 3, 0) + liked("film-05", 3, 0)))
    assert offered(source, table, "film-16")[0] == "film-00"  # comedies
    assert offered(source, table, "film-21")[0] == "film-05"  # dramas


def test_the_evidence_is_how_many_people_liked_it(table):
    source = FreshSource()
    source.fit(table, ListedInteractions(liked("film-00", 3, 0)))
    (evidence,) = source.explain(Profile(person_id="nobody"), Query(), ["film-00"])["film-00"]
    assert (evidence.kind, evidence.detail) == ("popularity", "3")


def test_before_its_fit_it_says_so(table):
    with pytest.raises(Unavailable, match="not fitted"):
        offered(FreshSource(), table)


def test_what_everybody_takes_again_is_not_new(table):
    source = FreshSource(FreshConfig(window_days=7))
    source.fit(table, ListedInteractions(liked("film-00", 5, 0) + liked("film-00", 5, 30) + liked("film-01", 2, 28)))
    assert offered(source, table) == ["film-01"]
