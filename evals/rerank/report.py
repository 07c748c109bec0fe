"""The rerank report as files: JSON, and a picture of what each order reaches."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evals.rerank.judging import SYSTEMS
from palate.errors import MissingExtra

__all__ = ["write_rerank_report"]

_NAMES = {
    "retrieval": "retrieval",
    "zero_shot": "LLM, untuned",
    "llm_only": "LLM, tuned",
    "fast": "learned order, no LLM",
    "fused": "with the LLM",
    "cascade": "LLM where unsure",
}


def write_rerank_report(report: Mapping[str, Any], folder: Path) -> tuple[Path, Path]:
    """Write ``rerank.json`` and ``rerank.png`` to a folder and return their paths.

    Raises:
        MissingExtra: matplotlib is not installed.

    """
    folder.mkdir(parents=True, exist_ok=True)
    document, picture = folder / "rerank.json", folder / "rerank.png"
    document.write_text(json.dumps(report, indent=2), encoding="utf-8")
    _plot(report, picture)
    return document, picture


def _plot(report: Mapping[str, Any], path: Path) -> None:
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise MissingExtra("matplotlib", "eval") from error
    arenas = {"warm": report, **{name: report[name] for name in ("cold_users", "cold_items", "conversation") if name in report}}
    bars = [(name.replace("_", " "), row) for name, row in arenas.items() if "retrieval" in row]
    loo = {name: row["loo"] for name, row in report["by_dataset"].items() if "loo" in row}
    bars += [(f"leave one out,\n{Path(name).name}", row) for name, row in loo.items()]
    figure = Figure(figsize=(2 + 2.2 * max(len(bars), 1), 4), layout="constrained")
    axes = figure.subplots()
    systems = [name for name in SYSTEMS if any(name in row for _, row in bars)]
    width = 0.8 / max(len(systems), 1)
    for number, system in enumerate(systems):
        shown = [(place, row[system]["ndcg@10"]) for place, (_, row) in enumerate(bars) if system in row]
        values = [found["value"] for _, found in shown]
        spread = [[v["value"] - v["low"] for _, v in shown], [v["high"] - v["value"] for _, v in shown]]
        places = [place + (number - (len(systems) - 1) / 2) * width for place, _ in shown]
        axes.bar(places, values, width, yerr=spread, capsize=2, label=_NAMES[system])
    axes.set_xticks(range(len(bars)), [label for label, _ in bars])
    axes.set_ylabel("NDCG@10, 95 % interval")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)
