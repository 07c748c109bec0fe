"""``palate eval rerank``."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.markup import escape
from rich.table import Table

from api.commands.eval import closed_after, evaluation
from api.commands.output import errors_shown, show_document, stages_shown, stderr, stdout
from api.session import load_settings
from palate.errors import InvalidInput, Unavailable
from palate.settings import Settings

if TYPE_CHECKING:
    from api.tuned import Promoted
    from evals.suites.rerank import TunedLLM
    from finetune.card import Task
    from finetune.scores import Evaluator, Scores

__all__ = ["measured_scores", "rerank"]

_ROWS = ("cold_users", "cold_items", "conversation")
_ORDERS = {
    "retrieval": "retrieval",
    "zero_shot": "zero-shot",
    "llm_only": "LLM only",
    "fast": "fast",
    "fused": "fused",
    "cascade": "cascade",
}


@evaluation.command()
def rerank(
    *,
    dataset: Annotated[str, typer.Option(help="Names under PALATE_DATASETS or paths of folders, separated by commas.")],
    split: Annotated[Literal["val", "test"], typer.Option(help="What is judged: val or test.")] = "val",
    adapter: Annotated[Path | None, typer.Option(help="Folder of a LoRA adapter; unset, the one that is promoted.")] = None,
    cases: Annotated[int, typer.Option(min=2, help="At most so many cases of each arena, data set and draw.")] = 1000,
    draws: Annotated[int, typer.Option(min=1, help="How often new users and new items are drawn, with a fit each.")] = 3,
    llm: Annotated[bool, typer.Option(help="Ask the LLM; without, what the learned order does by itself is judged.")] = True,
    zero_shot: Annotated[bool, typer.Option(help="Measure the LLM without its LoRA adapter too.")] = True,
    weight: Annotated[float | None, typer.Option(min=0.0, max=1.0, help="The LLM's share; unset, what the card says.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder to write the report to.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Let the LLM rank what retrieval found, and report whether that is better: warm, new users, new items, conversation.

    Of each history data set one event a user is left out and predicted, too.
    Killed and begun again, it goes on where it was.
    """
    with errors_shown(as_json=as_json), ExitStack() as closing:
        from agent.prompts import RankPromptConfig
        from agent.titles import TitleReader
        from api.tuned import TaskLLMs
        from api.wiring import base_llm
        from evals.datasets.dialogues import is_dialogues
        from evals.models import Rows
        from evals.rerank import LLMScores
        from evals.suites.rerank import RerankConfig, RerankSuite, TunedLLM

        settings = load_settings()
        cache = settings.home / "cache" / "evals"
        tuned = _tuned_llm(settings, adapter, cache, closing, weight)
        worded = split == "val" and any(is_dialogues(name, settings.datasets) for name in _names(dataset))
        if worded and tuned is not None and tuned.order is not None:
            stderr.print("The adapter's learned order may have learned from the val part of dialogues. Judge it with --split test.")
        if tuned is None and weight is None and (order := TaskLLMs(settings, None, {}).rank_order()) is not None:
            if worded:
                stderr.print(
                    "A learned order may have learned from the val part of dialogues: left out. Judge it with --split test."
                )
            else:
                tuned = TunedLLM(None, 0.0, order)
        if tuned is not None and not llm:
            tuned = replace(tuned, scores=None)
        untuned = base_llm(settings, {}) if llm else None
        if untuned is not None:
            closing.enter_context(closed_after(untuned))
        base = LLMScores(untuned, RankPromptConfig(), cache) if zero_shot and untuned is not None else None
        reader = None if untuned is None else TitleReader(untuned, cache)
        suite = RerankSuite(Rows(folder=cache), settings.datasets, tuned, base, reader, folder=cache)
        with stages_shown() as progress:
            report = suite.run(_names(dataset), RerankConfig(split=split, cases=cases, draws=draws, seed=seed), progress)
        if out is not None:
            from evals.rerank.report import write_rerank_report

            for path in write_rerank_report(report, out):
                stderr.print(f"Written: {escape(str(path))}", soft_wrap=True)
        if as_json:
            show_document(report)
        else:
            _show(report)


