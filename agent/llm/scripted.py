"""A deterministic LLM for tests, at the outermost seam: it says what it is told to say."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import anyio
import numpy as np
from langchain_core.messages import BaseMessage
from numpy.typing import NDArray

from agent.llm.base import Constraint, refuse_constraints
from agent.llm.spots import check_prefix
from palate.deadline import Deadline
from palate.errors import DeadlineExceeded, ServiceDown
from palate.prompting import GenerateConfig, LabelledPrompt

__all__ = ["ScriptedLLM"]

_ROLES = {"human": "user", "ai": "assistant", "system": "system"}
_TOKEN = re.compile(r" ?\w+| ?[^\w\s]+|\s+")


class ScriptedLLM:
    """Passes ``palate.testing.LLMContract``. What it is told to say is held to nothing, so constraints are refused.

    Args:
        score: Gives a number a label for a prompt; they are normalised to log probabilities. What is not as many finite numbers as
            there are labels is passed on as it is, as a broken backend would. Unset, all labels are equal.
        text: Gives the completion of a prompt text. Unset, a fixed harmless sentence.
        delay: Seconds that every call takes.
        fail: Raised by every call instead of an answer.
        likelihood: Gives the log probability of a text after a prefix. Unset, -1 a token.

    """

    enforces: frozenset[Constraint] = frozenset()

    def __init__(
        self,
        score: Callable[[LabelledPrompt], Sequence[float]] | None = None,
        text: Callable[[str], str] | None = None,
        delay: float = 0.0,
        fail: Exception | None = None,
        *,
        likelihood: Callable[[str, str], float] | None = None,
    ) -> None:
        self.name = "scripted"
        self.engine = "scripted"
        self.end = "<|im_end|>"
        self.calls: list[str] = []
        """The prompts that arrived, in order."""
        self._score, self._text, self._delay, self._fail = score, text, delay, fail
        self._likelihood = likelihood or (lambda _, text: -float(self.count_tokens(text)))

    def render(self, messages: Sequence[BaseMessage]) -> str:
        """Return the conversation in the ChatML template."""
        turns = [f"<|im_start|>{_ROLES.get(m.type, m.type)}\n{m.text}<|im_end|>\n" for m in messages]
        return "".join(turns) + "<|im_start|>assistant\n"

    def count_tokens(self, text: str) -> int:
        """Return how many words and runs of signs ``text`` has."""
        return len(_TOKEN.findall(text))

    async def score_labels(self, prompt: LabelledPrompt, deadline: Deadline) -> NDArray[np.float32]:
        """Return the scripted scores, float32 [len(labels)].

        Raises:
            DeadlineExceeded: ``delay`` does not fit the deadline.
            ServiceDown: The script gave something that holds no numbers.

        """
        await self._wait(deadline)
        self.calls.append(prompt.text)
        raw = [0.0] * len(prompt.item_ids) if self._score is None else self._score(prompt)
        try:
            scores = np.asarray(raw, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ServiceDown(f"The script answered {raw!r:.60}.", remedy="Let it return one number a label.") from error
        if scores.shape == (len(prompt.item_ids),) and np.isfinite(scores).all():
            scores = scores - scores.max()
            scores = scores - np.log(np.exp(scores).sum())
        return scores.astype(np.float32)

    async def log_likelihoods(self, prefix: str, texts: Sequence[str], deadline: Deadline) -> NDArray[np.float32]:
        """Return what ``likelihood`` gives for prefix and text, float32 [len(texts)].

        Raises:
            DeadlineExceeded: ``delay`` does not fit the deadline.
            InvalidInput: A text does not begin with a token of its own.

        """
        await self._wait(deadline)
        self.calls.extend(prefix + text for text in texts)
        for text in texts:
            check_prefix(_TOKEN.findall(prefix), _TOKEN.findall(prefix + text), text)
        return np.array([self._likelihood(prefix, text) for text in texts], dtype=np.float32)

    async def generate(self, prompts: Sequence[str], config: GenerateConfig, deadline: Deadline) -> list[str]:
        """Return the scripted completions, at most ``config.max_tokens`` tokens each."""
        refuse_constraints(self, config)
        await self._wait(deadline)
        self.calls.extend(prompts)
        return [self._complete(prompt, config) for prompt in prompts]

    async def stream(self, prompt: str, config: GenerateConfig, deadline: Deadline) -> AsyncIterator[str]:
        """Yield the scripted completion token by token."""
        refuse_constraints(self, config)
        await self._wait(deadline)
        self.calls.append(prompt)
        for piece in _TOKEN.findall(self._complete(prompt, config)):
            yield piece

    async def check(self) -> dict[str, Any]:
        """Return the facts; raises ``fail``."""
        if self._fail is not None:
            raise self._fail
        return {"model": self.name, "engine": self.engine, "version": "1"}

    async def close(self) -> None:
        """Release nothing."""

    def _complete(self, prompt: str, config: GenerateConfig) -> str:
        text = "These fit what you asked for." if self._text is None else self._text(prompt)
        for stop in config.stop:
            text = text.split(stop)[0]
        return "".join(_TOKEN.findall(text)[: config.max_tokens])

    async def _wait(self, deadline: Deadline) -> None:
        if deadline.expired or not deadline.allows(self._delay):
            raise DeadlineExceeded(
                f"{self._delay:g} s are needed and {deadline.remaining():g} s are left.", remedy="Give the request more time."
            )
        if self._delay:
            await anyio.sleep(self._delay)
        if self._fail is not None:
            raise self._fail
