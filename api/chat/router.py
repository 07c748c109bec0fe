"""``POST /v1/chat``."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from api.chat.protocol import ChatBody
from api.chat.service import chat_events, chat_whole, check
from api.parts import Parts

__all__ = ["router"]

router = APIRouter(tags=["chat"])
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


@router.post("/v1/chat", response_model=None)
async def post_chat(body: ChatBody, request: Request, palate: Parts) -> Response:
    """Answer one message, as server-sent events ``status slate text done error``, each with a JSON document as its data."""
    check(palate, body)
    if not body.stream:
        return JSONResponse(await chat_whole(palate, body))

    async def lines() -> AsyncIterator[str]:
        async for name, data in chat_events(palate, body, request.state.request_id):
            yield f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"

    return StreamingResponse(lines(), media_type="text/event-stream", headers=_HEADERS)
