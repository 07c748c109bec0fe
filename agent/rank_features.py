"""What the learned final order knows of each candidate: what retrieval found, what the request names, and what the LLM gives it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from palate.domain import Candidate, Item, Profile, Request

__all__ = ["FEATURES", "rank_features"]

Float32 = NDArray[np.float32]

_SOURCES = ("pop", "ease", "transitions", "content", "lexical", "attributes", "fusion")
_NAMES = (
    "place",
    "score.share",
    "hits",
    *(f"{source}.{kind}" for source in _SOURCES for kind in ("rank", "score")),
    "wish.creators",
    "wish.creators.share",
    "wish.genres",
    "wish.title",
    "liked.creators",
    "liked.genres",
    "year",
    "genres",
    "creators",
    "described",
    "title.length",
    "request.words",
    "request.likes",
    "history.length",
)
FEATURES = (*_NAMES, "llm", "llm.place", "llm.gap")
"""The columns, in order. The last three are NaN where the LLM was not asked."""


def rank_features(
    request: Request,
    profile: Profile,
    history_items: Mapping[str, Item],
    candidates: Sequence[Candidate],
    scores: Float32 | None,
) -> Float32:
    """Return a row for each candidate, float32 [n, len(FEATURES)]; candidates come in the retriever's order.

    ``scores`` are the LLM's log probabilities, float32 [n]; ``None`` where it was not asked. What is not there is NaN.
    """
    text = request.query.text.casefold()
    likes = [history_items[i] for i in request.query.like_item_ids if i in history_items]
    liked = [*likes, *(history_items[e.item_id] for e in profile.liked if e.item_id in history_items)]
    creators = {creator for item in liked for creator in item.creators}
    genres = {genre for item in liked for genre in item.genres}
    top = max((abs(c.score) for c in candidates), default=1.0) or 1.0
    about = (float(len(text.split())), float(len(likes)), float(len(profile.entries)))
    out = np.full((len(candidates), len(FEATURES)), np.nan, dtype=np.float32)
    for place, candidate in enumerate(candidates):
        item, hits = candidate.item, {hit.source: hit for hit in candidate.hits}
        named = sum(creator.casefold() in text for creator in item.creators)
        found = [float(value) for s in _SOURCES for value in ((hits[s].rank, hits[s].score) if s in hits else (np.nan, np.nan))]
        out[place, : len(_NAMES)] = (
            place,
            candidate.score / top,
            len(hits),
            *found,
            named,
            named / max(len(item.creators), 1),
            sum(genre.casefold() in text for genre in item.genres),
            len(item.title) > 2 and item.title.casefold() in text,
            sum(creator in creators for creator in item.creators),
            sum(genre in genres for genre in item.genres),
            item.year or np.nan,
            len(item.genres),
            len(item.creators),
            bool(item.description),
            len(item.title),
            *about,
        )
    if scores is not None and len(scores):
        order = np.argsort(np.argsort(-scores, kind="stable"), kind="stable")
        out[:, -3:] = np.stack([scores - scores.mean(), order.astype(np.float32), scores - scores.max()], axis=1)
    return out
