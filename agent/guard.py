"""Keeps data from becoming instructions, and text of a model from saying what is not so."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

from agent.base import MentionFinder
from agent.coherence import coherent
from agent.names import MASK, find_names, name_span, names_of, quote, replace_names
from agent.rules import CLAIMS, clean, strip_lead
from agent.words import detail_terms, genre_name, platform_name
from palate.domain import Evidence, Item

__all__ = ["check_reason", "cited", "first_sentence", "items_in", "masked_names", "quote", "titles_hold"]

MAX_REASON_CHARS = 240

_POPULAR = re.compile(r"\b(?:popular|liked by|many people|others)\b|喜欢|热门", re.IGNORECASE)
_END = re.compile(r"[.!?](?=[\s\"'”’]|$)|[。！？]")
_SOUND = re.compile(r"\bsound\w*|听起来|声音", re.IGNORECASE)
_LOOK = re.compile(r"\blook\w*|看起来|画面", re.IGNORECASE)


def check_reason(
    text: str,
    item: Item,
    evidence: Sequence[Evidence],
    items_by_id: Mapping[str, Item],
    catalog_titles: MentionFinder,
    *,
    language: str = "en",
) -> str | None:
    """Return the sentence that ``text`` begins with, cleaned, or ``None`` if it may not be shown.

    It may be shown if it is one finished sentence of at most 240 characters in the script of ``language``, cites at least one of
    ``evidence``, names no title but those of the evidence and of ``item``, each once, no person, number or platform that is not in
    them, holds no markup, address, label of the prompt, order, first person, praise or negation, and hangs together (see
    :func:`agent.coherence.coherent`).
    """
    known = [item, *items_in(evidence, items_by_id)]
    sentence = first_sentence(text, known, language)
    if sentence is None:
        return None
    used = cited(sentence, evidence, items_by_id, language=language)
    if not used or not _platforms_hold(sentence, evidence, used, items_by_id) or not _senses_hold(sentence, used):
        return None
    words = [w for e in evidence for w in _words(e, language)] + [genre_name(g, language) for g in item.genres] + [*item.creators]
    numbers = [e.detail for e in evidence] + [str(k.year) for k in known if k.year]
    masked = masked_names(sentence, known)
    if CLAIMS.search(masked):
        return None
    compares = any(e.kind == "content" for e in evidence)
    if not coherent(sentence, item, known[1:], language=language, compares=compares):
        return None
    return sentence if clean(masked, words, numbers, language) and titles_hold(sentence, masked, known, catalog_titles) else None


def _senses_hold(sentence: str, used: Sequence[Evidence]) -> bool:
    """Return whether what is said to sound or look alike was heard or seen: near in words is not near in sound."""
    spaces = {e.detail for e in used if e.kind == "content" and e.detail}
    senses = (("audio", _SOUND), ("image", _LOOK))
    return all(space in spaces or not spaces or not sense.search(sentence) for space, sense in senses)


def cited(
    sentence: str, evidence: Sequence[Evidence], items_by_id: Mapping[str, Item], *, language: str = "en"
) -> tuple[Evidence, ...]:
    """Return the evidence that a sentence names: by title, genre, name or word."""
    return tuple(e for e in evidence if _names_it(sentence, e, items_by_id, language))


def _names_it(sentence: str, e: Evidence, items_by_id: Mapping[str, Item], language: str) -> bool:
    item = items_by_id.get(e.item_id) if e.item_id else None
    if item is not None and any(name_span(name, sentence) for name in names_of(item)):
        return True
    if e.kind == "popularity":
        return _POPULAR.search(sentence) is not None
    folded = sentence.casefold()
    return e.kind in ("attribute", "query") and any(name_span(term.casefold(), folded) for term in _terms(e, language))


def items_in(evidence: Sequence[Evidence], items_by_id: Mapping[str, Item]) -> list[Item]:
    """Return the items that evidence names and that are known."""
    return [items_by_id[e.item_id] for e in evidence if e.item_id is not None and e.item_id in items_by_id]


def first_sentence(text: str, known: Sequence[Item], language: str) -> str | None:
    """Return the finished sentence that a text begins with, without what leads to it; a full stop in a title ends none."""
    stripped = text.strip()
    line = strip_lead(stripped.splitlines()[0]) if stripped else ""
    if any(unicodedata.category(c)[0] == "C" for c in line):
        return None
    end = _END.search(masked_names(line, known))
    if end is None:
        return None
    sentence = " ".join(line[: end.end()].split())
    return (
        sentence
        if 8 <= len(sentence) <= MAX_REASON_CHARS or (language == "zh" and 5 <= len(sentence) <= MAX_REASON_CHARS)
        else None
    )


def masked_names(text: str, known: Sequence[Item]) -> str:
    """Return a text with :data:`agent.names.MASK` for each character of a known item's name."""
    return replace_names(text, find_names(text, known), lambda one: MASK * (one.end - one.start))


def _terms(e: Evidence, language: str) -> list[str]:
    terms = detail_terms(e.detail)
    return [*terms, *(genre_name(term, language) for term in terms)]


def _words(e: Evidence, language: str) -> list[str]:
    return _terms(e, language) + ([platform_name(e.platform)] if e.platform else [])


def _platforms_hold(sentence: str, evidence: Sequence[Evidence], used: Sequence[Evidence], items_by_id: Mapping[str, Item]) -> bool:
    """Return whether each platform that is named is where an item that is named was seen."""
    named = {e.platform for e in evidence if e.platform and name_span(platform_name(e.platform), sentence)}
    titled = {
        e.platform for e in used for item in items_in([e], items_by_id) if any(name_span(n, sentence) for n in names_of(item))
    }
    return named <= titled


def titles_hold(sentence: str, masked: str, known: Sequence[Item], catalog_titles: MentionFinder) -> bool:
    """Return whether quoted text and titles of the catalog are all of known items."""
    for quoted in re.findall(r"《([^》]*)》|「([^」]*)」|[\"“]([^\"”]*)[\"”]", masked):
        if set("".join(quoted)) - {MASK, " ", ","}:
            return False
    ids = {item.item_id for item in known}
    return all(m.item_id in ids or set(masked[m.start : m.end]) <= {MASK} for m in catalog_titles.mentions(sentence))
