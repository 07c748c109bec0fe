from __future__ import annotations

import numpy as np
import pytest

from palate.domain import Query
from palate.errors import IndexUnusable, Unavailable
from palate.testing.candidate_source import (
    CandidateSourceContract,
    ListedInteractions,
    sample_interactions,
    sample_items,
    sample_profile,
)
from retrieval import EaseConfig, EaseSource, ItemTable, PopSource, Removable
from retrieval.counterfactual import without_item

SMALL = EaseConfig(regularization=5.0, min_people=1)


class TestEase(CandidateSourceContract):
    @pytest.fixture
    def source(self):
        return EaseSource(SMALL)


@pytest.fixture
def table():
    return ItemTable(sample_items())


@pytest.fixture
def source(table):
    made = EaseSource(SMALL)
    made.fit(table, sample_interactions())
    return made


@pytest.fixture
def every(table):
    return np.ones(len(table), dtype=np.bool_)


PROFILE = sample_profile("film-00", "film-01", "film-04", "film-08")


def scores(source, profile, allowed, query=None):
    return {s.item_id: s.score for s in source.candidates(profile, query or Query(), 1000, allowed)}


def test_is_the_closed_form(table, every):
    source = EaseSource(EaseConfig(regularization=5.0, min_people=1, tau=1e9))
    source.fit(table, sample_interactions())
    x = np.zeros((40, len(table)))
    for event in sample_interactions().interactions():
        x[int(event.person_id[1:]), table.rows[event.item_id]] = 1.0
    p = np.linalg.inv(x.T @ x + 5.0 * np.eye(len(table)))
    b = -p / np.diag(p)
    np.fill_diagonal(b, 0.0)
    history = [table.rows[e.item_id] for e in PROFILE.entries]
    expected = b[history].sum(axis=0)
    found = scores(source, PROFILE, every)
    assert found.keys() == {table.ids[row] for row in np.flatnonzero(expected > 1e-7)}
    for item_id, score in found.items():
        assert score == pytest.approx(expected[table.rows[item_id]], abs=1e-5)


def test_contributions_sum_to_the_score(source, every):
    found = scores(source, PROFILE, every)
    shares = source.contributions(PROFILE, Query(), list(found))
    assert shares.dtype == np.float32
    np.testing.assert_allclose(shares.sum(axis=0), list(found.values()), atol=1e-6)


def test_evidence_is_the_contribution_with_its_platform(source, every):
    found = scores(source, PROFILE, every)
    evidence = source.explain(PROFILE, Query(), list(found))
    places = {e.item_id: at for at, e in enumerate(PROFILE.entries)}
    shares = source.contributions(PROFILE, Query(), list(found))
    assert evidence
    for at, item_id in enumerate(found):
        for one in evidence.get(item_id, []):
            assert one.kind == "history"
            assert one.platform == "netflix"
            assert one.weight == pytest.approx(shares[places[one.item_id], at])
            assert one.weight > 0


def test_a_new_event_counts_at_once_and_the_newest_most(source, table, every):
    every[[table.rows["film-02"], table.rows["film-05"]]] = False
    comedy_last = scores(source, sample_profile("film-04", "film-05"), every)
    other_last = scores(source, sample_profile("film-05", "film-04"), every)
    assert comedy_last != other_last
    assert comedy_last["film-00"] > other_last["film-00"]


def test_dislike_counts_against(source, every):
    liked = scores(source, sample_profile("film-04"), every)
    assert scores(source, sample_profile("film-04", weight=-1.0), every).keys().isdisjoint(liked)


def test_items_named_in_the_query_count_without_a_history(source, every):
    found = scores(source, sample_profile(), every, Query(like_item_ids=("film-04",)))
    assert found
    assert source.explain(sample_profile(), Query(like_item_ids=("film-04",)), list(found)) == {}


