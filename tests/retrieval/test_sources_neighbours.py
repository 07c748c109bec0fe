"""Item and user neighbours, and transitions: sparse sums that are exact."""

from __future__ import annotations

import numpy as np
import pytest

from palate.domain import Interaction, Query
from palate.errors import Unavailable
from palate.testing.candidate_source import (
    CandidateSourceContract,
    ListedInteractions,
    sample_interactions,
    sample_profile,
)
from retrieval import (
    ItemKnnConfig,
    ItemKnnSource,
    ItemTable,
    TransitionsConfig,
    TransitionsSource,
    UserKnnConfig,
    UserKnnSource,
)
from retrieval.counterfactual import Removable, without_item
from retrieval.sources import _neighbours

PROFILE = sample_profile("film-00", "film-01", "film-04", "film-08")
FAR = 1e9


class TestItemKnn(CandidateSourceContract):
    @pytest.fixture(params=["cosine", "pearson"])
    def source(self, request):
        return ItemKnnSource(ItemKnnConfig(similarity=request.param, shrinkage=1.0))


class TestUserKnn(CandidateSourceContract):
    @pytest.fixture(params=["cosine", "pearson"])
    def source(self, request):
        return UserKnnSource(UserKnnConfig(similarity=request.param, neighbours=7))


class TestTransitions(CandidateSourceContract):
    @pytest.fixture
    def source(self):
        return TransitionsSource()


@pytest.fixture(params=[ItemKnnSource, UserKnnSource, TransitionsSource])
def source(request, table):
    made = request.param()
    made.fit(table, sample_interactions())
    return made


@pytest.fixture
def liked(table):
    x = np.zeros((40, len(table)))
    for event in sample_interactions().interactions():
        x[int(event.person_id[1:]), table.rows[event.item_id]] = 1.0
    return x


def scores(source, profile, allowed, query=None):
    return {s.item_id: s.score for s in source.candidates(profile, query or Query(), 1000, allowed)}


