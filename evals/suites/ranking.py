"""The ranking suite: every row on the same split of one data set, full ranking, with intervals, costs and cold starts."""

from __future__ import annotations

import json
import logging
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pydantic import Field

import palate
from evals.base import Dataset, Int32, Ranker, Split
from evals.cache import EvalCache, Ranked, code_hash, items_hash, split_hash
from evals.models import ROWS, Rows
from evals.protocols import folds, make_split
from evals.stages import Stages
from evals.suites.ranking_cold import COLD_EVENTS, cold_item_cases, cold_users, rank_cold, rank_in_parts
from evals.suites.ranking_measures import Measures
from palate.domain import Progress, Value
from palate.errors import InvalidInput, Unavailable

__all__ = ["RankingConfig", "RankingSuite"]

_logger = logging.getLogger(__name__)
_COLD_CASES = 1000

Protocol = Literal["loo", "last5", "temporal", "ratio", "kfold"]


class RankingConfig(Value):
    """What is run. ``min_core`` unset is 5, and 0 for ``ratio``; ``fit_validation`` off keeps the
    validation targets out of the fit when test is judged; ``depth`` is how long lists are, and the bootstrap draws
    ``samples``.
    """

    protocol: Protocol = "loo"
    min_core: int | None = Field(default=None, ge=0)
    models: tuple[str, ...] = ("all",)
    split: Literal["val", "test"] = "val"
    seed: int = 123
    fit_validation: bool = True
    depth: int = Field(default=500, ge=50)
    samples: int = Field(default=1000, ge=10)

    @property
    def core(self) -> int:
        """Return the core filter that is applied."""
        if self.min_core is not None:
            return self.min_core
        return 0 if self.protocol == "ratio" else 5


@dataclass(frozen=True)
class _Run:
    """What every row shares: one split, or those of all folds."""

    dataset: Dataset
    splits: tuple[Split, ...]
    config: RankingConfig
    key: str
    cold: tuple[Mapping[int, list[int]], ...]

    def moved(self, chosen: Sequence[Sequence[int]]) -> list[int]:
        """Return places in a split's cases as places in those of all splits."""
        starts = np.cumsum([0, *(len(split.cases) for split in self.splits)])
        return [int(start) + at for start, places in zip(starts, chosen, strict=False) for at in places]


class RankingSuite:
    """Fits, ranks and judges rows.

    Args:
        rows: Makes rankers.
        cache: Where what they ranked is kept.

    """

    def __init__(self, rows: Rows, cache: EvalCache) -> None:
        self._rows, self._cache = rows, cache

    def run(
        self, dataset: Dataset, config: RankingConfig, progress: Progress | None = None, stages: Stages | None = None
    ) -> dict[str, Any]:
        """Return the report as plain values: data set, protocol, rows, skipped rows, candidate recall, comparisons, stages.

        Raises:
            InvalidInput: A row is not known, or the data set leaves no case.

        """
        stages = stages or Stages()
        names = self._names(config)
        with stages.stage("split"):
            run = _prepared(dataset, config)
        measures = Measures(dataset, run.splits, config.samples, config.seed)
        rows, skipped, lists = [], {}, {}
        for done, name in enumerate(names):
            if progress is not None:
                progress(f"row {name}", done, len(names))
            try:
                row, lists[name] = self._row(run, name, measures, progress, stages)
            except Unavailable as error:
                skipped[name] = str(error)
            except Exception as error:  # one row that breaks must not cost the others
                _logger.exception("The row %r failed", name)
                skipped[name] = f"{type(error).__name__}: {error}"
            else:
                rows.append(row)
        if progress is not None:
            progress("rows", len(names), len(names))
        with stages.stage("compare"):
            against_best = measures.against_best(lists)
            union = measures.union({name: found for name, found in lists.items() if name not in {"rrf", "fusion"}})
        return {
            "dataset": _described(dataset),
            "protocol": _protocol(config, run.splits),
            "rows": rows,
            "skipped": skipped,
            "candidates": union,
            "comparisons": against_best,
            "stages": stages.rows(),
            "machine": {"platform": platform.platform(), "python": platform.python_version(), "palate": palate.__version__},
        }

    def _names(self, config: RankingConfig) -> list[str]:
        names = list(dict.fromkeys(name for given in config.models for name in (ROWS if given == "all" else (given,))))
        if not names:
            raise InvalidInput("No row was named.", remedy="Give --models all, or names separated by commas.", param="models")
        for name in names:
            self._rows.config_of(name)
        return names

    def _row(
        self, run: _Run, name: str, measures: Measures, progress: Progress | None, stages: Stages
    ) -> tuple[dict[str, Any], Int32]:
        ranker = self._rows.make(name)
        parts = (run.key, code_hash(), json.dumps(ranker.params(), sort_keys=True, default=str), str(run.config.depth))
        ranked = self._cache.get(name, *parts)
        if ranked is None:
            ranked = _ranked(run, ranker, progress, stages)
            self._cache.put(name, ranked, *parts)
        with stages.stage(f"judge {name}"):
            judged = measures.row(ranked.lists["all"])
            cold = {
                f"users_{events}": measures.subset(ranked.lists[f"users_{events}"], run.moved([one[events] for one in run.cold]))
                for events in COLD_EVENTS
            }
            cold["items"] = measures.of_targets(ranked.lists["all"], _cold_items(run))
        row = {
            "model": name,
            "split": run.config.split,
            "params": dict(ranked.params),
            **judged,
            "cold": cold,
            "fit_seconds": round(ranked.fit_seconds, 3),
            "rank_ms_per_user": round(ranked.rank_ms_per_user, 4),
            "peak_mb": ranked.peak_mb,
            "grown_mb": ranked.grown_mb,
            "cached": ranked.cached,
        }
        return row, ranked.lists["all"]


