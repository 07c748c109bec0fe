"""Finds the creators that a text names in full."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

__all__ = ["CreatorNames"]

_WORD = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*", re.UNICODE)
_LONGEST = 6


class CreatorNames:
    """Names of creators, found by their words: whole, in any case, up to six words.

    A name of one word in letters that have case must begin with a capital in the text, so that "prince" names nobody; one that is
    written without spaces (王家卫) is found wherever it stands, from two characters on.

    Args:
        creators: Names as the catalog gives them.

    """

    def __init__(self, creators: Iterable[str]) -> None:
        self._by_words: dict[tuple[str, ...], list[str]] = {}
        self._unspaced: dict[str, list[str]] = {}
        for creator in dict.fromkeys(creators):
            words = tuple(_folded(match[0]) for match in _WORD.finditer(creator))
            if len(words) == 1 and not _cased(words[0]):
                if len(words[0]) > 1:
                    self._unspaced.setdefault(words[0], []).append(creator)
            elif 1 <= len(words) <= _LONGEST:
                self._by_words.setdefault(words, []).append(creator)
        self._lengths = sorted({len(name) for name in self._unspaced}, reverse=True)

    def named(self, text: str) -> tuple[str, ...]:
        """Return the creators that ``text`` names, in the order of their first mention, longer names before those within them."""
        found: dict[str, None] = {}
        words = [match[0] for match in _WORD.finditer(text)]
        folded = [_folded(word) for word in words]
        for start, word in enumerate(words):
            for end in range(min(len(words), start + _LONGEST), start, -1):
                if end - start > 1 or word[:1].isupper():
                    found.update(dict.fromkeys(self._by_words.get(tuple(folded[start:end]), ())))
        if self._unspaced:
            whole = _folded(text)
            for length in self._lengths:
                for start in range(len(whole) - length + 1):
                    found.update(dict.fromkeys(self._unspaced.get(whole[start : start + length], ())))
        return tuple(found)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().replace("’", "'").removesuffix("'s")


def _cased(word: str) -> bool:
    return word.lower() != word.upper()
