"""A small data set with a pattern that can be learnt."""

import numpy as np
import pytest

from evals.base import Dataset, Interactions
from palate.domain import Item

DAY = 86_400.0


def small(users=40, items=30, length=13):
    """Users walk through the items one by one, from where they happen to start: the next item is the one after the last."""
    rng = np.random.default_rng(0)
    starts = rng.integers(0, items, users)
    walk = (starts[:, None] + np.arange(length)[None, :]) % items
    catalog = tuple(
        Item(item_id=f"m{n:02d}", type="movie", title=f"Film {n} of {('rain', 'sun', 'snow')[n % 3]}", genres=(f"g{n % 4}",))
        for n in range(items)
    )
    columns = Interactions(
        np.repeat(np.arange(users), length).astype(np.int32),
        walk.ravel().astype(np.int32),
        np.full(users * length, 0.8, dtype=np.float32),
        np.tile(np.arange(length) * DAY, users),
    )
    return Dataset("small", tuple(f"u{n:02d}" for n in range(users)), catalog, columns, True, {"hash": "none"})


@pytest.fixture(scope="session")
def make_dataset():
    """Make a data set of so many users, items and events a user."""
    return small
