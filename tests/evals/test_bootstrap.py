"""Intervals over users, paired differences and ratios, and the randomisation test."""

import numpy as np
import pytest

from evals.bootstrap import difference, interval, intervals, randomisation_test, ratio
from palate.errors import InvalidInput

RNG = np.random.default_rng(7)
VALUES = RNG.random(200)
USERS = np.repeat(np.arange(50), 4)


def test_the_interval_is_that_of_the_normal_distribution_where_users_are_many():
    values = RNG.normal(3.0, 1.0, 4000)
    found = interval(values)
    error = values.std() / np.sqrt(len(values))
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((values.mean() - 1.96 * error, values.mean() + 1.96 * error), abs=0.3 * error)


def test_cases_of_a_user_come_and_stay_away_together():
    of_users = np.repeat(RNG.random(50), 4)
    apart, together = interval(of_users), interval(of_users, USERS)
    assert together.value == pytest.approx(apart.value)
    assert together.high - together.low > 1.6 * (apart.high - apart.low)


def test_every_case_counts_the_same_in_the_mean():
    assert interval([1.0, 0.0, 0.0, 0.0], [1, 2, 2, 2]).value == 0.25


def test_the_same_seed_gives_the_same_interval_and_all_columns_share_the_draws():
    assert interval(VALUES, USERS, rng=3) == interval(VALUES, USERS, rng=3) != interval(VALUES, USERS, rng=4)
    both = intervals({"a": VALUES, "b": VALUES + 1}, USERS)
    assert both["b"].low == pytest.approx(both["a"].low + 1)


def test_a_wider_level_is_a_wider_interval():
    narrow, wide = (interval(VALUES, USERS, level=level) for level in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.value < narrow.high < wide.high


def test_what_is_missing_is_left_out():
    assert interval([1.0, np.nan, 0.0]).value == 0.5
    nothing = interval([np.nan, np.nan])
    assert np.isnan([nothing.value, nothing.low, nothing.high]).all()
    assert np.isnan(interval([]).value)


def test_a_paired_difference_is_surer_than_two_intervals():
    better = VALUES + 0.01
    found = difference(better, VALUES, USERS)
    assert (found.value, found.low, found.high) == pytest.approx((0.01, 0.01, 0.01))


def test_the_ratio_of_means():
    found = ratio(2 * VALUES, VALUES, USERS)
    assert (found.value, found.low, found.high) == pytest.approx((2.0, 2.0, 2.0))
    assert np.isnan(ratio([1.0, 2.0], [0.0, 0.0]).value)


def test_the_randomisation_test():
    assert randomisation_test(VALUES, VALUES, USERS) == 1.0
    assert randomisation_test(VALUES + 0.1, VALUES, USERS, samples=999) == pytest.approx(1 / 1000)
    noise = RNG.normal(0, 1, 200)
    assert randomisation_test(VALUES + noise - noise.mean() + 0.02, VALUES, samples=2000) > 0.3
    # Three users who all gain the same: two of the eight ways to swap are as great.
    assert randomisation_test([1.0, 1.0, 1.0], [0.0, 0.0, 0.0], samples=20_000) == pytest.approx(0.25, abs=0.02)


def test_what_does_not_fit_is_refused():
    with pytest.raises(InvalidInput, match="same cases"):
        difference([1.0], [1.0, 2.0])
    with pytest.raises(InvalidInput, match="do not fit 2 cases"):
        interval([1.0, 2.0], [1])
    for wrong in ({"samples": 0}, {"level": 1.0}):
        with pytest.raises(InvalidInput, match="level"):
            interval([1.0], **wrong)
