"""Accuracy metrics: what the rules say, and what ir-measures says."""

import ir_measures
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ir_measures import AP, RR, P, Qrel, R, ScoredDoc, Success, nDCG

from evals.metrics import METRICS, judge, per_case
from palate.errors import InvalidInput

ORACLES = {"hit_rate": Success, "recall": R, "precision": P, "ndcg": nDCG, "mrr": RR, "map": AP}


@st.composite
def judgements(draw):
    cases = draw(st.integers(1, 5))
    width = draw(st.integers(0, 12))
    ranked = np.full((cases, width), -1, np.int32)
    targets = []
    for case in range(cases):
        found = draw(st.lists(st.integers(0, 20), max_size=width, unique=True))
        ranked[case, : len(found)] = found
        targets.append(np.array(draw(st.lists(st.integers(0, 20), min_size=1, max_size=8, unique=True)), np.int32))
    return ranked, targets


@settings(max_examples=60, deadline=None)
@given(judgements(), st.sampled_from([1, 2, 3, 5, 10, 20]))
def test_ir_measures_says_the_same(judged, k):
    ranked, targets = judged
    qrels = [Qrel(str(case), str(item), 1) for case, wanted in enumerate(targets) for item in wanted]
    run = [
        ScoredDoc(str(case), str(item), 1.0 - place / 100)
        for case, row in enumerate(ranked)
        for place, item in enumerate(row)
        if item >= 0
    ]
    ours = per_case(ranked, targets, ks=(k,), metrics=tuple(ORACLES))
    theirs = {}
    for metric in ir_measures.iter_calc([measure @ k for measure in ORACLES.values()], qrels, run):
        theirs[str(metric.measure), int(metric.query_id)] = metric.value
    for name, measure in ORACLES.items():
        expected = [theirs.get((str(measure @ k), case), 0.0) for case in range(len(targets))]
        np.testing.assert_allclose(ours[f"{name}@{k}"], expected, atol=1e-9, err_msg=name)


def test_f1_is_the_harmonic_mean():
    values = per_case(np.array([[1, 2, 3, 4]], np.int32), [np.array([2, 9], np.int32)], ks=(4,))
    precision, recall = values["precision@4"][0], values["recall@4"][0]
    assert values["f1@4"][0] == pytest.approx(2 * precision * recall / (precision + recall))


def test_an_item_given_twice_counts_once():
    values = per_case(np.array([[7, 7, 3]], np.int32), [np.array([7, 3])], ks=(2, 3))
    assert values["recall@2"][0] == 0.5
    assert values["precision@3"][0] == pytest.approx(2 / 3)


def test_empty_places_are_no_items():
    judged = judge(np.array([[-1, -1], [-1, 4]], np.int32), [np.array([0]), np.array([4])])
    assert judged.hits.tolist() == [[False, False], [False, True]]


def test_no_targets_is_nothing_found():
    values = per_case(np.array([[1]], np.int32), [np.array([], np.int32)])
    assert all(value.tolist() == [0.0] for value in values.values())


def test_no_cases_give_no_values():
    assert {value.shape for value in per_case(np.empty((0, 5), np.int32), []).values()} == {(0,)}


@pytest.mark.parametrize("k", [0, -1])
def test_a_cut_before_the_first_place_is_refused(k):
    judged = judge(np.array([[1]], np.int32), [np.array([1])])
    for metric in METRICS.values():
        with pytest.raises(InvalidInput, match=f"k is {k}"):
            metric(judged, k)


def test_lists_that_do_not_fit_the_cases_are_refused():
    with pytest.raises(InvalidInput, match="do not fit 2 cases"):
        judge(np.array([[1]], np.int32), [np.array([1]), np.array([2])])


def test_an_unknown_metric_is_refused_by_name():
    with pytest.raises(InvalidInput, match="'err'"):
        per_case(np.array([[1]], np.int32), [np.array([1])], metrics=("err",))
