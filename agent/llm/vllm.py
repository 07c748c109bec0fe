"""An LLM on a vLLM server, over its OpenAI-compatible API and routes of its own."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from langchain_core.messages import BaseMessage
from numpy.typing import NDArray

from agent.llm.base import Constraint
from agent.llm.breaker import BreakerConfig, CircuitBreaker
from agent.llm.chat import ChatTemplate
from agent.llm.pieces import held_back
from agent.llm.salt import cache_salt
from agent.llm.spots import mark_at
from agent.llm.turns import Turns
from agent.llm.vllm_adapters import VllmAdapters, VllmAdaptersConfig
from agent.llm.vllm_http import NotServed, Refused, VllmHttp, VllmHttpConfig
from agent.llm.vllm_scores import label_scores, mark_scores, text_scores
from agent.llm.vllm_text import estimated_tokens, piece, writing
from palate.deadline import Deadline
from palate.domain import Value
from palate.errors import DeadlineExceeded, InvalidInput, ServiceDown
from palate.prompting import GenerateConfig, LabelledPrompt

__all__ = ["VllmConfig", "VllmLLM"]

_Answer = TypeVar("_Answer")
_PLAIN_LOGPROBS = 20
_COMPLETIONS = "/v1/completions"
_ONE_PASS = {"max_tokens": 1, "temperature": 0, "add_special_tokens": False}
DEFAULT_TENANT = "default"


class VllmConfig(Value):
    """How the server is asked, when it is left alone, and how LoRA adapters get there."""

    http: VllmHttpConfig = VllmHttpConfig()
    breaker: BreakerConfig = BreakerConfig()
    adapters: VllmAdaptersConfig = VllmAdaptersConfig()


class VllmLLM:
    """An LLM on a vLLM server (0.32 or newer scores labels in one call). Passes ``palate.testing.LLMContract``.

    A server that keeps failing is left alone: calls raise :class:`ServiceDown` at once until one that is let through succeeds.
    ``adapters`` holds the LoRA adapters, one a task; :meth:`for_task` gives the LLM that uses one.

    Args:
        url: Base URL of the server, with or without ``/v1``.
        model: Model that it serves, or a LoRA adapter that it was started with.
        api_key: Bearer token.
        transport: Transport of httpx, for tests and proxies.
        tokenizer: Tells how many tokens a text has; unset, an estimate.
        template: Chat template in Jinja; unset, ChatML.
        cache_secret: Keeps cached prefixes of tenants apart, by a salt for each (see :func:`agent.llm.salt.cache_salt`); unset, all
            share them. :meth:`for_tenant` gives the LLM of a tenant.
        room: Folder for copies of LoRA adapters, which the server must see under the same path.
        config: The rest.

    """

    engine = "vllm"
    enforces: frozenset[Constraint] = frozenset({"choices", "json_schema"})

    def __init__(
        self,
        url: str,
        model: str,
        api_key: str | None = None,
        *,
        transport: Any = None,
        tokenizer: Callable[[str], int] | None = None,
        template: str | None = None,
        cache_secret: bytes | None = None,
        room: Path | None = None,
        config: VllmConfig | None = None,
    ) -> None:
        self.config = config or VllmConfig()
        self._model, self._task = model, ""
        self._http = VllmHttp(url, api_key, transport=transport, config=self.config.http)
        what = f"The vLLM server at {self._http.url}"
        self.breaker = CircuitBreaker(what, self.config.breaker, alive=(InvalidInput, NotServed))
        self.adapters = VllmAdapters(self._http, room, self.config.adapters)
        self._secret, self._tenant = cache_secret, DEFAULT_TENANT
        self._count, self._chat = tokenizer, ChatTemplate(template)
        # Shared by the LLMs of all tasks and tenants.
        self._tokens: dict[tuple[int, str], tuple[int, ...]] = {}
        self._lacks: set[int] = set()
        self._turns = Turns()

    @property
    def name(self) -> str:
        """The model, or the LoRA adapter that the task has now."""
        return self.adapters.names.get(self._task, self._model)

    def for_task(self, task: str) -> VllmLLM:
        """Return this LLM with the LoRA adapter of ``task``, whichever that is at the time of a call; without one, the base model.

        It shares connections, circuit breaker and adapters; closing one closes all.
        """
        other = copy.copy(self)
        other._task = task
        return other

    def for_tenant(self, tenant: str) -> VllmLLM:
        """Return this LLM for a tenant, whose cached prefixes nobody else hits; it shares all else, as with :meth:`for_task`."""
        other = copy.copy(self)
        other._tenant = tenant
        return other

    @property
    def end(self) -> str:
        """The special token that ends a turn, by the chat template."""
        return self._chat.end

    def render(self, messages: Sequence[BaseMessage]) -> str:
        """Return the conversation in the chat template, ending where the assistant begins to speak."""
        return self._chat.render(messages)

    def count_tokens(self, text: str) -> int:
        """Return how many tokens ``text`` has: exactly with a tokenizer, else one a word and one more for each six letters."""
        if self._count is not None:
            return self._count(text)
        return estimated_tokens(text)

    async def label_token(self, label: str, deadline: Deadline) -> int:
        """Return the id of the one token that ``label`` is, asked of the server once, and once more after an outage.

        Raises:
            InvalidInput: It is none, or several.

        """
        ids = await self._tokenized(label, deadline)
        if len(ids) != 1:
            raise InvalidInput(
                f"The label {label!r} is {len(ids)} tokens for {self.name!r}.",
                remedy="Use a label that is one token, as ' A' or 'A'.",
                param="labels",
            )
        return ids[0]

    async def score_labels(self, prompt: LabelledPrompt, deadline: Deadline) -> NDArray[np.float32]:
        """Return log probabilities over the labels or spots, float32 [len(item_ids)], from one prefill.

        A server that cannot be asked for chosen tokens is asked for the likeliest twenty; a label that is not among them gets one
        less than the least of them. Spots are read from the log probabilities of the whole prompt: the server then takes nothing of
        it from its prefix cache, since that holds none.

        Raises:
            DeadlineExceeded: Too little time is left, or the answer did not come in time.
            InvalidInput: A label or mark is not one token, marks differ, or the server refuses the prompt.
            ServiceDown: The server does not answer, or answers nonsense.

        """
        self._http.check(deadline)
        score = self._score_spots if prompt.spots else self._score_next
        with self.breaker.call(deadline):
            return await score(prompt, deadline)

    async def log_likelihoods(self, prefix: str, texts: Sequence[str], deadline: Deadline) -> NDArray[np.float32]:
        """Return the log probability of each text after ``prefix``, nats, float32 [len(texts)], one request each.

        Raises:
            DeadlineExceeded: Too little time is left, or the answer did not come in time.
            InvalidInput: A text is empty, a token would span prefix and text, or the server refuses the prompt.
            ServiceDown: The server does not answer, or answers nonsense.

        """
        self._http.check(deadline)
        if not texts:
            return np.zeros(0, dtype=np.float32)
        with self.breaker.call(deadline):
            # Not kept: a prefix may hold words of a user, which are not to stay.
            head = await self._tokenize(prefix, deadline)
            answers = [await self._complete_known(prefix + text, deadline) for text in texts]
            return np.concatenate([self._read(text_scores, a, head, [t]) for a, t in zip(answers, texts, strict=True)])

    async def generate(self, prompts: Sequence[str], config: GenerateConfig, deadline: Deadline) -> list[str]:
        """Return a completion for each prompt, in order; cut short where the deadline comes first.

        Raises:
            DeadlineExceeded: Too little time is left to begin.
            InvalidInput: The server refuses a prompt.
            ServiceDown: The server does not answer, or answers nonsense.

        """
        if not prompts:
            return []
        self._http.check(deadline)

        async def whole(prompt: str) -> str | DeadlineExceeded:
            try:
                return "".join([piece async for piece in self._pieces(prompt, config, deadline)])
            except DeadlineExceeded as late:
                return late

        tasks: list[asyncio.Task[str | DeadlineExceeded]] = []
        try:
            with self.breaker.call(deadline):
                tasks = [asyncio.create_task(whole(prompt)) for prompt in prompts]
                found = await asyncio.gather(*tasks)
                late = [text for text in found if not isinstance(text, str)]
                if len(late) == len(found):  # nothing came of any: for the breaker to know
                    raise late[0]
        except DeadlineExceeded:
            return ["" for _ in prompts]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return [text if isinstance(text, str) else "" for text in found]

    async def stream(self, prompt: str, config: GenerateConfig, deadline: Deadline) -> AsyncIterator[str]:
        """Yield a completion in pieces as it is written; it ends where the deadline comes.

        Raises:
            DeadlineExceeded: Too little time is left to begin.
            InvalidInput: The server refuses the prompt.
            ServiceDown: The server does not answer, or answers nonsense.

        """
        self._http.check(deadline)
        with suppress(DeadlineExceeded), self.breaker.call(deadline):
            async with aclosing(self._pieces(prompt, config, deadline)) as pieces:
                async for piece in pieces:
                    yield piece

    async def check(self) -> dict[str, Any]:
        """Return the facts: model, engine, version, URL, context, LoRA adapters; posts adapters that the server lacks.

        It asks the server whatever the circuit breaker says.

        Raises:
            ServiceDown: The server does not answer, or lacks the model or an adapter.

        """
        deadline = Deadline(10.0)
        served = await self.adapters.served(deadline)
        if self._model not in served:
            raise ServiceDown(
                f"The vLLM server at {self._http.url} does not serve {self._model!r}, but {', '.join(sorted(served)) or 'none'}.",
                remedy="Set PALATE_VLLM_MODEL to one of these, or load it there.",
            )
        await self.adapters.ensure(deadline)
        if faults := self.adapters.faults:
            said = "; ".join(f"{task}: {error}" for task, error in faults.items())
            raise ServiceDown(f"LoRA adapters are not on the vLLM server at {self._http.url}: {said}", remedy="See its log.")
        version = (await self._http.get("/version", deadline)).get("version")
        wanted = ", ".join(f"{task} {name}" for task, name in self.adapters.names.items())
        return {
            "model": self.name,
            "engine": self.engine,
            "version": str(version),
            "url": self._http.url,
            "context": served[self._model].get("max_model_len"),
            "adapters": wanted or "none",
            "breaker": self.breaker.state,
        }

    async def close(self) -> None:
        """Close the connections; safe to call twice."""
        await self.adapters.close()
        await self._http.close()

    async def _score_next(self, prompt: LabelledPrompt, deadline: Deadline) -> NDArray[np.float32]:
        ids = await self._ids(prompt.labels, deadline)
        body = {**_ONE_PASS, "prompt": prompt.text, "return_tokens_as_token_ids": True}
        plain = {**body, "logprobs": _PLAIN_LOGPROBS}
        outages = self._http.outages  # another server may know the option
        if outages in self._lacks:
            return self._read(label_scores, await self._complete(plain, deadline), ids)
        try:
            answer = await self._complete({**body, "logprobs": len(ids), "logprob_token_ids": ids}, deadline)
        except Refused as refused:
            try:
                answer = await self._complete(plain, deadline)
            except Refused:
                raise refused from None
            # It was not the prompt: this server does not know the option.
            self._lacks.add(outages)
        return self._read(label_scores, answer, ids)

    async def _score_spots(self, prompt: LabelledPrompt, deadline: Deadline) -> NDArray[np.float32]:
        mark = mark_at(prompt.text, prompt.spots)
        lead, whole = await asyncio.gather(*(self._tokenized(text, deadline) for text in (mark.lead, mark.lead + mark.word)))
        if whole[:-1] != lead:
            raise InvalidInput(
                f"The mark {mark.word!r} after {mark.lead!r} is not one token for {self.name!r}.",
                remedy="Use a mark that is one token.",
                param="spots",
            )
        return self._read(mark_scores, await self._complete_known(prompt.text, deadline), mark, whole)

    def _read(self, read: Callable[..., _Answer], answer: dict[str, Any], *what: Any) -> _Answer:
        try:
            return read(answer, *what)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise self._http.nonsense(_COMPLETIONS, answer) from error

    async def _tokenized(self, text: str, deadline: Deadline) -> tuple[int, ...]:
        """Return the token ids of a label or mark, asked of the server once, and once more after an outage."""
        key = self._http.outages, text  # another server may hold another model
        if key not in self._tokens:
            self._tokens[key] = await self._tokenize(text, deadline)
        return self._tokens[key]

    async def _tokenize(self, text: str, deadline: Deadline) -> tuple[int, ...]:
        if not text:
            return ()
        body = {"model": self._model, "prompt": text, "add_special_tokens": False}
        answer = await self._http.post("/tokenize", body, deadline)
        ids = answer.get("tokens")
        if not isinstance(ids, list) or not all(isinstance(i, int) for i in ids):
            raise self._http.nonsense("/tokenize", answer)
        return tuple(ids)

    async def _ids(self, labels: Sequence[str], deadline: Deadline) -> list[int]:
        # All are waited for: one that is left behind by another's error would be cut off wherever it stands.
        asked = await asyncio.gather(*(self.label_token(label, deadline) for label in labels), return_exceptions=True)
        for failed in (found for found in asked if isinstance(found, BaseException)):
            raise failed
        ids = [found for found in asked if isinstance(found, int)]
        if not ids or len(set(ids)) < len(ids):
            raise InvalidInput(f"The labels {labels!r} are not distinct tokens.", remedy="Change one.", param="labels")
        return ids

    async def _complete_known(self, text: str, deadline: Deadline) -> dict[str, Any]:
        """Ask for the log probabilities of the prompt itself, one prompt at a time: with LoRA on, vLLM 0.32 dies of several of them
        in one step.
        """
        async with self._turns.turn(deadline):
            return await self._complete({**_ONE_PASS, "prompt": text, "prompt_logprobs": 0}, deadline)

    async def _complete(self, body: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        """Ask for a whole answer; once more where the server turns out to have lost the adapter."""
        await self.adapters.ensure(deadline)
        try:
            with self._named(body) as named:
                return await self._http.post(_COMPLETIONS, named, deadline)
        except NotServed:
            if not await self._brought_back(deadline):
                raise
        with self._named(body) as named:
            return await self._http.post(_COMPLETIONS, named, deadline)

    async def _pieces(self, prompt: str, config: GenerateConfig, deadline: Deadline) -> AsyncGenerator[str, None]:
        """Yield text as it is final; raises :class:`DeadlineExceeded` only where nothing came."""
        text, given = "", 0
        async with aclosing(self._events(writing(prompt, config), deadline)) as events:
            async for event in events:
                text += self._read(piece, event)
                end = len(text) - held_back(text)
                if end > given:
                    yield text[given:end]
                    given = end
        if len(text) > given:
            yield text[given:].rstrip("\ufffd")

    async def _events(self, body: Mapping[str, Any], deadline: Deadline) -> AsyncGenerator[dict[str, Any], None]:
        """Ask for an answer in pieces; once more where the server turns out to have lost the adapter. It may be cut short."""
        await self.adapters.ensure(deadline)
        for last in (False, True):
            begun = False
            try:
                with self._named(body) as named:
                    async with aclosing(self._http.events(_COMPLETIONS, named, deadline)) as events:
                        async for event in events:
                            begun = True
                            yield event
                return
            except NotServed:
                if last or not await self._brought_back(deadline):
                    raise
            except DeadlineExceeded:
                if begun:
                    return
                raise

    @contextmanager
    def _named(self, body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Give the body with its model, which stays on the server for as long as the context lasts."""
        with self.adapters.use(self._task) as adapter:
            salt = {"cache_salt": cache_salt(self._secret, self._tenant)} if self._secret else {}
            yield {"model": adapter or self._model, **body, **salt}

    async def _brought_back(self, deadline: Deadline) -> bool:
        """Post adapters again after the server said that it lacks one; return whether to ask it again."""
        if self._task not in self.adapters.names or self._task in self.adapters.faults:
            return False
        self.adapters.doubt()
        await self.adapters.ensure(deadline)
        return True
