"""``palate doctor``."""

from __future__ import annotations

from typing import Annotated, Any

import anyio
import typer
from rich.markup import escape

from api.client import Client
from api.commands.output import errors_shown, show_document, stdout
from api.owner import find_owner
from api.session import load_settings
from palate.settings import Settings

__all__ = ["doctor"]

_SIGNS = {"ok": "[green]ok[/]     ", "warning": "[yellow]warning[/]", "fault": "[red]fault[/]  "}


def doctor(as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False) -> None:
    """Check weights, stores, index, LLM and optional services; exit 0 when ready, 1 when not."""
    with errors_shown(as_json=as_json):
        report = _report(load_settings())
        if as_json:
            show_document(report)
        else:
            for check in report["checks"]:
                stdout.print(f"{_SIGNS[check['status']]} {check['name']}: {escape(check['message'])}", soft_wrap=True)
                if check["remedy"]:
                    stdout.print(f"        → {escape(check['remedy'])}", soft_wrap=True)
        if not report["ready"]:
            raise typer.Exit(1)


def _report(settings: Settings) -> dict[str, Any]:
    owner = find_owner(settings.home)
    if owner is not None and owner.url is not None:
        with Client(owner.url, owner.token) as client:
            return client.get("/v1/admin/doctor")
    from api.doctor import examine_folder

    return anyio.run(examine_folder, settings).model_dump(mode="json")
