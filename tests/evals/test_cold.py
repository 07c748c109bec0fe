"""Cold starts: who is chosen, what they are known by, and targets that nobody has had."""

import numpy as np

from evals.base import Case, Dataset, Interactions, Split
from evals.suites.ranking_cold import cold_item_cases, cold_users, rank_cold, rank_in_parts
from palate.domain import Item

ITEMS = tuple(Item(item_id=f"i{n}", type="movie", title=f"Film {n}") for n in range(10))


def made(lengths):
    users = np.repeat(np.arange(len(lengths)), lengths).astype(np.int32)
    items = np.concatenate([np.arange(length) for length in lengths]).astype(np.int32)
    events = Interactions(users, items, np.ones(len(users), np.float32), items.astype(np.float64))
    starts = np.cumsum([0, *lengths])
    cases = [Case(u, np.arange(starts[u], starts[u + 1]), np.array([9], np.int32)) for u in range(len(lengths))]
    return Dataset("cold", tuple(f"u{n}" for n in range(len(lengths))), ITEMS, events, False), Split(
        "loo", "val", events, events, cases
    )


class Catalog:
    """Ranks all that the history does not hold, by position, and remembers how long each history was."""

    def __init__(self):
        self.lengths = []

    def rank(self, dataset, split, cases, n):
        out = np.full((len(cases), n), -1, np.int32)
        for row, case in enumerate(cases):
            self.lengths.append(len(case.history))
            left = np.setdiff1d(np.arange(len(dataset.items)), split.known.items[case.history])[:n]
            out[row, : len(left)] = left
        return out


def test_only_those_with_enough_events_are_chosen_and_the_seed_decides():
    _, split = made([1, 3, 5, 6, 7])
    assert cold_users(split, 1, 100, np.random.default_rng(0)) == [0, 1, 2, 3, 4]
    assert cold_users(split, 5, 100, np.random.default_rng(0)) == [2, 3, 4]
    few = cold_users(split, 1, 2, np.random.default_rng(0))
    assert len(few) == 2
    assert few == cold_users(split, 1, 2, np.random.default_rng(0)) == sorted(few)


def test_a_cold_user_is_known_by_the_newest_events_and_never_offered_the_withheld():
    dataset, split = made([6])
    ranker = Catalog()
    lists = rank_cold(ranker, dataset, split, [0], events=3, n=10)
    assert ranker.lengths == [3]
    assert lists.tolist() == [[6, 7, 8, 9, -1, -1, -1, -1, -1, -1]]


def test_targets_that_no_training_event_touches():
    _, split = made([2, 3])
    assert [(at, targets.tolist()) for at, targets in cold_item_cases(split)] == [(0, [9]), (1, [9])]
    seen = Split("loo", "val", split.train, split.known, [Case(0, split.cases[0].history, np.array([1, 9], np.int32))])
    assert [(at, targets.tolist()) for at, targets in cold_item_cases(seen)] == [(0, [9])]


def test_ranking_in_parts_is_ranking_at_once_and_tells_how_far_it_is():
    dataset, split = made([1 + n % 5 for n in range(300)])
    told = []
    lists = rank_in_parts(Catalog(), dataset, split, 4, lambda *how: told.append(how))
    np.testing.assert_array_equal(lists, Catalog().rank(dataset, split, split.cases, 4))
    assert told == [(256, 300), (300, 300)]
