"""An LLM on a vLLM server, over its OpenAI-compatible API and three routes of its own."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import numpy as np
from langchain_core.messages import BaseMessage
from numpy.typing import NDArray
from pydantic import Field

from agent.llm.chat import ChatTemplate
from agent.llm.pieces import held_back
from agent.llm.vllm_http import Refused, VllmHttp
from palate.deadline import Deadline
from palate.domain import GenerateConfig, LabelledPrompt, Value
from palate.errors import DeadlineExceeded, InvalidInput, ServiceDown

__all__ = ["VllmConfig", "VllmLLM"]

_WORD = re.compile(r"\s?\w+|\s?[^\w\s]+|\s+")
_CHARS_A_TOKEN = 6
_PLAIN_LOGPROBS = 20


class VllmConfig(Value):
    """How the server is asked.

    With less than ``min_seconds`` left nothing is sent; ``max_seconds`` bounds a call without a deadline.
    """

    min_seconds: float = Field(default=0.02, ge=0.0)
    max_seconds: float = Field(default=120.0, gt=0.0)


class VllmLLM:
    """An LLM on a vLLM server (0.32 or newer scores labels in one call). Passes ``palate.testing.LLMContract``.

    Args:
        url: Base URL of the server, with or without ``/v1``.
        model: Model or LoRA adapter that it serves.
        api_key: Bearer token.
        transport: Transport of httpx, for tests and proxies.
        tokenizer: Tells how many tokens a text has; unset, an estimate.
        template: Chat template in Jinja; unset, ChatML.
        config: The rest.

    """

    engine = "vllm"

    def __init__(
        self,
        url: str,
        model: str,
        api_key: str | None = None,
        *,
        transport: Any = None,
        tokenizer: Callable[[str], int] | None = None,
        template: str | None = None,
        config: VllmConfig | None = None,
    ) -> None:
        self.name = model
        self.config = config or VllmConfig()
        self._http = VllmHttp(
            url, model, api_key, transport=transport, min_seconds=self.config.min_seconds, max_seconds=self.config.max_seconds
        )
        self._count, self._chat = tokenizer, ChatTemplate(template)
        self._labels: dict[str, int] = {}
        self._takes_ids = True

    def render(self, messages: Sequence[BaseMessage]) -> str:
        """Return the conversation in the chat template, ending where the assistant begins to speak."""
        return self._chat.render(messages)

    def count_tokens(self, text: str) -> int:
        """Return how many tokens ``text`` has: exactly with a tokenizer, else one a word and one more for each six letters."""
        if self._count is not None:
            return self._count(text)
        return sum(math.ceil(len(word.strip()) / _CHARS_A_TOKEN) or 1 for word in _WORD.findall(text))

    async def label_token(self, label: str, deadline: Deadline) -> int:
        """Return the id of the one token that ``label`` is, asked of the server once.

        Raises:
            InvalidInput: It is none, or several.

        """
        if label not in self._labels:
            body = {"model": self.name, "prompt": label, "add_special_tokens": False}
            answer = await self._http.post("/tokenize", body, deadline)
            ids = answer.get("tokens")
            if not isinstance(ids, list) or not all(isinstance(i, int) for i in ids):
                raise self._http.nonsense("/tokenize", answer)
            if len(ids) != 1:
                raise InvalidInput(
                    f"The label {label!r} is {len(ids)} tokens for {self.name!r}.",
                    remedy="Use a label that is one token, as ' A' or 'A'.",
                    param="labels",
                )
            self._labels[label] = ids[0]
        return self._labels[label]

    async def score_labels(self, prompt: LabelledPrompt, deadline: Deadline) -> NDArray[np.float32]:
        """Return log probabilities over the labels, float32 [len(labels)], from one prefill.

        A server that cannot be asked for chosen tokens is asked for the likeliest twenty; a label that is not among them gets one
        less than the least of them.

        Raises:
            DeadlineExceeded: Too little time is left, or the answer did not come in time.
            InvalidInput: A label is not one token, or the server refuses the prompt.
            ServiceDown: The server does not answer, or answers nonsense.

        """
        ids = await self._ids(prompt.labels, deadline)
        body: dict[str, Any] = {
            "prompt": prompt.text,
            "max_tokens": 1,
            "temperature": 0,
            "return_tokens_as_token_ids": True,
            "add_special_tokens": False,
        }
        plain = {**body, "logprobs": _PLAIN_LOGPROBS}
        if not self._takes_ids:
            return self._scores(await self._complete(plain, deadline), ids)
        try:
            answer = await self._complete({**body, "logprobs": len(ids), "logprob_token_ids": ids}, deadline)
        except Refused as refused:
            try:
                answer = await self._complete(plain, deadline)
            except Refused:
                raise refused from None
            # It was not the prompt: this server does not know the option.
            self._takes_ids = False
        return self._scores(answer, ids)

    async def generate(self, prompts: Sequence[str], config: GenerateConfig, deadline: Deadline) -> list[str]:
        """Return a completion for each prompt, in order; cut short where the deadline comes first.

        Raises:
            DeadlineExceeded: Too little time is left to begin.
            InvalidInput: The server refuses a prompt.
            ServiceDown: The server does not answer, or answers nonsense.

        """
        if prompts:
            self._http.check(deadline)

        async def whole(prompt: str) -> str:
            return "".join([piece async for piece in self.stream(prompt, config, deadline)])

        tasks = [asyncio.ensure_future(whole(prompt)) for prompt in prompts]
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def stream(self, prompt: str, config: GenerateConfig, deadline: Deadline) -> AsyncIterator[str]:
        """Yield a completion in pieces as it is written; it ends where the deadline comes.

        Raises:
            DeadlineExceeded: Too little time is left to begin.
            InvalidInput: The server refuses the prompt.
            ServiceDown: The server does not answer, or answers nonsense.

        """
        self._http.check(deadline)
        body = {
            "prompt": prompt,
            "max_tokens": config.max_tokens,
            "temperature": config.temperature,
            "seed": config.seed,
            "add_special_tokens": False,
            **({"stop": list(config.stop)} if config.stop else {}),
        }
        text, given = "", 0
        try:
            async with aclosing(
                self._http.events("/v1/completions", {"model": self.name, **body, "stream": True}, deadline)
            ) as events:
                async for event in events:
                    text += self._text(event)
                    end = len(text) - held_back(text)
                    if end > given:
                        yield text[given:end]
                        given = end
        except DeadlineExceeded:
            return
        if len(text) > given:
            yield text[given:].rstrip("\ufffd")

    async def check(self) -> dict[str, Any]:
        """Return the facts: model, engine, version, URL, context; raises :class:`ServiceDown` if the model is not served."""
        deadline = Deadline(10.0)
        models = (await self._http.get("/v1/models", deadline)).get("data")
        if not isinstance(models, list) or not all(isinstance(m, dict) for m in models):
            raise self._http.nonsense("/v1/models", models)
        served = {str(m.get("id")): m for m in models}
        if self.name not in served:
            raise ServiceDown(
                f"The vLLM server at {self._http.url} does not serve {self.name!r}, but {', '.join(sorted(served)) or 'nothing'}.",
                remedy="Set PALATE_VLLM_MODEL to one of these, or load it there.",
            )
        version = (await self._http.get("/version", deadline)).get("version")
        facts = {"model": self.name, "engine": self.engine, "version": str(version), "url": self._http.url}
        return {**facts, "context": served[self.name].get("max_model_len")}

    async def close(self) -> None:
        """Close the connections; safe to call twice."""
        await self._http.close()

    async def _ids(self, labels: Sequence[str], deadline: Deadline) -> list[int]:
        self._http.check(deadline)
        ids = list(await asyncio.gather(*(self.label_token(label, deadline) for label in labels)))
        if not ids or len(set(ids)) < len(ids):
            raise InvalidInput(f"The labels {labels!r} are not distinct tokens.", remedy="Change one.", param="labels")
        return ids

    async def _complete(self, body: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        return await self._http.post("/v1/completions", {"model": self.name, **body}, deadline)

    def _text(self, event: dict[str, Any]) -> str:
        choices = event.get("choices")
        pieces = [c.get("text") if isinstance(c, dict) else None for c in choices] if isinstance(choices, list) else [None]
        if not all(isinstance(piece, str) for piece in pieces):
            raise self._http.nonsense("/v1/completions", event)
        return "".join(map(str, pieces))

    def _scores(self, answer: dict[str, Any], ids: Sequence[int]) -> NDArray[np.float32]:
        try:
            top = answer["choices"][0]["logprobs"]["top_logprobs"][0]
            found = {i: float(top[f"token_id:{i}"]) for i in ids if f"token_id:{i}" in top}
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise self._http.nonsense("/v1/completions", answer) from error
        if not found or any(math.isnan(v) or v == math.inf for v in found.values()):
            raise self._http.nonsense("/v1/completions", answer)
        lowest = min((v for v in found.values() if math.isfinite(v)), default=0.0) - 1.0
        values = np.array([max(found.get(i, lowest), lowest) for i in ids], dtype=np.float64)
        scores: NDArray[np.float32] = (values - np.logaddexp.reduce(values)).astype(np.float32)
        return scores
