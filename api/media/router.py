"""``GET /media/{key}``."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response

from api.media.service import media_type
from api.parts import Parts

__all__ = ["router"]

router = APIRouter(tags=["media"])
_CACHE = "public, max-age=86400"


@router.head("/media/{key:path}", include_in_schema=False, response_model=None)
@router.get("/media/{key:path}", response_model=None)
def get_media(key: str, request: Request, palate: Parts) -> Response:
    """Return a picture or a sound, with caching and byte ranges; it is made on first use where the demo world makes it."""
    found = palate.media.find(key)
    headers = {"cache-control": _CACHE}
    if isinstance(found, Path):
        stat = found.stat()
        tag = hashlib.sha256(f"{stat.st_mtime_ns}-{stat.st_size}".encode()).hexdigest()[:24]
    else:
        tag = hashlib.sha256(found).hexdigest()[:24]
    headers["etag"] = f'"{tag}"'
    if headers["etag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if isinstance(found, Path):
        return FileResponse(found, media_type=media_type(key), headers=headers)
    return Response(found, media_type=media_type(key), headers=headers)
