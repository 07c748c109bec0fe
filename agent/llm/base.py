"""The one protocol behind which every LLM stands."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal, Protocol

import numpy as np
from langchain_core.messages import BaseMessage
from numpy.typing import NDArray

from palate.deadline import Deadline
from palate.errors import InvalidInput
from palate.prompting import GenerateConfig, LabelledPrompt

__all__ = ["LLM", "Constraint", "refuse_constraints"]

Constraint = Literal["choices", "json_schema"]


class LLM(Protocol):
    """An open LLM. Must pass ``palate.testing.LLMContract``.

    Every call takes a deadline. A forward pass cannot be cancelled, so a call that is predicted to end too late raises
    :class:`palate.errors.DeadlineExceeded` at once instead of starting; one that fails raises :class:`palate.errors.ServiceDown`.

    Text is held to ``choices`` or ``json_schema`` of its config, token by token, or the call is refused with
    :class:`palate.errors.InvalidInput`: ``enforces`` says which an engine can. A text that is cut short, by ``max_tokens`` or the
    deadline, is only the beginning of one that fulfils them.
    """

    @property
    def name(self) -> str:
        """The model that answers, with its LoRA adapter; for records."""
        ...

    @property
    def engine(self) -> str:
        """What runs it."""
        ...

    @property
    def enforces(self) -> frozenset[Constraint]:
        """Which constraints of a :class:`palate.prompting.GenerateConfig` it can hold its text to."""
        ...

    @property
    def end(self) -> str:
        """The special token that ends a turn, as text: with it an answer is scored as a whole one. Empty where it is not known."""
        ...

    def render(self, messages: Sequence[BaseMessage]) -> str:
        """Return the text of a conversation in the model's chat template, ending where the assistant begins to speak."""
        ...

    def count_tokens(self, text: str) -> int:
        """Return how many tokens ``text`` has; an estimate where the tokenizer is not at hand."""
        ...

    async def score_labels(self, prompt: LabelledPrompt, deadline: Deadline) -> NDArray[np.float32]:
        """Return log probabilities over the labels, or among the marks at the spots (they sum to 1 after exp), from one prefill.

        float32 [len(prompt.item_ids)].
        """
        ...

    async def log_likelihoods(self, prefix: str, texts: Sequence[str], deadline: Deadline) -> NDArray[np.float32]:
        """Return the log probability of each text after ``prefix``, nats, float32 [len(texts)], each from one prefill.

        The tokens of ``prefix`` must end where a text begins, as they do before a space.
        """
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


def refuse_constraints(llm: LLM, config: GenerateConfig) -> None:
    """Refuse what ``llm`` cannot hold its text to.

    Raises:
        InvalidInput: ``config`` has choices or a JSON schema that it does not enforce.

    """
    asked: dict[Constraint, bool] = {"choices": bool(config.choices), "json_schema": config.json_schema is not None}
    for constraint, given in asked.items():
        if given and constraint not in llm.enforces:
            raise InvalidInput(
                f"{llm.name!r} ({llm.engine}) cannot hold its text to {constraint!r}.",
                remedy="Leave it out, or use vLLM (PALATE_LLM=vllm), which can.",
                param=constraint,
            )
