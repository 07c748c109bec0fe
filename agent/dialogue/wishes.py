"""Wishes understood by rules, and by an LLM that was tuned for it where one runs."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import Protocol

import anyio
import anyio.to_thread
from pydantic import Field

from agent.dialogue.asides import people_named
from agent.llm.base import LLM
from agent.prompts.understand import Asked, Draft, build_understand_prompt, read_asked, write_asked
from palate.deadline import Deadline
from palate.domain import Query, Value
from palate.errors import PalateError
from palate.prompting import GenerateConfig

__all__ = ["Answer", "WishReader", "WishReaderConfig", "ask"]

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


@dataclass(frozen=True, slots=True)
class Answer:
    """What an LLM makes of a wish; ``lead`` is by how many nats it finds that likelier than the draft, each as a whole answer."""

    asked: Asked
    lead: float


class WishReaderConfig(Value):
    """The LLM has ``share`` of the time that is left, at most ``most_ms``, for at most ``max_tokens`` tokens.

    Its answer counts where it leads by more than ``margin`` nats.
    """

    share: float = Field(default=0.25, gt=0.0, le=1.0)
    most_ms: float = Field(default=800.0, gt=0.0)
    max_tokens: int = Field(default=32, ge=8)
    margin: float = Field(default=1.0, ge=0.0, allow_inf_nan=False)


async def ask(llm: LLM, draft: Draft, prompt: str, max_tokens: int, within: Deadline) -> Answer | None:
    """Return what an LLM makes of a wish; ``None`` where its answer to ``prompt``, which holds ``draft``, cannot be read.

    Raises:
        PalateError: The LLM does not answer in time, or failed.

    """
    asked = read_asked((await llm.generate([prompt], GenerateConfig(max_tokens=max_tokens, stop=("\n",)), within))[0])
    if asked is None:
        return None
    said, drafted = write_asked(asked), write_asked(draft.asked)
    if said == drafted:
        return Answer(asked, 0.0)
    # With what ends a turn, as in training: else the beginning of an answer is always likelier than the whole.
    ours, theirs = await llm.log_likelihoods(prompt, [said + llm.end, drafted + llm.end], within)
    return Answer(asked, float(ours - theirs))


class WishReader:
    """Reads wishes. What the LLM writes is held to the catalog; where it is late, unsure or fails,
    the rules stand.

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
        if self._llm is None or not rules.text or people_named(text, ()):  # of a name an LLM makes a genre
            return rules
        answer = await self._answer(self._llm, text, deadline)
        return rules if answer is None else self.chosen(text, rules, answer)

    def chosen(self, text: str, rules: Query, answer: Answer) -> Query:
        """Return what a text is taken to ask for, from what the rules and an LLM say."""
        return self._vocabulary.corrected(text, answer.asked) if answer.lead > self.config.margin else rules

    def _prompt(self, llm: LLM, text: str) -> tuple[Draft, str]:
        draft = self._vocabulary.draft(text)
        return draft, build_understand_prompt(llm, draft)

    async def _answer(self, llm: LLM, text: str, deadline: Deadline) -> Answer | None:
        left = deadline.remaining()
        seconds = left if math.isinf(left) else min(left * self.config.share, self.config.most_ms / 1000)
        within = Deadline(None) if math.isinf(seconds) else Deadline(seconds)
        try:
            with anyio.move_on_after(seconds):
                # In a thread that may be left behind: the first prompt waits for the tokenizer.
                draft, prompt = await anyio.to_thread.run_sync(self._prompt, llm, text, abandon_on_cancel=True)
                return await ask(llm, draft, prompt, self.config.max_tokens, within)
        except PalateError as error:
            _log.info("understood by rules alone: %s", error.message)
        except Exception:  # noqa: BLE001 - whatever a backend throws, the rules are at hand
            _log.exception("understood by rules alone: the LLM failed")
        return None
