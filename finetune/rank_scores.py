"""What the gate compares of an adapter for ranking: its order beside the one that serves where no adapter runs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evals.rerank import Arena, JudgedCases, ScoredCases, together
from finetune.card import Part, ScoresRef
from finetune.rank_trees import RankTreesConfig, crossfitted_order
from finetune.scores import Scores

__all__ = ["PROTOCOL", "PairedCases", "paired_cases", "rank_scores"]

PROTOCOL = "last5-and-dialogues"
_METRIC = "ndcg@10"


@dataclass(frozen=True)
class PairedCases:
    """Cases judged with an adapter, by arena, and NDCG@10 without one, by the case's id. ``margin`` is the cascade's."""

    judged: Mapping[Arena, JudgedCases]
    without: Mapping[str, float]
    margin: float | None = None


def paired_cases(
    scored: Mapping[Arena, ScoredCases],
    weight: float,
    *,
    ordered: bool = True,
    more: Sequence[ScoredCases] = (),
    config: RankTreesConfig | None = None,
) -> PairedCases:
    """Judge what an adapter's LLM scored, with it and without.

    Without an adapter requests in words have a learned order that reads no LLM, and histories the order of their own where they
    have one, else the retriever's.

    Args:
        scored: Cases with the LLM's scores, by arena.
        weight: The LLM's share.
        ordered: Whether the adapter brings a learned order of requests in words. It may have learned from these very cases: both
            orders are fitted on the other folds of them then.
        more: Further cases that both learn from.
        config: Of the learned order.

    Raises:
        MissingExtra: LightGBM is not installed, and there are requests in words.

    """
    judged, without, margin = dict[Arena, JudgedCases](), dict[str, float](), None
    for arena, one in scored.items():
        unasked = ScoredCases(one.cases)
        worded = arena == "conversation"
        plain = crossfitted_order({arena: unasked}, more, config)[0][arena] if worded else unasked.judged(0.0)
        left = plain.values.get("fast", plain.values["retrieval"])
        without |= dict(zip(plain.case_ids, left.tolist(), strict=True))
        if worded and ordered:
            found, margin = crossfitted_order({arena: one}, more, config)
            judged[arena] = found[arena]
        else:
            judged[arena] = one.judged(weight)
    return PairedCases(judged, without, margin)


def rank_scores(found: PairedCases, split: Part) -> Scores:
    """Return NDCG@10 of each case of all arenas, with the adapter and without."""
    every = together(list(found.judged.values()))
    ref = ScoresRef(
        metric=_METRIC,
        data=hashlib.sha256("\n".join(sorted(every.case_ids)).encode()).hexdigest(),
        split=split,
        protocol=PROTOCOL,
        cases=len(every),
    )
    without = np.array([found.without[case] for case in every.case_ids], dtype=np.float32)
    return Scores(ref, np.array(every.case_ids), np.array(every.clusters), every.values["fused"].astype(np.float32), without)
