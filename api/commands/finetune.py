"""``palate finetune promote``, ``rollback`` and ``list``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.markup import escape
from rich.table import Table

from api.commands.output import errors_shown, show_document, stages_shown, stderr, stdout
from api.session import load_settings
from palate.errors import InvalidInput, NotFound, Unavailable

if TYPE_CHECKING:
    from finetune.card import AdapterCard
    from finetune.order_card import OrderCard
    from finetune.registry import KeptAdapter, LoraRegistry
    from finetune.scores import Evaluator, Scores

__all__ = ["finetune", "show_trained"]

finetune = typer.Typer(help="Train LoRA adapters, and let the better ones run.", no_args_is_help=True)

_NEXT_START = "A running server takes it at its next start."
# As finetune.card has them, which is slow to import: it brings NumPy.
_Task = Literal["rank", "explain", "understand"]
_TaskArgument = Annotated[_Task, typer.Argument(help="What the LoRA adapter is for: rank, explain or understand.")]
_Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


@finetune.command()
def promote(
    task: _TaskArgument,
    adapter: Annotated[str, typer.Argument(help="A version that 'list' shows, or a folder that training wrote.")],
    *,
    dataset: Annotated[
        str | None,
        typer.Option(help="For rank: measure on these data sets, names or folders; unset, training's scores count."),
    ] = None,
    anew: Annotated[
        bool, typer.Option("--anew", help="For explain and understand: measure again, by the checks of this version of Palate.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """Let a LoRA adapter run if it is better than the running one, case by case; else refuse it, with exit status 1."""
    with errors_shown(as_json=as_json):
        from finetune.gate import GATES, Gate
        from finetune.promotion import offer

        with ExitStack() as shown:
            evaluate, registry = _evaluator(task, dataset, shown, anew=anew), _registry()
            version = _version(registry, task, adapter)
            verdict = offer(task, version, registry, evaluate, Gate(GATES[task]))
        better = verdict.decision == "better"
        if as_json:
            show_document(verdict.model_dump(mode="json"))
        else:
            said = f"[bold]{version}[/] runs for {task} now." if better else f"[bold red]Refused:[/] {version} stays out."
            (stdout if better else stderr).print(f"{said} {escape(verdict.reason)}", soft_wrap=True)
            stderr.print(_measured(task, dataset, anew=anew), soft_wrap=True)
            if better:
                stderr.print(_NEXT_START, soft_wrap=True)
        if not better:
            raise typer.Exit(1)


@finetune.command()
def rollback(task: _TaskArgument, *, as_json: _Json = False) -> None:
    """Go back to the LoRA adapter that ran before, at last to the one that came with Palate, or to none."""
    with errors_shown(as_json=as_json):
        version = _registry().rollback(task)
        if as_json:
            show_document({"task": task, "version": version})
        else:
            stdout.print(f"{version or 'No LoRA adapter'} runs for {task} now.")
            stderr.print(_NEXT_START)


@finetune.command("list")
def list_adapters(*, as_json: _Json = False) -> None:
    """Show the LoRA adapters that are kept, and which of them run."""
    with errors_shown(as_json=as_json):
        kept = _registry().list()
        if as_json:
            show_document([_document(adapter) for adapter in kept])
        elif kept:
            stdout.print(_table(kept))
        else:
            stdout.print("There are no LoRA adapters.")
        for adapter in kept:
            if adapter.problem is not None:
                stderr.print(f"[yellow]{adapter.task} {adapter.version}[/]: {escape(adapter.problem)}", soft_wrap=True)


def show_trained(folder: Path, card: AdapterCard | OrderCard, hint: str, *, as_json: bool) -> None:
    """Tell what training reached and where it lies, and ``hint`` at what lets it run."""
    if as_json:
        show_document({"folder": str(folder), "card": card.model_dump(mode="json")})
        return
    for name, found in card.metrics.items():
        stdout.print(f"{escape(name)} {found.value:.4f} [dim]({found.low:.4f} to {found.high:.4f})[/]")
    stdout.print(f"Written: {escape(str(folder))}", soft_wrap=True)
    stderr.print(f"Let it run with: {hint}{escape(str(folder))}", soft_wrap=True)


def _evaluator(task: _Task, dataset: str | None, shown: ExitStack, *, anew: bool) -> Evaluator:
    """Return what measures: training's scores, or the suite of the task, run anew: of ``rank`` on data sets.

    Progress is told as long as ``shown`` is open.
    """
    from finetune.scores import stored_scores

    if task == "rank":
        if anew:
            raise InvalidInput("LoRA adapters for 'rank' are measured on data sets.", remedy="Name them: --dataset.", param="anew")
        if dataset is None:
            return stored_scores
        from api.commands.eval_rerank import measured_scores

        return measured_scores(load_settings(), dataset)
    if dataset is not None:
        raise Unavailable(
            f"LoRA adapters for {task!r} are measured on what comes with Palate, not on {dataset!r}.",
            remedy="Leave --dataset out: training's scores count then, or with --anew those of a new measurement.",
        )
    if not anew:
        return stored_scores

    @cache
    def made() -> Evaluator:  # once the adapter is found: it takes a minute
        from api.text_tasks import TextWorld
        from finetune.text_job import TextEvaluator

        settings, progress = load_settings(), shown.enter_context(stages_shown())
        measure = TextWorld(settings, progress=progress).measure(task)
        return TextEvaluator(measure, settings.llm_path, settings.models, settings.llm_threads, progress)

    def evaluate(folder: Path, task: _Task) -> Scores:
        return made()(folder, task)

    return evaluate


def _measured(task: _Task, dataset: str | None, *, anew: bool) -> str:
    if dataset is not None:
        return f"Measured anew on {escape(dataset)}."
    if anew:
        return "Measured anew."
    return f"These are scores that training kept; given {'a --dataset' if task == 'rank' else '--anew'}, they are measured anew."


def _registry() -> LoraRegistry:
    from finetune.registry import LoraRegistry

    return LoraRegistry(load_settings().home / "lora")


def _version(registry: LoraRegistry, task: _Task, adapter: str) -> str:
    """Return the version that is meant; a folder is taken into the registry first."""
    from finetune.card import read_card

    folder = Path(adapter).expanduser()
    if not folder.is_dir():
        if folder.name != adapter:
            raise NotFound(f"There is no folder {adapter!a}.", remedy="Give a version, or a folder that is there.", param="adapter")
        return adapter
    card = read_card(folder)
    if card.task != task:
        raise InvalidInput(f"{adapter!a} is a LoRA adapter for {card.task!r}, not for {task!r}.", remedy=f"Name {card.task!r}.")
    return registry.add(folder, card)


def _state(adapter: KeptAdapter) -> str:
    return "runs" if adapter.promoted else "shipped" if adapter.shipped else "damaged" if adapter.card is None else "kept"


def _document(adapter: KeptAdapter) -> dict[str, Any]:
    return {
        "task": adapter.task,
        "version": adapter.version,
        "promoted": adapter.promoted,
        "shipped": adapter.shipped,
        "folder": str(adapter.folder),
        "problem": adapter.problem,
        "card": None if adapter.card is None else adapter.card.model_dump(mode="json"),
    }


def _deciding(card: AdapterCard) -> str:
    """Return the metric that the gate judges by."""
    if card.scores is None:
        return ""
    found = card.metrics[card.scores.metric]
    return f"{card.scores.metric} {found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


def _table(kept: Sequence[KeptAdapter]) -> Table:
    shown = Table(box=None, pad_edge=False)
    for name in ("task", "version", "state", "name", "measured by"):
        shown.add_column(name, overflow="fold", no_wrap=name != "name")
    for adapter in kept:
        cells: tuple[str, ...] = ()
        if (card := adapter.card) is not None:
            cells = (card.name, _deciding(card))
        shown.add_row(adapter.task, adapter.version, _state(adapter), *map(escape, cells))
    return shown
