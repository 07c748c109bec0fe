"""What is asked of, and answered by, ``POST /v1/recommendations``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from api.protocol import Body, DeadlineMs, Flag, Language, Whole
from palate.domain import MAX_QUERY_CHARS, Identifier, ItemType, SourceHit

__all__ = ["EvidenceOut", "Filters", "ReasonOut", "RecommendationBody", "RecommendationOut", "SlateOut"]

_Year = Annotated[Whole, Field(ge=1000, le=3000)]
_Names = Annotated[tuple[Annotated[str, StringConstraints(min_length=1, max_length=100)], ...], Field(max_length=50)]


class Filters(Body):
    """What the slate is limited to; merged with what the query's words say."""

    types: tuple[ItemType, ...] = ()
    genres: _Names = ()
    without_genres: _Names = ()
    without_creators: _Names = ()
    without_words: _Names = ()
    year_min: _Year | None = None
    year_max: _Year | None = None


class RecommendationBody(Body):
    """One request for a slate."""

    person_id: Identifier
    query: Annotated[str, StringConstraints(max_length=MAX_QUERY_CHARS)] | None = None
    n: Annotated[Whole, Field(ge=1, le=50)] = 10
    filters: Filters = Filters()
    without_platforms: _Names = ()
    deadline_ms: DeadlineMs | None = None
    include_seen: Flag = False
    language: Annotated[Language | None, Field(description="Of the reasons; unset, that of the query.")] = None
    seed: Annotated[Whole, Field(ge=0, le=2**63 - 1)] = 0


class EvidenceOut(BaseModel):
    """Something that was known and speaks for the item; what does not apply is ``null``."""

    kind: Literal["history", "content", "attribute", "query", "popularity"]
    source: str
    weight: float
    item_id: str | None = None
    platform: str | None = None
    detail: str = ""


class ReasonOut(BaseModel):
    """A sentence, who wrote it, and what it stands on."""

    text: str
    author: Literal["llm", "template"]
    evidence: tuple[EvidenceOut, ...]


class RecommendationOut(BaseModel):
    """One place of a slate. ``image`` and ``audio`` are URLs, relative to the server where it is not given a base."""

    item_id: str
    type: ItemType
    title: str
    genres: tuple[str, ...]
    score: float
    rank: int
    sources: tuple[SourceHit, ...]
    reasons: tuple[ReasonOut, ...]
    year: int | None
    creators: tuple[str, ...]
    image: str | None
    audio: str | None


class SlateOut(BaseModel):
    """A slate."""

    decision_id: str
    items: tuple[RecommendationOut, ...]
    degraded: tuple[str, ...]
    timings_ms: Mapping[str, float]
    model: Mapping[str, Any]
