"""``python -m evals.bench [rerank] [latency] [scale]``: measures, prints tables, writes a ``.json`` and a ``.png`` each."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from evals.bench.latency import LatencyBenchConfig, bench_latency, plot_latency
from evals.bench.rerank import RerankBenchConfig, bench_rerank
from evals.bench.rerank_report import plot_rerank, rerank_tables
from evals.bench.scale import ScaleBenchConfig, bench_scale, plot_scale
from palate.errors import PalateError


def _latency_tables(report: dict[str, Any]) -> list[Table]:
    shown = Table(title=f"Event to next slate, {report['rounds']} rounds, {report['reflected']} reflected")
    for column in ("", "p50 ms", "p95 ms", "p99 ms"):
        shown.add_column(column, justify="right" if column else "left")
    for name, key in (
        (f"accepted to next slate (goal {report['goal_ms']:.0f})", "reflected_ms"),
        ("sent to accepted", "accepted_ms"),
    ):
        shown.add_row(name, *(f"{report[key][p]:.1f}" for p in ("p50", "p95", "p99")))
    return [shown]


def _scale_tables(report: dict[str, Any]) -> list[Table]:
    goal = f"goal {report['goal_ms']:.0f} ms at {report['goal_items']:,}"
    shown = Table(title=f"Ranking one user against n items ({goal})")
    for column in ("items", "rank p50", "p95", "with evidence", "p95", "slowest stage", "ms", "fit s", "MiB", "left out"):
        shown.add_column(column, justify="right")
    for row in report["rows"]:
        name, spent = max(row["stages_ms"].items(), key=lambda pair: pair[1], default=("", 0.0))
        times = [str(row[key]) for key in ("rank_p50", "rank_p95", "p50", "p95")]
        costs = (name, f"{spent:.1f}", str(row["fit_seconds"]), f"{row['resident_mb']:.0f}", ", ".join(row["left_out"]))
        shown.add_row(f"{row['items']:,}", *times, *costs)
    return [shown]


@dataclass(frozen=True)
class _Bench:
    run: Callable[[argparse.Namespace, Callable[[str], None]], dict[str, Any]]
    tables: Callable[[dict[str, Any]], list[Table]]
    plot: Callable[[dict[str, Any], Path], None]


_BENCHES = {
    "rerank": _Bench(
        lambda given, tell: bench_rerank(
            RerankBenchConfig(prompts=given.prompts, compared=given.compared, vllm=given.vllm, vllm_model=given.vllm_model), tell
        ),
        rerank_tables,
        plot_rerank,
    ),
    "latency": _Bench(
        lambda given, tell: bench_latency(LatencyBenchConfig(rounds=given.rounds, url=given.url), tell),
        _latency_tables,
        plot_latency,
    ),
    "scale": _Bench(lambda given, tell: bench_scale(ScaleBenchConfig(sizes=tuple(given.sizes)), tell), _scale_tables, plot_scale),
}


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m evals.bench", description=__doc__)
    parser.add_argument("benches", nargs="*", metavar="BENCH", help=f"{', '.join(_BENCHES)}; by default all")
    parser.add_argument("--out", type=Path, default=Path("build/bench"), help="folder for results")
    parser.add_argument("--prompts", type=int, default=RerankBenchConfig().prompts, help="rerank: how many prompts are timed")
    parser.add_argument("--compared", type=int, default=RerankBenchConfig().compared, help="rerank: how many every engine gets")
    parser.add_argument("--vllm", metavar="URL", help="rerank: a vLLM server that is measured instead of the embedded LLM")
    parser.add_argument("--vllm-model", default=RerankBenchConfig().vllm_model, help="rerank: the model that it serves")
    parser.add_argument("--rounds", type=int, default=LatencyBenchConfig().rounds, help="latency: how many events are timed")
    parser.add_argument("--url", default=None, help="latency: a server that runs already; by default one is started")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(ScaleBenchConfig().sizes), help="scale: how many items")
    given = parser.parse_args(arguments)
    if unknown := sorted(set(given.benches) - set(_BENCHES)):
        parser.error(f"there is no benchmark {', '.join(unknown)}; known: {', '.join(_BENCHES)}")
    return given


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks; return 0, or 1 where something that one of them needs is not there."""
    given = _parse(arguments)
    errors, out = Console(stderr=True), Console()
    status = 0
    for name in given.benches or _BENCHES:
        bench = _BENCHES[name]
        try:
            report = bench.run(given, lambda what: errors.print(f"[dim]{what} …[/dim]"))
        except PalateError as error:
            errors.print(f"[red]{error}[/red]")
            status = 1
            continue
        report["machine"] = {"platform": platform.platform(), "processor": platform.machine(), "python": platform.python_version()}
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / f"{name}.json").write_text(json.dumps(report, indent=2), encoding="utf-8")
        bench.plot(report, given.out / f"{name}.png")
        for table in bench.tables(report):
            out.print(table)
        errors.print(f"Written to {given.out / f'{name}.json'} and {given.out / f'{name}.png'}.")
    return status


if __name__ == "__main__":
    sys.exit(main())
