"""What the learned final order knows of each candidate: what retrieval found, what the request names, and what the LLM gives it."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from palate.domain import Candidate, Item, Profile, Request

__all__ = ["FEATURES", "rank_features"]

Float32 = NDArray[np.float32]

_SOURCES = ("pop", "ease", "transitions", "content", "lexical", "attributes", "fusion")
_SAID = (
    *("words", "rarest", "shared", "creators", "genres", "creator.words", "makers", "title", "first.creator", "length", "asks"),
    *("creators.rarity", "creator.place", "genres.rarity", "genre.place", "year.distance"),
)
_NAMES = (
    "place",
    "score.share",
    "hits",
    *(f"{source}.rank" for source in _SOURCES),
    *(f"{what}.{name}" for what in ("whole", "end") for name in _SAID),
    "liked.creators",
    "liked.genres",
    "liked.years",
    *("last.creators", "last.genres", "last.years", "most.creators", "most.genres", "rarest.creator"),
    "year",
    "genres",
    "creators",
    "description",
    "title.length",
    "request.likes",
    "history.length",
)
FEATURES = (*_NAMES, "llm", "llm.place", "llm.gap")
"""The columns, in order: none is of the scale of one catalog, as scores and counts of people are, so that what was learned on one
holds for others. The last three are NaN where the LLM was not asked."""

_WORD = re.compile(r"[^\W_]+")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
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

    ``scores`` are the LLM's log probabilities of the first candidates, float32 [at most n]; ``None`` where it was not asked. What
    is not there is NaN. A word, a creator or a genre that the request shares with a candidate counts the more, the fewer candidates
    have it.
    """
    text = request.query.text
    said = [_Said(text), _Said(" ".join(text.split()[-_END_WORDS:]))]
    likes = [history_items[i] for i in request.query.like_item_ids if i in history_items]
    words = [_words_of(candidate.item) for candidate in candidates]
    rarity = _Rarity.of([candidate.item for candidate in candidates], words)
    history = [history_items[e.item_id] for e in profile.liked if e.item_id in history_items]
    liked = _Liked([*reversed(history), *likes], rarity)
    top = max((abs(c.score) for c in candidates), default=1.0) or 1.0
    out = np.full((len(candidates), len(FEATURES)), np.nan, dtype=np.float32)
    for place, (candidate, own) in enumerate(zip(candidates, words, strict=True)):
        item, hits = candidate.item, {hit.source: hit for hit in candidate.hits}
        out[place, : len(_NAMES)] = (
            place,
            candidate.score / top,
            len(hits),
            *(float(hits[s].rank) if s in hits else np.nan for s in _SOURCES),
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
        out[: len(scores), -3:] = np.stack([scores - scores.mean(), order.astype(np.float32), scores - scores.max()], axis=1)
    return out


@dataclass(frozen=True)
class _Rarity:
    """What a word, a creator and a genre count: the more, the fewer candidates have it."""

    words: Mapping[str, float]
    creators: Mapping[str, float]
    genres: Mapping[str, float]

    @classmethod
    def of(cls, items: Sequence[Item], words: Sequence[frozenset[str]]) -> _Rarity:
        return cls(_rarity(words), _rarity([frozenset(i.creators) for i in items]), _rarity([frozenset(i.genres) for i in items]))


class _Said:
    """A text and what it has in common with an item."""

    def __init__(self, text: str) -> None:
        self._folded = text.casefold()
        self._words = _words(text)
        self._asks = float("?" in text or "？" in text)
        self._years = [int(year) for year in _YEAR.findall(text)]

    def about(self, item: Item, own: frozenset[str], rarity: _Rarity) -> tuple[float, ...]:
        shared = self._words & own
        named = [place for place, creator in enumerate(item.creators) if creator.casefold() in self._folded]
        genres = [genre for genre in item.genres if genre.casefold() in self._folded]
        title = _words(item.title)
        return (
            sum(rarity.words[word] for word in shared),
            max((rarity.words[word] for word in shared), default=0.0),
            len(shared),
            len(named),
            len(genres),
            len(_words(" ".join(item.creators)) & self._words),
            len(_words(" ".join(item.creators[:_MAKERS])) & self._words),
            len(title & self._words) / max(len(title), 1),
            float(named[0]) if named else _FAR,
            len(self._words),
            self._asks,
            sum(rarity.creators[item.creators[place]] for place in named),
            self._last(item.creators),
            sum(rarity.genres[genre] for genre in genres),
            self._last(item.genres),
            min((abs(item.year - year) for year in self._years), default=math.nan) if item.year else math.nan,
        )

    def _last(self, names: Sequence[str]) -> float:
        """Return where the text names one of them last, as a share of its length; -1 where it names none."""
        place = max((self._folded.rfind(name.casefold()) for name in names if name), default=-1)
        return place / len(self._folded) if place >= 0 else -1.0


class _Liked:
    """Items that are liked, oldest first and those that the request names last, and what another has in common with them."""

    def __init__(self, items: Sequence[Item], rarity: _Rarity) -> None:
        self._items, self._rarity = items, rarity
        self._creators = {creator for item in items for creator in item.creators}
        self._genres = {genre for item in items for genre in item.genres}
        self._oldest = min((item.year for item in items if item.year), default=None)

    def about(self, item: Item) -> tuple[float, ...]:
        creators = [self._shared(item.creators, liked.creators, self._rarity.creators) for liked in self._items]
        genres = [self._shared(item.genres, liked.genres, self._rarity.genres) for liked in self._items]
        last = self._items[-1] if self._items else None
        return (
            sum(creator in self._creators for creator in item.creators),
            sum(genre in self._genres for genre in item.genres),
            float(item.year - self._oldest) if item.year and self._oldest else math.nan,
            creators[-1] if creators else math.nan,
            genres[-1] if genres else math.nan,
            float(abs(item.year - last.year)) if last is not None and item.year and last.year else math.nan,
            max(creators, default=math.nan),
            max(genres, default=math.nan),
            max((self._rarity.creators[creator] for creator in item.creators), default=math.nan),
        )

    @staticmethod
    def _shared(names: Sequence[str], others: Sequence[str], rarity: Mapping[str, float]) -> float:
        return sum(rarity[name] for name in set(names).intersection(others))


def _words(text: str) -> frozenset[str]:
    return frozenset(word for word in _WORD.findall(text.casefold()) if len(word) >= _LEAST_CHARS or not word.isascii())


def _words_of(item: Item) -> frozenset[str]:
    return _words(" ".join([item.title, *item.genres, *item.creators, item.description]))


def _rarity(owned: Sequence[frozenset[str]]) -> dict[str, float]:
    counts = Counter(name for own in owned for name in own)
    return {name: math.log((len(owned) + 1) / (count + 0.5)) for name, count in counts.items()}
