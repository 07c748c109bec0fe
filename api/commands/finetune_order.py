"""``palate finetune order``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from api.commands.eval import stages_shown
from api.commands.finetune import finetune
from api.commands.output import errors_shown, show_document, stderr, stdout
from api.session import load_settings

__all__ = ["order"]


@finetune.command()
def order(
    *,
    dataset: Annotated[str, typer.Option(help="Dialogues: names under PALATE_DATASETS or paths of folders, separated by commas.")],
    out: Annotated[Path | None, typer.Option(help="Folder to write to; unset, training/order under PALATE_HOME.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of how the dialogues are parted.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Train the learned order of requests in words on dialogues, without an LLM, and measure it on held-out turns."""
    with errors_shown(as_json=as_json):
        from evals.models import Rows
        from finetune.word_order import WordOrder, WordOrderConfig

        settings = load_settings()
        folder = out or settings.home / "training" / "order"
        names = [name.strip() for name in dataset.split(",") if name.strip()]
        rows = Rows(folder=settings.home / "cache" / "evals")
        with stages_shown() as progress:
            made = WordOrder(rows, settings.datasets, names, config=WordOrderConfig(seed=seed), progress=progress)
            card = made.train(folder)
        if as_json:
            show_document({"folder": str(folder), "card": card.model_dump(mode="json")})
            return
        for name, found in card.metrics.items():
            stdout.print(f"{name} {found.value:.4f} [dim]({found.low:.4f} to {found.high:.4f})[/]")
        stdout.print(f"Written: {escape(str(folder))}", soft_wrap=True)
        stderr.print(f"Let it run with: PALATE_WORD_ORDER={escape(str(folder))}", soft_wrap=True)
