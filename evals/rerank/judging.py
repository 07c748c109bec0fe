"""Orders of the same candidates, judged case by case: the retriever's, the LLM's, and both together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.rank_order import RankOrder
from agent.reranker import final_places, fuse
from evals.bootstrap import difference, intervals, ratio
from evals.metrics import judge, ndcg
from evals.rerank.cases import RankCase

__all__ = ["SYSTEMS", "JudgedCases", "ScoredCases", "merged", "together"]

SYSTEMS = ("retrieval", "zero_shot", "llm_only", "fast", "fused", "cascade")
_K = 10
_LENGTHS = ((0, 5), (6, 20), (21, 50), (51, None))
_NEW = tuple((n, n) for n in range(1, 6))
_TAKEN = ((0, 0), (1, 9), (10, 49), (50, None))
Scores = Sequence[NDArray[np.float32]]


@dataclass(frozen=True)
class JudgedCases:
    """NDCG@10 of each order, float64 [cases] by system; whose each case is; by what rows are divided; and, bool [cases], whether a
    target was among the candidates, and whether the cascade asks the LLM.
    """

    values: Mapping[str, NDArray[np.float64]]
    clusters: tuple[str, ...]
    case_ids: tuple[str, ...]
    groups: Mapping[str, NDArray[np.int64]]
    found: NDArray[np.bool_]
    asked: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.clusters)

    def summary(self, samples: int, seed: int) -> dict[str, Any]:
        """Return means with intervals drawn by cluster, the ratio and the difference of ``fused`` to ``retrieval``, both paired."""
        users = np.unique(np.array(self.clusters), return_inverse=True)[1]
        columns = {name: self.values[name] for name in SYSTEMS if name in self.values}
        spread = intervals(columns, users, samples=samples, rng=seed)
        out: dict[str, Any] = {name: {f"ndcg@{_K}": spread[name].model_dump()} for name in columns}
        if "fast" in columns:
            out["fast_ratio"] = ratio(columns["fast"], columns["retrieval"], users, samples=samples, rng=seed).model_dump()
        if "fused" in columns:
            pair = columns["fused"], columns["retrieval"]
            out["ratio"] = ratio(*pair, users, samples=samples, rng=seed).model_dump()
            out["difference"] = difference(*pair, users, samples=samples, rng=seed).model_dump()
        if "cascade" in columns:
            gain = {name: float(columns[name].mean() - columns["retrieval"].mean()) for name in ("fused", "cascade")}
            kept = gain["cascade"] / gain["fused"] if gain["fused"] else None
            out["calls"] = {"share": float(self.asked.mean()), "gain_kept": kept}
        return {**out, "cases": len(self), "users": len(set(self.clusters)), "found": float(self.found.mean())}

    def divided(self, group: str, samples: int, seed: int) -> dict[str, Any]:
        """Return a summary for each range of history lengths (``history``, of new users ``new``), or of how many took the target
        (``taken``).
        """
        ranges = {"history": _LENGTHS, "new": _NEW, "taken": _TAKEN}[group]
        values, out = self.groups["taken" if group == "taken" else "history"], {}
        for low, high in ranges:
            rows = np.flatnonzero((values >= low) & (values <= (high if high is not None else np.inf)))
            if len(rows):
                name = f"{low}+" if high is None else str(low) if low == high else f"{low}-{high}"
                out[name] = self.take(rows).summary(samples, seed)
        return out

    def cascaded(self, asked: NDArray[np.bool_]) -> JudgedCases:
        """Return the same with the cascade asking the LLM where ``asked``, bool [cases]."""
        cascade = np.where(asked, self.values["fused"], self.values["fast"])
        return replace(self, values={**self.values, "cascade": cascade}, asked=asked)

    def take(self, rows: NDArray[np.int64]) -> JudgedCases:
        """Return the cases at ``rows``."""
        return JudgedCases(
            {name: values[rows] for name, values in self.values.items()},
            tuple(self.clusters[row] for row in rows.tolist()),
            tuple(self.case_ids[row] for row in rows.tolist()),
            {name: values[rows] for name, values in self.groups.items()},
            self.found[rows],
            self.asked[rows],
        )


@dataclass(frozen=True)
class ScoredCases:
    """Cases with what the LLM gives their first candidates, float32 [shown] each: ``tuned`` with its LoRA adapter, ``base``
    without; ``None`` where it was not asked.
    """

    cases: Sequence[RankCase]
    tuned: Scores | None = None
    base: Scores | None = None

    def take(self, rows: NDArray[np.int64]) -> ScoredCases:
        """Return the cases at ``rows``, int64."""
        chosen = rows.tolist()
        tuned, base = ([kind[row] for row in chosen] if kind is not None else None for kind in (self.tuned, self.base))
        return ScoredCases([self.cases[row] for row in chosen], tuned, base)

    def judged(self, weight: float, order: RankOrder | None = None) -> JudgedCases:
        """Return NDCG@10 of every order; a target that is not among the candidates counts as missed in all of them.

        ``fused`` is the final order with the LLM: the learned ``order`` where there is one and the request has words, else the
        tuned LLM has the share ``weight``. ``fast`` is the learned order without the LLM, for other requests the retriever's;
        ``cascade`` takes that where it is sure. An order that never asks the LLM is the final one by itself, and so is the
        retriever's for what it does not order. Orders that a case brings take the place of those.
        """
        targets = [_targets(case) for case in self.cases]
        width = max((len(case.candidates) for case in self.cases), default=1)
        ranked: dict[str, NDArray[np.int32]] = {}
        asked = np.ones(len(self.cases), dtype=np.bool_)
        for at, case in enumerate(self.cases):
            places, asked[at] = self._places(at, weight, order)
            for name, chosen in places.items():
                ranked.setdefault(name, np.full((len(self.cases), width), -1, dtype=np.int32))[at, : len(case.candidates)] = chosen
        values = {name: ndcg(judge(places, targets), _K) for name, places in ranked.items()}
        groups = {name: np.array([int(case.group[name]) for case in self.cases], dtype=np.int64) for name in ("history", "taken")}
        found = np.array([bool((t < len(c.candidates)).any()) for t, c in zip(targets, self.cases, strict=True)], dtype=np.bool_)
        ids = tuple(case.case_id for case in self.cases)
        return JudgedCases(values, tuple(case.cluster for case in self.cases), ids, groups, found, asked)

    def _places(self, at: int, weight: float, order: RankOrder | None) -> tuple[dict[str, list[int]], bool]:
        """Return the candidates' places in each order, and whether the cascade asks the LLM."""
        case = self.cases[at]
        about, n = case.about, len(case.candidates)
        out = {"retrieval": list(range(n))}
        brought = {name: list(places) for name, places in case.orders.items()}
        if self.base is not None:
            out["zero_shot"] = _by(self.base[at], n)
        asks, led = True, order is not None and case.request.query.worded
        if order is not None:
            out["fast"] = out["retrieval"]
            if led:
                fast = order.scores(*about)
                out["fast"], asks = final_places(case.request, case.candidates, fast, case.history_items), not order.sure(fast)
        if self.tuned is not None and not (order is not None and order.alone and led):
            llm = self.tuned[at]
            out["llm_only"] = _by(llm, n)
            final = order.scores(*about, llm) if order is not None and led else fuse(llm, weight)
            out["fused"] = [
                *final_places(case.request, case.candidates[: len(final)], final, case.history_items),
                *range(len(final), n),
            ]
            if order is not None and not brought:
                out["cascade"] = out["fused"] if asks else out["fast"]
        elif order is not None and order.alone:
            out["fused"] = out["fast"]
        return out | brought, asks and not brought


