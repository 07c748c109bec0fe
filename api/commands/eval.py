"""``palate eval ranking`` and ``palate eval tune``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import anyio
import typer
from rich.markup import escape
from rich.table import Table

from api.commands.output import errors_shown, show_document, stages_shown, stderr, stdout
from api.session import load_settings
from palate.errors import InvalidInput
from palate.settings import Settings

if TYPE_CHECKING:
    from agent.llm.base import LLM
    from evals.base import Dataset
    from evals.models import Rows

__all__ = ["closed_after", "evaluation"]

_L = TypeVar("_L", bound="LLM")

evaluation = typer.Typer(help="Measure on public data sets, or your own.", no_args_is_help=True)

_SHOWN = ("ndcg@10", "recall@10", "hit_rate@10", "mrr@10")


class _Protocol(StrEnum):
    loo = "loo"
    last5 = "last5"
    temporal = "temporal"
    ratio = "ratio"
    kfold = "kfold"


class _Part(StrEnum):
    val = "val"
    test = "test"


class _Sampler(StrEnum):
    tpe = "tpe"
    random = "random"
    grid = "grid"


_DataSet = Annotated[str, typer.Option("--dataset", help="A name under PALATE_DATASETS, or the path of a folder.")]
_ProtocolOption = Annotated[_Protocol, typer.Option(help="How events are split: loo, last5, temporal, ratio or kfold.")]
_MinCore = Annotated[
    int | None, typer.Option(min=0, help="Keep users and items of at least so many events; unset, 5, and none for ratio.")
]
_Seed = Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")]
_Out = Annotated[Path | None, typer.Option(help="Folder to write to.")]
_Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


@evaluation.command()
def ranking(
    *,
    dataset: _DataSet,
    protocol: _ProtocolOption = _Protocol.loo,
    min_core: _MinCore = None,
    models: Annotated[str, typer.Option(help="Rows, separated by commas, or all.")] = "all",
    split: Annotated[_Part, typer.Option(help="What is judged: val or test.")] = _Part.val,
    seed: _Seed = 123,
    fit_validation: Annotated[
        bool, typer.Option(help="For test, fit on the validation targets too; most published tables did not.")
    ] = True,
    out: _Out = None,
    table: Annotated[Path | None, typer.Option(help="Markdown file whose section for this run is written anew.")] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Fit and rank anew.")] = False,
    as_json: _Json = False,
) -> None:
    """Rank every user's unseen items with each model, and report accuracy with intervals, cost and cold starts."""
    with errors_shown(as_json=as_json):
        from evals.cache import EvalCache
        from evals.report import update_table, write_report
        from evals.stages import Stages
        from evals.suites.ranking import RankingConfig, RankingSuite

        settings, stages = load_settings(), Stages()
        _check_writable(out, table)
        config = RankingConfig(
            protocol=protocol.value,
            min_core=min_core,
            models=_names(models),
            split=split.value,
            seed=seed,
            fit_validation=fit_validation,
        )
        with stages.stage("load"):
            loaded = _load(dataset, settings)
        suite = RankingSuite(_rows(settings), EvalCache(None if no_cache else _cache(settings)))
        with stages_shown() as progress:
            report = suite.run(loaded, config, progress, stages)
        if table is not None:
            update_table(report, table)
        if out is not None:
            for path in write_report(report, out):
                stderr.print(f"Written: {escape(str(path))}", soft_wrap=True)
        if as_json:
            show_document(report)
        else:
            _show(report)


@evaluation.command()
def tune(
    *,
    dataset: _DataSet,
    model: Annotated[str, typer.Option(help="The row whose configuration is searched.")],
    sampler: Annotated[_Sampler, typer.Option(help="tpe (Bayesian), random or grid.")] = _Sampler.tpe,
    trials: Annotated[int, typer.Option(min=1, help="How many configurations are tried in this run.")] = 30,
    metric: Annotated[str, typer.Option(help="What is raised.")] = "ndcg@10",
    protocol: _ProtocolOption = _Protocol.loo,
    min_core: _MinCore = None,
    seed: _Seed = 123,
    out: _Out = None,
    as_json: _Json = False,
) -> None:
    """Search a configuration on the validation part. Begun again, it goes on where it stopped."""
    with errors_shown(as_json=as_json):
        from evals.tune import TuneConfig, tune_row

        settings = load_settings()
        config = TuneConfig(
            model=model,
            sampler=sampler.value,
            trials=trials,
            metric=metric,
            protocol=protocol.value,
            min_core=min_core,
            seed=seed,
        )
        folder = out if out is not None else settings.home / "cache" / "evals"
        with stages_shown() as progress:
            found = tune_row(_load(dataset, settings), config, _rows(settings), folder, progress)
        if as_json:
            show_document(found)
            return
        best = found["best"]
        stdout.print(
            f"{escape(model)}: {metric} {best['value']:.4f} (by default {found['default']['value']:.4f}), {found['trials']} trials"
        )
        for name, value in best["params"].items():
            stdout.print(f"  {escape(name)} = {value}")
        stdout.print(f"[dim]study: {escape(found['study'])}[/]", soft_wrap=True)


def _check_writable(out: Path | None, table: Path | None) -> None:
    """Raise :class:`InvalidInput` where a result could not be written: before the long work, not after it."""
    for path, param in ((out, "out"), (table.parent if table is not None else None, "table")):
        if path is None:
            continue
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"{str(path)!a} cannot be written to: {error.strerror or error}."
            raise InvalidInput(message, remedy="Name another folder.", param=param) from error
    if table is not None and table.is_dir():
        raise InvalidInput(f"{str(table)!a} is a folder.", remedy="Name a Markdown file.", param="table")


def _names(models: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in models.split(",") if name.strip())


def _cache(settings: Settings) -> Path:
    return settings.home / "cache" / "evals"


def _load(name: str, settings: Settings) -> Dataset:
    from evals.datasets import load_dataset

    return load_dataset(name, settings.datasets)


def _rows(settings: Settings) -> Rows:
    from evals.models import Rows

    return Rows(folder=_cache(settings))


@contextmanager
def closed_after(llm: _L) -> Iterator[_L]:
    """Give an LLM for a while, and close it whatever comes: left to the garbage collector, it may end in a thread of its own."""
    try:
        yield llm
    finally:
        anyio.run(llm.close)


def _show(report: dict[str, Any]) -> None:
    protocol = report["protocol"]
    shown = Table(
        title=f"{report['dataset']['name']}, {protocol['name']}, {protocol['part']}: {protocol['cases']} cases",
        box=None,
        pad_edge=False,
    )
    for name in ("model", *_SHOWN, "fit s", "rank ms", "peak MiB"):
        shown.add_column(name, justify="left" if name == "model" else "right")
    for row in report["rows"]:
        cells = [f"{row['metrics'][key]['value']:.4f} [dim]±{_half(row['metrics'][key]):.4f}[/]" for key in _SHOWN]
        costs = (f"{row['fit_seconds']:.1f}", f"{row['rank_ms_per_user']:.2f}", f"{row['peak_mb']:.0f}")
        shown.add_row(row["model"], *cells, *costs)
    stdout.print(shown)
    for name, why in report["skipped"].items():
        stderr.print(f"left out: {escape(name)}: {escape(why)}", soft_wrap=True)


def _half(value: dict[str, float]) -> float:
    return (value["high"] - value["low"]) / 2
