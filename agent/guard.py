"""Keeps data from becoming instructions, and text of a model from saying what is not so."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from agent.base import MentionFinder
from agent.rules import CLAIMS, clean, strip_lead
from agent.words import detail_terms, genre_name, platform_name
from palate.domain import Evidence, Item

__all__ = ["check_reason", "check_reply", "cited", "quote"]

MAX_REASON_CHARS = 240
_MASK = "\ufffc"

# Every chat template marks its turns with these signs; without them no text can open or close one.
_SIGNS = str.maketrans(
    {"<": "‹", ">": "›", "＜": "‹", "＞": "›", "﹤": "‹", "﹥": "›", "|": "¦", "｜": "¦", "[": "(", "]": ")", "［": "(", "］": ")"}
)

_POPULAR = re.compile(r"\b(?:popular|liked by|many people|others)\b|喜欢|热门", re.IGNORECASE)
_END = re.compile(r"[.!?](?=[\s\"'”’]|$)|[。！？]")


def quote(text: str, limit: int = 80) -> str:
    """Return text of an item, user or tool as harmless data on one line of at most ``limit`` characters.

    Control and invisible characters go, white space becomes one space, and the signs that chat templates mark turns with
    (``<|im_start|>``, ``</s>``, ``[INST]``, also in full width) are replaced by others that look alike.
    """
    kept = (" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
    line = " ".join("".join(kept).translate(_SIGNS).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


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
    ``evidence``, names no title but those of the evidence and of ``item``, no person, number or platform that is not in them, and
    holds no markup, address, order, first person, praise or negation.
    """
    known = [item, *items_in(evidence, items_by_id)]
    sentence = _sentence(text, known, language)
    if sentence is None:
        return None
    used = cited(sentence, evidence, items_by_id, language=language)
    if not used or not _platforms_hold(sentence, evidence, used, items_by_id) or not _senses_hold(sentence, used):
        return None
    words = [w for e in evidence for w in _words(e, language)] + [genre_name(g, language) for g in item.genres] + [*item.creators]
    numbers = [e.detail for e in evidence] + [str(k.year) for k in known if k.year]
    masked = _mask(sentence, known)
    if CLAIMS.search(masked):
        return None
    return sentence if clean(masked, words, numbers, language) and _titles_hold(sentence, masked, known, catalog_titles) else None


def _senses_hold(sentence: str, used: Sequence[Evidence]) -> bool:
    """Return whether what is said to sound or look alike was heard or seen: near in words is not near in sound."""
    spaces = {e.detail for e in used if e.kind == "content" and e.detail}
    senses = (("audio", _SOUND), ("image", _LOOK))
    return all(space in spaces or not spaces or not sense.search(sentence) for space, sense in senses)


def check_reply(
    text: str, items: Sequence[Item], catalog_titles: MentionFinder, *, language: str = "en", words: Iterable[str] = ()
) -> str | None:
    """Return the sentence that ``text`` begins with, cleaned, or ``None``: it may name no title but those of ``items``.

    ``words`` are further words that may be written with a capital: the genres that were asked for. The other rules are those of
    :func:`check_reason`.
    """
    sentence = _sentence(text, items, language)
    if sentence is None:
        return None
    masked = _mask(sentence, items)
    vocabulary = [genre_name(g, language) for i in items for g in i.genres] + [c for i in items for c in i.creators] + list(words)
    numbers = [str(i.year) for i in items if i.year] + [str(len(items))]
    fine = clean(masked, vocabulary, numbers, language)
    return sentence if fine and _titles_hold(sentence, masked, items, catalog_titles) else None


def cited(
    sentence: str, evidence: Sequence[Evidence], items_by_id: Mapping[str, Item], *, language: str = "en"
) -> tuple[Evidence, ...]:
    """Return the evidence that a sentence names: by title, genre, name or word."""
    return tuple(e for e in evidence if _names_it(sentence, e, items_by_id, language))


def _names_it(sentence: str, e: Evidence, items_by_id: Mapping[str, Item], language: str) -> bool:
    item = items_by_id.get(e.item_id) if e.item_id else None
    if item is not None and any(_span(name, sentence) for name in _names(item)):
        return True
    if e.kind == "popularity":
        return _POPULAR.search(sentence) is not None
    folded = sentence.casefold()
    return e.kind in ("attribute", "query") and any(_span(term.casefold(), folded) for term in _terms(e, language))


def items_in(evidence: Sequence[Evidence], items_by_id: Mapping[str, Item]) -> list[Item]:
    """Return the items that evidence names and that are known."""
    return [items_by_id[e.item_id] for e in evidence if e.item_id is not None and e.item_id in items_by_id]


def _sentence(text: str, known: Sequence[Item], language: str) -> str | None:
    stripped = text.strip()
    line = strip_lead(stripped.splitlines()[0]) if stripped else ""
    if any(unicodedata.category(c)[0] == "C" for c in line):
        return None
    end = _END.search(_mask(line, known))
    if end is None:
        return None
    sentence = " ".join(line[: end.end()].split())
    return (
        sentence
        if 8 <= len(sentence) <= MAX_REASON_CHARS or (language == "zh" and 5 <= len(sentence) <= MAX_REASON_CHARS)
        else None
    )


def _names(item: Item) -> list[str]:
    return [n for raw in (item.title, *item.alt_titles) for n in {raw, quote(raw)} if n]


def _span(name: str, text: str) -> re.Match[str] | None:
    """Find a name as a whole word; Chinese has no spaces between words, so there the edge does not matter."""
    left = r"(?<!\w)" if name[:1].isascii() and name[:1].isalnum() else ""
    right = r"(?!\w)" if name[-1:].isascii() and name[-1:].isalnum() else ""
    ascii_only = re.ASCII if any("\u4e00" <= c <= "\u9fff" for c in text) else 0
    return re.search(left + re.escape(name) + right, text, ascii_only)


def _mask(text: str, known: Sequence[Item]) -> str:
    for name in sorted({n for item in known for n in _names(item)}, key=lambda n: (-len(n), n)):
        while (found := _span(name, text)) is not None:
            if set(found.group()) == {_MASK}:
                break
            text = text[: found.start()] + _MASK * len(found.group()) + text[found.end() :]
    return text


def _terms(e: Evidence, language: str) -> list[str]:
    terms = detail_terms(e.detail)
    return [*terms, *(genre_name(term, language) for term in terms)]


def _words(e: Evidence, language: str) -> list[str]:
    return _terms(e, language) + ([platform_name(e.platform)] if e.platform else [])


def _platforms_hold(sentence: str, evidence: Sequence[Evidence], used: Sequence[Evidence], items_by_id: Mapping[str, Item]) -> bool:
    """Return whether each platform that is named is where an item that is named was seen."""
    named = {e.platform for e in evidence if e.platform and _span(platform_name(e.platform), sentence)}
    titled = {e.platform for e in used for item in items_in([e], items_by_id) if any(_span(n, sentence) for n in _names(item))}
    return named <= titled


def _titles_hold(sentence: str, masked: str, known: Sequence[Item], catalog_titles: MentionFinder) -> bool:
    """Return whether quoted text and titles of the catalog are all of known items."""
    for quoted in re.findall(r"《([^》]*)》|「([^」]*)」|[\"“]([^\"”]*)[\"”]", masked):
        if set("".join(quoted)) - {_MASK, " ", ","}:
            return False
    ids = {item.item_id for item in known}
    return all(m.item_id in ids or set(masked[m.start : m.end]) <= {_MASK} for m in catalog_titles.mentions(sentence))
