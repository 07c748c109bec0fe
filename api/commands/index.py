"""``palate index build`` and ``palate index rebuild``."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import typer

from api.client import Client
from api.commands.output import errors_shown, show_document, stderr, stdout
from api.session import connected, load_settings, show_readiness

__all__ = ["index"]

index = typer.Typer(help="The index of texts, pictures and sounds; derived from the catalog.", no_args_is_help=True)

_Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


def _run(action: str, *, as_json: bool) -> None:
    fresh = action == "rebuild"
    with errors_shown(as_json=as_json), connected(load_settings(), stderr, wait_for=None, fresh_index=fresh) as client:
        state = _watched(client, action)
        if as_json:
            show_document(state)
        else:
            for name, part in state["parts"].items():
                stdout.print(f"{name}: {part['done']} of {part['total']}" + (f" ({part['error']})" if part["error"] else ""))
        if any(part["error"] for part in state["parts"].values()):
            raise typer.Exit(1)


def _watched(client: Client, action: str) -> dict[str, Any]:
    """Ask for the work, and show how far it is until it is answered."""
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.post, "/v1/admin/index", {"action": action})
        show_readiness(client, stderr, lambda _state: answer.done())
        return answer.result()


@index.command()
def build(as_json: _Json = False) -> None:
    """Index what is missing or changed."""
    _run("build", as_json=as_json)


@index.command()
def rebuild(as_json: _Json = False) -> None:
    """Throw the index away, damaged or not, and make it anew from the catalog."""
    _run("rebuild", as_json=as_json)