def assert_scores(found, expected, table):
    assert found.keys() == {table.ids[row] for row in np.flatnonzero(expected > 1e-7)}
    for item_id, score in found.items():
        assert score == pytest.approx(expected[table.rows[item_id]], rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("similarity", ["cosine", "pearson"])
def test_item_neighbours_are_the_dense_formula(similarity, table, every, liked, monkeypatch):
    monkeypatch.setattr(_neighbours, "_BLOCK_PRODUCTS", 500)  # several blocks
    source = ItemKnnSource(ItemKnnConfig(similarity=similarity, shrinkage=3.0, tau=FAR, neighbours=1000, min_people=1))
    source.fit(table, sample_interactions())
    both, n = liked.T @ liked, liked.sum(axis=0)
    with np.errstate(all="ignore"):
        s = both / np.sqrt(np.outer(n, n)) if similarity == "cosine" else np.corrcoef(liked.T)
    s = np.where(both > 0, np.nan_to_num(s) * both / (both + 3.0), 0.0)
    np.fill_diagonal(s, 0.0)
    expected = np.maximum(s, 0.0)[[table.rows[e.item_id] for e in PROFILE.entries]].sum(axis=0)
    assert_scores(scores(source, PROFILE, every), expected, table)


def test_no_item_keeps_more_neighbours_than_asked(table, every):
    source = ItemKnnSource(ItemKnnConfig(neighbours=3, shrinkage=0.0))
    source.fit(table, sample_interactions())
    whole = ItemKnnSource(ItemKnnConfig(neighbours=1000, shrinkage=0.0))
    whole.fit(table, sample_interactions())
    few, all_of = (scores(one, sample_profile("film-04"), every) for one in (source, whole))
    assert list(few.items()) == list(all_of.items())[:3]
    assert source.describe()["pairs"] <= 3 * source.describe()["items"]


@pytest.mark.parametrize("similarity", ["cosine", "pearson"])
def test_user_neighbours_are_the_dense_formula(similarity, table, every, liked):
    source = UserKnnSource(UserKnnConfig(similarity=similarity, neighbours=5, tau=FAR))
    source.fit(table, sample_interactions())
    mine = np.zeros(len(table))
    mine[[table.rows[e.item_id] for e in PROFILE.entries]] = 1.0
    centred = liked - (liked.mean(axis=1, keepdims=True) if similarity == "pearson" else 0.0)
    near = centred @ mine / np.maximum(np.linalg.norm(centred, axis=1), 1e-9) / np.linalg.norm(mine)
    near[liked @ mine == 0] = 0.0
    nearest = np.lexsort((np.arange(40), -near))[:5]
    assert_scores(scores(source, PROFILE, every), near[nearest] @ liked[nearest], table)


def test_user_neighbours_touch_no_more_people_than_allowed(table, every):
    events = [Interaction(f"p{i}", item, "like", None, float(i)) for i in range(30) for item in ("film-00", f"film-{i:02d}")]
    source = UserKnnSource(UserKnnConfig(max_people=4, neighbours=100, min_people=1))
    source.fit(table, ListedInteractions(events))
    found = scores(source, sample_profile("film-00"), every)
    assert found.keys() == {"film-00", "film-26", "film-27", "film-28", "film-29"}


def test_transitions_count_steps_by_distance(table, every):
    path = ["film-03", "film-01", "film-07"]
    events = [Interaction("p", item, "complete", None, float(at)) for at, item in enumerate(path)]
    source = TransitionsSource(TransitionsConfig(steps=2, backward=0.0, damping=0.0, shrinkage=0.0, min_people=1))
    source.fit(table, ListedInteractions(events))
    assert scores(source, sample_profile("film-03"), every) == pytest.approx({"film-01": 2 / 3, "film-07": 1 / 3})
    assert scores(source, sample_profile("film-07"), every) == {}
    back = TransitionsSource(TransitionsConfig(steps=2, backward=0.5, damping=0.0, shrinkage=0.0, min_people=1))
    back.fit(table, ListedInteractions(events))
    assert scores(back, sample_profile("film-07"), every) == pytest.approx({"film-01": 2 / 3, "film-03": 1 / 3})


def test_transitions_go_by_time_and_never_from_one_person_to_another(table, every):
    events = [Interaction("a", "film-01", "like", None, 9.0), Interaction("a", "film-02", "like", None, 1.0)]
    events += [Interaction("b", "film-05", "like", None, 0.0)]
    source = TransitionsSource(TransitionsConfig(backward=0.0, min_people=1))
    source.fit(table, ListedInteractions(events))
    assert scores(source, sample_profile("film-02"), every).keys() == {"film-01"}
    assert scores(source, sample_profile("film-01"), every) == {}


def test_a_new_event_counts_at_once_and_the_newest_most(source, every):
    first = scores(source, sample_profile("film-04"), every)
    assert scores(source, sample_profile("film-05", "film-04"), every) != first
    assert scores(source, sample_profile("film-04", "film-05"), every) != scores(
        source, sample_profile("film-05", "film-04"), every
    )


def test_evidence_is_the_share_that_it_says(source, every):
    """Linear: with one liked entry the share is the whole score."""
    profile = sample_profile("film-04")
    found = scores(source, profile, every)
    found.pop("film-04", None)
    evidence = source.explain(profile, Query(), list(found))
    assert evidence.keys() == found.keys()
    for item_id, (one,) in evidence.items():
        assert (one.kind, one.item_id, one.platform) == ("history", "film-04", "netflix")
        assert one.weight == pytest.approx(found[item_id], rel=1e-4)


def test_shares_sum_to_the_score(source, every):
    pair = sample_profile("film-00", "film-04")
    found = scores(source, pair, every)
    evidence = source.explain(pair, Query(), list(found))
    whole = [item_id for item_id in found if len(evidence.get(item_id, [])) == 2]
    assert whole
    for item_id in whole:
        assert sum(e.weight for e in evidence[item_id]) == pytest.approx(found[item_id], rel=1e-4)


def test_dislike_counts_against_and_is_no_reason(source, every):
    soured = sample_profile("film-00", "film-04", weight=-1.0)
    assert scores(source, soured, every) == {}
    assert source.explain(soured, Query(), ["film-08", "film-12"]) == {}


def test_items_named_in_the_query_count_without_a_history(source, every):
    named = Query(like_item_ids=("film-04",))
    found = scores(source, sample_profile(), every, named)
    assert found
    assert source.explain(sample_profile(), named, list(found)) == {}


def test_falls_without_agrees_with_asking_anew(source, every):
    assert isinstance(source, Removable)
    found = scores(source, PROFILE, every)
    pairs = [(i, e.item_id) for i in found for e in PROFILE.entries]
    fell = source.falls_without(PROFILE, Query(), pairs, every)
    assert True in fell
    for (item_id, gone), said in zip(pairs, fell, strict=True):
        after = scores(source, without_item(PROFILE, gone), every)
        before_rank = sum(s > found[item_id] for s in found.values())
        if item_id not in after:
            assert said
            continue
        after_rank = sum(s > after[item_id] for s in after.values())
        assert said == (after_rank > before_rank or (after_rank == before_rank and after[item_id] < found[item_id]))


def test_no_items_no_interactions_and_not_fitted(source, table, every):
    with pytest.raises(Unavailable, match=source.name):
        type(source)().candidates(PROFILE, Query(), 5, every)
    source.fit(table, ListedInteractions())
    assert source.candidates(PROFILE, Query(), 5, every) == []
    assert source.explain(PROFILE, Query(), ["film-02"]) == {}
    source.fit(ItemTable([]), sample_interactions())
    assert source.candidates(PROFILE, Query(), 5, every[:0]) == []
