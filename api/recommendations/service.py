"""From a request body to a slate, and from a slate to what goes out."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any

from api.protocol import Clock, language_of
from api.recommendations.protocol import RecommendationBody, RecommendationOut, SlateOut
from api.runtime import Palate
from palate.domain import Query, Recommendation, Request, Slate
from palate.errors import InvalidInput

__all__ = ["media_url", "recommend", "slate_out"]


def media_url(key: str | None) -> str | None:
    """Return the URL under which a media key is served."""
    return None if key is None else f"/media/{key}"


def _both(first: tuple[Any, ...], second: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys((*first, *second)))


def _without(genres: Sequence[str], others: Set[str]) -> tuple[str, ...]:
    return tuple(genre for genre in genres if genre.casefold() not in others)


def _merged(query: Query, body: RecommendationBody) -> Query:
    """Return the query with the body's filters: lists are joined, and what the body says of types, genres and years goes first."""
    asked = body.filters
    wanted, refused = ({genre.casefold() for genre in genres} for genres in (asked.genres, asked.without_genres))
    if both := [genre for genre in asked.genres if genre.casefold() in refused]:
        raise InvalidInput(
            f"The genre {both[0]!r} is both wanted and refused.",
            remedy="Name it in 'genres' or in 'without_genres'.",
            param="filters.genres",
        )
    merged = query.model_copy(
        update={
            "types": asked.types or query.types,
            "genres": _both(_without(query.genres, refused), asked.genres),
            "without_genres": _both(_without(query.without_genres, wanted), asked.without_genres),
            "without_creators": _both(query.without_creators, asked.without_creators),
            "without_words": _both(query.without_words, asked.without_words),
            "year_min": query.year_min if asked.year_min is None else asked.year_min,
            "year_max": query.year_max if asked.year_max is None else asked.year_max,
        }
    )
    if merged.year_min is not None and merged.year_max is not None and merged.year_min > merged.year_max:
        raise InvalidInput(
            f"The years {merged.year_min} to {merged.year_max} contradict each other.",
            remedy="Let year_min be no later than year_max, in the query and the filters together.",
            param="filters.year_min",
        )
    return merged


def _recommendation_out(item: Recommendation) -> RecommendationOut:
    values = item.model_dump()
    return RecommendationOut(**{**values, "image": media_url(item.image), "audio": media_url(item.audio)})


def slate_out(slate: Slate) -> SlateOut:
    """Return a slate as it goes out."""
    return SlateOut(
        decision_id=slate.decision_id,
        items=tuple(_recommendation_out(item) for item in slate.items),
        degraded=slate.degraded,
        timings_ms=slate.timings_ms,
        model=slate.model,
    )


def _check_genres(palate: Palate, asked: Sequence[str], param: str) -> None:
    known = palate.parts.catalog.table().genre_names
    unknown = [genre for genre in asked if genre.casefold() not in {name.casefold() for name in known}]
    if unknown:
        raise InvalidInput(f"No item has the genre {unknown[0]!r}.", remedy=f"Use some of: {', '.join(known)}.", param=param)


def _check_creators(palate: Palate, asked: Sequence[str], param: str) -> None:
    known = palate.parts.catalog.table().by_creator
    unknown = [name for name in asked if name not in known]
    if unknown:
        raise InvalidInput(f"No item is by {unknown[0]!r}.", remedy="Write the name as the items' 'creators' have it.", param=param)


async def recommend(palate: Palate, body: RecommendationBody, clock: Clock) -> SlateOut:
    """Return a slate.

    Raises:
        UnknownPlatform: ``without_platforms`` names one that is not known.
        InvalidInput: The query is too long, a genre or creator is unknown, or years or genres contradict each other.
        Unavailable: The index is not far enough yet.

    """
    palate.require_ready()
    palate.check_platforms(body.without_platforms, param="without_platforms")
    _check_genres(palate, body.filters.genres, "filters.genres")
    _check_genres(palate, body.filters.without_genres, "filters.without_genres")
    _check_creators(palate, body.filters.without_creators, "filters.without_creators")
    deadline_ms = body.deadline_ms or palate.settings.deadline_ms
    query = _merged(palate.understand(body.query or ""), body)
    request = Request(
        person_id=body.person_id,
        query=query,
        n=body.n,
        deadline_ms=deadline_ms,
        without_platforms=body.without_platforms,
        include_seen=body.include_seen,
        exclude_item_ids=palate.parts.vocabulary.refused(body.query or ""),
        seed=body.seed,
        language=language_of(body.query or "", body.language),
    )
    with palate.busy():
        slate = await palate.recommender.recommend(request, clock.deadline(deadline_ms))
    out = slate_out(slate)
    return out.model_copy(update={"timings_ms": {**out.timings_ms, "total": round(clock.elapsed_ms(), 3)}})
