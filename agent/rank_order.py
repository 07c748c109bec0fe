"""The learned final order: trees over what retrieval found, what the request names and, where it was asked, what the LLM says.

A fast path needs no LLM: the trees were trained with and without its scores, so that they also order by what they learned from it.
The cascade asks the LLM only where that order is unsure at its top.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.rank_features import rank_features
from palate.domain import Candidate, Item, Profile, Request
from retrieval.learned_trees import Trees

__all__ = ["NEVER", "RankOrder", "lead"]

NEVER = float("-inf")
"""A margin with which the LLM is never asked: the order needs none."""

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class RankOrder:
    """``trees`` score candidates. The LLM is not asked where the fast order's first is ahead of the second by more than ``margin``
    (in the trees' scores); unset, it is always asked, with ``NEVER`` never.
    """

    trees: Trees
    margin: float | None = None

    def scores(
        self,
        request: Request,
        profile: Profile,
        history_items: Mapping[str, Item],
        candidates: Sequence[Candidate],
        llm: Float32 | None = None,
    ) -> Float32:
        """Return the final scores, float32 [n]; without ``llm``, its log probabilities of the first candidates, those of the fast
        path.
        """
        return self.trees.predict(rank_features(request, profile, history_items, candidates, llm))

    @property
    def alone(self) -> bool:
        """Return whether it never asks the LLM."""
        return self.margin == NEVER

    def sure(self, fast: Float32) -> bool:
        """Return whether the LLM need not be asked, by the scores of the fast path."""
        return self.margin is not None and lead(fast) > self.margin


def lead(scores: Float32) -> float:
    """Return by how much the first is ahead of the second."""
    if len(scores) < 2:
        return float("inf")
    second, first = np.partition(scores, len(scores) - 2)[-2:]
    return float(first - second)
