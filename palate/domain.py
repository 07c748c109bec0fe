"""The words everybody uses, as immutable values.

Times are aware UTC datetimes. Scores are float32 numbers, higher is better. Ranks start at 1. ``n`` is how many to return.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Protocol, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

__all__ = [
    "ITEM_TYPES",
    "MAX_QUERY_CHARS",
    "PATTERNS",
    "VERBS",
    "Account",
    "Candidate",
    "DecisionRecord",
    "Event",
    "Evidence",
    "EvidenceKind",
    "Interaction",
    "InteractionReader",
    "Item",
    "ItemType",
    "Profile",
    "ProfileEntry",
    "Progress",
    "Query",
    "Reason",
    "Recommendation",
    "Request",
    "Slate",
    "SourceHit",
    "UnmatchedEvent",
    "UtcDatetime",
    "Value",
    "Verb",
    "event_id_for",
    "preference",
    "utc_now",
]

Verb = Literal["play", "complete", "like", "dislike", "rate", "save", "purchase", "search", "skip", "impression"]
VERBS: tuple[str, ...] = get_args(Verb)

ItemType = Literal["movie", "track", "podcast", "product", "course", "article", "post"]
ITEM_TYPES: tuple[str, ...] = get_args(ItemType)

MAX_QUERY_CHARS = 2000

_IDENTIFIER = r"^[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}$"
_PLATFORM = r"^[a-z0-9][a-z0-9_-]{0,31}$"
Identifier = Annotated[str, StringConstraints(pattern=_IDENTIFIER)]
Platform = Annotated[str, StringConstraints(pattern=_PLATFORM)]
PATTERNS: dict[str, str] = {
    _IDENTIFIER: "1 to 128 letters (A to Z, a to z), digits or ._:@-, the first a letter or a digit",
    _PLATFORM: "1 to 32 small letters (a to z), digits or _-, the first a letter or a digit",
}
"""What text must be to match the patterns of fields, in words."""


def _to_utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError(f"{value.isoformat()} has no time zone; add one, e.g. '+00:00'")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{value.isoformat()} is out of range; give a year between 2 and 9998") from None


UtcDatetime = Annotated[datetime, AfterValidator(_to_utc)]


def utc_now() -> datetime:
    """Return the present moment as an aware UTC datetime."""
    return datetime.now(UTC)


class Value(BaseModel):
    """Base of all values: immutable, and refusing fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Item(Value):
    """Something that can be recommended.

    ``image`` and ``audio`` are media keys: paths relative to the media folder, or ``None``.
    """

    item_id: Identifier
    type: ItemType
    title: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    alt_titles: tuple[str, ...] = ()
    year: Annotated[int, Field(ge=1000, le=3000)] | None = None
    genres: tuple[str, ...] = ()
    creators: tuple[str, ...] = ()
    language: str = "en"
    description: Annotated[str, StringConstraints(max_length=20_000)] = ""
    image: str | None = None
    audio: str | None = None
    attributes: Mapping[str, str] = Field(default_factory=dict)
    origin: str = ""


class Account(Value):
    """A user as one platform knows them. A person has accounts on several platforms."""

    platform: Platform
    user_id: Identifier


class Event(Value):
    """One thing a user did with one item on one platform.

    ``event_id`` is the key by which a second delivery is recognised. ``value`` is a rating on a scale of 0 to 1 for ``rate``, and
    the share that was played (0 to 1) for ``play`` and ``skip``; ``None`` where unknown.
    """

    event_id: Identifier
    platform: Platform
    user_id: Identifier
    item_id: Identifier
    verb: Verb
    at: UtcDatetime
    value: Annotated[float, Field(ge=0.0, le=1.0)] | None = None


class UnmatchedEvent(Value):
    """An event whose title was not found in the catalog: kept, so that a later catalog can match it.

    ``alternatives`` and ``year`` are what the export said beside the title, for that later match.
    """

    event_id: Identifier
    platform: Platform
    user_id: Identifier
    title: str
    creators: tuple[str, ...] = ()
    type: ItemType
    verb: Verb
    at: UtcDatetime
    value: float | None = None
    alternatives: tuple[str, ...] = ()
    year: int | None = None


def event_id_for(platform: str, user_id: str, what: str, verb: str, at: datetime) -> str:
    """Return a stable event id for sources that carry none, so that importing a file twice counts once."""
    text = "\x1f".join((platform, user_id, what, verb, at.astimezone(UTC).isoformat()))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


_PREFERENCE: Mapping[str, float] = {
    "play": 0.7,
    "complete": 1.0,
    "like": 1.5,
    "dislike": -1.5,
    "rate": 0.5,
    "save": 0.8,
    "purchase": 1.2,
    "search": 0.0,
    "skip": -0.3,
    "impression": 0.0,
}


def preference(verb: Verb, value: float | None) -> float:
    """Return what one event says of liking: positive for, negative against, 0 for nothing.

    A rating of 0 to 1 counts from -1 to 1.2, neutral a little below the middle, since people rate what they chose. A play counts
    by the share that was played.
    """
    if value is not None and verb == "rate":
        return 2.2 * value - 1.0
    if value is not None and verb == "play":
        return 0.2 + 0.8 * value
    return _PREFERENCE[verb]


class ProfileEntry(Value):
    """What a person's events with one item on one platform come to.

    ``weight`` is signed: positive for liking, negative for disliking; recency is already in it.
    """

    item_id: str
    platform: str
    verb: Verb
    at: UtcDatetime
    value: float | None = None
    weight: float


