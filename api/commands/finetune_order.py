"""``palate finetune order``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.commands.finetune import finetune, show_trained
from api.commands.output import errors_shown, stages_shown
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
        show_trained(folder, card, "PALATE_WORD_ORDER=", as_json=as_json)
