"""Trains the learned final order, and finds where the cascade may leave the LLM out.

The LLM's scores are those of cases that it did not learn from; cases that it did learn from are read without.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from agent.rank_features import FEATURES, rank_features
from agent.rank_order import RankOrder, lead
from evals.rerank import Arena, JudgedCases, ScoredCases, together
from palate.domain import Value
from retrieval.learned_training import Examples
from retrieval.learned_trees import Trees, TreesConfig

__all__ = ["RankTreesConfig", "choose_margin", "crossfitted_order", "fit_order"]

_TREES = TreesConfig(trees=200, leaves=15, min_leaf=20, column_share=0.4, models=2)


class RankTreesConfig(Value):
    """``keep`` is the share of the gain that the cascade must keep on validation; measured over ``folds`` of users or dialogues."""

    trees: TreesConfig = _TREES
    folds: int = Field(default=5, ge=2)
    keep: float = Field(default=0.99, gt=0, le=1)


def fit_order(scored: Sequence[ScoredCases], config: RankTreesConfig | None = None) -> RankOrder:
    """Return the order that learns from cases whose candidates hold a target, each read with and without the LLM's scores.

    Those that the LLM did not score are read without. So the trees serve both ways; what they learned beside the LLM's scores is
    what is left of it where it is not asked.

    Raises:
        MissingExtra: LightGBM is not installed.

    """
    config = config or RankTreesConfig()
    xs, ys, sizes = [], [], []
    for part in scored:
        unscored: list[NDArray[np.float32] | None] = [None] * len(part.cases)
        for case, llm in zip(part.cases, part.tuned or unscored, strict=True):
            hits = np.array([candidate.item.item_id in case.targets for candidate in case.candidates], dtype=np.int8)
            if not hits.any() or hits.all():
                continue
            for scores in (None,) if llm is None else (llm, None):
                xs.append(rank_features(case.request, case.profile, case.history_items, case.candidates, scores))
                ys.append(hits)
                sizes.append(len(hits))
    if not xs:
        return RankOrder(Trees())
    names = [name.replace(".", "_") for name in FEATURES]
    learned = Examples(names, np.concatenate(xs), np.concatenate(ys), np.array(sizes, dtype=np.int64), 1.0)
    return RankOrder(Trees.fit(learned, config.trees))


def crossfitted_order(
    chosen: Mapping[Arena, ScoredCases], more: Sequence[ScoredCases], config: RankTreesConfig | None = None
) -> tuple[dict[Arena, JudgedCases], float | None]:
    """Return what the learned order reaches on cases that it did not see, by arena, and the margin of the cascade.

    Each fold of the chosen cases is judged by an order that was fitted on ``more`` and the other folds. Without an LLM's scores
    there is no cascade.
    """
    config = config or RankTreesConfig()
    folds = {
        arena: np.array([zlib.crc32(case.cluster.encode()) % config.folds for case in one.cases]) for arena, one in chosen.items()
    }
    parts: dict[Arena, list[JudgedCases]] = {arena: [] for arena in chosen}
    leads: dict[Arena, list[NDArray[np.float64]]] = {arena: [] for arena in chosen}
    for fold in range(config.folds):
        order = fit_order([*more, *(one.take(np.flatnonzero(folds[arena] != fold)) for arena, one in chosen.items())], config)
        for arena, one in chosen.items():
            held = one.take(np.flatnonzero(folds[arena] == fold))
            if held.cases:
                parts[arena].append(held.judged(0.0, order))
                leads[arena].append(np.array([lead(order.scores(*case.about)) for case in held.cases]))
    judged = {arena: together(found) for arena, found in parts.items()}
    if any(one.tuned is None for one in chosen.values()):
        return judged, None
    margin = choose_margin(
        together(list(judged.values())), np.concatenate([values for found in leads.values() for values in found]), config.keep
    )
    asked = {arena: np.concatenate(found) <= (np.inf if margin is None else margin) for arena, found in leads.items()}
    return {arena: one.cascaded(asked[arena]) for arena, one in judged.items()}, margin


def choose_margin(judged: JudgedCases, leads: NDArray[np.float64], keep: float) -> float | None:
    """Return the least margin that keeps a share of the gain where only leads up to it are asked; ``None`` asks always."""
    fast, fused, before = (judged.values[name] for name in ("fast", "fused", "retrieval"))
    gain = float(fused.mean() - before.mean())
    if gain <= 0.0:
        return None
    for margin in np.quantile(leads[np.isfinite(leads)], np.linspace(0.0, 1.0, 101)):
        if float(np.where(leads <= margin, fused, fast).mean() - before.mean()) >= keep * gain:
            return float(margin)
    return None
