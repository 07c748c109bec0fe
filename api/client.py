"""The commands' side of the HTTP API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import httpx

from palate.errors import PalateError, ServiceDown

__all__ = ["Client", "RemoteError"]


class RemoteError(PalateError):
    """What a server answered instead of a result; ``body`` is its envelope."""

    def __init__(self, body: dict[str, Any]) -> None:
        self.body = body
        error = body["error"]
        super().__init__(error["message"], param=error.get("param"))
        self.code = error["code"]


class Client:
    """Calls a server on this machine.

    Args:
        url: Its base URL.
        token: What it wants to see for administration.

    """

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        # No time limit: an import takes as long as it takes. No proxy: it is this machine.
        self._http = httpx.Client(base_url=url, headers={"authorization": f"Bearer {token}"}, timeout=None, trust_env=False)  # noqa: S113

    def get(self, path: str) -> dict[str, Any]:
        """Return the JSON answer to a GET; readiness counts as an answer whatever it says.

        Raises:
            RemoteError: The server refused.
            ServiceDown: It does not answer.

        """
        return self._answer("GET", path, None)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Return the JSON answer to a POST; raises as :meth:`get` does."""
        return self._answer("POST", path, {name: value for name, value in body.items() if value is not None})

    def stream(self, path: str, body: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the (event, data) pairs of a stream; raises as :meth:`get` does, also for an ``error`` event."""
        try:
            with self._http.stream("POST", path, json=body) as response:
                if response.is_error:
                    response.read()
                    raise _refusal(response)
                name = ""
                for line in response.iter_lines():
                    if line.startswith("event: "):
                        name = line.removeprefix("event: ")
                    elif line.startswith("data: "):
                        data = json.loads(line.removeprefix("data: "))
                        if name == "error":
                            raise RemoteError(data)
                        yield name, data
        except httpx.HTTPError as error:
            raise self._down(error) from error

    def close(self) -> None:
        """Let the connection go."""
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _answer(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        try:
            response = self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise self._down(error) from error
        if response.is_error and path != "/readyz":
            raise _refusal(response)
        answer: dict[str, Any] = response.json()
        return answer

    def _down(self, error: httpx.HTTPError) -> ServiceDown:
        return ServiceDown(
            f"{self.url} does not answer: {error}.", remedy="Look at the server's log; start it again with 'palate serve'."
        )


def _refusal(response: httpx.Response) -> PalateError:
    try:
        return RemoteError(response.json())
    except (ValueError, KeyError, TypeError):
        return ServiceDown(f"{response.url} answered {response.status_code} without saying why.", remedy="Look at its log.")
