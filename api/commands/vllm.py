"""``palate vllm up``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.markup import escape

from api.commands.output import errors_shown, stderr
from api.session import load_settings
from palate.errors import ConfigurationError, InvalidInput
from palate.settings import Settings

__all__ = ["vllm"]

vllm = typer.Typer(help="A vLLM server for the LLM.", no_args_is_help=True)
_PORT = 8100


@vllm.callback()
def _group() -> None:
    """Keep ``up`` a command of its own: a group of one would swallow its name."""


@vllm.command()
def up(  # noqa: PLR0917 - options, each by its name
    cpu: Annotated[bool, typer.Option("--cpu", help="Run on the CPU, from the environment of 'make vllm-cpu'.")] = False,
    model: Annotated[
        Path | None, typer.Option(help="Folder in Hugging Face format, or a GGUF file; unset, PALATE_LLM_PATH or SmolLM2.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on. Only Palate should reach it.")] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port; unset, that of PALATE_VLLM_URL.")] = None,
    lora: Annotated[list[str] | None, typer.Option(help="NAME=PATH of a LoRA adapter to start with; may be repeated.")] = None,
    tensor_parallel: Annotated[int, typer.Option(min=1, help="GPUs that share each layer.")] = 1,
    data_parallel: Annotated[int, typer.Option(min=1, help="Copies of the model, each on GPUs of its own.")] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write the command to stdout and start nothing.")] = False,
) -> None:
    """Start a vLLM server as Palate needs it, say which flags and why, and stay until it ends; exits with its status."""
    with errors_shown():
        settings = load_settings()
        from api.vllm_flags import VllmUpConfig, choose_flags, find_program

        program = find_program(settings, cpu=cpu)
        chosen = VllmUpConfig(
            model=_model(model, settings),
            cpu=cpu,
            host=host,
            port=port if port is not None else urlsplit(settings.vllm_url).port or _PORT,
            loras=dict(map(_pair, lora or ())),
            tensor_parallel=tensor_parallel,
            data_parallel=data_parallel,
        )
        launch = choose_flags(settings, chosen, program)
        for flag in (*launch.variables, *launch.flags):
            stderr.print(f"  {escape(' '.join(flag.words))}  [dim]{escape(flag.why)}[/]", soft_wrap=True, highlight=False)
        for warning in launch.warnings:
            stderr.print(f"[yellow]Warning:[/] {escape(warning)}", soft_wrap=True)
        if dry_run:
            typer.echo(launch.shell())
            return
        _check_port(chosen.host, chosen.port)
        from api.vllm_server import run_vllm

        status = run_vllm(launch, lambda text: stderr.print(escape(text), soft_wrap=True))
        raise typer.Exit(status)


def _model(given: Path | None, settings: Settings) -> Path:
    """Return the model's folder; a GGUF file is exported to one first, once."""
    from agent.llm.gguf import export_once, packaged_gguf

    source = given or settings.llm_path or packaged_gguf()
    return source if source.is_dir() else export_once(source, settings.models)


def _pair(text: str) -> tuple[str, Path]:
    name, found, folder = text.partition("=")
    if not (found and name and folder):
        raise InvalidInput(f"{text!r} is not NAME=PATH.", remedy="Name the adapter: --lora rank=FOLDER.", param="lora")
    return name, Path(folder)


def _check_port(host: str, port: int) -> None:
    """Raise where something listens already: its ``/health`` would be taken for the new server's."""
    from api.server import bind

    try:
        bind(host, port).close()
    except ConfigurationError as error:
        raise ConfigurationError(error.message, remedy="Stop what listens there, or give another --port.", param="port") from error
