"""``palate recommend`` and ``palate why``."""

from __future__ import annotations

from typing import Annotated

import typer

from api.commands.output import errors_shown, show_document, show_explanation, show_slate, stderr
from api.errors import check_body
from api.recommendations.protocol import RecommendationBody
from api.session import connected, load_settings

__all__ = ["recommend", "why"]

_NO_HURRY_MS = 60_000


def recommend(  # noqa: PLR0917 - its parameters are the command's options
    person: Annotated[str, typer.Argument(help="Whom for.")],
    query: Annotated[str | None, typer.Option(help="What is wanted, in words.")] = None,
    n: Annotated[int, typer.Option("--n", "-n", help="How many.")] = 10,
    deadline_ms: Annotated[int | None, typer.Option(help="Milliseconds; what is late is left out.")] = None,
    without: Annotated[
        list[str] | None, typer.Option(help="Platform whose history is left out; may be given several times.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Recommend items to a person."""
    with errors_shown(as_json=as_json):
        body = {"person_id": person, "query": query, "n": n, "deadline_ms": deadline_ms, "without_platforms": without or ()}
        check_body(RecommendationBody, body)  # loading models takes a while
        with connected(load_settings(), stderr) as client:
            slate = client.post("/v1/recommendations", body)
        if as_json:
            show_document(slate)
        else:
            show_slate(slate)


def why(
    decision: Annotated[str, typer.Argument(help="The slate's decision id.")],
    item: Annotated[str, typer.Argument(help="An item of it.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Say why an item was in a slate, from that decision's record."""
    with errors_shown(as_json=as_json), connected(load_settings(), stderr, wait_for=None) as client:
        body = {"decision_id": decision, "item_id": item, "deadline_ms": _NO_HURRY_MS}
        explanation = client.post("/v1/explanations", body)
        if as_json:
            show_document(explanation)
        else:
            show_explanation(explanation)
