"""``palate fit``."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

import typer
from rich.markup import escape

from api.commands.output import errors_shown, show_document, stderr, stdout
from api.session import connected, load_settings, show_readiness

__all__ = ["fit"]


def fit(as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False) -> None:
    """Fit the candidate sources anew on the catalog and all histories, and learn how to order what they find.

    Where the source 'cold' is asked, the LLM first reads the titles that it has not read.
    """
    with errors_shown(as_json=as_json), connected(load_settings(), stderr, wait_for=None) as client:
        if not stderr.is_terminal:  # loading the LLM may take a minute, and nothing moves until then
            stderr.print(
                "Fitting: new titles are read where there is an LLM, sources are fitted, the order is learned.", soft_wrap=True
            )
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(client.post, "/v1/admin/fit", {})
            show_readiness(client, stderr, lambda _state: answer.done())
            report = answer.result()
        if as_json:
            show_document(report)
        else:
            for source in report["sources"]:
                said = "fitted" if source.get("ready", True) else "too few histories to learn from; the order stays as it was fused"
                stdout.print(f"{escape(source['name'])}: {said}")
            for name, why in report["failed"].items():
                what = "read" if name == "titles" else "fitted"
                stderr.print(f"[yellow]{escape(name)}[/]: could not be {what}: {escape(why)}", soft_wrap=True)
        if report["failed"].keys() - {"titles"}:  # without them all else is there
            raise typer.Exit(1)
