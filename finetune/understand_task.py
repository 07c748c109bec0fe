"""What the LoRA adapter that reads wishes is trained on, and how it is judged."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from pydantic import Field

from agent.llm.base import LLM
from agent.prompts.understand import UNDERSTAND_VERSION, Draft, build_understand_prompt, write_asked
from evals.suites.understand import UNDERSTAND_PROTOCOL, UnderstandSuite, load_wishes
from finetune.card import DataRef, ScoresRef
from finetune.examples import TextExample
from finetune.job import values_hash
from finetune.lora import LoraTrainerConfig
from finetune.text_job import Judged, TextJob, TextMeasure
from finetune.wishes import Wishes
from finetune.written import FILM, TUNE, written_wishes
from palate.domain import Item, Progress, Value

__all__ = ["UnderstandTaskConfig", "bare", "understand_examples", "understand_job", "understand_measure", "untitled"]

_TITLE_CHARS = 48
Drafts = Callable[[str], Draft]
_OWN = "Written by hand and made by finetune.wishes; Apache-2.0."


class UnderstandTaskConfig(Value):
    """``examples`` wishes are drawn; ``trainer`` says how they are trained on."""

    examples: int = Field(default=2240, ge=8)
    trainer: LoraTrainerConfig = LoraTrainerConfig(
        top_layers=24, steps=560, batch=4, group=4, rate=8e-4, warmup=20, max_tokens=320, save_every=20, threads=1
    )


def understand_examples(  # noqa: PLR0917 - as many things meet here
    llm: LLM, end: str, items: Sequence[Item], draft: Drafts, n: int, seed: int = 0
) -> list[TextExample]:
    """Return wishes as examples.

    Args:
        llm: Renders the prompt, as it does when serving.
        end: What ends a turn.
        items: Films and pieces of music that wishes may name, less those that a held-out wish names. No text is that of a held-out
            wish as the LLM reads it, whatever its titles, signs and letter case.
        draft: What rules make of a text in the catalog of ``items``.
        n: How many.
        seed: Of everything that is drawn.

    """
    cases = [case for split in ("val", "test") for case in load_wishes(split)]
    held = {title for case in cases for title in case.wish.likes}
    titles: dict[str, list[str]] = {"movie": [], "track": []}
    for item in items:
        if item.type in titles and len(item.title) <= _TITLE_CHARS and held.isdisjoint((item.title, *item.alt_titles)):
            titles[item.type].append(item.title)
    # Twice: this catalog may lack a title that a held-out wish names.
    texts = {bare(draft(text)) for case in cases for text in (case.text, untitled(case.text, case.wish.likes))}
    texts.discard("x")  # a title alone, which says nothing to learn by heart
    written = [one for one in written_wishes() if bare(draft(untitled(one.text, (FILM, TUNE)))) not in texts]
    examples = list[TextExample]()
    for text, wish, _ in Wishes(titles["movie"], titles["track"], seed, written).draw(2 * n):
        drafted = draft(text)
        if bare(drafted) not in texts:
            examples.append(TextExample(prompt=build_understand_prompt(llm, drafted), completion=write_asked(wish) + end))
        if len(examples) == n:
            break
    return examples


def bare(draft: Draft) -> str:
    """Return the letters and digits alone, in small letters, of the text that an LLM reads."""
    return "".join(c for c in draft.text.casefold() if c.isalnum())


def untitled(text: str, titles: Iterable[str]) -> str:
    """Return a text with an X for each of these titles, as an LLM reads it."""
    for title in titles:
        text = re.sub(re.escape(title), "X", text, flags=re.IGNORECASE)
    return text


def understand_job(  # noqa: PLR0917 - what a job is made of
    llm: LLM, end: str, items: Sequence[Item], draft: Drafts, catalog: DataRef, suite: UnderstandSuite, config: UnderstandTaskConfig
) -> TextJob:
    """Return the job. ``catalog`` says where the titles of ``items`` come from; ``suite`` holds the wishes of ``test``."""
    examples = understand_examples(llm, end, items, draft, config.examples, config.trainer.seed)

    return TextJob(
        examples=examples,
        data=(DataRef(name="wishes", sha256=values_hash(examples), terms=_OWN), catalog),
        trainer=config.trainer,
        training=config.model_dump(mode="json"),
        measure=understand_measure(suite),
    )


def understand_measure(suite: UnderstandSuite) -> TextMeasure:
    """Return how readers of wishes are judged, on the wishes of ``test`` that ``suite`` holds."""

    def judge(model: LLM, progress: Progress | None) -> Judged:
        read = suite.by_llm(model, progress)
        served, alone = suite.judge(suite.served(read)), suite.judge(suite.alone(read))
        return Judged(served.f1, {"exact": served.exact, "slot_f1.alone": alone.f1, "exact.alone": alone.exact})

    ids = np.array([case.case_id for case in suite.cases])
    data = values_hash(suite.cases)
    return TextMeasure(
        task="understand",
        prompt_version=UNDERSTAND_VERSION,
        ref=ScoresRef(metric="slot_f1", data=data, split="test", protocol=UNDERSTAND_PROTOCOL, cases=len(suite.cases)),
        cases=ids,
        users=ids,  # each wish is of a person of its own
        judge=judge,
        baseline=suite.judge(suite.by_rules()).f1,  # without an adapter the rules serve alone
    )
