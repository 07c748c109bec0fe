"""Puts the fact of an evidence set in other words: the reasons that training aims at."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from importlib import resources

import numpy as np

from agent.base import MentionFinder
from agent.guard import check_reason, items_in, quote
from agent.words import listed
from evals.reasons import ReasonCase
from palate.domain import Evidence

__all__ = ["reason_for"]

_OFTEN = 0.6
_TRIES = 4
_AROUND: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "en": {
        "asked": ("Shares ", " with what you asked for."),
        "taste": ("Shares ", " with what you enjoy."),
        "terms": ("Matches ", " in what you asked for."),
        "popular": ("Liked by ", " people."),
    },
    "zh": {
        "asked": ("与你想要的一样：", "。"),
        "taste": ("与你的口味一样：", "。"),
        "terms": ("符合你说的", "。"),
        "popular": ("有", "人喜欢。"),
    },
}
"""What stands around the telling part of a plain sentence (see :mod:`agent.sentences`), by form."""

_WORDS = json.loads((resources.files("finetune") / "data" / "reason_words.json").read_text("utf-8"))
_FORMS: Mapping[str, Mapping[str, Sequence[str]]] = _WORDS["forms"]
"""Sentences. ``{a}`` is what the evidence names, ``{did}`` and ``{where}`` what was done on which platform, ``{whose}`` both
behind a title, ``{t}`` the title, ``{g}`` shared genres or words, ``{n}`` a number, ``{end}`` one of the ends.
"""
_ENDS: Mapping[str, Mapping[str, Sequence[str]]] = _WORDS["ends"]
"""Ends by the first genre of what is recommended; else those of music (``track``) or of anything."""


def reason_for(case: ReasonCase, titles: MentionFinder, rng: np.random.Generator) -> str | None:
    """Return a reason for a case that passes the check whole; ``None`` where none of a few tries does.

    The wording follows the first genre of what is recommended, most of the time the same for the same genre: what is drawn evenly
    cannot be learned, and a model then writes one sentence for everything.
    """
    found = _parts(case)
    if found is None:
        return None
    form, parts = found
    title = quote(case.item.title, 60)
    genre = case.item.genres[0] if case.item.genres else ""
    ends = _ENDS[case.language]
    tails = ends.get(genre) or ends["track" if case.item.type == "track" else ""]
    for _ in range(_TRIES):
        said = {**parts, "t": f"《{title}》" if case.language == "zh" else title}
        said["end"] = _pick(tails, f"{form} {genre}", rng).format(t=said["t"])
        text = _pick(_FORMS[case.language][form], f"{genre} {form}", rng).format(**said)
        if check_reason(text, case.item, case.evidence, case.items, titles, language=case.language) == text:
            return text
    return None


def _pick(ways: Sequence[str], key: str, rng: np.random.Generator) -> str:
    usual = zlib.crc32(key.encode()) % len(ways)
    return ways[usual if rng.random() < _OFTEN else int(rng.integers(len(ways)))]


def _parts(case: ReasonCase) -> tuple[str, dict[str, str]] | None:
    """Return which form a plain sentence has, and its parts."""
    fact = case.fact
    for form, (before, after) in _AROUND[case.language].items():
        if fact.startswith(before) and fact.endswith(after) and (form != "popular" or case.evidence[0].kind == "popularity"):
            return form, {"n" if form == "popular" else "g": fact[len(before) : -len(after)]}
    zh = case.language == "zh"
    named = items_in(case.evidence, case.items)
    titles = dict.fromkeys(f"《{quote(item.title)}》" if zh else quote(item.title) for item in named)
    a = listed(list(titles), case.language) if titles else ""
    before, there, after = fact.partition(a) if a else ("", "", "")
    return _about(case.evidence[0], a, before, after, zh=zh) if there else None


def _about(first: Evidence, a: str, before: str, after: str, *, zh: bool) -> tuple[str, dict[str, str]] | None:
    """Return form and parts of a sentence that names titles; ``before`` and ``after`` stand around them."""
    if first.kind == "history":
        did = before.removeprefix("因为你" if zh else "Because you ").strip()
        return "history", {"a": a, "did": did, "where": "" if zh else after.removesuffix(".")}
    whose = (before[before.find("你") :] if "你" in before else "") if zh else after.removeprefix(", ").removesuffix(".")
    if first.kind == "content" and whose:
        return {"audio": "near_audio", "image": "near_image"}.get(first.detail, "near"), {"a": a, "whose": whose}
    if first.kind == "attribute" and whose:
        g = after.removeprefix("一样：").removesuffix("。") if zh else before.removeprefix("Shares ").removesuffix(" with ")
        return "shared", {"a": a, "whose": whose, "g": g}
    return None