def _tuned_llm(
    settings: Settings, folder: Path | None, cache: Path, closing: ExitStack, weight: float | None = None
) -> TunedLLM | None:
    """Return the LLM with a LoRA adapter for ranking: the one in ``folder``, else the promoted one; ``None`` where none is.

    What is made for it is closed with ``closing``.

    Raises:
        Unavailable: No LLM is configured.
        InvalidInput: The folder holds no adapter for ranking.

    """
    from api.tuned import Promoted, TaskLLMs, promoted_adapters
    from api.wiring import base_llm
    from evals.rerank import LLMScores
    from evals.suites.rerank import TunedLLM
    from finetune.card import read_card

    if folder is not None:
        card = read_card(folder)
        if card.task != "rank":
            raise InvalidInput(f"{str(folder)!a} holds an adapter for {card.task!r}.", remedy="Name one for rank.", param="adapter")
        adapters: dict[str, Promoted] = {"rank": Promoted(folder, card)}
    else:
        adapters = {task: found for task, found in promoted_adapters(settings).items() if task == "rank"}
    if "rank" not in adapters:
        return None
    base = base_llm(settings, {task: found.folder for task, found in adapters.items()})
    if base is None:
        raise Unavailable("There is no LLM: PALATE_LLM is none.", remedy="Set PALATE_LLM=embedded or vllm.")
    closing.enter_context(closed_after(base))
    llms = TaskLLMs(settings, base, adapters)
    llm, card = llms.of("rank"), adapters["rank"].card
    assert llm is not None  # noqa: S101 - there is a base
    closing.enter_context(closed_after(llm))  # the base once more, where the adapter has no weights of its own
    scores = LLMScores(llm, llms.rank_prompt(), cache)
    share = weight if weight is not None else llms.rank_weight()
    order = None if weight is not None else llms.rank_order()
    return TunedLLM(scores, share, order, llm.name, {"version": card.version, "card": card.name, "engine": llm.engine})


def measured_scores(settings: Settings, dataset: str, cases: int = 300) -> Evaluator:
    """Return what measures LoRA adapters for ranking anew, on the validation parts of data sets, the same cases each time.

    Raises:
        Unavailable: A name was given and ``PALATE_DATASETS`` is unset.
        InvalidInput: There is no such data set.

    """
    from evals.datasets import load_dataset
    from evals.datasets.dialogues import is_dialogues

    names = _names(dataset)
    for name in names:  # before anything is kept or measured
        if not is_dialogues(name, settings.datasets):
            load_dataset(name, settings.datasets)

    def measured(folder: Path, task: Task) -> Scores:
        from evals.models import Rows
        from evals.suites.rerank import RerankConfig, RerankSuite, by_arena
        from finetune.rank_scores import paired_cases, rank_scores

        cache = settings.home / "cache" / "evals"
        config = RerankConfig(cases=cases, loo=False)
        # Of new items as many as the LLM sees: that is what an adapter is trained on.
        config = config.model_copy(update={"cold": config.candidates})
        with ExitStack() as closing, stages_shown() as progress:
            tuned = _tuned_llm(settings, folder, cache, closing)
            assert tuned is not None  # noqa: S101 - a folder was given
            suite = RerankSuite(Rows(folder=cache), settings.datasets, tuned, None, folder=cache)
            scored = [suite.scored(name, config, progress) for name in names]
        return rank_scores(paired_cases(by_arena(scored), tuned.weight, ordered=tuned.order is not None), "val")

    return measured


def _names(dataset: str) -> list[str]:
    return [name.strip() for name in dataset.split(",") if name.strip()]


def _show(report: dict[str, Any]) -> None:
    arenas = {arena: report if arena == "warm" else report.get(arena, {}) for arena in ("warm", *_ROWS)}
    arenas = {arena.replace("_", " "): row for arena, row in arenas.items() if "retrieval" in row}
    loo = {escape(name): row["loo"] for name, row in report["by_dataset"].items() if "loo" in row}
    split = report["protocol"]["split"]
    for title, rows in ((f"NDCG@10, {split}", arenas), (f"NDCG@10, loo, {split}", loo)):
        if rows:
            stdout.print(_table(title, rows))


def _table(title: str, arenas: dict[str, dict[str, Any]]) -> Table:
    """Return the orders as lines, with a column for each arena or data set."""
    shown = Table(title=title, box=None, pad_edge=False)
    shown.add_column("order")
    for arena in arenas:
        shown.add_column(arena, justify="right", overflow="fold")
    for name, said in _ORDERS.items():
        if any(name in row for row in arenas.values()):
            shown.add_row(said, *(_cell(row.get(name, {}).get("ndcg@10")) for row in arenas.values()))
    if any("ratio" in row for row in arenas.values()):
        shown.add_row("fused / retrieval", *(_cell(row.get("ratio"), 3) for row in arenas.values()))
    if any("fast_ratio" in row for row in arenas.values()):
        shown.add_row("fast / retrieval", *(_cell(row.get("fast_ratio"), 3) for row in arenas.values()))
    if any("calls" in row for row in arenas.values()):
        shown.add_row("asked by cascade", *(f"{row['calls']['share']:.0%}" if "calls" in row else "" for row in arenas.values()))
    shown.add_row("found", *(f"{row['found']:.3f}" for row in arenas.values()))
    shown.add_row("cases", *(str(row["cases"]) for row in arenas.values()))
    return shown


def _cell(found: dict[str, float] | None, digits: int = 4) -> str:
    return "" if found is None else f"{found['value']:.{digits}f} [dim]±{(found['high'] - found['low']) / 2:.{digits}f}[/]"
