"""Orders of the same candidates, judged case by case: the retriever's, the LLM's, and both together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.reranker import fused_order
from evals.bootstrap import difference, intervals, ratio
from evals.metrics import judge, ndcg
from evals.rerank.cases import RankCase

__all__ = ["SYSTEMS", "JudgedCases", "ScoredCases", "merged"]

SYSTEMS = ("retrieval", "zero_shot", "llm_only", "fused")
_K = 10
_LENGTHS = ((0, 5), (6, 20), (21, 50), (51, None))
_TAKEN = ((0, 0), (1, 9), (10, 49), (50, None))
Scores = Sequence[NDArray[np.float32]]


@dataclass(frozen=True)
class JudgedCases:
    """NDCG@10 of each order, float64 [cases] by system, whose each case is, and by what rows are divided."""

    values: Mapping[str, NDArray[np.float64]]
    clusters: tuple[str, ...]
    case_ids: tuple[str, ...]
    groups: Mapping[str, NDArray[np.int64]]
    found: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.clusters)

    def summary(self, samples: int, seed: int) -> dict[str, Any]:
        """Return means with intervals drawn by cluster, the ratio and the difference of ``fused`` to ``retrieval``, both paired."""
        users = np.unique(np.array(self.clusters), return_inverse=True)[1]
        columns = {name: self.values[name] for name in SYSTEMS if name in self.values}
        spread = intervals(columns, users, samples=samples, rng=seed)
        out: dict[str, Any] = {name: {f"ndcg@{_K}": spread[name].model_dump()} for name in columns}
        if "fused" in columns:
            pair = columns["fused"], columns["retrieval"]
            out["ratio"] = ratio(*pair, users, samples=samples, rng=seed).model_dump()
            out["difference"] = difference(*pair, users, samples=samples, rng=seed).model_dump()
        return {**out, "cases": len(self), "users": len(set(self.clusters)), "found": float(self.found.mean())}

    def divided(self, group: str, samples: int, seed: int) -> dict[str, Any]:
        """Return a summary for each range of history lengths, or of how many took the target."""
        ranges = _LENGTHS if group == "history" else _TAKEN
        out = {}
        for low, high in ranges:
            rows = np.flatnonzero((self.groups[group] >= low) & (self.groups[group] <= (high if high is not None else np.inf)))
            if len(rows):
                name = f"{low}+" if high is None else str(low) if low == high else f"{low}-{high}"
                out[name] = self.take(rows).summary(samples, seed)
        return out

    def take(self, rows: NDArray[np.int64]) -> JudgedCases:
        """Return the cases at ``rows``."""
        return JudgedCases(
            {name: values[rows] for name, values in self.values.items()},
            tuple(self.clusters[row] for row in rows.tolist()),
            tuple(self.case_ids[row] for row in rows.tolist()),
            {name: values[rows] for name, values in self.groups.items()},
            self.found[rows],
        )


@dataclass(frozen=True)
class ScoredCases:
    """Cases with what the LLM gives their candidates, float32 [candidates] each: ``tuned`` with its LoRA adapter, ``base`` without;
    ``None`` where it was not asked.
    """

    cases: Sequence[RankCase]
    tuned: Scores | None = None
    base: Scores | None = None

    def judged(self, weight: float) -> JudgedCases:
        """Return NDCG@10 of every order; a target that is not among the candidates counts as missed in all of them.

        ``weight`` is the share of the tuned LLM in ``fused``.
        """
        tuned, base, cases = self.tuned, self.base, self.cases
        orders: dict[str, Callable[[int], list[int]]] = {"retrieval": lambda at: list(range(len(cases[at].candidates)))}
        if base is not None:
            orders["zero_shot"] = lambda at: _by(base[at])
        if tuned is not None:
            orders["llm_only"] = lambda at: _by(tuned[at])
            orders["fused"] = lambda at: (
                fused_order(cases[at].request, cases[at].candidates, tuned[at], weight)[1] if len(tuned[at]) else []
            )
        targets = [_targets(case) for case in cases]
        width = max((len(case.candidates) for case in cases), default=1)
        values = {}
        for name, order in orders.items():
            ranked = np.full((len(cases), width), -1, dtype=np.int32)
            for at in range(len(cases)):
                places = order(at)
                ranked[at, : len(places)] = places
            values[name] = ndcg(judge(ranked, targets), _K)
        groups = {name: np.array([int(case.group[name]) for case in cases], dtype=np.int64) for name in ("history", "taken")}
        found = np.array([bool((t < len(c.candidates)).any()) for t, c in zip(targets, cases, strict=True)], dtype=np.bool_)
        return JudgedCases(values, tuple(c.cluster for c in cases), tuple(c.case_id for c in cases), groups, found)


def merged(parts: Sequence[ScoredCases]) -> ScoredCases:
    """Return several as one; the LLM's scores are there where all have them."""
    both = [[part.tuned for part in parts], [part.base for part in parts]]
    tuned, base = ([one for scores in kind for one in scores or ()] if all(s is not None for s in kind) else None for kind in both)
    return ScoredCases([case for part in parts for case in part.cases], tuned, base)


def _by(scores: NDArray[np.float32]) -> list[int]:
    return [int(at) for at in np.argsort(-scores, kind="stable")]


def _targets(case: RankCase) -> NDArray[np.int32]:
    """Return the targets as places among the candidates; what is not there gets a place behind all."""
    place = {candidate.item.item_id: at for at, candidate in enumerate(case.candidates)}
    missing = 10_000
    return np.array([place.get(i, missing + n) for n, i in enumerate(sorted(case.targets))], dtype=np.int32)
