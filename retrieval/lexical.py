"""Full-text search over items by BM25, in memory."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np

from palate.domain import Item
from retrieval.base import Float32, Mask, Scored
from retrieval.texts import item_text

__all__ = ["STOP_WORDS", "LexicalIndex", "has_cjk", "is_filler", "tokenize"]

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_RUNS = re.compile(rf"[{_CJK}]+|[^\W_{_CJK}]+")
_IS_CJK = re.compile(rf"[{_CJK}]")
_MARKS = re.compile("[\u0300-\u036f]")
_POSSESSIVE = re.compile(r"['’`]s\b")
STOP_WORDS = frozenset(
    """
    a about all also am an and any are as at be but by can could did do does for from had has have he her him his how i
    if in into is it its just like me more most my no nor not of on or our please she should so some something such than that
    the their them then there these they this to too us want was we were what when where which who why will with would
    you your
    """.split()  # noqa: SIM905 (a list of words)
)
_PARTICLES = frozenset("的了吧吗呢啊请")


def tokenize(text: str) -> list[str]:
    """Return lower-case words without accents, and for Chinese, Japanese and Korean runs their pairs of neighbouring characters.

    >>> tokenize("Amélie's café 星球大战")
    ['amelie', 'cafe', '星球', '球大', '大战']
    """
    plain = text.casefold()
    if plain.isascii():  # as most are, and this is done to whole catalogs
        return _RUNS.findall(_POSSESSIVE.sub("", plain))
    plain = unicodedata.normalize("NFKC", _MARKS.sub("", unicodedata.normalize("NFKD", plain)))
    tokens: list[str] = []
    for run in _RUNS.findall(_POSSESSIVE.sub("", plain)):
        if _IS_CJK.match(run) and len(run) > 1:
            tokens.extend(run[i : i + 2] for i in range(len(run) - 1))
        else:
            tokens.append(run)
    return tokens


def has_cjk(text: str) -> bool:
    """Return whether a text holds Chinese, Japanese or Korean characters."""
    return _IS_CJK.search(text) is not None


def is_filler(text: str) -> bool:
    """Return whether a text has no words but common ones, by which nothing can be found.

    >>> is_filler("some from the"), is_filler("some jazz")
    (True, False)
    """
    return all(token in STOP_WORDS or token in _PARTICLES for token in tokenize(text))


class LexicalIndex:
    """BM25 over :func:`retrieval.texts.item_text`, the title counted twice. Immutable, safe to use from several threads.

    S. Robertson and H. Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009, in the form of X. H. Lù, "BM25S",
    2024. Common English words of a query are passed over, unless it has no others ("The Who").

    Args:
        items: In the order of the rows of ``allowed`` (that of :class:`retrieval.base.ItemTable`).

    """

    def __init__(self, items: Sequence[Item]) -> None:
        self._ids = tuple(item.item_id for item in items)
        self._rows = {item_id: row for row, item_id in enumerate(self._ids)}
        corpus = [tokenize(item.title) + tokenize(item_text(item)) for item in items]
        self._bm25 = _index(corpus) if any(corpus) else None

    def __len__(self) -> int:
        return len(self._ids)

    def search(self, text: str, n: int, allowed: Mask | None = None) -> list[Scored]:
        """Return up to ``n`` items that share a word with ``text``, best first, ties by item id.

        ``allowed`` is bool [len(items)]: only rows that are true may be returned.
        """
        terms = self._terms(text)
        if not terms or n <= 0:
            return []
        scores = self._scores(terms)
        if allowed is not None:
            scores = np.where(allowed, scores, np.float32(0.0))
        rows = np.flatnonzero(scores > 0)
        if len(rows) > n:  # all that tie with the n-th stay, so that ids decide between them
            edge = np.partition(scores[rows], -n)[-n]
            rows = rows[scores[rows] >= edge]
        best = sorted(rows, key=lambda row: (-scores[row], self._ids[row]))[:n]
        return [Scored(self._ids[row], float(scores[row])) for row in best]

    def matched_terms(self, text: str, item_id: str) -> list[tuple[str, float]]:
        """Return the words of ``text`` found in an item, each with what it adds to the score, strongest first.

        Empty for an item that is not there. The weights sum to the score of :meth:`search`.
        """
        row = self._rows.get(item_id)
        if row is None:
            return []
        weights = [(term, float(self._scores([term])[row])) for term in self._terms(text)]
        return sorted(((term, weight) for term, weight in weights if weight > 0), key=lambda pair: (-pair[1], pair[0]))

    def _terms(self, text: str) -> list[str]:
        tokens = list(dict.fromkeys(tokenize(text)))
        words = [token for token in tokens if token not in STOP_WORDS] or tokens
        vocabulary = {} if self._bm25 is None else self._bm25.vocab_dict
        return [word for word in words if word in vocabulary]

    def _scores(self, terms: list[str]) -> Float32:
        """Return float32 [len(items)]."""
        assert self._bm25 is not None  # noqa: S101 (there are no terms without it)
        scores: Float32 = np.asarray(self._bm25.get_scores(terms), dtype=np.float32)
        return scores


def _index(corpus: list[list[str]]) -> Any:
    import logging

    import bm25s

    logging.getLogger("bm25s").setLevel(logging.WARNING)  # it sets itself to debug on import
    index = bm25s.BM25(dtype="float32")
    index.index(corpus, show_progress=False, create_empty_token=False)
    return index
