"""Administration is for commands of the same user on the same machine."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute

from api.runtime import Palate

__all__ = ["FromThisMachine"]


def _is_loopback(host: str | None) -> bool:
    try:
        return host is not None and ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check(request: Request) -> None:
    palate: Palate = request.app.state.palate
    local = request.client is not None and _is_loopback(request.client.host)
    forwarded = any(name in request.headers for name in ("forwarded", "x-forwarded-for"))
    given = request.headers.get("authorization", "").removeprefix("Bearer ").encode()
    if not local or forwarded or not secrets.compare_digest(given, palate.lock.token.encode()):
        raise HTTPException(
            403, "Administration is only for the commands of 'palate' on this machine, which show the folder's token."
        )


class FromThisMachine(APIRoute):
    """A route that only commands reach which show the folder's token.

    A route and no dependency: those are asked once the body has been read, and nobody else's body is to be read at all.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, behind the check."""
        inner = super().get_route_handler()

        async def checked(request: Request) -> Response:
            _check(request)
            return await inner(request)

        return checked
