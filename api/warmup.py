"""Loads the LLM before the first request needs it."""

from __future__ import annotations

from agent.llm.base import LLM
from palate.deadline import Deadline
from palate.domain import GenerateConfig

__all__ = ["warm_up"]


async def warm_up(llm: LLM) -> None:
    """Check the LLM, and let it read and write a little, so that it knows how quick it is.

    Raises:
        Unavailable: It cannot be used; says what to do.

    """
    await llm.check()
    await llm.generate(["Warm up."], GenerateConfig(max_tokens=4), Deadline(None))
