"""What commands write: results on stdout, all else on stderr."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import TaskID
from rich.table import Table

from api.client import RemoteError
from api.errors import envelope, palate_envelope
from api.session import ProgressLines, progress_bars
from palate.domain import Progress
from palate.errors import PalateError

__all__ = ["errors_shown", "show_document", "show_explanation", "show_slate", "stages_shown", "stderr", "stdout"]

stdout = Console()
stderr = Console(stderr=True)
_logger = logging.getLogger(__name__)


def show_document(document: Any) -> None:
    """Write one JSON document to stdout."""
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2))


@contextmanager
def errors_shown(*, as_json: bool = False) -> Iterator[None]:
    """Turn an error into a message on stderr and exit status 1; with ``as_json`` its envelope goes to stdout too."""
    try:
        yield
    except PalateError as error:
        stderr.print(f"[bold red]Error:[/] {escape(str(error))}", soft_wrap=True)
        if as_json:
            show_document(error.body if isinstance(error, RemoteError) else palate_envelope(error))
        raise typer.Exit(1) from error
    except (typer.Exit, typer.Abort):
        raise
    except Exception as error:
        _logger.exception("The command failed")
        if as_json:
            show_document(envelope(f"{type(error).__name__}: {error}", status=500, code="internal_error"))
        raise typer.Exit(1) from error


@contextmanager
def stages_shown() -> Iterator[Progress]:
    """Give a function that shows how far each stage is: bars on a terminal, else lines (:class:`api.session.ProgressLines`)."""
    lines = ProgressLines(stderr)
    with progress_bars(stderr) as bars:
        tasks: dict[str, TaskID] = {}

        def as_bars(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total or None)
            bars.update(tasks[stage], completed=done, total=total or None)

        yield as_bars if stderr.is_terminal else lines.tell


def _title(item: dict[str, Any]) -> str:
    year = f" ({item['year']})" if item.get("year") else ""
    creators = f" · {', '.join(item['creators'])}" if item.get("creators") else ""
    return f"[bold]{escape(item['title'])}[/]{year}{escape(creators)}"


def show_slate(slate: dict[str, Any]) -> None:
    """Write a slate for people: places, titles and reasons."""
    table = Table(show_header=True, header_style="dim", box=None, pad_edge=False)
    for name in ("#", "What", "Genres", "Why"):
        table.add_column(name, overflow="fold")
    for item in slate["items"]:
        reasons = "\n".join(escape(reason["text"]) for reason in item["reasons"])
        table.add_row(
            str(item["rank"]), f"{_title(item)}\n[dim]{escape(item['item_id'])}[/]", escape(", ".join(item["genres"])), reasons
        )
    stdout.print(table if slate["items"] else "Nothing fits. Ask for less, or import more items.")
    degraded = f" · left out: {', '.join(slate['degraded'])}" if slate["degraded"] else ""
    total = slate["timings_ms"]["total"]
    stdout.print(f"[dim]decision {escape(slate['decision_id'])} · {total:.0f} ms{escape(degraded)}[/]", soft_wrap=True)


def show_explanation(explanation: dict[str, Any]) -> None:
    """Write why an item was in a slate."""
    stdout.print(f"[bold]{escape(explanation['title'])}[/]")
    for reason in explanation["reasons"]:
        stdout.print(f"  • {escape(reason['text'])} [dim]({reason['author']})[/]", soft_wrap=True)
        for evidence in reason["evidence"]:
            what = " · ".join(str(evidence[k]) for k in ("kind", "platform", "item_id", "detail") if evidence.get(k))
            stdout.print(f"      [dim]{escape(what)} · {evidence['weight']:.3g}[/]", soft_wrap=True)
    sources = ", ".join(f"{hit['source']} #{hit['rank']}" for hit in explanation["sources"])
    stdout.print(f"[dim]{_place(explanation)} · found by {escape(sources)}[/]")


def _place(explanation: dict[str, Any]) -> str:
    """Return an item's rank, and the retriever's where a learned order or the LLM had a say in it."""
    before = explanation["rank_without_llm"]
    # A learned order reads the LLM's score too, so that without it neither counts.
    learned, asked = explanation["model"].get("order") == "learned", explanation["scores"]["llm"] is not None
    if before is None or not (learned or asked):
        return f"rank {explanation['rank']}"
    return f"rank {explanation['rank']} ({before} without {'the learned order' if learned else 'the LLM'})"
