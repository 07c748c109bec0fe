"""Trains the LoRA adapter that ranks: cases, examples, training, the share it gets, its card."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from pydantic import Field, TypeAdapter

from agent.llm.base import LLM
from evals.datasets import load_dataset
from evals.datasets.dialogues import is_dialogues, load_dialogues
from evals.models import Rows
from evals.rerank import (
    Arena,
    Conversation,
    ConversationConfig,
    Histories,
    HistoriesConfig,
    RankCase,
    ScoredCases,
)
from finetune.card import AdapterCard, DataRef
from finetune.examples import RankExample
from finetune.job import LICENCE, TERMS, Base, finish, metric_value, values_hash
from finetune.lora import LoraTrainer, LoraTrainerConfig
from finetune.rank_examples import RankExamplesConfig, rank_examples
from finetune.rank_scores import PROTOCOL, paired_cases, rank_scores
from finetune.rank_trees import RankTreesConfig, fit_order
from palate.domain import Progress, Value
from palate.errors import ConfigurationError, InvalidInput
from retrieval.repeatable import one_blas_thread

__all__ = ["RankTask", "RankTaskConfig", "best_weight"]

_EXAMPLES, _DIALOGUES = "examples.json", "dialogues.json"
_CASES = TypeAdapter(list[RankCase])
_WEIGHTS = tuple(round(0.05 * step, 2) for step in range(21))
_MOST: Mapping[Arena, int] = {"warm": 150, "cold_users": 250, "cold_items": 350, "conversation": 1100}


class RankTaskConfig(Value):
    """``moments`` bounds the cases of each kind of history (warm, new users, new items) that a data set gives; of dialogues all
    training turns are looked at. Of each arena at most ``most`` examples are taken, drawn from all. ``steps`` unset is one pass
    over them. ``candidates`` are found for each case, the LLM's, and for a dialogue ``ordered``, which the final order reads.
    """

    moments: int = Field(default=900, ge=1)
    most: Mapping[Arena, int] = Field(default_factory=lambda: dict(_MOST))
    candidates: int = Field(default=20, ge=2, le=26)
    ordered: int = Field(default=60, ge=2, le=100)
    examples: RankExamplesConfig = RankExamplesConfig()
    order: RankTreesConfig = RankTreesConfig()
    training: LoraTrainerConfig = LoraTrainerConfig(rank=16, top_layers=15, batch=4, rate=5e-4, max_tokens=900, threads=2)
    steps: int | None = Field(default=None, ge=1)
    seed: int = 0


@dataclass(frozen=True)
class _Data:
    """``dialogues`` are all training cases of requests in words, which the final order learns from."""

    examples: list[RankExample]
    refs: tuple[DataRef, ...]
    dialogues: list[RankCase]


class RankTask:
    """Makes an adapter for ranking from histories and dialogues.

    Args:
        rows: Makes the candidate sources.
        root: Where data sets lie by name.
        names: The data sets.
        llm: Cuts texts into tokens, and knows the chat template, of the base.
        config: How much, and how it is trained.
        progress: Told how far it is.

    """

    def __init__(
        self,
        rows: Rows,
        root: Path | None,
        names: Sequence[str],
        llm: LLM,
        *,
        config: RankTaskConfig | None = None,
        progress: Progress | None = None,
    ) -> None:
        if not names:
            raise InvalidInput("No data set was named.", remedy="Give --dataset NAME[,NAME].", param="dataset")
        self.config = config or RankTaskConfig()
        self._rows, self._root, self._names, self._llm, self._progress = rows, root, tuple(dict.fromkeys(names)), llm, progress

    def train(self, base: Base, folder: Path, *, resume: bool = False, told: Callable[[int, float], None] | None = None) -> None:
        """Make the examples, which are kept in ``folder`` until the training is done, and train.

        Raises:
            InvalidInput: A data set leaves no example, or ``folder`` holds a run that ``resume`` does not go on with.
            ConfigurationError: What ``folder`` holds is of another run.

        """
        data = self._data(folder, resume=resume)
        steps = self.config.steps or -(-len(data.examples) // self.config.training.batch)
        training = self.config.training.model_copy(update={"steps": steps, "seed": self.config.seed})
        LoraTrainer(base.folder, training).train(data.examples, folder, resume=resume, progress=self._progress, told=told)

    def finish(self, base: Base, folder: Path, scored: Mapping[Arena, ScoredCases]) -> AdapterCard:
        """Choose the LLM's share on validation cases that it scored, fit the final order of requests in words where there are any,
        and write order, scores and card. A validation case is judged by an order that did not see it.

        ``scored`` holds them by arena.

        Raises:
            MissingExtra: LightGBM is not installed.

        """
        data = self._data(folder, resume=True)
        # Requests in words have the learned order: the share is that of the others, where there are any.
        weight = best_weight({arena: one for arena, one in scored.items() if arena != "conversation"} or scored)
        learned = [ScoredCases(data.dialogues)]
        found = paired_cases(scored, weight, more=learned, config=self.config.order)
        if "conversation" in scored:
            fit_order([*learned, scored["conversation"]], self.config.order).trees.save(folder)
        card = AdapterCard(
            task="rank",
            name="rank",
            base=base.ref,
            prompt_version=self.config.examples.prompt.version,
            data=data.refs,
            licence=LICENCE,
            training=self.config.model_dump(mode="json"),
            seed=self.config.seed,
            fusion_weight=weight,
            margin=found.margin,
        )
        metrics = {
            f"{arena}.{system}": metric_value(values, np.array(one.clusters), "val", PROTOCOL)
            for arena, one in found.judged.items()
            for system, values in {**one.values, "without": np.array([found.without[case] for case in one.case_ids])}.items()
        }
        for left in (_EXAMPLES, _DIALOGUES):  # before the card is sealed, which names every file
            (folder / left).unlink(missing_ok=True)
        return finish(folder, card, rank_scores(found, "val"), metrics)

    def _data(self, folder: Path, *, resume: bool) -> _Data:
        path, said = folder / _EXAMPLES, {"names": self._names, "config": self.config.model_dump(mode="json", exclude={"steps"})}
        if path.is_file():
            if not resume:
                raise InvalidInput(
                    f"{str(folder)!a} holds a run that was not finished.",
                    remedy="Go on with --resume, or delete it.",
                    param="resume",
                )
            kept = json.loads(path.read_text("utf-8"))
            if kept["plan"] != json.loads(json.dumps(said)):
                raise ConfigurationError(f"{folder} is of another run.", remedy="Set it as it was, or delete it.")
            return _Data(
                TypeAdapter(list[RankExample]).validate_python(kept["examples"]),
                tuple(DataRef.model_validate(ref) for ref in kept["refs"]),
                _CASES.validate_json((folder / _DIALOGUES).read_bytes()),
            )
        data = self._made()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _DIALOGUES).write_bytes(_CASES.dump_json(data.dialogues))
        part = path.with_suffix(".part")
        examples = [example.model_dump(mode="json") for example in data.examples]
        refs = [ref.model_dump(mode="json") for ref in data.refs]
        part.write_text(json.dumps({"plan": said, "examples": examples, "refs": refs}), encoding="utf-8")
        part.replace(path)
        return data

    def _made(self) -> _Data:
        by_arena: dict[Arena, list[tuple[RankExample, RankCase]]] = {}
        refs = []
        for name in self._names:
            found, terms = self._cases(name)
            made = {arena: self._examples(cases) for arena, cases in found.items()}
            if not any(made.values()):
                raise InvalidInput(f"{name!a} leaves no example.", remedy="Name another data set.", param="dataset")
            digest = values_hash(example for pairs in made.values() for example, _ in pairs)
            refs.append(DataRef(name=Path(name).name, sha256=digest, terms=terms))
            for arena, pairs in made.items():
                by_arena.setdefault(arena, []).extend(pairs)
        drawn, dialogues = list[RankExample](), list[RankCase]()
        for arena, pairs in by_arena.items():
            order = np.random.default_rng((self.config.seed, len(drawn))).permutation(len(pairs)).tolist()
            most = self.config.most.get(arena, 0)
            drawn += [pairs[at][0] for at in order[:most]]
            dialogues += [case for _, case in pairs if not case.request.query.empty]
        return _Data(drawn, tuple(refs), dialogues)

    def _examples(self, cases: Sequence[RankCase]) -> list[tuple[RankExample, RankCase]]:
        n = self.config.candidates
        shown = (replace(case, candidates=case.candidates[:n]) for case in cases)
        made = ((list(rank_examples([one], self._llm, self.config.examples)), case) for one, case in zip(shown, cases, strict=True))
        return [(found[0], case) for found, case in made if found]

    @one_blas_thread
    def _cases(self, name: str) -> tuple[dict[Arena, list[RankCase]], str]:
        """Return training cases by arena, with the terms that the data comes under."""
        sources = partial(self._rows.live_sources, progress=self._progress)
        if is_dialogues(name, self._root):
            dialogues = load_dialogues(name, self._root)
            shape = ConversationConfig(candidates=self.config.ordered, seed=self.config.seed)
            conversation = Conversation(dialogues, sources, shape, self._progress)
            learned, _ = conversation.parted(dialogues.train)
            return {"conversation": conversation.crossfitted(learned)}, str(dialogues.facts.get("terms", TERMS))
        dataset = load_dataset(name, self._root)
        n = self.config.candidates
        most = HistoriesConfig(candidates=n, cold_candidates=n, seed=self.config.seed)
        found = Histories(dataset, sources, most, self._progress).crossfitted(self.config.moments)
        return found, str(dataset.facts.get("terms", TERMS))


def best_weight(scored: Mapping[Arena, ScoredCases]) -> float:
    """Return the share with which the arenas gain most on average, relative to the retriever's order; the least of equal ones."""

    def gain(weight: float) -> float:
        found = [one.judged(weight).values for one in scored.values()]
        return float(np.mean([v["fused"].mean() / v["retrieval"].mean() for v in found if v["retrieval"].any()] or [0.0]))

    return max(_WEIGHTS, key=lambda weight: (round(gain(weight), 9), -weight))
