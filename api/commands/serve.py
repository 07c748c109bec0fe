"""``palate serve``."""

from __future__ import annotations

from typing import Annotated

import typer

from api.commands.output import errors_shown, stderr
from api.session import load_settings

__all__ = ["serve"]


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 picks a free one.")] = None,
    demo: Annotated[bool | None, typer.Option("--demo", help="Serve the demo page too.")] = None,
) -> None:
    """Serve the API and the widget until told to stop."""
    with errors_shown():
        settings = load_settings(host=host, port=port, demo=demo)
        from api.server import bind, leave
        from api.server import serve as run
        from api.wiring import build

        with bind(settings.host, settings.port) as listener, build(settings) as palate:
            palate.open()
            run(palate, listener, lambda url: stderr.print(f"Palate listens at [bold]{url}[/]", soft_wrap=True))
        leave(palate)
