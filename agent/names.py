"""Finds the names of known items in a text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from palate.domain import Item

__all__ = ["MASK", "Named", "find_names", "name_span", "names_of", "quote", "replace_names"]

MASK = "\ufffc"
"""What stands for each character of a name that is masked."""

# Every chat template marks its turns with these signs; without them no text can open or close one.
_SIGNS = str.maketrans(
    {"<": "‹", ">": "›", "＜": "‹", "＞": "›", "﹤": "‹", "﹥": "›", "|": "¦", "｜": "¦", "[": "(", "]": ")", "［": "(", "］": ")"}
)


@dataclass(frozen=True, slots=True)
class Named:
    """That ``text[start:end]`` is a name of ``item``."""

    start: int
    end: int
    item: Item


def quote(text: str, limit: int = 80) -> str:
    """Return text of an item, user or tool as harmless data on one line of at most ``limit`` characters.

    Control and invisible characters go, white space becomes one space, and the signs that chat templates mark turns with
    (``<|im_start|>``, ``</s>``, ``[INST]``, also in full width) are replaced by others that look alike.
    """
    kept = (" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
    line = " ".join("".join(kept).translate(_SIGNS).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def names_of(item: Item) -> list[str]:
    """Return what an item is called in a text: its titles, as they are and quoted."""
    return [n for raw in (item.title, *item.alt_titles) for n in dict.fromkeys((raw, quote(raw))) if n]


def name_span(name: str, text: str) -> re.Match[str] | None:
    """Find a name as a whole word; Chinese has no spaces between words, so there the edge does not matter."""
    left = r"(?<!\w)" if name[:1].isascii() and name[:1].isalnum() else ""
    right = r"(?!\w)" if name[-1:].isascii() and name[-1:].isalnum() else ""
    ascii_only = re.ASCII if any("\u4e00" <= c <= "\u9fff" for c in text) else 0
    return re.search(left + re.escape(name) + right, text, ascii_only)


def find_names(text: str, known: Sequence[Item]) -> list[Named]:
    """Return the names of ``known`` items in a text, none within another, by position; the longest counts first."""
    owners: dict[str, Item] = {}
    for item in known:
        for name in names_of(item):
            owners.setdefault(name, item)
    found: list[Named] = []
    for name in sorted(owners, key=lambda n: (-len(n), n)):
        while (match := name_span(name, text)) is not None and set(match.group()) != {MASK}:
            found.append(Named(match.start(), match.end(), owners[name]))
            text = text[: match.start()] + MASK * len(match.group()) + text[match.end() :]
    return sorted(found, key=lambda one: one.start)


def replace_names(text: str, found: Sequence[Named], by: Callable[[Named], str]) -> str:
    """Return a text with other words for the names that were found in it."""
    for one in reversed(found):
        text = text[: one.start] + by(one) + text[one.end :]
    return text
