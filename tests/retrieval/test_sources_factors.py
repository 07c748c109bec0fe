"""ALS and BPR: factors that a live profile is folded into."""

from __future__ import annotations

import numpy as np
import pytest

from palate.domain import Query
from palate.errors import Unavailable
from palate.testing.candidate_source import (
    CandidateSourceContract,
    ListedInteractions,
    sample_interactions,
    sample_profile,
)
from retrieval import AlsConfig, AlsSource, BprConfig, BprSource, ItemTable
from retrieval.counterfactual import without_item

pytest.importorskip("implicit", reason="the extra 'rank' is not installed")

PROFILE = sample_profile("film-00", "film-04", "film-09")


class TestAls(CandidateSourceContract):
    @pytest.fixture
    def source(self):
        return AlsSource(AlsConfig(factors=8))


class TestBpr(CandidateSourceContract):
    @pytest.fixture
    def source(self):
        return BprSource(BprConfig(iterations=20))


@pytest.fixture(params=["als", "bpr"])
def source(request, table):
    if request.param == "als":
        made = AlsSource(AlsConfig(factors=8, regularization=0.1))
    else:
        made = BprSource(BprConfig(learning_rate=0.05, iterations=200, fold_regularization=0.1))
    made.fit(table, sample_interactions())
    return made


def scores(source, profile, allowed, query=None):
    return {s.item_id: s.score for s in source.candidates(profile, query or Query(), 1000, allowed)}


def own_profile(person):
    ids = [e.item_id for e in sample_interactions().interactions() if e.person_id == person]
    return sample_profile(*ids).model_copy(update={"person_id": person})


def test_a_folded_profile_prefers_its_genre(source, table):
    """Against what the same films come to for somebody of another genre: popularity is in both."""
    films = np.array([i.startswith("film") for i in table.ids], dtype=np.bool_)
    mine = scores(source, sample_profile("film-00", "film-04", "film-08", "film-12"), films)
    other = scores(source, sample_profile("film-01", "film-05", "film-09", "film-13"), films)
    gain = {item_id: mine[item_id] - other[item_id] for item_id in mine}
    same = [value for item_id, value in gain.items() if int(item_id[-2:]) % 4 == 0]
    assert np.mean(same) > np.mean(list(gain.values()))


def test_a_new_event_counts_at_once_and_the_newest_most(source, every):
    assert scores(source, PROFILE, every) != scores(source, sample_profile("film-01", "film-00", "film-04", "film-09"), every)
    assert scores(source, sample_profile("film-04", "film-05"), every) != scores(
        source, sample_profile("film-05", "film-04"), every
    )


def test_als_folds_in_what_alternating_would_solve(table, every):
    """The person's side of one half step: a full profile gives the vector that implicit solves for it."""
    implicit = pytest.importorskip("implicit.als")
    from scipy import sparse

    config = AlsConfig(factors=6, tau=1e9, min_people=1)
    source = AlsSource(config)
    source.fit(table, sample_interactions())
    events = list(sample_interactions().interactions())
    rows = sorted({table.rows[e.item_id] for e in events})
    people = sorted({e.person_id for e in events})
    x = np.zeros((len(people), len(rows)), dtype=np.float32)
    for event in events:
        x[people.index(event.person_id), rows.index(table.rows[event.item_id])] = 1.0
    model = implicit.AlternatingLeastSquares(
        factors=6, alpha=1.0 + config.alpha, regularization=config.regularization, num_threads=1, random_state=config.seed
    )
    model.fit(sparse.csr_matrix(x), show_progress=False)
    expected = model.item_factors @ model.recalculate_user(0, sparse.csr_matrix(x)[0])
    found = scores(source, own_profile(people[0]), every)
    assert [found[table.ids[row]] for row in rows] == pytest.approx(expected.tolist(), abs=2e-3)


def test_bpr_serves_the_learned_vector_until_the_profile_changes(table, every):
    source = BprSource(BprConfig(iterations=20))
    source.fit(table, sample_interactions())
    own = own_profile("p03")
    stranger = own.model_copy(update={"person_id": "stranger"})
    assert scores(source, own, every) != scores(source, stranger, every)
    assert source.explain(own, Query(), ["film-11"]) == {}
    assert source.explain(stranger, Query(), ["film-11"])
    shorter = without_item(own, own.entries[0].item_id)
    assert scores(source, shorter, every) == scores(source, shorter.model_copy(update={"person_id": "stranger"}), every)


def test_als_evidence_is_the_share(table, every):
    source = AlsSource(AlsConfig(factors=8))
    source.fit(table, sample_interactions())
    profile = sample_profile("film-04")
    found = {item_id: score for item_id, score in scores(source, profile, every).items() if score > 0}
    evidence = source.explain(profile, Query(), list(found))
    assert evidence.keys() == found.keys()
    for item_id, (one,) in evidence.items():
        assert one.weight == pytest.approx(found[item_id], abs=1e-5)


def test_nothing_that_speaks_for_an_item_gives_nothing(source, every):
    soured = sample_profile("film-00", "film-04", weight=-1.0)
    assert scores(source, soured, every) == {}
    assert source.explain(soured, Query(), ["film-08"]) == {}


def test_items_named_in_the_query_count_without_a_history(source, every):
    named = Query(like_item_ids=("film-04",))
    found = scores(source, sample_profile(), every, named)
    assert found
    assert source.explain(sample_profile(), named, list(found)) == {}


def test_no_items_no_interactions_and_not_fitted(source, table, every):
    with pytest.raises(Unavailable, match=source.name):
        type(source)().candidates(PROFILE, Query(), 5, every)
    source.fit(table, ListedInteractions())
    assert source.candidates(PROFILE, Query(), 5, every) == []
    assert source.explain(PROFILE, Query(), ["film-02"]) == {}
    source.fit(ItemTable([]), sample_interactions())
    assert source.candidates(PROFILE, Query(), 5, every[:0]) == []
