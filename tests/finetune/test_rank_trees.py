"""The learned final order: it learns what tells, serves with and without the LLM, and knows where it is unsure."""

from dataclasses import replace

import numpy as np
import pytest

from agent.rank_features import FEATURES, rank_features
from agent.rank_order import RankOrder
from evals.rerank import RankCase, ScoredCases, requested
from finetune.rank_trees import RankTreesConfig, choose_margin, crossfitted_order, fit_order
from palate.domain import Candidate, Item, Profile, Query, SourceHit
from retrieval.learned_trees import Trees, TreesConfig

QUICK = RankTreesConfig(trees=TreesConfig(trees=30, leaves=6, min_leaf=10, models=1), folds=3)


def case(n, rng, *, named):
    """The target is made by whom the words name where ``named``; else only the LLM can tell."""
    target = int(rng.integers(1, 10))
    maker = "Ann Maker" if named else "Nobody Named"
    candidates = tuple(
        Candidate(
            item=Item(item_id=f"i{at}", type="movie", title=f"Film {at}", creators=(maker if at == target else f"Else {at}",)),
            score=1.0,
            hits=(SourceHit(source="pop", rank=at + 1, score=1.0),),
        )
        for at in range(10)
    )
    who = f"u{n}"
    request = requested(who, Query(text="films by Ann Maker"))
    group = {"history": 0, "taken": 1}
    return RankCase(f"c{n}", who, request, Profile(person_id=who, entries=()), {}, candidates, frozenset({f"i{target}"}), group)


@pytest.fixture(scope="module")
def scored():
    rng = np.random.default_rng(0)
    cases = [case(n, rng, named=n % 2 == 0) for n in range(120)]
    llm = [np.array([3.0 * (c.item.item_id in one.targets) for c in one.candidates], dtype=np.float32) for one in cases]
    return ScoredCases(cases, [scores + rng.normal(0, 0.3, 10).astype(np.float32) for scores in llm])


def test_it_orders_by_what_the_words_name_without_the_llm_and_by_the_llm_where_they_name_nothing(scored):
    judged = crossfitted_order({"conversation": scored}, [], QUICK)[0]["conversation"]
    named = np.array([int(one[1:]) % 2 == 0 for one in judged.case_ids])
    fast, fused, before = (judged.values[name] for name in ("fast", "fused", "retrieval"))
    assert fast[named].mean() > 0.95 > before[named].mean()
    assert fused[~named].mean() > 0.9 > fast[~named].mean() + 0.2


def test_the_cascade_keeps_the_gain_and_leaves_out_the_cases_that_need_no_llm(scored):
    judged, margin = crossfitted_order({"conversation": scored}, [], QUICK)
    found = judged["conversation"]
    assert margin is not None
    named = np.array([int(one[1:]) % 2 == 0 for one in found.case_ids])
    assert found.asked[~named].mean() > found.asked[named].mean()
    summary = found.summary(100, 0)
    assert summary["calls"]["gain_kept"] >= QUICK.keep
    assert summary["calls"]["share"] < 1.0


def test_where_the_llm_adds_nothing_it_is_always_asked_as_nothing_can_be_kept(scored):
    judged, _ = crossfitted_order({"conversation": scored}, [], QUICK)
    found = judged["conversation"]
    worse = replace(found, values={**found.values, "fused": found.values["retrieval"] * 0.5})
    assert choose_margin(worse, np.ones(120), 0.9) is None


def test_it_is_kept_as_text_and_read_back(scored, tmp_path):
    order = fit_order([scored], QUICK)
    order.trees.save(tmp_path)
    again = RankOrder(Trees.load(tmp_path, 1, 1))
    about = scored.cases[0].about
    np.testing.assert_allclose(again.scores(*about, scored.tuned[0]), order.scores(*about, scored.tuned[0]), rtol=1e-5)


def test_nothing_to_learn_from_gives_no_trees(scored):
    missed = [replace(one, targets=frozenset({"elsewhere"})) for one in scored.cases]
    assert not fit_order([ScoredCases(missed)], QUICK).trees


def test_cases_that_no_llm_scored_teach_the_fast_path(scored):
    order = fit_order([ScoredCases(scored.cases)], QUICK)
    assert ScoredCases(scored.cases[::2]).judged(0.0, order).values["fast"].mean() > 0.95


def test_features_have_a_row_a_candidate_and_say_where_the_llm_was_not_asked(scored):
    request, profile, items, candidates = scored.cases[0].about
    x = rank_features(request, profile, items, candidates, None)
    assert x.shape == (10, len(FEATURES))
    assert x.dtype == np.float32
    assert np.isnan(x[:, -3:]).all()
    asked = rank_features(request, profile, items, candidates, scored.tuned[0])
    assert np.isfinite(asked[:, -3:]).all()
    assert asked[:, FEATURES.index("llm.place")].argmin() == scored.tuned[0].argmax()
    assert x[:, FEATURES.index("whole.creators")].sum() == 1.0
    assert rank_features(request, profile, items, (), None).shape == (0, len(FEATURES))
