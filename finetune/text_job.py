"""Trains an adapter that writes text, measures it beside the base alone, and writes its card."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import numpy as np
from numpy.typing import NDArray

from agent.llm.base import LLM
from agent.llm.embedded import EmbeddedLLM
from finetune.card import AdapterCard, DataRef, MetricValue, ScoresRef, Task, read_card
from finetune.examples import TextExample
from finetune.job import PACKAGED, Base, base_ref, finish, metric_value
from finetune.lora import LoraTrainer, LoraTrainerConfig
from finetune.scores import Scores
from palate.domain import Progress
from palate.errors import InvalidInput

__all__ = ["Judged", "TextEvaluator", "TextJob", "TextMeasure", "train_text"]

_LICENCE = "Apache-2.0"


@dataclass(frozen=True)
class Judged:
    """An LLM's values a case: ``value``, float32 [cases], decides; ``more`` are further metrics, each of that shape."""

    value: NDArray[np.float32]
    more: Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class TextMeasure:
    """How LLMs are judged for a task.

    ``judge`` measures one on the cases of ``ref``; ``cases`` and ``users`` are their ids and whose they are, str [cases].
    ``baseline`` are the values of what serves where no adapter runs, float32 [cases]; ``None`` where that is the base alone.
    """

    task: Task
    prompt_version: str
    ref: ScoresRef
    cases: NDArray[np.str_]
    users: NDArray[np.str_]
    judge: Callable[[LLM, Progress | None], Judged]
    baseline: NDArray[np.float32] | None = None

    def scores(self, tuned: Judged, plain: Judged) -> Scores:
        """Return the scores of an adapter, from what it and the base alone are worth."""
        return Scores(self.ref, self.cases, self.users, tuned.value, plain.value if self.baseline is None else self.baseline)

    def metrics(self, tuned: Judged, plain: Judged) -> dict[str, MetricValue]:
        """Return what a card says beside the metric that decides."""
        named = {**tuned.more, **{f"{name}.zero-shot": v for name, v in {self.ref.metric: plain.value, **plain.more}.items()}}
        if self.baseline is not None:
            named[f"{self.ref.metric}.without"] = self.baseline
        return {name: metric_value(values, self.users, self.ref.split, self.ref.protocol) for name, values in named.items()}


@dataclass(frozen=True)
class TextJob:
    """What is trained and how it is judged. ``training`` is the whole configuration, for the card."""

    examples: Sequence[TextExample]
    data: tuple[DataRef, ...]
    trainer: LoraTrainerConfig
    training: Mapping[str, Any]
    measure: TextMeasure


class TextEvaluator:
    """Measures LoRA adapters anew; an :class:`finetune.scores.Evaluator`. The base alone is judged once, for all of them.

    Args:
        measure: How they are judged.
        path: Their base, as ``Settings.llm_path``.
        cache: Where converted weights of the base lie, as ``Settings.models``.
        threads: How many threads the LLM has.
        progress: Told how far it is.

    """

    def __init__(
        self, measure: TextMeasure, path: Path | None, cache: Path, threads: int, progress: Progress | None = None
    ) -> None:
        self._measure, self._path, self._cache, self._threads, self._progress = measure, path, cache, threads, progress
        self._plain: Judged | None = None

    def __call__(self, folder: Path, task: Task) -> Scores:
        """Return the values a case.

        Raises:
            InvalidInput: The adapter is for another task, base or prompt.
            MissingWeights: The base is not there.
            MissingExtra: What the LLM needs is not installed.

        """
        card = read_card(folder)
        if not card.task == task == self._measure.task:
            raise InvalidInput(
                f"{card.name!r} is a LoRA adapter for {card.task!r}, not for {task!r}.", remedy=f"Name {card.task!r}."
            )
        if card.base != base_ref(self._path):
            raise InvalidInput(
                f"{card.name!r} was trained on {card.base.name!r} with other weights than those that run.",
                remedy="Set PALATE_LLM_PATH to its base.",
                param="base",
            )
        if card.prompt_version != self._measure.prompt_version:
            raise InvalidInput(
                f"{card.name!r} was trained on the prompt {card.prompt_version!r}; that of this version is "
                f"{self._measure.prompt_version!r}.",
                remedy="Train it anew.",
                param="prompt_version",
            )
        if self._plain is None:
            plain = EmbeddedLLM(self._path, self._cache, self._threads, "zero-shot")
            self._plain = _closed(plain, self._measure, self._progress)
        tuned = _with_adapter(self._measure, folder, self._path, self._threads, self._progress)
        return self._measure.scores(tuned, self._plain)


def _with_adapter(measure: TextMeasure, adapter: Path, path: Path | None, threads: int, progress: Progress | None) -> Judged:
    """Return what the base with an adapter is worth; the merged weights are not kept."""
    with tempfile.TemporaryDirectory(prefix="palate-") as cache:
        llm = EmbeddedLLM(path, Path(cache), threads, f"{PACKAGED if path is None else path.stem}+{measure.task}", lora=adapter)
        return _closed(llm, measure, progress)


def _closed(llm: EmbeddedLLM, measure: TextMeasure, progress: Progress | None) -> Judged:
    try:
        return measure.judge(llm, progress)
    finally:
        anyio.run(llm.close)


def train_text(
    job: TextJob,
    base: Base,
    llm: EmbeddedLLM,
    path: Path | None,
    folder: Path,
    *,
    resume: bool = False,
    progress: Progress | None = None,
    told: Callable[[int, float], None] | None = None,
) -> AdapterCard:
    """Train, measure and write the adapter to ``folder``; return its card.

    Args:
        job: What is trained.
        base: The model that is trained on, as a folder.
        llm: The same model as it is served, without an adapter.
        path: Where that is, as ``Settings.llm_path``.
        folder: Gets adapter, scores and card; checkpoints meanwhile.
        resume: Go on with a run that was stopped.
        progress: Told how far it is.
        told: Called with each step and its loss.

    Raises:
        MissingExtra: PEFT or transformers are not installed.
        InvalidInput: ``folder`` holds a run that ``resume`` does not go on with.
        ConfigurationError: That run is another one.

    """
    measure = job.measure
    trained = LoraTrainer(base.folder, job.trainer).train(job.examples, folder, resume=resume, progress=progress, told=told)
    plain = measure.judge(llm, progress)
    tuned = _with_adapter(measure, trained.folder, path, job.trainer.threads, progress)
    card = AdapterCard(
        task=measure.task,
        name=f"{base.ref.name}-{measure.task}",
        base=base.ref,
        prompt_version=measure.prompt_version,
        data=job.data,
        licence=_LICENCE,
        training={**job.training, "last_loss": round(float(np.mean(trained.losses[-20:])), 4)},
        seed=job.trainer.seed,
    )
    return finish(folder, card, measure.scores(tuned, plain), measure.metrics(tuned, plain))
