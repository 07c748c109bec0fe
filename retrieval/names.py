"""Finds the creators that a text names in full."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

__all__ = ["CreatorNames", "NameSpan"]

_WORD = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*", re.UNICODE)
_LONGEST = 6
_JOINTS = frozenset("·•・‧∙⋅")  # between the parts of a foreign name written in Chinese or Japanese


@dataclass(frozen=True, slots=True)
class NameSpan:
    """A creator, as the catalog gives the name, and where a text names them."""

    start: int
    end: int
    creator: str


class CreatorNames:
    """Names of creators, found by their words: whole, in any case, up to six words.

    A name of one word in letters that have case must begin with a capital in the text, so that "prince" names nobody; one that is
    written without spaces (王家卫, 汤姆·汉克斯) is found wherever it stands, from two characters on, with or without its dots.

    Args:
        creators: Names as the catalog gives them.

    """

    def __init__(self, creators: Iterable[str]) -> None:
        self._by_words: dict[tuple[str, ...], list[str]] = {}
        self._unspaced: dict[str, list[str]] = {}
        for creator in dict.fromkeys(creators):
            words = tuple(_folded(match[0]) for match in _WORD.finditer(creator))
            whole = "".join(words)
            if (len(words) == 1 or (words and not whole.isascii())) and not _cased(whole):
                if len(whole) > 1:
                    self._unspaced.setdefault(whole, []).append(creator)
                if len(words) == 1:
                    continue
            if 1 <= len(words) <= _LONGEST:
                self._by_words.setdefault(words, []).append(creator)
        self._lengths = sorted({len(name) for name in self._unspaced}, reverse=True)

    def named(self, text: str) -> tuple[str, ...]:
        """Return the creators that ``text`` names, in the order of their first mention, longer names before those within them."""
        return tuple(dict.fromkeys(span.creator for span in self.spans(text)))

    def spans(self, text: str) -> Iterator[NameSpan]:
        """Yield every mention of a creator, those in words and then those without spaces, each in the order of the text."""
        words = list(_WORD.finditer(text))
        folded = [_folded(word[0]) for word in words]
        for start, word in enumerate(words):
            for end in range(min(len(words), start + _LONGEST), start, -1):
                if end - start > 1 or word[0][:1].isupper():
                    for creator in self._by_words.get(tuple(folded[start:end]), ()):
                        yield NameSpan(word.start(), words[end - 1].end(), creator)
        if self._unspaced:
            whole, places = _without_joints(text)
            for length in self._lengths:
                for start in range(len(whole) - length + 1):
                    for creator in self._unspaced.get(whole[start : start + length], ()):
                        yield NameSpan(places[start], places[start + length - 1] + 1, creator)


def _without_joints(text: str) -> tuple[str, list[int]]:
    """Return a text folded and without the dots within names, and where in it each character stood."""
    parts = [(_folded(character), place) for place, character in enumerate(text) if character not in _JOINTS]
    return "".join(part for part, _ in parts), [place for part, place in parts for _ in part]


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().replace("’", "'").removesuffix("'s")


def _cased(word: str) -> bool:
    return word.lower() != word.upper()
