"""The rerank suite: does the LLM's order add to the retriever's? Four arenas, and one left out of each history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from agent.rank_order import RankOrder
from agent.titles import TitleReader
from evals.datasets import load_dataset
from evals.datasets.dialogues import Turn, is_dialogues, load_dialogues
from evals.models import Rows
from evals.rerank import (
    Arena,
    Conversation,
    ConversationConfig,
    Histories,
    HistoriesConfig,
    JudgedCases,
    KeptCases,
    LLMScores,
    RankCase,
    ScoredCases,
    merged,
)
from palate.domain import Progress, Value
from palate.errors import InvalidInput
from retrieval.repeatable import one_blas_thread

__all__ = ["RerankConfig", "RerankSuite", "TunedLLM", "by_arena"]

_ARENAS: tuple[Arena, ...] = ("warm", "cold_users", "cold_items", "conversation")
"""What several data sets are judged on together; ``loo`` is reported for each by itself, beside published numbers."""


class RerankConfig(Value):
    """What is measured: ``cases`` bounds each arena of each data set, ``samples`` are drawn by the bootstrap, by ``seed``. Of cold
    items ``cold`` are found. Who and what is cold is drawn ``draws`` times, by ``seed`` and the numbers after it, with a fit each.
    With ``loo``, one is left out of each history too, which takes a fit of its own.
    """

    split: Literal["val", "test"] = "val"
    cases: int = Field(default=1000, ge=2)
    candidates: int = Field(default=20, ge=2, le=26)
    ordered: int = Field(default=60, ge=2, le=100)
    cold: int = Field(default=100, ge=2)
    draws: int = Field(default=1, ge=1)
    min_core: int = Field(default=5, ge=0)
    loo: bool = True
    samples: int = Field(default=2000, ge=10)
    seed: int = 0


@dataclass(frozen=True)
class TunedLLM:
    """An LLM with its LoRA adapter, the prompt that the adapter was trained on, and the share or the final order it came with.

    Without ``scores`` the LLM is not asked, and what the final order does without it is judged; without a ``name`` there is no
    adapter, only an order that needs none.
    """

    scores: LLMScores | None
    weight: float
    order: RankOrder | None = None
    name: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


class RerankSuite:
    """Fits retrieval anew, lets the LLM score each case's candidates, and judges the orders.

    Args:
        rows: Makes the candidate sources.
        root: Where data sets lie by name.
        tuned: The LLM with the adapter that is measured; ``None`` measures retrieval and the untuned LLM only.
        base: The same LLM without it; ``None`` leaves zero-shot out.
        reader: Lets an LLM read titles, by which cold items are ordered; ``None`` leaves that order out.
        folder: Where the cases of each fit are kept, so that a run that was stopped goes on; ``None`` keeps none.

    """

    def __init__(
        self,
        rows: Rows,
        root: Path | None,
        tuned: TunedLLM | None,
        base: LLMScores | None,
        reader: TitleReader | None = None,
        *,
        folder: Path | None = None,
    ) -> None:
        self._rows, self._root, self._tuned, self._base, self._reader = rows, root, tuned, base, reader
        self._folder = folder

    def run(self, names: Sequence[str], config: RerankConfig, progress: Progress | None = None) -> dict[str, Any]:
        """Return the report as plain values.

        Raises:
            InvalidInput: No data set was named, or one leaves no case.

        """
        if not names:
            raise InvalidInput("No data set was named.", remedy="Give --dataset NAME[,NAME].", param="dataset")
        scored = {name: self.scored(name, config, progress) for name in dict.fromkeys(names)}
        weight = 0.0 if self._tuned is None else self._tuned.weight
        return {
            **self._row(by_arena(scored.values()), config),
            "by_dataset": {name: self._row(found, config) for name, found in scored.items()},
            "protocol": {
                "name": "last5, each predicted from what strictly precedes it; dialogues by turn",
                "loo": "a user's last event (test) or the one before it (val), from what strictly precedes it",
                "split": config.split,
                "candidates": config.candidates,
                "candidates_conversation": config.ordered,
                "candidates_cold": config.cold,
                "cases": f"at most {config.cases} an arena, data set and draw; draw n by seed {config.seed} + n, from 0",
                "draws_cold": config.draws,
                "interval": f"95 %, percentile bootstrap by user or dialogue, {config.samples} samples",
            },
            "adapter": None
            if self._tuned is None or not self._tuned.name
            else {"name": self._tuned.name, "weight": weight, **self._tuned.facts},
        }

    @one_blas_thread
    def scored(self, name: str, config: RerankConfig, progress: Progress | None = None) -> dict[Arena, ScoredCases]:
        """Return the cases of one data set with the LLM's scores, by arena.

        Raises:
            InvalidInput: There is no such data set, or it leaves no case.

        """
        out: dict[Arena, ScoredCases] = {}
        for arena, cases in self._cases(name, config, progress).items():
            if cases:
                asked = None if self._tuned is None or "llm_only" in cases[0].orders else self._tuned.scores
                plain = None if "zero_shot" in cases[0].orders else self._base
                tuned = None if asked is None else asked.score(cases, f"rank {name} {arena}", progress)
                base = None if plain is None else plain.score(cases, f"zero-shot {name} {arena}", progress)
                out[arena] = ScoredCases(cases, tuned, base)
        if not out:
            raise InvalidInput(f"{name!a} leaves no case.", remedy="Name another data set.", param="dataset")
        return out

    def _cases(self, name: str, config: RerankConfig, progress: Progress | None) -> dict[Arena, list[RankCase]]:
        sources = partial(self._rows.live_sources, progress=progress)
        if is_dialogues(name, self._root):
            dialogues = load_dialogues(name, self._root)
            conversation = Conversation(dialogues, sources, ConversationConfig(candidates=config.ordered), progress)
            if config.split == "test":
                fitted, judged = list(dialogues.train), list(dialogues.held)
            else:
                fitted, judged = conversation.parted(dialogues.train)
            return {"conversation": conversation.cases(fitted, _drawn(judged, config))}
        shape = HistoriesConfig(
            candidates=config.candidates,
            cold_candidates=config.cold,
            most=config.cases,
            min_core=config.min_core,
            seed=config.seed,
        )
        dataset = load_dataset(name, self._root)
        kept, of, titles = KeptCases(self._folder, dataset), shape.model_dump_json(), ""
        histories = Histories(dataset, sources, shape, progress, self._reader)
        found = kept.get(lambda: {"warm": histories.warm(config.split)}, "warm", config.split, of)
        if self._reader is not None:
            titles = str(self._reader.read(dataset.items, progress).signature)  # each reading of a title rounds otherwise
        for draw in range(config.draws):
            drawn = shape.model_copy(update={"seed": config.seed + draw})
            cold = partial(Histories(dataset, sources, drawn, progress, self._reader).cold, config.split)
            for arena, cases in kept.get(cold, "cold", config.split, drawn.model_dump_json(), titles).items():
                found.setdefault(arena, []).extend(cases)
        if config.loo:
            found |= kept.get(lambda: {"loo": histories.loo(config.split)}, "loo", config.split, of)
        return found

    def _row(self, scored: Mapping[Arena, ScoredCases], config: RerankConfig) -> dict[str, Any]:
        how = {"samples": config.samples, "seed": config.seed}
        row = self._whole(scored["warm"], config) if "warm" in scored else {}
        row |= {arena: self._judged(scored[arena]).summary(**how) for arena in _ARENAS[1:] if arena in scored}
        if "cold_users" in scored:
            row["cold_users"]["by_history_length"] = self._judged(scored["cold_users"]).divided("new", **how)
        return row | ({"loo": self._whole(scored["loo"], config)} if "loo" in scored else {})

    def _whole(self, scored: ScoredCases, config: RerankConfig) -> dict[str, Any]:
        how = {"samples": config.samples, "seed": config.seed}
        judged = self._judged(scored)
        divided = {"by_history_length": judged.divided("history", **how), "by_popularity": judged.divided("taken", **how)}
        return judged.summary(**how) | divided

    def _judged(self, scored: ScoredCases) -> JudgedCases:
        return scored.judged(0.0) if self._tuned is None else scored.judged(self._tuned.weight, self._tuned.order)


def by_arena(scored: Iterable[Mapping[Arena, ScoredCases]]) -> dict[Arena, ScoredCases]:
    """Return the cases of several data sets together, by arena; ``loo`` is left out."""
    every = list(scored)
    return {arena: merged(found) for arena in _ARENAS if (found := [one[arena] for one in every if arena in one])}


def _drawn(turns: Sequence[Turn], config: RerankConfig) -> list[Turn]:
    order = np.random.default_rng(config.seed).permutation(len(turns))
    return [turns[at] for at in np.sort(order[: config.cases]).tolist()]
