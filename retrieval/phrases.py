"""Which items say a word or a phrase in their texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from palate.domain import Item
from retrieval.lexical import has_cjk, tokenize
from retrieval.texts import item_text

__all__ = ["PhraseRows", "mentions"]

Rows = NDArray[np.int32]
_IRREGULAR = {"men": "man", "women": "woman", "children": "child", "mice": "mouse", "feet": "foot", "teeth": "tooth"}
# The first that fits; singular and plural come to the same: comedy and comedies, movie and movies, wolf and wolves.
_ENDINGS = (
    ("ies", "i"), ("ie", "i"), ("y", "i"), ("ves", "f"), ("fe", "f"), ("sses", "ss"), ("xes", "x"), ("zes", "z"), ("ches", "ch"),
    ("shes", "sh"), ("oes", "o"), ("ss", "ss"), ("us", "us"), ("is", "is"), ("s", ""), ("", ""),
)  # fmt: skip


class PhraseRows:
    """Finds the items whose :func:`retrieval.texts.item_text` holds a phrase. Immutable, safe to use from several threads.

    English words are found whole, in singular and plural, without accents, in any letter case; Chinese, Japanese and Korean ones
    wherever they stand.

    Args:
        items: In the order of the rows that are returned.

    """

    def __init__(self, items: Sequence[Item]) -> None:
        said: list[str] = []
        rows: dict[str, list[int]] = {}
        cjk: dict[int, str] = {}
        for row, item in enumerate(items):
            text = item_text(item)
            stems = _stems(text)
            said.append(_line(stems))
            for stem in dict.fromkeys(stems):
                rows.setdefault(stem, []).append(row)
            if has_cjk(text):
                cjk[row] = text.casefold()
        self._said, self._cjk = tuple(said), cjk
        self._rows: Mapping[str, Rows] = {stem: np.array(held, dtype=np.int32) for stem, held in rows.items()}

    def rows(self, phrase: str) -> Rows:
        """Return the rows of the items that hold ``phrase``, int32 [k], ascending; none for a phrase without letters or digits."""
        stems, none = _stems(phrase), np.array([], dtype=np.int32)
        if not stems:
            return none
        if has_cjk(phrase):
            wanted = phrase.casefold().strip()
            held = self._holding(stems) if len(wanted) > 1 else np.array(list(self._cjk), dtype=np.int32)
            return np.array([row for row in held.tolist() if wanted in self._cjk.get(row, "")], dtype=np.int32)
        held = self._holding(stems)
        if len(stems) == 1:
            return held
        line = _line(stems)
        return np.array([row for row in held.tolist() if line in self._said[row]], dtype=np.int32)

    def _holding(self, stems: Sequence[str]) -> Rows:
        """Return the rows that hold all of some stems, int32 [k]."""
        none = np.array([], dtype=np.int32)
        found = sorted((self._rows.get(stem, none) for stem in set(stems)), key=len)
        held = found[0]
        for rows in found[1:]:
            held = np.intersect1d(held, rows, assume_unique=True)
        return held


def mentions(text: str, phrase: str) -> bool:
    """Return whether a text holds a phrase, as :class:`PhraseRows` finds it.

    >>> mentions("a film with a dog", "dogs"), mentions("a hot day", "hot dogs")
    (True, False)
    """
    if has_cjk(phrase):
        return phrase.casefold().strip() in text.casefold()
    stems = _stems(phrase)
    return bool(stems) and _line(stems) in _line(_stems(text))


def _line(stems: Sequence[str]) -> str:
    return f" {' '.join(stems)} "


def _stems(text: str) -> list[str]:
    return [_stem(token) for token in tokenize(text)]


@lru_cache(maxsize=65_536)
def _stem(token: str) -> str:
    """Return a word without the ending of its plural: enough to tell that "witches" are a witch, and nothing more."""
    if token in _IRREGULAR or len(token) < 4 or not token.isascii():
        return _IRREGULAR.get(token, token)
    return next(token.removesuffix(ending) + instead for ending, instead in _ENDINGS if token.endswith(ending))