def test_falls_without_agrees_with_asking_anew(source, every):
    assert isinstance(source, Removable)
    assert not isinstance(PopSource(), Removable)
    found = scores(source, PROFILE, every)
    pairs = [(i, e.item_id) for i in found for e in PROFILE.entries]
    fell = source.falls_without(PROFILE, Query(), pairs, every)
    assert {True, False} <= set(fell)
    for (item_id, gone), said in zip(pairs, fell, strict=True):
        after = scores(source, without_item(PROFILE, gone), every)
        before_rank = sum(s > found[item_id] for s in found.values())
        if item_id in after:
            after_rank = sum(s > after[item_id] for s in after.values())
            expected = after_rank > before_rank or (after_rank == before_rank and after[item_id] < found[item_id] - 1e-7)
            assert said == expected
        else:
            assert said


def test_caps_items_and_leaves_out_what_few_liked(table):
    capped = EaseSource(EaseConfig(max_items=7, min_people=1))
    capped.fit(table, sample_interactions())
    assert capped.describe()["items"] == 7
    strict = EaseSource(EaseConfig(min_people=1000))
    strict.fit(table, sample_interactions())
    assert strict.candidates(PROFILE, Query(), 5, np.ones(len(table), dtype=np.bool_)) == []


def test_saves_and_loads(source, table, every, tmp_path):
    path = tmp_path / "ease.npz"
    source.save(path)
    loaded = EaseSource(SMALL)
    loaded.load(path, table)
    assert scores(loaded, PROFILE, every) == scores(source, PROFILE, every)
    smaller = ItemTable([item for item in sample_items() if item.item_id != "film-12"])
    loaded.load(path, smaller)
    found = scores(loaded, PROFILE, np.ones(len(smaller), dtype=np.bool_))
    whole = scores(source, PROFILE, every)
    whole.pop("film-12", None)
    assert found == pytest.approx(whole)


@pytest.mark.parametrize("content", [b"", b"no archive at all", b"PK\x03\x04 broken"])
def test_a_damaged_file_is_named(content, table, tmp_path):
    path = tmp_path / "ease.npz"
    path.write_bytes(content)
    with pytest.raises(IndexUnusable, match=r"ease\.npz"):
        EaseSource().load(path, table)


def test_no_interactions_and_not_fitted(table, every):
    source = EaseSource()
    with pytest.raises(Unavailable):
        source.candidates(PROFILE, Query(), 5, every)
    source.fit(table, ListedInteractions())
    assert source.candidates(PROFILE, Query(), 5, every) == []
    assert source.explain(PROFILE, Query(), ["film-02"]) == {}


def test_ranks_real_people_better_than_popularity(movielens, movielens_table):
    """Leave one out on MovieLens-100K over 120 people: the newest event is the target, over all films not seen."""
    events = {person: many[:-1] for person, many in movielens.events.items()}
    fit = ListedInteractions([e for many in events.values() for e in many])
    found = {}
    for source in (EaseSource(), PopSource()):
        source.fit(movielens_table, fit)
        hits = 0
        for person in sorted(events)[:120]:
            profile = type(movielens)(movielens.items, events).profile(person)
            allowed = np.array([i not in profile.seen for i in movielens_table.ids], dtype=np.bool_)
            target = movielens.events[person][-1].item_id
            hits += any(s.item_id == target for s in source.candidates(profile, Query(), 10, allowed))
        found[source.name] = hits
    assert found["ease"] > 1.3 * found["pop"]


def test_what_was_disliked_is_no_reason():
    soured = sample_profile("film-00", "film-01", "film-04", "film-08", weight=-1.0)
    source = EaseSource(EaseConfig(regularization=5.0, min_people=1))
    source.fit(ItemTable(sample_items()), sample_interactions())
    ids = [item.item_id for item in sample_items()]
    assert (source.contributions(soured, Query(), ids) > 0).any()
    assert source.explain(soured, Query(), ids) == {}
