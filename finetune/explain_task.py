"""What the LoRA adapter that writes reasons is trained on, and how it is judged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from agent.base import MentionFinder
from agent.llm.base import LLM
from agent.prompts.explain import EXPLAIN_VERSION, build_explain_prompt
from evals.reasons import ReasonCase
from evals.suites.explain import EXPLAIN_PROTOCOL, ExplainSuite
from finetune.card import DataRef, ScoresRef
from finetune.examples import TextExample
from finetune.job import values_hash
from finetune.lora import LoraTrainerConfig
from finetune.reasons import reason_for
from finetune.text_job import Judged, TextJob, TextMeasure
from palate.domain import Progress, Value

__all__ = ["ExplainTaskConfig", "explain_examples", "explain_job", "explain_measure"]

_OWN = "Worded by finetune.reasons; Apache-2.0."


class ExplainTaskConfig(Value):
    """``examples`` evidence sets are drawn; reasons of more than ``reason_tokens`` tokens are left out, as serving would cut them;
    ``trainer`` says how they are trained on.
    """

    examples: int = Field(default=400, ge=8)
    reason_tokens: int = Field(default=60, ge=8)
    trainer: LoraTrainerConfig = LoraTrainerConfig(
        top_layers=15, steps=100, batch=4, group=4, rate=8e-4, warmup=10, max_tokens=400, save_every=20, threads=1
    )


def explain_examples(
    llm: LLM, end: str, cases: Sequence[ReasonCase], titles: MentionFinder, config: ExplainTaskConfig
) -> list[TextExample]:
    """Return reasons as examples, each held to the check that runs when serving.

    Args:
        llm: Renders the prompt, as it does when serving.
        end: What ends a turn.
        cases: Evidence sets, none of them held out.
        titles: Finds the catalog's titles.
        config: How many, and how long a reason may be.

    """
    rng = np.random.default_rng(config.trainer.seed)
    examples = list[TextExample]()
    for case in cases:
        reason = reason_for(case, titles, rng)
        if reason is None or llm.count_tokens(reason) > config.reason_tokens:
            continue
        prompt = build_explain_prompt(llm, case.item, case.fact, case.language)
        examples.append(TextExample(prompt=prompt, completion=reason + end))
        if len(examples) == config.examples:
            break
    return examples


def explain_job(  # noqa: PLR0917 - what a job is made of
    llm: LLM,
    end: str,
    cases: Sequence[ReasonCase],
    titles: MentionFinder,
    catalog: DataRef,
    suite: ExplainSuite,
    config: ExplainTaskConfig,
) -> TextJob:
    """Return the job. ``cases`` are trained on and come from ``catalog``; ``suite`` holds others of people and items held out."""
    examples = explain_examples(llm, end, cases, titles, config)

    return TextJob(
        examples=examples,
        data=(DataRef(name="reasons", sha256=values_hash(examples), terms=_OWN), catalog),
        trainer=config.trainer,
        training=config.model_dump(mode="json"),
        measure=explain_measure(suite),
    )


def explain_measure(suite: ExplainSuite) -> TextMeasure:
    """Return how writers of reasons are judged, on the evidence that ``suite`` holds."""

    def judge(model: LLM, progress: Progress | None) -> Judged:
        return Judged(suite.judge(suite.write(model, progress)), {})

    data = values_hash(suite.cases)
    return TextMeasure(
        task="explain",
        prompt_version=EXPLAIN_VERSION,
        ref=ScoresRef(metric="passed", data=data, split="test", protocol=EXPLAIN_PROTOCOL, cases=len(suite.cases)),
        cases=np.array([case.case_id for case in suite.cases]),
        users=np.array([case.person_id for case in suite.cases]),
        judge=judge,
    )