def together(parts: Sequence[JudgedCases]) -> JudgedCases:
    """Return several as one, with the orders that all have."""
    names = [name for name in SYSTEMS if all(name in part.values for part in parts)]
    return JudgedCases(
        {name: np.concatenate([part.values[name] for part in parts]) for name in names},
        tuple(cluster for part in parts for cluster in part.clusters),
        tuple(case_id for part in parts for case_id in part.case_ids),
        {name: np.concatenate([part.groups[name] for part in parts]) for name in parts[0].groups},
        np.concatenate([part.found for part in parts]),
        np.concatenate([part.asked for part in parts]),
    )


def merged(parts: Sequence[ScoredCases]) -> ScoredCases:
    """Return several as one; the LLM's scores are there where all have them."""
    both = [[part.tuned for part in parts], [part.base for part in parts]]
    tuned, base = ([one for scores in kind for one in scores or ()] if all(s is not None for s in kind) else None for kind in both)
    return ScoredCases([case for part in parts for case in part.cases], tuned, base)


def _by(scores: NDArray[np.float32], n: int) -> list[int]:
    """Return the ``n`` places, those with scores first."""
    return [*np.argsort(-scores, kind="stable").tolist(), *range(len(scores), n)]


def _targets(case: RankCase) -> NDArray[np.int32]:
    """Return the targets as places among the candidates; what is not there gets a place behind all."""
    place = {candidate.item.item_id: at for at, candidate in enumerate(case.candidates)}
    missing = 10_000
    return np.array([place.get(i, missing + n) for n, i in enumerate(sorted(case.targets))], dtype=np.int32)
