"""The one protocol behind which every LLM stands."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

import numpy as np
from langchain_core.messages import BaseMessage
from numpy.typing import NDArray

from palate.deadline import Deadline
from palate.domain import GenerateConfig, LabelledPrompt

__all__ = ["LLM"]


class LLM(Protocol):
    """An open LLM. Must pass ``palate.testing.LLMContract``.

    Every call takes a deadline. A forward pass cannot be cancelled, so a call that is predicted to end too late raises
    :class:`palate.errors.DeadlineExceeded` at once instead of starting; one that fails raises :class:`palate.errors.ServiceDown`.
    """

    name: str
    engine: str

    def render(self, messages: Sequence[BaseMessage]) -> str:
        """Return the text of a conversation in the model's chat template, ending where the assistant begins to speak."""
        ...

    def count_tokens(self, text: str) -> int:
        """Return how many tokens ``text`` has; an estimate where the tokenizer is not at hand."""
        ...

    async def score_labels(self, prompt: LabelledPrompt, deadline: Deadline) -> NDArray[np.float32]:
        """Return log probabilities over the labels (they sum to 1 after exp), float32 [len(labels)], from one prefill."""
        ...

    async def generate(self, prompts: Sequence[str], config: GenerateConfig, deadline: Deadline) -> list[str]:
        """Return a completion for each rendered prompt, in order; cut short, not failed, where the deadline comes first."""
        ...

    def stream(self, prompt: str, config: GenerateConfig, deadline: Deadline) -> AsyncIterator[str]:
        """Yield a completion in pieces as it is written."""
        ...

    async def check(self) -> dict[str, Any]:
        """Return facts for ``doctor`` (model, engine, version); raises :class:`palate.errors.Unavailable` with the remedy."""
        ...

    async def close(self) -> None:
        """Release what is held; safe to call twice."""
        ...
