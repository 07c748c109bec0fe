from __future__ import annotations

import numpy as np

from retrieval.learned_training import Examples
from retrieval.learned_trees import Trees, TreesConfig

CONFIG = TreesConfig(trees=10, leaves=4, min_leaf=5, models=2)


def made(groups: int, seed: int) -> Examples:
    """Lists of ten candidates; the one with the highest first column is the target."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(groups, 10, 3)).astype(np.float32)
    y = (x[:, :, 0] == x[:, :, 0].max(axis=1, keepdims=True)).astype(np.int8)
    return Examples(["a", "b", "c"], x.reshape(-1, 3), y.ravel(), np.full(groups, 10), 1.0)


def test_what_tells_the_target_is_found_and_the_same_each_time() -> None:
    asked = made(50, 2)
    found = Trees.fit(made(200, 0), CONFIG)
    best = found.predict(asked.x).reshape(-1, 10).argmax(axis=1)
    assert (best == asked.y.reshape(-1, 10).argmax(axis=1)).mean() >= 0.6
    np.testing.assert_array_equal(found.predict(asked.x), Trees.fit(made(200, 0), CONFIG).predict(asked.x))
