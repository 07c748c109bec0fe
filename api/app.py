"""The application: endpoint families, errors, headers, the widget and the demo page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse, Response
from starlette.middleware.cors import CORSMiddleware
from starlette.staticfiles import StaticFiles

from api.admin.router import router as admin
from api.chat.router import router as chat
from api.errors import install_error_handlers
from api.events.router import router as events
from api.explanations.router import router as explanations
from api.health.router import router as health
from api.items.router import router as items
from api.media.router import router as media
from api.middleware import Gate
from api.people.router import router as people
from api.recommendations.router import router as recommendations
from api.runtime import Palate
from palate import __version__

__all__ = ["create_app"]

_STATIC = Path(__file__).parent / "static"
_FAMILIES = (recommendations, explanations, chat, events, items, media, people, health, admin)


def create_app(palate: Palate) -> FastAPI:
    """Return the application over the parts. They are opened and closed by the caller."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with palate.conversations():
            yield

    app = FastAPI(title="Palate", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.palate = palate
    install_error_handlers(app)
    for family in _FAMILIES:
        app.include_router(family)
    _serve_pages(app, demo=palate.settings.demo)
    if palate.settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=palate.settings.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["authorization", "content-type", "x-request-id"],
            expose_headers=["x-request-id"],
        )
    app.add_middleware(Gate, max_body_bytes=palate.settings.max_body_bytes)
    return app


def _serve_pages(app: FastAPI, *, demo: bool) -> None:
    # A host page loads the widget from elsewhere, so it is open to every origin; it holds no data.
    widget = StaticFiles(directory=_STATIC, check_dir=False)
    app.mount("/widget", widget, name="widget")
    if demo:

        @app.head("/", include_in_schema=False, response_model=None)
        @app.get("/", include_in_schema=False, response_model=None)
        async def get_page() -> Response:
            return FileResponse(_STATIC / "demo.html", headers={"cache-control": "no-cache"})

        app.mount("/static", widget, name="static")
