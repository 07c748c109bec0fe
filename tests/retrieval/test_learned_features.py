import numpy as np
import pytest

from retrieval.features import Features, Hidden, History
from retrieval.features_statistics import FeatureConfig, Sequences, Statistics, kernel

M = 30


def sequences(seed: int = 0, people: int = 40, shortened: tuple[int, int] | None = None) -> Sequences:
    rng = np.random.default_rng(seed)
    rows = []
    for person in range(people):
        items = rng.permutation(M)[: rng.integers(5, 15)].astype(np.int32)
        at, values = 1e9 + 1e5 * np.sort(rng.random(len(items))), (rng.integers(1, 6, len(items)) / 5).astype(np.float32)
        cut = shortened[1] if shortened and shortened[0] == person else len(items)
        rows.append((items[:cut], at[:cut], values[:cut]))
    items, at, values = (np.concatenate(part) for part in zip(*rows, strict=True))
    return Sequences(np.concatenate([[0], np.cumsum([len(row[0]) for row in rows])]).astype(np.int64), items, at, values)


def features(given: Sequences, config: FeatureConfig | None = None) -> Features:
    rng = np.random.default_rng(5)
    config = config or FeatureConfig(neighbours=10)
    return Features(Statistics.fit(given, rng.random((M, 4)) < 0.4, rng.integers(1950, 2020, M), config), config)


def moment(given: Sequences, person: int, place: int) -> tuple[History, Hidden]:
    items, at, values = given.of(person)
    places = np.arange(len(items))
    hidden = Hidden(items[place:], at[place:], values[place:], places[place:], places[:place])
    return History(items[:place], at[:place], values[:place], person), hidden


@pytest.mark.parametrize("dense_items", [1, 5000])
@pytest.mark.parametrize(("person", "place"), [(0, 2), (7, 4), (39, 4)])
def test_taking_out_what_is_hidden_equals_counting_without_it(dense_items: int, person: int, place: int) -> None:
    config = FeatureConfig(neighbours=10, dense_items=dense_items)
    history, hidden = moment(sequences(), person, place)
    taken_out = features(sequences(), config).scores(history, hidden)
    never_there = features(sequences(shortened=(person, place)), config).scores(history)
    for name, column in never_there.items():
        free = np.setdiff1d(np.arange(M), history.items)
        np.testing.assert_allclose(taken_out[name][free], column[free], rtol=1e-3, atol=1e-5, err_msg=name)
        zero = column[free] == 0
        assert (taken_out[name][free][zero] == 0).all(), name


def test_times_and_ratings_do_not_know_what_is_hidden() -> None:
    history, hidden = moment(sequences(), 3, 3)
    whole = features(sequences())
    pool = np.setdiff1d(np.arange(M), history.items)
    names, x = whole.matrix(whole.scores(history, hidden), history, pool, hidden)
    shorter = features(sequences(shortened=(3, 3)))
    _, expected = shorter.matrix(shorter.scores(history), history, pool)
    for name in ("rating", "count", "tags.tau3", "year.last", "user.length"):
        np.testing.assert_allclose(x[:, names.index(name)], expected[:, names.index(name)], rtol=1e-3, err_msg=name)
    total = whole.statistics.when[:, -1][pool] - np.isin(pool, hidden.items)
    assert (x[:, names.index("time.before")] <= 1).all()
    assert (np.expm1(x[:, names.index("time.wide")]) <= total + 1e-3).all()


def test_ease_is_the_closed_form() -> None:
    given = sequences()
    made = features(given)
    x = np.zeros((len(given), M))
    for person in range(len(given)):
        x[person, given.of(person)[0]] = 1
    p = np.linalg.inv(x.T @ x + 100 * np.eye(M))
    b = -p / np.diag(p)
    np.fill_diagonal(b, 0)
    items, at, values = given.of(4)
    free = np.setdiff1d(np.arange(M), items)
    scores = made.scores(History(items, at, values, 4))
    np.testing.assert_allclose(scores["ease_all"][free], (x[4] @ b)[free], rtol=1e-3, atol=1e-5)


def test_pool_holds_the_allowed_and_unseen() -> None:
    given = sequences()
    made = features(given)
    items, at, values = given.of(1)
    history = History(items, at, values, 1)
    allowed = np.arange(M) % 2 == 0
    pool = made.pool(made.scores(history), history, 10, allowed)
    assert len(set(pool.tolist())) == len(pool) <= 10
    assert allowed[pool].all()
    assert not np.isin(pool, items).any()


def test_columns_are_named_and_finite_where_known() -> None:
    made = features(sequences())
    history, _ = moment(sequences(), 2, 4)
    names, x = made.matrix(made.scores(history), history, np.arange(10))
    assert x.shape == (10, len(names))
    assert x.dtype == np.float32
    assert len(set(names)) == len(names)
    assert not np.isinf(x).any()


def test_an_empty_history_has_columns_too() -> None:
    made = features(sequences())
    nobody = History(np.zeros(0, np.int32), np.zeros(0), np.zeros(0, np.float32))
    scores = made.scores(nobody)
    _, x = made.matrix(scores, nobody, made.pool(scores, nobody, 5))
    assert len(x) == 5


def test_the_kernels_end_at_their_reach() -> None:
    assert kernel(np.array([-1, 0, 1, 2, 5, 6]), 5, wide=False).tolist() == [0, 0, 1, 0.5, 0.2, 0]
    assert kernel(np.array([0, 31]), 30, wide=True).tolist() == [0, 0]


def test_arrays_hold_all() -> None:
    for dense_items in (1, 5000):
        made = features(sequences(), FeatureConfig(dense_items=dense_items))
        again = Features(Statistics.from_arrays(made.statistics.arrays()), made.config)
        history, _ = moment(sequences(), 2, 4)
        for name, column in again.scores(history).items():
            np.testing.assert_array_equal(column, made.scores(history)[name], err_msg=name)


def test_what_is_new_was_not_counted_and_is_not_taken_out() -> None:
    items, at, values = sequences().of(7)
    new = int(np.setdiff1d(np.arange(M), items)[0])
    gone = np.arange(len(items)) >= 4
    places = np.array([*range(4), -1], dtype=np.int64)
    history = History(np.append(items[:4], new).astype(np.int32), np.append(at[:4], 2e9), np.append(values[:4], np.float32(1.0)), 7)
    hidden = Hidden(items[gone], at[gone], values[gone], np.flatnonzero(gone), places)
    taken_out = features(sequences()).scores(history, hidden)
    never_there = features(sequences(shortened=(7, 4))).scores(history)
    free = np.setdiff1d(np.arange(M), history.items)
    for name, column in never_there.items():
        np.testing.assert_allclose(taken_out[name][free], column[free], rtol=1e-3, atol=1e-5, err_msg=name)
