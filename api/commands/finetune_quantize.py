"""``palate finetune quantize``."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from api.commands.finetune import finetune
from api.commands.output import errors_shown, show_document, stages_shown, stderr, stdout
from api.session import load_settings
from palate.errors import InvalidInput

__all__ = ["quantize"]

_DROPS = (2, 4, 6)
_CALIBRATION = 8
_MIB = 1024 * 1024


class _To(StrEnum):
    int8 = "int8"
    int4 = "int4"
    mixed = "mixed"


_ToOption = Annotated[
    _To, typer.Option(help="int8: Q8_0; int4: Q4_1, embeddings Q8_0; mixed: as int4, but Q8_0 where an adapter changed weights.")
]


@finetune.command()
def quantize(
    adapter: Annotated[
        str | None,
        typer.Argument(help="A task, for the adapter that runs, or a folder of one, to merge in; unset, the base alone."),
    ] = None,
    *,
    to: _ToOption = _To.int8,
    out: Annotated[Path | None, typer.Option(help="Folder to write to; unset, exports under PALATE_HOME.")] = None,
    prompts: Annotated[int, typer.Option(min=0, help="How many prompts measure the loss; 0 measures nothing.")] = 20,
    prune: Annotated[bool, typer.Option("--prune", help="Also try leaving out 2, 4 and 6 layers; slow, writes no model.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the intervals.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Write the LLM as a smaller GGUF file, a LoRA adapter merged in, and measure what is lost against float32."""
    with errors_shown(as_json=as_json):
        from agent.llm.gguf import packaged_gguf
        from api.compression import chosen_adapter, demo_probes
        from finetune.job import base_model, base_ref
        from finetune.pruning import pruned_loss
        from finetune.quantize import QUANTS, quantize_model, quantized_loss, write_quantized_card

        if prune and not prompts:
            raise InvalidInput("--prune measures, and --prompts 0 asks for none.", remedy="Give --prompts 20.", param="prompts")
        settings = load_settings()
        base, ref = settings.llm_path or packaged_gguf(), base_ref(settings.llm_path)
        chosen = chosen_adapter(settings, adapter, ref)
        lora = None if chosen is None else chosen.folder
        name = "-".join([ref.name, *([] if chosen is None else [chosen.name]), QUANTS[to.value].name.lower()])
        made = quantize_model(base, lora, to.value, (out or settings.home / "exports") / f"{name}.gguf")
        said = None if chosen is None else (chosen.folder, None if chosen.card is None else chosen.card.task)
        loss: dict[str, Any] | None = None
        if prompts:
            with stages_shown() as progress:
                probes = demo_probes(settings, base, chosen, prompts + (_CALIBRATION if prune else 0), progress)
                read, calibration = probes[:prompts], probes[prompts:]
                how: dict[str, Any] = {"threads": settings.llm_threads, "seed": seed, "progress": progress}
                kind = "rank" if said is None or said[1] is None else said[1]
                loss = {"texts": kind, "prompts": len(read), "seed": seed}
                loss["rows"] = quantized_loss(base, lora, made, read, **how)
                if prune:
                    folder = base_model(settings.llm_path, settings.models).folder
                    loss["pruned"] = pruned_loss(folder, lora, read, calibration, _DROPS, **how)
        card_path, card = write_quantized_card(made, ref, said, loss)
        if as_json:
            show_document({"path": str(made.path), "card_path": str(card_path), "card": card})
            return
        _show(card, loss)
        stdout.print(f"Written: {escape(str(made.path))}", soft_wrap=True)
        if chosen is not None:
            stderr.print("It is for that task alone: Palate itself is better served by promoting the adapter.", soft_wrap=True)
        stderr.print(f"Let it run with: PALATE_LLM_PATH={escape(str(made.path))}", soft_wrap=True)


def _show(card: dict[str, Any], loss: dict[str, Any] | None) -> None:
    if loss is not None:
        rows = [(row["model"], f"{row['bytes'] / _MIB:.0f}", row) for row in loss["rows"]]
        stdout.print(_table(f"{loss['prompts']} texts: {loss['texts']}", "MiB", rows))
        if "pruned" in loss:
            left = [(f"{len(row['dropped'])} layers fewer", f"{row['time_ratio']:.2f}", row) for row in loss["pruned"]["rows"]]
            stdout.print(_table("Layers left out, float32", "time", left))
    size, full, base = (card[key] / _MIB for key in ("bytes", "float32_bytes", "base_bytes"))
    stdout.print(f"{size:.1f} MiB, {card['ratio']:.1%} of float32 ({full:.1f} MiB); the base's file has {base:.1f} MiB")


def _table(title: str, cost: str, rows: Sequence[tuple[str, str, dict[str, Any]]]) -> Table:
    shown = Table(title=title, box=None, pad_edge=False)
    for column in ("", cost, "rank corr.", "least", "± log p", "same first", "nll", "more"):
        shown.add_column(column, justify="right" if column else "left", no_wrap=bool(column))
    for name, value, row in rows:
        means = [f"{row[key]['value']:.3f}" for key in ("log_prob", "top1", "nll")]
        more = f"{row['nll_more']['value']:+.3f}"
        shown.add_row(name, value, f"{row['spearman']['value']:.3f}", f"{row['spearman_least']:.3f}", *means, more)
    return shown
