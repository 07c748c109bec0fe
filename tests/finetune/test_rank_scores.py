"""What an adapter for ranking is measured against: what serves where none runs, and no less."""

import numpy as np
import pytest

from evals.rerank import RankCase, ScoredCases, requested
from finetune.gate import Gate, Measured
from finetune.rank_scores import paired_cases, rank_scores
from finetune.rank_trees import RankTreesConfig
from palate.domain import Candidate, Item, Profile, Query, SourceHit
from retrieval.learned_trees import TreesConfig

QUICK = RankTreesConfig(trees=TreesConfig(trees=30, leaves=6, min_leaf=10, models=1), folds=3)
ITEMS = 8


def case(n, text, *, orders=None):
    """The words name who made the target; retrieval lists it anywhere."""
    target = n * 5 % ITEMS
    candidates = tuple(
        Candidate(
            item=Item(
                item_id=f"i{at}", type="movie", title=f"Film {at}", creators=("Ann Maker" if at == target else f"Else {at}",)
            ),
            score=1.0,
            hits=(SourceHit(source="pop", rank=at + 1, score=1.0),),
        )
        for at in range(ITEMS)
    )
    who = f"u{n}-{bool(text)}"
    request, profile = requested(who, Query(text=text)), Profile(person_id=who, entries=())
    group = {"history": 0, "taken": 1}
    return RankCase(f"c-{who}", who, request, profile, {}, candidates, frozenset({f"i{target}"}), group, orders or {})


def told(cases, *, knows):
    """An LLM that knows each target, or that says the same of all."""
    scores = [np.array([float(knows and c.item.item_id in one.targets) for c in one.candidates], np.float32) for one in cases]
    return ScoredCases(cases, scores)


def mean(found, cases):
    return np.mean([found.without[one.case_id] for one in cases])


WORDED = [case(n, "films by Ann Maker") for n in range(120)]
PLAIN = [case(n, "") for n in range(120)]


def test_requests_in_words_are_measured_against_an_order_that_learned_too():
    found = paired_cases({"conversation": told(WORDED, knows=False)}, 0.5, config=QUICK)
    values = found.judged["conversation"].values
    assert values["retrieval"].mean() < 0.7
    assert mean(found, WORDED) == pytest.approx(1.0)
    scores = rank_scores(found, "val")
    assert scores.case.tolist() == sorted(one.case_id for one in WORDED)
    # Far above the retriever's order, by what needs no LLM: not the adapter's merit.
    assert scores.value.mean() > values["retrieval"].mean() + 0.2
    assert Gate().judge("rank", Measured("0" * 12, scores), None).decision == "refused"


def test_what_it_is_measured_against_does_not_depend_on_the_adapter():
    one, other = (paired_cases({"conversation": told(WORDED, knows=knows)}, 0.5, config=QUICK).without for knows in (False, True))
    assert one == other


def test_without_an_order_of_its_own_an_adapter_has_its_share_of_requests_in_words():
    found = paired_cases({"conversation": told(WORDED, knows=True)}, 0.0, ordered=False, config=QUICK)
    values = found.judged["conversation"].values
    assert values["fused"].tolist() == values["retrieval"].tolist()
    assert mean(found, WORDED) == pytest.approx(1.0)


def test_histories_are_measured_against_the_order_of_their_own_else_the_retrievers():
    served = [case(n, "", orders={"fast": tuple(np.roll(range(ITEMS), -(n * 5 % ITEMS)).tolist())}) for n in range(120)]
    assert mean(paired_cases({"cold_users": told(served, knows=False)}, 1.0), served) == pytest.approx(1.0)
    found = paired_cases({"warm": told(PLAIN, knows=True)}, 1.0)
    assert mean(found, PLAIN) == pytest.approx(found.judged["warm"].values["retrieval"].mean())
    scores = rank_scores(found, "val")
    assert scores.value.mean() == pytest.approx(1.0)
    assert Gate().judge("rank", Measured("0" * 12, scores), None).decision == "better"
