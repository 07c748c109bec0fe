"""``palate chat``."""

from __future__ import annotations

import uuid
from typing import Annotated

import typer

from api.chat.protocol import ChatBody
from api.client import Client
from api.commands.output import errors_shown, show_slate, stderr, stdout
from api.errors import check_body
from api.session import connected, load_settings

__all__ = ["chat"]

_END = frozenset({"quit", "exit", "/quit", "/exit", ":q"})


def chat(
    person: Annotated[str, typer.Argument(help="Who talks.")],
    language: Annotated[str | None, typer.Option(help="Language of the answers: en or zh; unset, that of each message.")] = None,
) -> None:
    """Talk about what to watch and hear; an empty line, "quit" or "exit" ends it."""
    with errors_shown():
        body = {"person_id": person, "conversation_id": uuid.uuid4().hex, "language": language}
        check_body(ChatBody, {**body, "message": "?"})  # loading models takes a while
        with connected(load_settings(), stderr) as client:
            stderr.print("Say what you are in the mood for, ask why, refuse. An empty line ends it.", style="dim")
            while (message := _next_message()) and message.casefold() not in _END:
                _turn(client, {**body, "message": message})


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
