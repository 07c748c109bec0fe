"""What every request passes: an id, a limit on its body, safe headers, and an envelope for what nobody expected."""

from __future__ import annotations

import logging
import re
import secrets

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import error_answer

__all__ = ["Gate"]

_logger = logging.getLogger(__name__)
_GOOD_ID = re.compile(r"^[A-Za-z0-9._-]{1,64}$")

_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": (
        "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; style-src 'self' 'unsafe-inline'; "
        "object-src 'none'; base-uri 'none'; frame-ancestors 'self'"
    ),
    "permissions-policy": "camera=(), geolocation=()",
    "cross-origin-resource-policy": "cross-origin",
}


class _TooLarge(HTTPException):
    """An HTTPException, since FastAPI turns every other error that comes up while it reads a body into a 400."""

    def __init__(self, limit: int) -> None:
        message = f"The body is longer than {limit} bytes. Send less at once, or raise PALATE_MAX_BODY_BYTES."
        super().__init__(413, message, headers={"connection": "close"})


class Gate:
    """ASGI middleware around the whole application.

    Args:
        app: The application.
        max_body_bytes: Longer bodies are answered with 413 without being held in memory.

    """

    def __init__(self, app: ASGIApp, *, max_body_bytes: int) -> None:
        self._app = app
        self._limit = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _GOOD_ID.match(given) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        started = False

        async def send_on(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                out = MutableHeaders(scope=message)
                out["x-request-id"] = request_id
                for name, value in _HEADERS.items():
                    out.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, self._limited(headers, receive), send_on)
        except Exception:
            _logger.exception("Request %s failed: %s %s", request_id, scope["method"], ascii(scope["path"]))
            if started:
                raise
            message = f"Something went wrong here; the log has it under {request_id}."
            await error_answer(message, status=500, code="internal_error")(scope, receive, send_on)

    def _limited(self, headers: Headers, receive: Receive) -> Receive:
        length = headers.get("content-length", "0")
        told = int(length) if length.isascii() and length.isdigit() else 0
        taken = 0

        async def limited() -> Message:
            nonlocal taken
            if told > self._limit:
                raise _TooLarge(self._limit)
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._limit:
                raise _TooLarge(self._limit)
            return message

        return limited
