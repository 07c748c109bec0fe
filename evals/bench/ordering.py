"""Has an LLM write the order of all candidates, as rerankers do that generate: what scoring labels is compared with."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import httpx
import numpy as np

from agent.llm.ct2 import Ct2Engine
from palate.errors import ServiceDown
from palate.prompting import GenerateConfig, LabelledPrompt

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["Order", "VllmOrder", "Written", "embedded_order", "is_ordering", "ordering_grammar", "ordering_schema", "race"]

_TOKENS_A_LABEL = 6
_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Written:
    """An ordering as it came, with how many tokens were read and written, and milliseconds."""

    text: str
    read: int
    written: int
    ms: float


Order = Callable[[LabelledPrompt], Awaitable[Written]]


def is_ordering(text: str, labels: Sequence[str]) -> bool:
    """Return whether ``text`` is a JSON array that holds each label once."""
    try:
        found = json.loads(text)
    except ValueError:
        return False
    return isinstance(found, list) and all(isinstance(label, str) for label in found) and sorted(found) == sorted(labels)


def ordering_schema(labels: Sequence[str]) -> dict[str, Any]:
    """Return the JSON schema of an array of as many labels; that they differ, no grammar engine of vLLM takes from a schema."""
    return {"type": "array", "items": {"enum": list(labels)}, "minItems": len(labels), "maxItems": len(labels)}


def ordering_grammar(labels: Sequence[str]) -> str:
    """Return a grammar for llguidance of a JSON array that holds each label once.

    Its rules carry a bit for each label that is taken: https://github.com/guidance-ai/llguidance/blob/main/docs/parametric.md
    """

    def taken(number: int, before: str) -> str:
        text = json.dumps(before + json.dumps(labels[number]))
        return f"{text} more::set_bit({number}) %if bit_clear({number})"

    first = "\n | ".join(taken(number, "") for number in range(len(labels)))
    more = "\n | ".join([f'"]" %if is_ones([0:{len(labels)}])', *(taken(number, ",") for number in range(len(labels)))])
    return f'start: "[" first::0x0\nfirst::_ : {first}\nmore::_ : {more}\n'


def embedded_order(engine: Ct2Engine, tokenizer: Tokenizer, labels: Sequence[str]) -> Order:
    """Return what lets the embedded engine write: held to nothing, but to as many tokens as an ordering has.

    ``engine`` must have been made with no tokens that end a completion.
    """
    array = json.dumps(list(labels), separators=(",", ":"))
    config = GenerateConfig(max_tokens=len(tokenizer.encode(array, add_special_tokens=False).ids))

    async def order(prompt: LabelledPrompt) -> Written:
        tokens = tokenizer.encode(prompt.text, add_special_tokens=False).tokens
        began, steps = time.perf_counter(), 0

        def enough() -> bool:
            nonlocal steps
            steps += 1
            return False

        text = engine.complete([tokens], config, enough)[0]
        return Written(text, len(tokens), steps, 1000 * (time.perf_counter() - began))

    return order


class VllmOrder:
    """Lets a vLLM server write: held to an array of different labels, or, where its engine knows no such grammar, of any.

    Each request has a salt of its own, so that nothing is in the prefix cache.
    """

    def __init__(self, http: httpx.AsyncClient, model: str, labels: Sequence[str]) -> None:
        self._http, self._model, self._labels = http, model, labels
        self.constraint: Literal["grammar", "json_schema"] = "grammar"
        """What holds the text; settled by the first call."""

    async def __call__(self, prompt: LabelledPrompt) -> Written:
        """Write one ordering.

        Raises:
            ServiceDown: The server does not answer, or refuses.

        """
        began = time.perf_counter()
        answer = await self._ask(prompt)
        if answer.status_code == httpx.codes.BAD_REQUEST and self.constraint == "grammar":
            self.constraint, began = "json_schema", time.perf_counter()
            answer = await self._ask(prompt)
        ms = 1000 * (time.perf_counter() - began)
        if not answer.is_success:
            raise ServiceDown(f"The vLLM server answered {answer.status_code}: {answer.text:.200}.", remedy="See its log.")
        said = answer.json()
        return Written(said["choices"][0]["text"], said["usage"]["prompt_tokens"], said["usage"]["completion_tokens"], ms)

    async def _ask(self, prompt: LabelledPrompt) -> httpx.Response:
        held: dict[str, Any] = {"grammar": ordering_grammar(self._labels)}
        if self.constraint == "json_schema":
            held = {"json": ordering_schema(self._labels)}
        body = {
            "model": self._model,
            "prompt": prompt.text,
            "max_tokens": _TOKENS_A_LABEL * len(self._labels),
            "temperature": 0,
            "add_special_tokens": False,
            "cache_salt": secrets.token_hex(16),
            "structured_outputs": held,
        }
        try:
            return await self._http.post("/v1/completions", json=body, timeout=_SECONDS)
        except httpx.HTTPError as error:
            raise ServiceDown(
                f"The vLLM server does not answer: {error or type(error).__name__}.", remedy="See its log."
            ) from error


async def race(
    score: Callable[[LabelledPrompt], Awaitable[object]], order: Order, prompts: Sequence[LabelledPrompt], labels: Sequence[str]
) -> dict[str, Any]:
    """Score and write for each prompt, taking turns in going first; return tokens, milliseconds and their ratio.

    The first prompt is done once before, untimed: what is made once is not what is measured.
    """
    await score(prompts[0])
    await order(prompts[0])
    scored: list[float] = []
    written: list[Written] = []
    for number, prompt in enumerate(prompts):
        for scoring in (True, False) if number % 2 else (False, True):
            if scoring:
                began = time.perf_counter()
                await score(prompt)
                scored.append(1000 * (time.perf_counter() - began))
            else:
                written.append(await order(prompt))
    return {
        "prompt_tokens": round(float(np.mean([w.read for w in written])), 1),
        "generated_tokens": round(float(np.mean([w.written for w in written])), 1),
        "prefill_ms": round(float(np.median(scored)), 1),
        "generated_ms": round(float(np.median([w.ms for w in written])), 1),
        "speedup": round(float(np.median(np.divide([w.ms for w in written], scored))), 2),
        "malformed_share": round(float(np.mean([not is_ordering(w.text, labels) for w in written])), 3),
        "races": len(prompts),
    }
