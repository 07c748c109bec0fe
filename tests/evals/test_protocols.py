"""What each protocol fits on and asks for: no event is both, and none that is known came after what is asked."""

import numpy as np
import pytest

from evals.base import Dataset, Interactions
from evals.protocols import core_mask, folds, make_split, without_repeats
from palate.domain import Item
from palate.errors import InvalidInput

PROTOCOLS = ("loo", "last5", "temporal", "ratio", "kfold")


def dataset(rows, rating=True, **facts):
    """Rows are (user, item, rating of 5, time)."""
    users, items, values, at = (np.array(column) for column in zip(*rows, strict=True))
    order = np.lexsort((at, users))
    columns = Interactions(
        users[order].astype(np.int32),
        items[order].astype(np.int32),
        (values[order] / 5).astype(np.float32),
        at[order].astype(np.float64),
    )
    catalog = tuple(Item(item_id=f"i{n}", type="movie", title=f"Film {n}") for n in range(int(items.max()) + 1))
    return Dataset("made", tuple(f"u{n}" for n in range(int(users.max()) + 1)), catalog, columns, rating, facts)


def many(users=40, items=60, length=20, seed=0):
    rng = np.random.default_rng(seed)
    return dataset(
        [
            (user, item, int(rng.integers(1, 6)), int(rng.integers(0, 1000)))
            for user in range(users)
            for item in rng.choice(items, length, replace=False)
        ]
    )


DATA = many()


def pairs(events):
    return list(zip(events.users.tolist(), events.items.tolist(), strict=True))


def asked(split):
    return {(case.user, int(item)) for case in split.cases for item in case.targets}


