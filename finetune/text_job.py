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
from finetune.card import AdapterCard, DataRef, MetricValue, ScoresRef, Task
from finetune.examples import TextExample
from finetune.job import Base, finish, metric_value
from finetune.lora import LoraTrainer, LoraTrainerConfig
from finetune.scores import Scores
from palate.domain import Progress

__all__ = ["Judged", "TextJob", "train_text"]

_LICENCE = "Apache-2.0"


@dataclass(frozen=True)
class Judged:
    """An LLM's values a case: ``value``, float32 [cases], decides; ``more`` are further metrics, each of that shape."""

    value: NDArray[np.float32]
    more: Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class TextJob:
    """What is trained and how it is judged.

    ``judge`` measures an LLM on the cases of ``ref``; ``cases`` and ``users`` are their ids and whose they are, str [cases].
    ``baseline`` are the values of what serves where no adapter runs, float32 [cases]; ``None`` where that is the base alone.
    ``training`` is the whole configuration, for the card.
    """

    task: Task
    prompt_version: str
    examples: Sequence[TextExample]
    data: tuple[DataRef, ...]
    trainer: LoraTrainerConfig
    training: Mapping[str, Any]
    ref: ScoresRef
    cases: NDArray[np.str_]
    users: NDArray[np.str_]
    judge: Callable[[LLM, Progress | None], Judged]
    baseline: NDArray[np.float32] | None = None


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
    trained = LoraTrainer(base.folder, job.trainer).train(job.examples, folder, resume=resume, progress=progress, told=told)
    plain = job.judge(llm, progress)
    with tempfile.TemporaryDirectory(prefix="palate-") as cache:
        tuned = EmbeddedLLM(path, Path(cache), job.trainer.threads, f"{llm.name}+{job.task}", lora=trained.folder)
        with_adapter = job.judge(tuned, progress)
        anyio.run(tuned.close)
    more: dict[str, MetricValue] = {}
    for name, values in with_adapter.more.items():
        more[name] = metric_value(values, job.users, job.ref.split, job.ref.protocol)
    for name, values in {job.ref.metric: plain.value, **plain.more}.items():
        more[f"{name}.zero-shot"] = metric_value(values, job.users, job.ref.split, job.ref.protocol)
    baseline = plain.value if job.baseline is None else job.baseline
    if job.baseline is not None:
        more[f"{job.ref.metric}.without"] = metric_value(baseline, job.users, job.ref.split, job.ref.protocol)
    card = AdapterCard(
        task=job.task,
        name=f"{base.ref.name}-{job.task}",
        base=base.ref,
        prompt_version=job.prompt_version,
        data=job.data,
        licence=_LICENCE,
        training={**job.training, "last_loss": round(float(np.mean(trained.losses[-20:])), 4)},
        seed=job.trainer.seed,
    )
    return finish(folder, card, Scores(job.ref, job.cases, job.users, with_adapter.value, baseline), more)
