"""Puts a fused list into the order that a learned scorer gives it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from palate.domain import Candidate, Profile, Query, SourceHit
from retrieval.base import Float32

__all__ = ["Scorer", "led"]


class Scorer(Protocol):
    """What can order a list; :class:`retrieval.learned.LearnedFusion` is one."""

    name: str

    def score(self, profile: Profile, query: Query, item_ids: Sequence[str]) -> Float32:
        """Return scores, float32 [len(item_ids)]; NaN for what it does not know."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return the config and what it was fitted on."""
        ...


def led(pool: Sequence[Candidate], name: str, scores: Float32) -> list[Candidate]:
    """Return the pool by ``scores``, float32 [len(pool)], higher first, ties as they stood, each with a hit named ``name``.

    What the scorer does not know (NaN) keeps its place: a new item stands where the sources put it. Each place keeps its fused
    score, so that scores still fall along the list and compare with those of other lists.
    """
    known = np.flatnonzero(~np.isnan(scores))
    order = known[np.argsort(-scores[known], kind="stable")]
    out = list(pool)
    for rank, (place, at) in enumerate(zip(known.tolist(), order.tolist(), strict=True), start=1):
        hit = SourceHit(source=name, rank=rank, score=float(scores[at]))
        moved = pool[at]
        out[place] = moved.model_copy(update={"score": pool[place].score, "hits": (*moved.hits, hit)})
    return out
