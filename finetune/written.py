"""Wishes that were written by hand, to train on; those in ``evals/data`` are others."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Literal

from agent.prompts.understand import Wish
from palate.domain import Value

__all__ = ["FILM", "TUNE", "WrittenWish", "written_wishes"]

FILM, TUNE = "{t}", "{m}"
"""What stands in a text for the title of a film, and of a piece of music."""


class WrittenWish(Value):
    """A wish with what it asks for, less the titles, which are filled in when it is drawn."""

    language: Literal["en", "zh"]
    text: str
    wish: Wish


@cache
def written_wishes() -> tuple[WrittenWish, ...]:
    """Return all of them: one a line in ``finetune/data/wishes.jsonl``, in the form of ``evals/data/understand.jsonl``."""
    lines = (resources.files("finetune") / "data" / "wishes.jsonl").read_text("utf-8").splitlines()
    found = []
    for row in map(json.loads, lines):
        _, language, text = (row.pop(key) for key in ("id", "language", "text"))
        found.append(WrittenWish(language=language, text=text, wish=Wish.model_validate(row)))
    return tuple(found)
