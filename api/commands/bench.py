"""``palate bench rerank``."""

from __future__ import annotations

from typing import Annotated

import typer

from api.commands.output import errors_shown, show_document, stderr, stdout
from api.session import load_settings

__all__ = ["bench"]

bench = typer.Typer(help="Measure how quick it is here.", no_args_is_help=True)


@bench.callback()
def _group() -> None:
    pass


@bench.command()
def rerank(
    *,
    vllm: Annotated[str | None, typer.Option(metavar="URL", help="A vLLM server, measured instead of the embedded LLM.")] = None,
    prompts: Annotated[int, typer.Option(min=4, help="How many prompts are timed.")] = 16,
    orderings: Annotated[int, typer.Option(min=2, help="For how many of them an ordering is written, too.")] = 6,
    users: Annotated[int, typer.Option(min=1, help="How many ask at once.")] = 4,
    compared: Annotated[int, typer.Option(min=0, help="How many prompts other engines get (embedded only).")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Time one prefill that scores 20 labels, alone, with several users, and against writing their order."""
    with errors_shown(as_json=as_json):
        from evals.bench.rerank import RerankBenchConfig, bench_rerank
        from evals.bench.rerank_report import rerank_tables

        settings = load_settings()
        config = RerankBenchConfig(
            prompts=prompts,
            orderings=orderings,
            users=users,
            compared=compared,
            threads=settings.llm_threads,
            vllm=vllm,
            vllm_model=settings.vllm_model,
            vllm_api_key=settings.vllm_api_key,
        )
        report = bench_rerank(config, lambda what: stderr.print(f"[dim]{what} …[/]", soft_wrap=True))
        if as_json:
            show_document(report)
            return
        for table in rerank_tables(report):
            stdout.print(table)
