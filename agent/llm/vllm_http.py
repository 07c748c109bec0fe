"""HTTP to a vLLM server: pooled, tried again where that helps, never beyond the deadline, with errors that name the remedy."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import httpx
from anyio import fail_after
from pydantic import Field

from agent.llm.breaker import Late
from palate.deadline import Deadline
from palate.domain import Value
from palate.errors import DeadlineExceeded, InvalidInput, ServiceDown

__all__ = ["NotServed", "Refused", "VllmHttp", "VllmHttpConfig"]

_REMEDY = "Start it ('palate vllm up'), or set PALATE_VLLM_URL; PALATE_LLM=embedded does without."
_BUSY = {429, 503}


class Refused(InvalidInput):
    """The server took the request for a bad one (400, 413, 422)."""


class NotServed(ServiceDown):
    """The server answers, and does not serve that model or LoRA adapter (404)."""


class VllmHttpConfig(Value):
    """How the server is asked.

    With less than ``min_seconds`` left nothing is sent; ``max_seconds`` bounds a call without a deadline. Where no answer began to
    come, or the server says that it is busy (429, 503), a call is tried up to ``retries`` times more, after ``backoff_seconds``,
    twice that, and so on, each shortened by chance so that callers do not come back all at once. ``connections`` are kept at most.
    """

    min_seconds: float = Field(default=0.02, ge=0.0)
    max_seconds: float = Field(default=120.0, gt=0.0)
    retries: int = Field(default=2, ge=0, le=10)
    backoff_seconds: float = Field(default=0.05, ge=0.0)
    connections: int = Field(default=100, ge=1)


class VllmHttp:
    """Asks one server. All that is asked of it may be asked twice: completions change nothing, and adapters have fixed names.

    Args:
        url: Base URL, with or without ``/v1``.
        api_key: Bearer token.
        transport: Transport of httpx, for tests and proxies.
        config: The rest.

    """

    def __init__(
        self, url: str, api_key: str | None = None, *, transport: Any = None, config: VllmHttpConfig | None = None
    ) -> None:
        self.url = url.rstrip("/").removesuffix("/v1")
        self.config = config or VllmHttpConfig()
        self.outages = 0
        """How often no connection could be made or one broke: after such a moment the server may be another one."""
        self._transport = transport
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        # Connections belong to the event loop that opened them: a background thread that reads titles has one of its own.
        self._clients: dict[asyncio.AbstractEventLoop, httpx.AsyncClient] = {}
        self._making = threading.Lock()

    def check(self, deadline: Deadline) -> float:
        """Return the seconds that a call may take; raises :class:`DeadlineExceeded` if they are too few."""
        left = deadline.remaining()
        if deadline.expired or left < self.config.min_seconds:
            raise DeadlineExceeded(
                f"{left * 1000:.0f} ms are left, too few to ask {self.url}.", remedy="Give the request more time."
            )
        return min(left, self.config.max_seconds)

    async def get(self, path: str, deadline: Deadline) -> dict[str, Any]:
        """Return the JSON object at ``path``."""
        return self._object(path, await self._ask("GET", path, None, deadline))

    async def post(self, path: str, body: dict[str, Any], deadline: Deadline) -> dict[str, Any]:
        """Return the JSON object with which the server answers ``body``."""
        return self._object(path, await self._ask("POST", path, body, deadline))

    async def tell(self, path: str, body: dict[str, Any], deadline: Deadline) -> None:
        """Send ``body`` to a route that answers in plain words."""
        await self._ask("POST", path, body, deadline)

    async def events(self, path: str, body: dict[str, Any], deadline: Deadline) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the server-sent events with which the server answers ``body``; it must close with ``[DONE]``.

        Raises:
            Late: The deadline came before the end.

        """
        async with aclosing(self._lines(path, body, deadline)) as lines:
            while True:
                try:
                    with fail_after(self.check(deadline)):
                        line = await anext(lines)
                except StopAsyncIteration:
                    break
                except TimeoutError as error:
                    raise self._late(body) from error
                data = line.removeprefix("data:").strip() if line.startswith("data:") else ""
                if data == "[DONE]":
                    return
                if data:
                    yield self._object(path, data)
        self.outages += 1
        raise ServiceDown(f"The vLLM server at {self.url} broke off its answer{_for(body)}.", remedy=_REMEDY)

    def nonsense(self, path: str, answer: object) -> ServiceDown:
        """Return the error for an answer that is not of the protocol."""
        return ServiceDown(
            f"The server at {self.url}{path} answered {answer!r:.120}, which is not vLLM's protocol.",
            remedy="Check that PALATE_VLLM_URL names a vLLM server of version 0.32 or newer.",
        )

    async def close(self) -> None:
        """Close the connections of the running event loop; those of loops that ended went with them."""
        with self._making:
            client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()

    def _http(self) -> httpx.AsyncClient:
        """Return the client of the running event loop."""
        loop, most = asyncio.get_running_loop(), self.config.connections
        with self._making:
            if (client := self._clients.get(loop)) is None:
                for ended in [other for other in self._clients if other.is_closed()]:
                    del self._clients[ended]
                client = self._clients[loop] = httpx.AsyncClient(
                    base_url=self.url,
                    headers=self._headers,
                    transport=self._transport,
                    limits=httpx.Limits(max_connections=most, max_keepalive_connections=most),
                    trust_env=False,
                )
            return client

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None, deadline: Deadline) -> str:
        attempt = 0
        while True:
            seconds = self.check(deadline)
            try:
                with fail_after(seconds):
                    response = await self._http().request(method, path, json=body, timeout=None)
                if response.status_code not in _BUSY or not await self._again(attempt, deadline):
                    break
            except TimeoutError as error:
                raise self._late(body) from error
            except httpx.TransportError as error:
                self.outages += 1
                if not await self._again(attempt, deadline):
                    raise self._down(body, error) from error
            attempt += 1
        self._raise_for(response.status_code, path, body, response.text)
        return response.text

    async def _lines(self, path: str, body: dict[str, Any], deadline: Deadline) -> AsyncGenerator[str, None]:
        attempt = 0
        while True:
            begun = False
            try:
                async with self._http().stream("POST", path, json=body, timeout=None) as response:
                    if response.status_code != httpx.codes.OK:
                        await response.aread()
                        if response.status_code not in _BUSY or not await self._again(attempt, deadline):
                            self._raise_for(response.status_code, path, body, response.text)
                    else:
                        async for line in response.aiter_lines():
                            begun = True
                            yield line
                        return
            except httpx.TransportError as error:
                self.outages += 1
                if begun or not await self._again(attempt, deadline):
                    raise self._down(body, error) from error
            attempt += 1

    async def _again(self, attempt: int, deadline: Deadline) -> bool:
        """Wait before another attempt; return whether there is to be one."""
        pause = self.config.backoff_seconds * 2**attempt * random.uniform(0.5, 1.0)
        if attempt >= self.config.retries or not deadline.allows(pause + self.config.min_seconds):
            return False
        await asyncio.sleep(pause)
        return not deadline.expired

    def _raise_for(self, status: int, path: str, body: dict[str, Any] | None, text: str) -> None:
        if status == httpx.codes.OK:
            return
        said = _said(text)
        if status in {400, 413, 422}:
            raise Refused(
                f"The vLLM server refused the request{_for(body)}: {said}.",
                remedy="Shorten the prompt or correct it.",
                param="prompt",
            )
        if status == 404 and path.startswith("/v1/"):
            raise NotServed(
                f"The vLLM server at {self.url} does not serve what was asked{_for(body)}: {said}.",
                remedy="Set PALATE_VLLM_MODEL to a model that it serves, or load the LoRA adapter there.",
            )
        remedy = "Set PALATE_VLLM_API_KEY." if status in {401, 403} else _REMEDY
        raise ServiceDown(f"The server at {self.url}{path} answered {status}{_for(body)}: {said}.", remedy=remedy)

    def _object(self, path: str, text: str) -> dict[str, Any]:
        try:
            answer = json.loads(text)
        except ValueError as error:
            raise self.nonsense(path, text) from error
        if not isinstance(answer, dict):
            raise self.nonsense(path, answer)
        if answer.get("error"):
            raise ServiceDown(f"The vLLM server at {self.url} failed: {_said(text)}.", remedy="See the log of the server.")
        return answer

    def _late(self, body: dict[str, Any] | None) -> Late:
        return Late(f"The vLLM server at {self.url} did not answer{_for(body)} in time.", remedy="Give the request more time.")

    def _down(self, body: dict[str, Any] | None, error: Exception) -> ServiceDown:
        return ServiceDown(
            f"The vLLM server at {self.url} does not answer{_for(body)}: {error or type(error).__name__}.", remedy=_REMEDY
        )


def _for(body: dict[str, Any] | None) -> str:
    """Name the model that was asked for, where one was."""
    model = (body or {}).get("model") or (body or {}).get("lora_name")
    return f" for {model!r}" if model else ""


def _said(text: str) -> str:
    """Return the message of an error answer, or its beginning."""
    try:
        answer = json.loads(text)
        message = answer["error"]["message"] if "error" in answer else answer["message"]
    except (ValueError, KeyError, TypeError):
        message = text
    return str(message)[:200].strip().rstrip(".") or "nothing"
