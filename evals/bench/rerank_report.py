"""Shows what the rerank benchmark measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.table import Table

__all__ = ["plot_rerank", "rerank_tables"]

_RATIO_GOAL, _SPEEDUP_GOAL, _MS_GOAL = 1.15, 2.0, 600
_ROW = ("engine", "load_s", "p50", "p95", "rank_correlation", "rank_correlation_min", "same_top")


def rerank_tables(report: dict[str, Any]) -> list[Table]:
    """Return the tables: the race against writing, times, and, where they were measured, engines and start."""
    tables = [_race(report), _times(report)]
    if report["engines"]:
        engines = Table(title="Engines, the same prompts")
        for column in ("engine", "load s", "p50 ms", "p95 ms", "rank corr.", "lowest", "same top"):
            engines.add_column(column, justify="left" if column == "engine" else "right")
        for row in report["engines"]:
            engines.add_row(*(str(row[key]) for key in _ROW))
        tables.append(engines)
    if "conversion_s" in report:
        other = Table(title="Start")
        for column in ("conversion s", "open (warm) s", "first answer s"):
            other.add_column(column, justify="right")
        other.add_row(*(str(report[k]) for k in ("conversion_s", "open_warm_s", "first_answer_s")))
        tables.append(other)
    return tables


def _race(report: dict[str, Any]) -> Table:
    bound, held = report["bound"], {"none": "unconstrained", "grammar": "each label once", "json_schema": "any labels"}
    shown = Table(title=f"Scoring {report['config']['candidates']} labels against writing their order, {report['engine']}")
    for column in ("", "tokens", "ms (p50)", "tokens/s"):
        shown.add_column(column, justify="right" if column else "left")
    shown.add_row(
        "one prefill", f"{report['prompt_tokens']:.0f}", f"{report['prefill_ms']:.0f}", f"{bound['prefill_tokens_per_s']:.0f}"
    )
    tokens = f"{report['generated_tokens']:.0f}"
    writes = f"written ({held[report['constraint']]})"
    shown.add_row(writes, tokens, f"{report['generated_ms']:.0f}", f"{bound['decode_tokens_per_s']:.0f}")
    shown.add_row(f"speedup (goal {_SPEEDUP_GOAL:g})", "", f"{report['speedup']:.2f}", f"by rates {bound['speedup']:.2f}")
    shown.add_row("malformed orderings", "", f"{100 * report['malformed_share']:.0f} %", "")
    return shown


def _times(report: dict[str, Any]) -> Table:
    times = Table(title=f"Reranking {report['config']['candidates']} candidates")
    for column in ("", "p50 ms", "p95 ms"):
        times.add_column(column, justify="left" if not column else "right")
    rows = [(f"one user (goal p50 {_MS_GOAL})", report["rerank_ms"]), (f"{report['users']['users']} users", report["users"])]
    if "bare_ms" in report:
        rows.append(("bare forward pass", report["bare_ms"]))
    for name, row in rows:
        times.add_row(name, f"{row['p50']:.0f}", f"{row['p95']:.0f}")
    if "bare_ms" in report:
        times.add_row(f"ratio to bare (goal {_RATIO_GOAL})", f"{report['ratio_p50']:.3f}", f"paired {report['ratio_paired']:.3f}")
    return times


def plot_rerank(report: dict[str, Any], path: Path) -> None:
    """Draw the engines' times, or, where none were compared, one prefill beside writing."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(8, 4), layout="constrained")
    if not (rows := report["engines"]):
        axis.barh(["one prefill", "writing the order"], [report["prefill_ms"], report["generated_ms"]], color="#4b6cb7")
        axis.invert_yaxis()
        axis.set_xlabel("milliseconds for one prompt (p50)")
        axis.set_title(f"{report['engine']}: {report['prompt_tokens']:.0f} tokens read, {report['generated_tokens']:.0f} written")
        figure.savefig(path, dpi=120)
        pyplot.close(figure)
        return
    axis.barh([row["engine"] for row in rows], [row["p50"] for row in rows], color="#4b6cb7")
    axis.errorbar(
        [row["p50"] for row in rows],
        range(len(rows)),
        xerr=[[0.0] * len(rows), [max(0.0, row["p95"] - row["p50"]) for row in rows]],
        fmt="none",
        ecolor="#333333",
        capsize=3,
    )
    for place, row in enumerate(rows):
        axis.text(max(row["p50"], row["p95"]), place, f"  rank correlation {row['rank_correlation']:.2f}", va="center")
    axis.margins(x=0.35)
    axis.invert_yaxis()
    axis.set_xlabel("milliseconds for one prompt (bar: p50, whisker: p95)")
    axis.set_title(f"One prefill of {report['prompt_tokens']:.0f} tokens, {report['config']['threads']} threads")
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
