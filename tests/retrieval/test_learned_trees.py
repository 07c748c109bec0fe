from __future__ import annotations

import numpy as np
import pytest

from retrieval.learned_training import Examples
from retrieval.learned_trees import Trees, TreesConfig

CONFIG = TreesConfig(trees=10, leaves=4, min_leaf=5, models=2)


def made(groups: int, seed: int) -> Examples:
    """Lists of ten candidates; the one with the highest first column is the target."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(groups, 10, 3)).astype(np.float32)
    y = (x[:, :, 0] == x[:, :, 0].max(axis=1, keepdims=True)).astype(np.int8)
    return Examples(["a", "b", "c"], x.reshape(-1, 3), y.ravel(), np.full(groups, 10), 1.0)


NONE = Examples([], np.zeros((0, 0), dtype=np.float32), np.zeros(0, dtype=np.int8), np.zeros(0, dtype=np.int64), 0.0)


def test_examples_of_several_kinds_are_learned_from_as_one() -> None:
    first, second = made(30, 0), made(20, 1)
    whole = Examples(
        first.names,
        np.concatenate([first.x, second.x]),
        np.concatenate([first.y, second.y]),
        np.concatenate([first.sizes, second.sizes]),
        1.0,
    )
    asked = made(5, 2).x
    np.testing.assert_array_equal(Trees.fit([first, second], CONFIG).predict(asked), Trees.fit([whole], CONFIG).predict(asked))


@pytest.mark.parametrize("parts", [[made(200, 0), NONE], [NONE, made(200, 0)]])
def test_a_kind_without_examples_changes_nothing(parts: list[Examples]) -> None:
    asked = made(50, 2)
    found = Trees.fit(parts, CONFIG)
    np.testing.assert_array_equal(found.predict(asked.x), Trees.fit([made(200, 0)], CONFIG).predict(asked.x))
    best = found.predict(asked.x).reshape(-1, 10).argmax(axis=1)
    assert (best == asked.y.reshape(-1, 10).argmax(axis=1)).mean() >= 0.6
