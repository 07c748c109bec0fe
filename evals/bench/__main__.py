"""``python -m evals.bench``: measures, prints a table, writes ``build/bench/rerank.json`` and ``rerank.png``."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from evals.bench.rerank import RerankBenchConfig, bench_rerank
from palate.errors import PalateError

_GOAL = 1.15
_ROW = ("engine", "load_s", "p50", "p95", "rank_correlation", "rank_correlation_min", "same_top")


def _tables(report: dict[str, Any]) -> list[Table]:
    times = Table(title=f"Reranking {report['config']['candidates']} candidates, {report['tokens']['mean']:.0f} tokens")
    for column in ("", "p50 ms", "p95 ms"):
        times.add_column(column, justify="left" if not column else "right")
    for name, key in (("reranker's call", "rerank_ms"), ("bare forward pass", "bare_ms")):
        times.add_row(name, f"{report[key]['p50']:.0f}", f"{report[key]['p95']:.0f}")
    times.add_row(f"ratio (goal {_GOAL})", f"{report['ratio_p50']:.3f}", f"paired {report['ratio_paired']:.3f}")
    engines = Table(title="Engines, the same prompts")
    for column in ("engine", "load s", "p50 ms", "p95 ms", "rank corr.", "lowest", "same top"):
        engines.add_column(column, justify="left" if column == "engine" else "right")
    for row in report["engines"]:
        engines.add_row(*(str(row[key]) for key in _ROW))
    other = Table(title="Start and writing")
    for column in ("conversion s", "open (warm) s", "first answer s", "decode tokens/s"):
        other.add_column(column, justify="right")
    other.add_row(*(str(report[k]) for k in ("conversion_s", "open_warm_s", "first_answer_s", "decode_tokens_per_s")))
    return [times, engines, other]


def _plot(report: dict[str, Any], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(8, 4), layout="constrained")
    rows = report["engines"]
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
    axis.set_title(f"One prefill of {report['tokens']['mean']:.0f} tokens, {report['config']['threads']} threads")
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmarks; return 0, or 1 where something that is needed is not there."""
    parser = argparse.ArgumentParser(prog="python -m evals.bench", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/bench"), help="folder for results")
    parser.add_argument("--prompts", type=int, default=RerankBenchConfig().prompts, help="how many prompts are timed")
    parser.add_argument("--compared", type=int, default=RerankBenchConfig().compared, help="how many of them every engine gets")
    given = parser.parse_args(arguments)
    errors, out = Console(stderr=True), Console()
    try:
        config = RerankBenchConfig(prompts=given.prompts, compared=given.compared)
        report = bench_rerank(config, lambda what: errors.print(f"[dim]{what} …[/dim]"))
    except PalateError as error:
        errors.print(f"[red]{error}[/red]")
        return 1
    report["machine"] = {"platform": platform.platform(), "processor": platform.machine(), "python": platform.python_version()}
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "rerank.json").write_text(json.dumps(report, indent=2), encoding="utf-8")
    _plot(report, given.out / "rerank.png")
    for table in _tables(report):
        out.print(table)
    errors.print(f"Written to {given.out / 'rerank.json'} and {given.out / 'rerank.png'}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