def _prepared(dataset: Dataset, config: RankingConfig) -> _Run:
    chosen: dict[str, Any] = {
        "part": config.split,
        "min_core": config.core,
        "seed": config.seed,
        "fit_validation": config.fit_validation,
    }
    splits = tuple(folds(dataset, **chosen) if config.protocol == "kfold" else [make_split(dataset, config.protocol, **chosen)])
    if not any(split.cases for split in splits):
        raise InvalidInput(
            f"The protocol {config.protocol!r} leaves no case of {dataset.name!r} (core {config.core}).",
            remedy="Lower --min-core, or use another protocol.",
            param="protocol",
        )
    rng = np.random.default_rng(config.seed)
    most = max(_COLD_CASES // len(splits), 1)
    cold = tuple({events: cold_users(split, events, most, rng) for events in COLD_EVENTS} for split in splits)
    key = " ".join([items_hash(dataset), str(config.seed), *map(split_hash, splits)])
    return _Run(dataset, splits, config, key, cold)


def _cold_items(run: _Run) -> list[tuple[int, Int32]]:
    found = [cold_item_cases(split) for split in run.splits]
    targets = [targets for cases in found for _, targets in cases]
    return list(zip(run.moved([[at for at, _ in cases] for cases in found]), targets, strict=True))


def _ranked(run: _Run, ranker: Ranker, progress: Progress | None, stages: Stages) -> Ranked:
    def tell(done: int, total: int) -> None:
        if progress is not None:
            progress(f"rank {ranker.name}", done, total)

    depth = run.config.depth
    parts: dict[str, list[Int32]] = {"all": [], **{f"users_{events}": [] for events in COLD_EVENTS}}
    costs = []
    for split, cold in zip(run.splits, run.cold, strict=True):
        with stages.stage(f"fit {ranker.name}") as fitted:
            ranker.fit(run.dataset, split, progress)
        with stages.stage(f"rank {ranker.name}") as ranking:
            parts["all"].append(rank_in_parts(ranker, run.dataset, split, depth, tell))
        with stages.stage(f"cold {ranker.name}"):
            for events, chosen in cold.items():
                parts[f"users_{events}"].append(rank_cold(ranker, run.dataset, split, chosen, events=events, n=depth))
        costs.append((fitted, ranking))
    return Ranked(
        {name: np.concatenate(lists) for name, lists in parts.items()},
        sum(fitted.seconds for fitted, _ in costs),
        1000 * sum(ranking.seconds for _, ranking in costs) / sum(len(split.cases) for split in run.splits),
        max(cost.peak_mb for pair in costs for cost in pair),
        max(cost.grown_mb for pair in costs for cost in pair),
        ranker.params(),
    )


def _described(dataset: Dataset) -> dict[str, Any]:
    counts = {"users": len(dataset.user_ids), "items": len(dataset.items), "interactions": len(dataset.interactions)}
    return {**dataset.facts, "name": dataset.name, **counts, "rating": dataset.rating}


def _protocol(config: RankingConfig, splits: Sequence[Split]) -> dict[str, Any]:
    ranked = [items for s in splits for items in (s.train.items, s.known.items, *(case.targets for case in s.cases))]
    return {
        **splits[0].facts,
        "name": splits[0].protocol,
        "part": config.split,
        "min_core": config.core,
        "seed": config.seed,
        "splits": len(splits),
        "cases": sum(len(split.cases) for split in splits),
        "users": len({case.user for split in splits for case in split.cases}),
        "train_events": len(splits[0].train),
        "ranked_items": len(np.unique(np.concatenate(ranked))),
        "ranking": "full: every item of the split but those of the case's history",
        "interval": f"95 %, percentile bootstrap over users, {config.samples} samples",
        "cold": f"profiles cut to their newest events, the fit unchanged; at most {_COLD_CASES} cases",
    }
