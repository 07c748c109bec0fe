"""What people say when they wish for something, in English and Chinese: the words that training wishes are made of.

None of it is taken from the held-out wishes in ``evals/data``, which were written by hand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

__all__ = ["CHATTER", "MUSIC", "NEGATIONS", "SPOKEN", "YEARS", "Spoken"]

Ways = tuple[str, ...]


@dataclass(frozen=True)
class Spoken:
    """Ways to say a genre.

    ``adj`` stands before a noun ("a scary film", 恐怖的电影), ``one`` and ``many`` are nouns ("a horror film", "ghost stories"),
    ``that`` follows one ("that gives me the creeps", 能吓到我的), ``need`` is a sentence ("scare me", 想被吓一跳).
    """

    adj: Ways
    many: Ways
    one: Ways = ()
    that: Ways = ()
    need: Ways = ()


def _spoken(by_language: Mapping[str, Any]) -> Mapping[str, Mapping[str, Spoken]]:
    return {
        language: {genre: Spoken(**{name: tuple(ways) for name, ways in said.items()}) for genre, said in genres.items()}
        for language, genres in by_language.items()
    }


def _ways(by_language: Mapping[str, Any]) -> Mapping[str, Mapping[str, Ways]]:
    return {language: {name: tuple(ways) for name, ways in said.items()} for language, said in by_language.items()}


_DATA: Mapping[str, Any] = json.loads((resources.files("finetune") / "data" / "wish_words.json").read_text("utf-8"))

SPOKEN = _spoken(_DATA["spoken"])
"""Genres of films, by language."""
MUSIC = _spoken(_DATA["music"])
"""Genres of music, by language."""
NEGATIONS = _ways(_DATA["negations"])
"""Refusals with ``{}`` for a noun (``many``), an adjective (``adj``), or a noun where nothing else is asked for (``only``)."""
YEARS = _ways(_DATA["years"])
"""Times with ``{a}``, ``{b}`` for years and ``{d}`` for a decade."""
CHATTER = _ways(_DATA["chatter"])
"""All around it: beginnings, ends, words for films and music, and ways to name titles ``{t}``."""
