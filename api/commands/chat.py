"""``palate chat``."""

from __future__ import annotations

import uuid
from typing import Annotated

import typer

from api.client import Client
from api.commands.output import errors_shown, show_slate, stderr, stdout
from api.session import connected, load_settings

__all__ = ["chat"]


def chat(
    person: Annotated[str, typer.Argument(help="Who talks.")],
    language: Annotated[str | None, typer.Option(help="Language of the answers: en or zh; unset, that of each message.")] = None,
) -> None:
    """Talk about what to watch and hear; an empty line ends it."""
    with errors_shown(), connected(load_settings(), stderr) as client:
        conversation = uuid.uuid4().hex
        while message := _next_message():
            _turn(client, {"person_id": person, "conversation_id": conversation, "message": message, "language": language})


def _next_message() -> str:
    try:
        return stdout.input("[bold]> [/]").strip()
    except EOFError:
        return ""


def _turn(client: Client, body: dict[str, object]) -> None:
    for name, data in client.stream("/v1/chat", body):
        if name == "slate":
            show_slate(data["slate"])
        elif name == "text":
            stdout.print(data["delta"], end="", markup=False, highlight=False, soft_wrap=True)
    stdout.print()
