"""``palate history import`` and ``palate catalog import``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from api.commands.output import errors_shown, show_document, stderr, stdout
from api.session import connected, load_settings

__all__ = ["catalog", "history"]

history = typer.Typer(help="What people watched, heard and read.", no_args_is_help=True)
catalog = typer.Typer(help="What can be recommended.", no_args_is_help=True)

_File = Annotated[Path, typer.Argument(exists=True, resolve_path=True, help="The file (or folder) to import.")]
_Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


@history.callback()
def _history() -> None:
    """Keep ``import`` a command of its own, though it is the only one."""


@catalog.callback()
def _catalog() -> None:
    """Keep ``import`` a command of its own, though it is the only one."""


def _import(path: str, body: dict[str, Any], *, as_json: bool) -> None:
    with errors_shown(as_json=as_json), connected(load_settings(), stderr, wait_for=None) as client:
        with stderr.status("Importing…"):
            report = client.post(path, body)
        if as_json:
            show_document(report)
        else:
            _show(report)
        if 0 < report["read"] == report["rejected"]:  # some bad rows among good ones are no failure
            raise typer.Exit(1)


def _show(report: dict[str, Any]) -> None:
    counts = ", ".join(f"{value} {name}" for name, value in report.items() if isinstance(value, int))
    stdout.print(f"Imported: {counts}.")
    for error in report["errors"]:
        stderr.print(
            f"[yellow]{escape(error['location'])}[/]: {escape(error['message'])} {escape(error['remedy'])}", soft_wrap=True
        )


@history.command("import")
def import_history(
    platform: Annotated[str, typer.Argument(help="Whose export it is, e.g. netflix.")],
    file: _File,
    person: Annotated[str | None, typer.Option(help="Whose history it is; left out only for bulk sources.")] = None,
    as_json: _Json = False,
) -> None:
    """Import a platform's export. What is there already counts once."""
    body = {"platform": platform, "path": str(file), "person_id": person}
    _import("/v1/admin/history:import", body, as_json=as_json)


@catalog.command("import")
def import_catalog(file: _File, as_json: _Json = False) -> None:
    """Import items from JSON lines or CSV."""
    _import("/v1/admin/catalog:import", {"path": str(file)}, as_json=as_json)
