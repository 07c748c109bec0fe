"""Lets the LLM read and write a little before the first request, so that it knows how quick it is."""

from __future__ import annotations

from langchain_core.messages import HumanMessage

from agent.llm.base import LLM
from palate.deadline import Deadline
from palate.prompting import GenerateConfig, LabelledPrompt

__all__ = ["warm_up"]

_LABELS = tuple("ABCDEFGHIJKLMNOPQRST")
_LINES = 45
_PASSES = 2


async def warm_up(llm: LLM) -> None:
    """Score a prompt as long as one with twenty candidates, twice, and write a few words.

    Raises:
        Unavailable: The LLM cannot be used; says what to do.

    """
    lines = "\n".join(f"Netflix: An Ordinary Title ({1950 + year}), Drama" for year in range(_LINES))
    text = llm.render([HumanMessage(lines)])
    prompt = LabelledPrompt(text=text, labels=_LABELS, item_ids=_LABELS, version="warm-up")
    for _ in range(_PASSES):  # the first pays for what is made once
        await llm.score_labels(prompt, Deadline(None))
    await llm.generate([llm.render([HumanMessage("Say a word.")])], GenerateConfig(max_tokens=8), Deadline(None))