@pytest.mark.parametrize("part", ["val", "test"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_is_asked_is_not_fitted_on(protocol, part):
    split = make_split(DATA, protocol, part=part, min_core=2)
    assert split.cases
    assert not asked(split) & set(pairs(split.train))
    for case in split.cases:
        assert (split.known.users[case.history] == case.user).all()
        assert len(case.history)
        assert len(case.targets)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_test_part_is_hidden_from_validation(protocol):
    val, test = (make_split(DATA, protocol, part=part, min_core=2) for part in ("val", "test"))
    assert not asked(test) & (asked(val) | set(pairs(val.train)))
    assert set(pairs(val.train)) < set(pairs(test.train))
    assert asked(val) <= set(pairs(test.train))


@pytest.mark.parametrize("protocol", ["loo", "last5", "temporal"])
def test_history_is_before_what_is_asked(protocol):
    when = {(u, i): t for u, i, t in zip(DATA.interactions.users, DATA.interactions.items, DATA.interactions.at, strict=True)}
    for part in ("val", "test"):
        split = make_split(DATA, protocol, part=part, min_core=0)
        for case in split.cases:
            latest = split.known.at[case.history].max()
            assert latest <= min(when[case.user, int(item)] for item in case.targets)


def test_one_moment_for_all_in_temporal():
    split = make_split(DATA, "temporal", part="test", min_core=0)
    rest = set(pairs(DATA.interactions)) - set(pairs(split.train))
    when = {(u, i): t for u, i, t in zip(DATA.interactions.users, DATA.interactions.items, DATA.interactions.at, strict=True)}
    assert max(split.train.at) < min(when[pair] for pair in rest)
    assert len(rest) == pytest.approx(0.1 * len(DATA.interactions), rel=0.1)


def test_leave_one_out_and_equal_times_keep_the_order_of_the_file():
    data = dataset([(0, 4, 5, 1), (0, 2, 5, 9), (0, 3, 5, 9), (0, 1, 5, 9), (1, 0, 5, 1)])
    test, val = (make_split(data, "loo", part=part, min_core=0) for part in ("test", "val"))
    assert [(case.user, case.targets.tolist()) for case in test.cases] == [(0, [1])]
    assert [(case.user, case.targets.tolist()) for case in val.cases] == [(0, [3])]
    assert pairs(val.train) == [(0, 4), (0, 2), (1, 0)]


def test_last_k():
    data = dataset([(0, item, 5, item) for item in range(11)] + [(1, item, 5, item) for item in range(5)])
    test, val = (make_split(data, "last5", part=part, min_core=0) for part in ("test", "val"))
    assert [case.targets.tolist() for case in test.cases] == [[6, 7, 8, 9, 10]]  # five events leave no history
    assert [case.targets.tolist() for case in val.cases] == [[1, 2, 3, 4, 5]]
    assert [len(case.history) for case in val.cases] == [1]


def test_ratio_holds_out_a_fifth_and_asks_for_what_was_liked():
    split = make_split(DATA, "ratio", part="test", min_core=0)
    assert len(split.train) == len(DATA.interactions) * 4 // 5
    rating = dict(zip(pairs(DATA.interactions), DATA.interactions.values.tolist(), strict=True))
    assert min(rating[pair] for pair in asked(split)) >= 0.8 - 1e-6
    assert {item for _, item in asked(split)} <= set(split.train.items.tolist())
    for case in split.cases:
        assert split.known.values[case.history].min() >= 0.8 - 1e-6
    everything = make_split(DATA, "ratio", part="test", min_core=0, threshold=0.0)
    assert len(asked(everything)) > len(asked(split))
    assert asked(make_split(DATA, "ratio", seed=1)) != asked(make_split(DATA, "ratio", seed=2))
    assert asked(make_split(DATA, "ratio", seed=1)) == asked(make_split(DATA, "ratio", seed=1))


def test_folds_hold_every_row_once():
    data = dataset([(u, i, 5, t) for u, i, _, t in ((a, b, 0, a + b) for a in range(12) for b in range(15))])
    held = [asked(split) for split in folds(data, part="test", min_core=0)]
    assert len(held) == 5
    assert sum(map(len, held)) == len(set().union(*held)) == len(data.interactions)


def test_core_filter_goes_on_until_nothing_changes():
    # Dropping user 2 leaves item 2 with one row, and that leaves user 1 with one.
    rows = [(0, 0, 5, 1), (0, 1, 5, 2), (3, 0, 5, 1), (3, 1, 5, 2), (1, 1, 5, 1), (1, 2, 5, 2), (2, 2, 5, 1)]
    data = dataset(rows)
    kept = data.interactions.take(core_mask(data.interactions, 2))
    assert set(pairs(kept)) == {(0, 0), (0, 1), (3, 0), (3, 1)}
    assert core_mask(data.interactions, 0).all()


def test_of_repeats_the_first_counts():
    data = dataset([(0, 1, 5, 1), (0, 2, 5, 2), (0, 1, 1, 3)])
    kept = without_repeats(data.interactions)
    assert pairs(kept) == [(0, 1), (0, 2)]
    assert kept.values[0] == 1.0


def test_without_ratings_every_held_out_row_is_asked_for():
    data = many()
    bare = Interactions(data.interactions.users, data.interactions.items, np.full(800, np.nan, np.float32), data.interactions.at)
    split = make_split(Dataset("bare", data.user_ids, data.items, bare, False), "ratio", min_core=0)
    assert len(asked(split)) == 160


def test_what_cannot_be_split_is_refused():
    for wrong in ("weekly", "last0", "LOO", ""):
        with pytest.raises(InvalidInput, match="no protocol"):
            make_split(DATA, wrong)
    with pytest.raises(InvalidInput, match="no part"):
        make_split(DATA, "loo", part="train")
    with pytest.raises(InvalidInput, match="no fold 5"):
        make_split(DATA, "kfold", fold=5)
    with pytest.raises(InvalidInput, match="needs their times"):
        make_split(dataset([(0, 1, 5, 1)], times="order"), "temporal")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_validation_can_be_kept_out_of_the_fit(protocol):
    val, test = (make_split(DATA, protocol, part=part, min_core=2) for part in ("val", "test"))
    strict = make_split(DATA, protocol, part="test", min_core=2, fit_validation=False)
    assert strict.train.items.tolist() == val.train.items.tolist()
    assert len(strict.train) < len(test.train)
    assert strict.known.items.tolist() == test.known.items.tolist()
    assert [case.history.tolist() for case in strict.cases] == [case.history.tolist() for case in test.cases]
