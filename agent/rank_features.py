"""What the learned final order knows of each candidate: what retrieval found, what the request names, and what the LLM gives it."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from palate.domain import Candidate, Item, Profile, Request

__all__ = ["FEATURES", "rank_features"]

Float32 = NDArray[np.float32]

_SOURCES = ("pop", "ease", "transitions", "content", "lexical", "attributes", "fusion")
_SAID = ("words", "rarest", "shared", "creators", "genres", "creator.words", "makers", "title", "first.creator", "length", "asks")
_NAMES = (
    "place",
    "score.share",
    "hits",
    "taken",
    *(f"{source}.{kind}" for source in _SOURCES for kind in ("rank", "score")),
    *(f"{what}.{name}" for what in ("whole", "end") for name in _SAID),
    "liked.creators",
    "liked.genres",
    "liked.years",
    "year",
    "genres",
    "creators",
    "description",
    "title.length",
    "request.likes",
    "history.length",
)
FEATURES = (*_NAMES, "llm", "llm.place", "llm.gap")
"""The columns, in order. The last three are NaN where the LLM was not asked."""

_WORD = re.compile(r"[^\W_]+")
_END_WORDS = 20
"""So many of the last words of a request count a second time, as what was said last: before them may stand a whole dialogue."""
_LEAST_CHARS = 3
_MAKERS = 2
_FAR = 20.0


def rank_features(
    request: Request,
    profile: Profile,
    history_items: Mapping[str, Item],
    candidates: Sequence[Candidate],
    scores: Float32 | None,
) -> Float32:
    """Return a row for each candidate, float32 [n, len(FEATURES)]; candidates come in the retriever's order.

    ``scores`` are the LLM's log probabilities, float32 [n]; ``None`` where it was not asked. What is not there is NaN. A word that
    the request shares with a candidate counts the more the fewer candidates have it.
    """
    text = request.query.text
    said = [_Said(text), _Said(" ".join(text.split()[-_END_WORDS:]))]
    likes = [history_items[i] for i in request.query.like_item_ids if i in history_items]
    liked = _Liked([*likes, *(history_items[e.item_id] for e in profile.liked if e.item_id in history_items)])
    words = [_words_of(candidate.item) for candidate in candidates]
    rarity = _rarity(words)
    top = max((abs(c.score) for c in candidates), default=1.0) or 1.0
    out = np.full((len(candidates), len(FEATURES)), np.nan, dtype=np.float32)
    for place, (candidate, own) in enumerate(zip(candidates, words, strict=True)):
        item, hits = candidate.item, {hit.source: hit for hit in candidate.hits}
        out[place, : len(_NAMES)] = (
            place,
            candidate.score / top,
            len(hits),
            candidate.taken,
            *(float(value) for s in _SOURCES for value in ((hits[s].rank, hits[s].score) if s in hits else (np.nan, np.nan))),
            *(value for one in said for value in one.about(item, own, rarity)),
            *liked.about(item),
            item.year or np.nan,
            len(item.genres),
            len(item.creators),
            len(item.description),
            len(item.title),
            len(likes),
            len(profile.entries),
        )
    if scores is not None and len(scores):
        order = np.argsort(np.argsort(-scores, kind="stable"), kind="stable")
        out[:, -3:] = np.stack([scores - scores.mean(), order.astype(np.float32), scores - scores.max()], axis=1)
    return out


class _Said:
    """A text and what it has in common with an item."""

    def __init__(self, text: str) -> None:
        self._folded = text.casefold()
        self._words = _words(text)
        self._asks = float("?" in text or "？" in text)

    def about(self, item: Item, own: frozenset[str], rarity: Mapping[str, float]) -> tuple[float, ...]:
        shared = self._words & own
        named = [place for place, creator in enumerate(item.creators) if creator.casefold() in self._folded]
        title = _words(item.title)
        return (
            sum(rarity[word] for word in shared),
            max((rarity[word] for word in shared), default=0.0),
            len(shared),
            len(named),
            sum(genre.casefold() in self._folded for genre in item.genres),
            len(_words(" ".join(item.creators)) & self._words),
            len(_words(" ".join(item.creators[:_MAKERS])) & self._words),
            len(title & self._words) / max(len(title), 1),
            float(named[0]) if named else _FAR,
            len(self._words),
            self._asks,
        )


class _Liked:
    """Items that are liked, by the request or the history, and what another has in common with them."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._creators = {creator for item in items for creator in item.creators}
        self._genres = {genre for item in items for genre in item.genres}
        self._oldest = min((item.year for item in items if item.year), default=None)

    def about(self, item: Item) -> tuple[float, float, float]:
        return (
            sum(creator in self._creators for creator in item.creators),
            sum(genre in self._genres for genre in item.genres),
            float(item.year - self._oldest) if item.year and self._oldest else math.nan,
        )


def _words(text: str) -> frozenset[str]:
    return frozenset(word for word in _WORD.findall(text.casefold()) if len(word) >= _LEAST_CHARS or not word.isascii())


def _words_of(item: Item) -> frozenset[str]:
    return _words(" ".join([item.title, *item.genres, *item.creators, item.description]))


def _rarity(words: Sequence[frozenset[str]]) -> dict[str, float]:
    counts = Counter(word for own in words for word in own)
    return {word: math.log((len(words) + 1) / (count + 0.5)) for word, count in counts.items()}
