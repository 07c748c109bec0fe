"""The command ``palate``."""

from __future__ import annotations

import typer

from api.commands import bench, chat, demo, doctor, finetune, fit, imports, index, recommend, serve, vllm
from api.commands import eval as evaluation
from api.commands import eval_rerank as _eval_rerank  # noqa: F401 - adds its command to those of eval
from api.commands import eval_text as _eval_text  # noqa: F401 - adds its commands to those of eval
from api.commands import finetune_order as _finetune_order  # noqa: F401 - adds its command to those of finetune
from api.commands import finetune_quantize as _finetune_quantize  # noqa: F401 - adds its command to those of finetune
from api.commands import finetune_rank as _finetune_rank  # noqa: F401 - adds its command to those of finetune
from api.commands import finetune_text as _finetune_text  # noqa: F401 - adds its commands to those of finetune
from api.commands.output import errors_shown
from api.logs import configure_logging
from api.session import load_settings

__all__ = ["app", "main"]

app = typer.Typer(
    help="One taste, every screen: a conversational recommender.", no_args_is_help=True, pretty_exceptions_enable=False
)
app.command()(demo.demo)
app.command()(serve.serve)
app.command()(chat.chat)
app.command()(recommend.recommend)
app.command()(recommend.why)
app.add_typer(imports.history, name="history")
app.add_typer(imports.catalog, name="catalog")
app.add_typer(index.index, name="index")
app.command()(fit.fit)
app.add_typer(evaluation.evaluation, name="eval")
app.add_typer(bench.bench, name="bench")
app.add_typer(finetune.finetune, name="finetune")
app.add_typer(vllm.vllm, name="vllm")
app.command()(doctor.doctor)


@app.callback()
def _before() -> None:
    with errors_shown():
        configure_logging(load_settings().log_level)


def main() -> None:
    """Run the command line."""
    app()