class Profile(Value):
    """A person's taste, newest entry first. ``seen`` holds every item with which there was more than an impression."""

    person_id: str
    entries: tuple[ProfileEntry, ...] = ()
    seen: frozenset[str] = frozenset()

    @property
    def liked(self) -> tuple[ProfileEntry, ...]:
        """Return the entries of positive weight."""
        return tuple(e for e in self.entries if e.weight > 0)


class Query(Value):
    """A request in words, understood. All fields may be empty: then the history alone speaks.

    ``without_words`` are words and phrases that no text of an offered item may hold; ``without_years`` are the first and the last
    of years, both included, that no offered item may be of.
    """

    text: Annotated[str, StringConstraints(max_length=MAX_QUERY_CHARS)] = ""
    like_item_ids: tuple[str, ...] = ()
    genres: tuple[str, ...] = ()
    without_genres: tuple[str, ...] = ()
    without_creators: tuple[str, ...] = ()
    without_words: tuple[str, ...] = ()
    without_years: tuple[tuple[int, int], ...] = ()
    types: tuple[ItemType, ...] = ()
    year_min: int | None = None
    year_max: int | None = None

    @property
    def empty(self) -> bool:
        """Return whether nothing was asked for."""
        return self == Query()

    @property
    def worded(self) -> bool:
        """Return whether something was said; filters and examples alone say nothing in words."""
        return bool(self.text.strip())


class Request(Value):
    """What one slate is asked for. ``deadline_ms`` counts from when the request was received."""

    person_id: Identifier
    query: Query = Query()
    n: Annotated[int, Field(ge=1, le=50)] = 10
    deadline_ms: Annotated[int, Field(ge=1, le=120_000)] = 3000
    without_platforms: tuple[Platform, ...] = ()
    exclude_item_ids: tuple[str, ...] = ()
    include_seen: bool = False
    seed: int = 0
    language: Literal["en", "zh"] = "en"


class SourceHit(Value):
    """That a candidate source offered an item, at which rank and with which score of its own."""

    source: str
    rank: Annotated[int, Field(ge=1)]
    score: float


EvidenceKind = Literal["history", "content", "attribute", "query", "popularity"]


class Evidence(Value):
    """Something that speaks for a candidate and that was known when it was ranked.

    ``history``: an item of the person's history, ``weight`` is its exact linear contribution to the score of ``source``.
    ``content``: a history item (or one named in the query) near to the candidate, ``weight`` is the cosine.
    ``attribute``: a genre or creator shared with the history or the query, named in ``detail``.
    ``query``: a word of the query found in the candidate, named in ``detail``.
    ``popularity``: liked by many; ``detail`` says by how many.
    ``platform`` is where the history item was seen; ``None`` where no platform was involved.
    """

    kind: EvidenceKind
    source: str
    weight: float
    item_id: str | None = None
    platform: str | None = None
    detail: str = ""


class Candidate(Value):
    """An item with where it came from, before the reranker."""

    item: Item
    score: float
    hits: tuple[SourceHit, ...]
    evidence: tuple[Evidence, ...] = ()


class Reason(Value):
    """A sentence for a person, who wrote it (``llm`` or ``template``), and the evidence that it stands on."""

    text: str
    author: Literal["llm", "template"]
    evidence: tuple[Evidence, ...]


class Recommendation(Value):
    """One place of a slate, as it goes out."""

    item_id: str
    type: ItemType
    title: str
    genres: tuple[str, ...]
    score: float
    rank: int
    sources: tuple[SourceHit, ...]
    reasons: tuple[Reason, ...] = ()
    year: int | None = None
    creators: tuple[str, ...] = ()
    image: str | None = None
    audio: str | None = None


class Slate(Value):
    """The answer to a request."""

    decision_id: str
    items: tuple[Recommendation, ...]
    degraded: tuple[str, ...] = ()
    timings_ms: Mapping[str, float]
    model: Mapping[str, Any] = Field(default_factory=dict)


class DecisionRecord(Value):
    """All that led to a slate: what explain-why reads, and nothing else.

    ``candidates`` are those shown to the reranker, in the retriever's order, with their evidence. ``llm_scores`` maps item ids to
    the reranker's log probabilities (empty where it was left out). ``prompt`` is the whole text that was scored.
    """

    decision_id: Identifier
    person_id: str
    at: UtcDatetime
    request: Request
    profile_entries: tuple[ProfileEntry, ...]
    candidates: tuple[Candidate, ...]
    llm_scores: Mapping[str, float] = Field(default_factory=dict)
    prompt: str | None = None
    prompt_hash: str | None = None
    prompt_version: str | None = None
    slate: Slate


@dataclass(frozen=True, slots=True)
class Interaction:
    """One person's event with one item, to fit candidate sources from."""

    person_id: str
    item_id: str
    verb: Verb
    value: float | None
    at: float
    """POSIX seconds."""


class InteractionReader(Protocol):
    """Where candidate sources fit from; the history store is one."""

    def interactions(self) -> Iterator[Interaction]:
        """Yield all consented events that matched an item, ordered by person, then time."""
        ...


class Progress(Protocol):
    """Told how far a long piece of work has come. Calls come from the thread that does the work."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Report that ``done`` of ``total`` units of ``stage`` are finished; a ``total`` of 0 says that nobody knows how many."""
        ...
