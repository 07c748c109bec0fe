"""Administration is for commands of the same user on the same machine."""

from __future__ import annotations

import ipaddress
import secrets
from typing import Annotated

from fastapi import Depends, Header, HTTPException, Request

from api.parts import Parts

__all__ = ["FromThisMachine"]


def _is_loopback(host: str | None) -> bool:
    try:
        return host is not None and ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _from_this_machine(request: Request, palate: Parts, authorization: Annotated[str, Header()] = "") -> None:
    local = request.client is not None and _is_loopback(request.client.host)
    forwarded = any(name in request.headers for name in ("forwarded", "x-forwarded-for"))
    given = authorization.removeprefix("Bearer ").encode()
    if not local or forwarded or not secrets.compare_digest(given, palate.lock.token.encode()):
        raise HTTPException(
            403, "Administration is only for the commands of 'palate' on this machine, which show the folder's token."
        )


FromThisMachine = Depends(_from_this_machine)
