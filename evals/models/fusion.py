"""The learned fusion as a row: told by the protocol what to aim at, and by a floor what to say to the cold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from evals.base import Case, Dataset, Int32, Ranker, Split
from evals.models.source import SourceRanker
from palate.domain import Progress
from palate.errors import Unavailable
from retrieval.learned import LearnedFusion, LearnedFusionConfig

__all__ = ["FusionRanker", "aimed"]

_EPSILON = 1e-6
_RANDOM = frozenset({"ratio", "kfold"})


class FusionRanker:
    """Fits :class:`retrieval.learned.LearnedFusion` on a split and asks it for each case.

    Args:
        params: Fields of its configuration, over the defaults and over what the protocol says (:func:`aimed`).
        floor: Ranks the cases that the fusion leaves to it, because their history is too short; unset, their lists are empty.

    """

    def __init__(self, params: Mapping[str, Any] | None = None, floor: Ranker | None = None) -> None:
        self.name = "fusion"
        self._params, self._floor = dict(params or {}), floor
        self._config = LearnedFusionConfig.model_validate(self._params)
        self._ranker: SourceRanker | None = None

    def fit(self, dataset: Dataset, split: Split, progress: Progress | None = None) -> None:
        """Fit the fusion, and the floor, on ``split.train`` and the items of the split."""
        self._config = aimed(self._params, dataset, split)
        self._ranker = SourceRanker(self.name, lambda: LearnedFusion(self._config))
        self._ranker.fit(dataset, split, progress)
        if self._floor is not None:
            self._floor.fit(dataset, split, progress)

    def rank(self, dataset: Dataset, split: Split, cases: Sequence[Case], n: int) -> Int32:
        """Return item positions, best first, int32 [len(cases), n]; -1 fills the places of those that rank fewer.

        Raises:
            Unavailable: Nothing was fitted yet.

        """
        if self._ranker is None:
            raise Unavailable("The row 'fusion' is not fitted.", remedy="Call fit(dataset, split) first.")
        out = self._ranker.rank(dataset, split, cases, n)
        silent = np.flatnonzero((out < 0).all(axis=1))
        if self._floor is not None and len(silent):
            out[silent] = self._floor.rank(dataset, split, [cases[at] for at in silent.tolist()], n)
        return out

    def params(self) -> dict[str, Any]:
        """Return the configuration that is in use."""
        return self._config.model_dump(mode="json")


def aimed(params: Mapping[str, Any], dataset: Dataset, split: Split) -> LearnedFusionConfig:
    """Return a configuration: where rows are held out at random, any liked item is a target, else the next one is.

    What ``params`` set stays as it is set.
    """
    if split.protocol not in _RANDOM:
        return LearnedFusionConfig.model_validate(dict(params))
    threshold = float(split.facts.get("threshold", 4.0)) / 5.0 if dataset.rating else 0.0
    said = {"targets": "any", "liked_from": max(threshold - _EPSILON, 0.0), "train_history": 5}
    return LearnedFusionConfig.model_validate({**said, **params})
