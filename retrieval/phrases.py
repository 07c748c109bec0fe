"""Which items say a word or a phrase in their texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from palate.domain import Item
from retrieval.lexical import has_cjk, tokenize
from retrieval.texts import item_text

__all__ = ["PhraseRows"]

Rows = NDArray[np.int32]


class PhraseRows:
    """Finds the items whose :func:`retrieval.texts.item_text` holds a phrase. Immutable, safe to use from several threads.

    English words are found whole, in singular and plural, without accents, in any letter case; Chinese, Japanese and Korean ones
    wherever they stand.

    Args:
        items: In the order of the rows that are returned.

    """

    def __init__(self, items: Sequence[Item]) -> None:
        self._texts = tuple(item_text(item) for item in items)
        rows: dict[str, list[int]] = {}
        for row, text in enumerate(self._texts):
            for stem in dict.fromkeys(_stems(text)):
                rows.setdefault(stem, []).append(row)
        self._rows: Mapping[str, Rows] = {stem: np.array(held, dtype=np.int32) for stem, held in rows.items()}

    def rows(self, phrase: str) -> Rows:
        """Return the rows of the items that hold ``phrase``, int32 [k], ascending; none for a phrase without letters or digits."""
        if has_cjk(phrase):
            wanted = phrase.casefold().strip()
            return np.array([row for row, text in enumerate(self._texts) if wanted in text.casefold()], dtype=np.int32)
        stems = _stems(phrase)
        none = np.array([], dtype=np.int32)
        if not stems:
            return none
        found = self._rows.get(stems[0], none)
        for stem in stems[1:]:
            found = np.intersect1d(found, self._rows.get(stem, none), assume_unique=True)
        if len(stems) == 1:
            return found
        return np.array([row for row in found.tolist() if _side_by_side(stems, _stems(self._texts[row]))], dtype=np.int32)


def _side_by_side(phrase: Sequence[str], text: Sequence[str]) -> bool:
    n = len(phrase)
    return any(list(text[start : start + n]) == list(phrase) for start in range(len(text) - n + 1))


def _stems(text: str) -> list[str]:
    return [_stem(token) for token in tokenize(text)]


def _stem(token: str) -> str:
    """Return a word without the ending of its plural: enough to tell that "witches" are a witch, and nothing more."""
    if len(token) < 4 or not token.isascii():
        return token
    if token.endswith(("ies", "ie")):
        return token.removesuffix("s").removesuffix("e")
    if token.endswith("y"):
        return token[:-1] + "i"
    if token.endswith(("sses", "xes", "zes", "ches", "shes")):
        return token[:-2]
    return token if token.endswith(("ss", "us", "is")) else token.removesuffix("s")
