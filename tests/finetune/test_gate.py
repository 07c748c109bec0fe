from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from finetune import Gate, GateConfig, Measured, Scores, ScoresRef, Verdict

RNG_SEED = 5
CASES, USERS = 200, 50
PLAIN = np.random.default_rng(RNG_SEED).uniform(0, 0.5, CASES)
NOISE = np.random.default_rng(RNG_SEED + 1).normal(0, 0.02, CASES)


def measured(version: str, gain: float, *, cases: int = CASES, **changes: Any) -> Measured:
    ref = {"metric": "ndcg@10", "data": "d" * 64, "split": "val", "protocol": "loo", "cases": cases}
    columns = {
        "case": np.array([f"case-{i:03}" for i in range(cases)]),
        "user": np.array([f"user-{i % USERS}" for i in range(cases)]),
        "value": (PLAIN + gain + NOISE)[:cases],
        "baseline": PLAIN[:cases],
    }
    for name, value in changes.items():
        (ref if name in ref else columns)[name] = value
    arrays: dict[str, Any] = {name: v.astype(np.float32) if v.dtype.kind == "f" else v for name, v in columns.items()}
    return Measured(version, Scores(ScoresRef.model_validate(ref), **arrays))


NEW, OLD = "a" * 12, "b" * 12


def judge(candidate: Measured, running: Measured | None = None, **config: Any) -> Verdict:
    return Gate(GateConfig(**config)).judge("rank", candidate, running)


def test_the_first_is_compared_with_going_without() -> None:
    verdict = judge(measured(NEW, 0.05))
    assert verdict.decision == "better"
    assert (verdict.candidate, verdict.running, verdict.cases, verdict.users) == (NEW, None, CASES, USERS)
    (found,) = verdict.comparisons
    assert found.other == "baseline"
    assert found.difference.low > 0
    assert found.difference.value == pytest.approx(found.mean - found.other_mean)
    assert found.p < 0.05
    for number in (f"{found.mean:.4f}", f"{found.other_mean:.4f}", f"{found.difference.low:+.4f}", f"{found.p:.4f}", "95%"):
        assert number in verdict.reason
    assert Verdict.model_validate_json(verdict.model_dump_json()) == verdict


def test_it_must_beat_the_running_one() -> None:
    old = measured(OLD, 0.05)
    verdict = judge(measured(NEW, 0.08), old)
    assert verdict.decision == "better"
    assert [found.other for found in verdict.comparisons] == [OLD, "baseline"]
    assert judge(measured(NEW, 0.02), old).decision == "refused"


def test_equal_scores_are_refused() -> None:
    old = measured(OLD, 0.05)
    verdict = judge(measured(NEW, 0.05), old)
    assert verdict.decision == "refused"
    assert verdict.comparisons[0].difference.value == 0
    assert "+0.0000" in verdict.reason
    assert judge(measured(NEW, 0.0, value=PLAIN)).decision == "refused"


def test_noise_is_refused() -> None:
    noise = np.random.default_rng(1).normal(0, 0.3, CASES)
    verdict = judge(measured(NEW, 0.0, value=PLAIN + 0.01 + noise - noise.mean()))
    assert verdict.comparisons[0].difference.value > 0
    assert verdict.decision == "refused"


def test_better_than_a_poor_one_but_not_than_none_is_refused() -> None:
    verdict = judge(measured(NEW, -0.01), measured(OLD, -0.1))
    assert verdict.comparisons[0].better
    assert verdict.decision == "refused"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"cases": 150}, "cases is 150"),
        ({"data": "e" * 64}, "data is"),
        ({"split": "test"}, "split is 'test'"),
        ({"protocol": "last5"}, "protocol is 'last5'"),
        ({"case": np.array([f"case-{i + 1:03}" for i in range(CASES)])}, "other cases"),
        ({"user": np.array([f"own-{i}" for i in range(CASES)])}, "other users"),
        ({"baseline": PLAIN - 0.2}, "Without an adapter"),
    ],
)
def test_what_was_measured_otherwise_is_refused_however_good(changes: dict[str, Any], said: str) -> None:
    verdict = judge(measured(NEW, 0.3, **changes), measured(OLD, 0.05))
    assert verdict.decision == "refused"
    assert verdict.comparisons == ()
    assert said in verdict.reason
    assert OLD in verdict.reason


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"metric": "recall@10"}, "'ndcg@10' decides"),
        ({"cases": 99}, "99 cases"),
        ({"user": np.array([f"user-{i % 2}" for i in range(CASES)])}, "2 users"),
    ],
)
def test_what_decides_nothing_is_refused(changes: dict[str, Any], said: str) -> None:
    for running in (None, measured(OLD, 0.05, **changes)):
        verdict = judge(measured(NEW, 0.3, **changes), running)
        assert verdict.decision == "refused"
        assert said in verdict.reason


def test_the_cases_of_a_user_come_and_go_together() -> None:
    """All of the gain is of one user: alone by cases it would be sure."""
    user = np.array([f"user-{i}" if i < 100 else "user-0" for i in range(CASES)])
    value = PLAIN + np.where(user == "user-0", 0.2, -0.001)
    assert judge(measured(NEW, 0, value=value, user=user)).decision == "refused"
    assert judge(measured(NEW, 0, value=value, user=np.array([f"user-{i}" for i in range(CASES)]))).decision == "better"


def test_cases_may_come_in_any_order() -> None:
    order = np.random.default_rng(3).permutation(CASES)
    whole = measured(NEW, 0.08).scores
    mixed = Measured(NEW, Scores(whole.ref, whole.case[order], whole.user[order], whole.value[order], whole.baseline[order]))
    assert judge(mixed, measured(OLD, 0.05)) == judge(measured(NEW, 0.08), measured(OLD, 0.05))


def test_a_baseline_of_zeros_has_no_ratio() -> None:
    verdict = judge(measured(NEW, 0.05, baseline=np.zeros(CASES)))
    assert verdict.decision == "better"
    assert verdict.comparisons[0].ratio is None
    assert "times" not in verdict.reason


@examples(max_examples=25)
@given(gain=st.floats(-0.2, 0.2), old=st.floats(-0.2, 0.2), level=st.sampled_from([0.8, 0.95, 0.99]))
def test_none_gets_through_that_is_not_better_than_both(gain: float, old: float, level: float) -> None:
    candidate, running = measured(NEW, gain), measured(OLD, old)
    verdict = judge(candidate, running, level=level, samples=200)
    if verdict.decision == "better":
        ours = candidate.scores.value.mean()
        assert ours > max(running.scores.value.mean(), candidate.scores.baseline.mean())
        assert all(found.difference.low > 0 for found in verdict.comparisons)
