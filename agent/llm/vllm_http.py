"""HTTP to a vLLM server: pooled, never longer than the deadline, with errors that name the remedy."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import httpx

from palate.deadline import Deadline
from palate.errors import DeadlineExceeded, InvalidInput, ServiceDown

__all__ = ["Refused", "VllmHttp"]

_REMEDY = "Start it (see 'make vllm-cpu'), or set PALATE_VLLM_URL; PALATE_LLM=embedded does without."
_LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=20)


class Refused(InvalidInput):
    """The server took the request for a bad one (400, 422)."""


class VllmHttp:
    """Asks one server. A call is tried twice where no connection could be made and time is left."""

    def __init__(
        self, url: str, model: str, api_key: str | None, *, transport: Any, min_seconds: float, max_seconds: float
    ) -> None:
        self.url = url.rstrip("/").removesuffix("/v1")
        self._model, self._transport = model, transport
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._min, self._max = min_seconds, max_seconds
        self._client: httpx.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def check(self, deadline: Deadline) -> float:
        """Return the seconds that a call may take; raises :class:`DeadlineExceeded` if they are too few."""
        left = deadline.remaining()
        if deadline.expired or left < self._min:
            raise DeadlineExceeded(
                f"{left * 1000:.0f} ms are left, too few to ask {self.url}.", remedy="Give the request more time."
            )
        return min(left, self._max)

    async def get(self, path: str, deadline: Deadline) -> dict[str, Any]:
        """Return the JSON object at ``path``."""
        return await self._ask("GET", path, None, deadline)

    async def post(self, path: str, body: dict[str, Any], deadline: Deadline) -> dict[str, Any]:
        """Return the JSON object with which the server answers ``body``."""
        return await self._ask("POST", path, body, deadline)

    async def events(self, path: str, body: dict[str, Any], deadline: Deadline) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the server-sent events with which the server answers ``body``; it must close with ``[DONE]``.

        Raises:
            DeadlineExceeded: The deadline came before the end.

        """
        async with aclosing(self._lines(path, body, deadline)) as lines:
            while True:
                try:
                    async with asyncio.timeout(self.check(deadline)):
                        line = await anext(lines)
                except StopAsyncIteration:
                    break
                except TimeoutError as error:
                    raise self._late() from error
                data = line.removeprefix("data:").strip() if line.startswith("data:") else ""
                if data == "[DONE]":
                    return
                if data:
                    yield self._object(path, data)
        raise ServiceDown(f"The vLLM server at {self.url} broke off its answer for {self._model!r}.", remedy=_REMEDY)

    def nonsense(self, path: str, answer: object) -> ServiceDown:
        """Return the error for an answer that is not of the protocol."""
        return ServiceDown(
            f"The server at {self.url}{path} answered {answer!r:.120} for {self._model!r}, which is not vLLM's protocol.",
            remedy="Check that PALATE_VLLM_URL names a vLLM server of version 0.32 or newer.",
        )

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None and self._loop is asyncio.get_running_loop():
            await client.aclose()

    def _http(self) -> httpx.AsyncClient:
        """Return the client of the running loop: connections belong to the loop that opened them."""
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            self._client = httpx.AsyncClient(
                base_url=self.url, headers=self._headers, transport=self._transport, limits=_LIMITS, trust_env=False
            )
            self._loop = loop
        return self._client

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None, deadline: Deadline) -> dict[str, Any]:
        for attempt in (1, 2):
            seconds = self.check(deadline)
            try:
                async with asyncio.timeout(seconds):
                    response = await self._http().request(method, path, json=body, timeout=seconds)
                break
            except (TimeoutError, httpx.TimeoutException) as error:
                raise self._late() from error
            except httpx.TransportError as error:
                if attempt == 2 or deadline.remaining() < self._min:
                    raise self._down(error) from error
        self._raise_for(response.status_code, path, response.text)
        return self._object(path, response.text)

    async def _lines(self, path: str, body: dict[str, Any], deadline: Deadline) -> AsyncGenerator[str, None]:
        for attempt in (1, 2):
            begun = False
            try:
                seconds = self.check(deadline)
                async with self._http().stream("POST", path, json=body, timeout=seconds) as response:
                    if response.status_code != httpx.codes.OK:
                        await response.aread()
                        self._raise_for(response.status_code, path, response.text)
                    async for line in response.aiter_lines():
                        begun = True
                        yield line
                return
            except httpx.TimeoutException as error:
                raise self._late() from error
            except httpx.TransportError as error:
                if begun or attempt == 2 or deadline.remaining() < self._min:
                    raise self._down(error) from error

    def _raise_for(self, status: int, path: str, text: str) -> None:
        if status == httpx.codes.OK:
            return
        said = _said(text)
        if status in {400, 413, 422}:
            raise Refused(
                f"The vLLM server refused the request: {said}.", remedy="Shorten the prompt or correct it.", param="prompt"
            )
        if status == 404 and path.startswith("/v1/"):
            raise ServiceDown(
                f"The vLLM server at {self.url} does not serve {self._model!r}: {said}.",
                remedy="Set PALATE_VLLM_MODEL to a model that it serves, or load the LoRA adapter there.",
            )
        remedy = "Set PALATE_VLLM_API_KEY." if status in {401, 403} else _REMEDY
        raise ServiceDown(f"The server at {self.url}{path} answered {status} for {self._model!r}: {said}.", remedy=remedy)

    def _object(self, path: str, text: str) -> dict[str, Any]:
        try:
            answer = json.loads(text)
        except ValueError as error:
            raise self.nonsense(path, text) from error
        if not isinstance(answer, dict):
            raise self.nonsense(path, answer)
        if answer.get("error"):
            raise ServiceDown(
                f"The vLLM server at {self.url} failed for {self._model!r}: {_said(text)}.", remedy="See the log of the server."
            )
        return answer

    def _late(self) -> DeadlineExceeded:
        return DeadlineExceeded(
            f"The vLLM server at {self.url} did not answer for {self._model!r} in time.", remedy="Give the request more time."
        )

    def _down(self, error: Exception) -> ServiceDown:
        return ServiceDown(
            f"The vLLM server at {self.url} (model {self._model!r}) does not answer: {error or type(error).__name__}.",
            remedy=_REMEDY,
        )


def _said(text: str) -> str:
    """Return the message of an error answer, or its beginning."""
    try:
        answer = json.loads(text)
        message = answer["error"]["message"] if "error" in answer else answer["message"]
    except (ValueError, KeyError, TypeError):
        message = text
    return str(message)[:200].strip().rstrip(".") or "nothing"
