"""Wishes understood by rules, and by an LLM that was tuned for it where one runs."""

from __future__ import annotations

import logging
import math
from typing import Protocol

import anyio
import anyio.to_thread
from pydantic import Field

from agent.llm.base import LLM
from agent.prompts.understand import Asked, Draft, build_understand_prompt, read_asked
from palate.deadline import Deadline
from palate.domain import Query, Value
from palate.errors import PalateError
from palate.prompting import GenerateConfig

__all__ = ["WishReader", "WishReaderConfig"]

_log = logging.getLogger(__name__)


class RulesAndCatalog(Protocol):
    """Reads wishes by rules, and maps what an LLM wrote onto the catalog."""

    def understand(self, text: str) -> Query:
        """Return what a text asks for, by rules."""
        ...

    def draft(self, text: str) -> Draft:
        """Return what rules make of a text, as an LLM reads it."""
        ...

    def corrected(self, text: str, asked: Asked) -> Query:
        """Return a text understood with the fields that an LLM corrected."""
        ...


class WishReaderConfig(Value):
    """The LLM has ``share`` of the time that is left, at most ``most_ms``, for at most ``max_tokens`` tokens."""

    share: float = Field(default=0.25, gt=0.0, le=1.0)
    most_ms: float = Field(default=800.0, gt=0.0)
    max_tokens: int = Field(default=32, ge=8)


class WishReader:
    """Reads wishes. What the LLM writes is held to the catalog; where it is late, fails or writes no such line, the rules stand.

    Args:
        vocabulary: Rules and catalog.
        llm: Tuned to read wishes; ``None`` for the rules alone.
        config: How long the LLM may take.

    """

    def __init__(self, vocabulary: RulesAndCatalog, llm: LLM | None = None, config: WishReaderConfig | None = None) -> None:
        self._vocabulary, self._llm = vocabulary, llm
        self.config = config or WishReaderConfig()

    async def read(self, text: str, deadline: Deadline) -> Query:
        """Return what a text asks for.

        Raises:
            InvalidInput: The text is longer than 2,000 characters.

        """
        rules = self._vocabulary.understand(text)
        if self._llm is None or not rules.text:
            return rules
        asked = await self._written(self._llm, text, deadline)
        return rules if asked is None else self._vocabulary.corrected(text, asked)

    def _prompt(self, llm: LLM, text: str) -> str:
        return build_understand_prompt(llm, self._vocabulary.draft(text))

    async def _written(self, llm: LLM, text: str, deadline: Deadline) -> Asked | None:
        left = deadline.remaining()
        seconds = left if math.isinf(left) else min(left * self.config.share, self.config.most_ms / 1000)
        config = GenerateConfig(max_tokens=self.config.max_tokens, stop=("\n",))
        within = Deadline(None) if math.isinf(seconds) else Deadline(seconds)
        try:
            with anyio.move_on_after(seconds):
                # In a thread that may be left behind: the first prompt waits for the tokenizer.
                prompt = await anyio.to_thread.run_sync(self._prompt, llm, text, abandon_on_cancel=True)
                return read_asked((await llm.generate([prompt], config, within))[0])
        except PalateError as error:
            _log.info("understood by rules alone: %s", error.message)
        except Exception:  # noqa: BLE001 - whatever a backend throws, the rules are at hand
            _log.exception("understood by rules alone: the LLM failed")
        return None
