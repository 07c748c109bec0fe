"""``palate demo``."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Annotated

import typer

from api.commands.output import errors_shown, stages_shown, stderr, stdout
from api.session import load_settings
from palate.errors import Unavailable

__all__ = ["demo"]


def demo(
    prepare_only: Annotated[bool, typer.Option("--prepare-only", help="Prepare the data folder, then end.")] = False,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 picks a free one.")] = None,
) -> None:
    """Install the demo world (films, music, three people), then serve its page."""
    with errors_shown():
        settings = load_settings(port=port, demo=True)
        from api.preparation import prepare
        from api.server import bind, leave, serve
        from api.wiring import build

        listening = nullcontext(None) if prepare_only else bind(settings.host, settings.port)
        with listening as listener, build(settings) as palate:
            with stages_shown() as progress:
                prepare(palate, progress)
            palate.open(media=not prepare_only)
            if listener is not None:
                serve(palate, listener, lambda url: stderr.print(f"Open [bold]{url}/[/] in a browser.", soft_wrap=True))
            elif palate.wait_settled():
                stdout.print(f"Prepared in {settings.home}.", soft_wrap=True)
            else:
                palate.require_ready()
                raise Unavailable("The demo world did not come up.", remedy="'palate doctor' checks every part.")
        leave(palate)
