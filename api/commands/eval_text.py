"""``palate eval understand`` and ``palate eval explain``."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from api.commands.eval import closed_after, evaluation
from api.commands.output import errors_shown, show_document, stages_shown, stdout
from api.session import load_settings
from palate.settings import Settings

if TYPE_CHECKING:
    from agent.llm.base import LLM

__all__ = ["explain", "understand"]


class _Part(StrEnum):
    val = "val"
    test = "test"


_Adapter = Annotated[Path | None, typer.Option(help="Folder of a LoRA adapter to measure; unset, the one that runs for the task.")]
_Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


@evaluation.command()
def understand(
    *,
    split: Annotated[_Part, typer.Option(help="val: wishes to tune on; test: wishes to measure on.")] = _Part.test,
    adapter: _Adapter = None,
    as_json: _Json = False,
) -> None:
    """Measure how wishes are understood: by the base LLM, the tuned one, rules, and rules and tuned LLM together as served."""
    with errors_shown(as_json=as_json):
        from api.text_tasks import TextWorld, tuned_llm

        settings = load_settings()
        suite = TextWorld(settings).understand_suite(split.value)
        made = {"tuned": partial(tuned_llm, settings, "understand", adapter), "zero-shot": partial(_base, settings)}
        answers = {}
        with stages_shown() as progress:
            for name, make in made.items():  # one after the other: each takes the memory of a model
                with closed_after(make()) as llm:
                    answers[name] = suite.by_llm(llm, progress)
        judged = {
            "zero-shot": suite.judge(suite.alone(answers["zero-shot"])),
            "tuned": suite.judge(suite.alone(answers["tuned"])),
            "rules": suite.judge(suite.by_rules()),
            "served": suite.judge(suite.served(answers["tuned"])),
        }
        report = suite.report(judged, split.value)
        if as_json:
            show_document(report)
        else:
            _show(report, ("slot_f1", "exact", "read"))


@evaluation.command()
def explain(
    *,
    dataset: Annotated[
        str | None,
        typer.Option(help="A data set or dialogues, by name under PALATE_DATASETS or by path; unset, the demo world."),
    ] = None,
    adapter: _Adapter = None,
    as_json: _Json = False,
) -> None:
    """Measure how many reasons of the base LLM, and of the tuned one, may be shown as they are."""
    with errors_shown(as_json=as_json):
        from api.text_tasks import TextWorld, tuned_llm

        settings = load_settings()
        with stages_shown() as progress:
            with closed_after(tuned_llm(settings, "explain", adapter)) as llm:  # first: that there is none is said at once
                suite = TextWorld(settings, dataset, progress).explain_suite()
                tuned = suite.write(llm, progress)
            with closed_after(_base(settings)) as llm:
                rows = {"zero-shot": suite.write(llm, progress), "tuned": tuned}
        report = suite.report(rows)
        if as_json:
            show_document(report)
        else:
            _show(report, ("passed",))
            for language in ("en", "zh"):
                for example in report["rows"][-1]["examples"][language]:
                    stdout.print(f"[dim]{'  ' if example['passed'] else '✗ '}[/]{escape(example['text'])}", soft_wrap=True)


def _base(settings: Settings) -> LLM:
    from agent.llm.embedded import EmbeddedLLM

    return EmbeddedLLM(settings.llm_path, settings.models, settings.llm_threads, "zero-shot")


def _show(report: dict[str, Any], metrics: tuple[str, ...]) -> None:
    shown = Table(title=f"{report['task']}: {report['cases']} cases, {report['protocol']}", box=None, pad_edge=False)
    for name in ("model", *metrics, *(f"{metrics[0]} {language}" for language in ("en", "zh"))):
        shown.add_column(name, justify="left" if name == "model" else "right")
    for row in report["rows"]:
        found = row.get("metrics", row)
        by = [row["by_language"].get(language, {}) for language in ("en", "zh")]
        cells = [_cell(found[name]) for name in metrics] + [_cell(one.get(metrics[0], one)) if one else "" for one in by]
        shown.add_row(row["model"], *cells)
    stdout.print(shown)
    for found in report["comparisons"]:
        for metric in metrics:
            if metric in found:
                gap, p = found[metric], f", p {found['p']:.4f}" if metric == metrics[0] else ""
                stdout.print(
                    f"{found['model']} - {found['against']}: {metric} {gap['value']:+.4f} "
                    f"({gap['low']:+.4f} to {gap['high']:+.4f}){p}"
                )


def _cell(value: dict[str, Any]) -> str:
    return f"{value['value']:.3f} [dim]{value['low']:.3f}–{value['high']:.3f}[/]"
