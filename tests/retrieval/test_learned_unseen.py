"""Fusion on data unlike films: fitting must end, and what is served must stand."""

import numpy as np
import pytest

from palate.domain import Interaction, Item, Query
from palate.testing.candidate_source import ListedInteractions
from retrieval.base import ItemTable
from retrieval.features import FeatureConfig
from retrieval.learned import LearnedFusion, LearnedFusionConfig
from retrieval.learned_nets import NetsConfig
from retrieval.learned_trees import TreesConfig
from tests.retrieval.test_learned import profile

pytest.importorskip("lightgbm")

TREES = TreesConfig(trees=5, leaves=4, min_leaf=5, models=1)
FAST = {"trees": TREES, "short_nets": NetsConfig(models=1, hidden=4, passes=1), "n_train": 30, "n_pool": 40}


def plain(n: int) -> ItemTable:
    """Return items of which nothing is known but a name."""
    return ItemTable([Item(item_id=f"f{i:05d}", type="product", title=f"Thing {i}") for i in range(n)])


def events(at, *, people=40, items=50, each=8, value=None, seed=0):
    rng = np.random.default_rng(seed)
    return ListedInteractions(
        [
            Interaction(f"p{person}", f"f{item:05d}", "complete", value, at(person, place))
            for person in range(people)
            for place, item in enumerate(rng.permutation(items)[:each].tolist())
        ]
    )


@pytest.mark.parametrize(
    "at",
    [lambda _person, place: float(place), lambda _person, _place: 7.0, lambda person, place: 1e9 + 86_400.0 * person + place],
    ids=["an order as time", "all at once", "a day a person, as news"],
)
@pytest.mark.parametrize("targets", ["next", "any"])
@pytest.mark.parametrize("value", [None, 0.8])
def test_times_ratings_and_items_may_say_nothing(at, targets, value):
    made = LearnedFusion(LearnedFusionConfig(targets=targets, **FAST))
    made.fit(plain(50), events(at, value=value))
    assert made.ready
    found = made.candidates(profile("f00001", "f00002", "f00003"), Query(), 10, np.ones(50, dtype=np.bool_))
    assert len({scored.item_id for scored in found}) == 10
    assert np.isfinite([scored.score for scored in found]).all()


def test_events_told_twice_count_once():
    once = events(lambda _person, place: float(place))
    twice = ListedInteractions([event for event in once.interactions() for _ in range(2)])
    who, everything = profile("f00001", "f00002", "f00003"), np.ones(50, dtype=np.bool_)
    lists = []
    for told in (once, twice):
        made = LearnedFusion(LearnedFusionConfig(**FAST))
        made.fit(plain(50), told)
        lists.append(made.candidates(who, Query(), 10, everything))
    assert lists[0] == lists[1]


def test_more_items_than_the_limit_are_served_from_those_most_took():
    n = 50_000
    made = LearnedFusion(LearnedFusionConfig(max_items=60, features=FeatureConfig(neighbours=10), **FAST))
    rng = np.random.default_rng(1)
    told = [
        Interaction(f"p{person}", f"f{item:05d}", "play", None, float(place))
        for person in range(60)
        for place, item in enumerate([*rng.permutation(40)[:6].tolist(), *rng.integers(40, n, 3).tolist()])
    ]
    made.fit(plain(n), ListedInteractions(told))
    found = made.candidates(profile("f00001", "f00002", "f00003"), Query(), 100, np.ones(n, dtype=np.bool_))
    assert 0 < len(found) <= 60
    assert made.describe()["items"] == 60
