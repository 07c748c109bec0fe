"""What the agent needs of the rooms below, as protocols; the parts themselves come as arguments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from palate.deadline import Deadline
from palate.domain import Candidate, DecisionRecord, Event, Item, ItemType, Profile, Request
from retrieval.base import ItemTable

__all__ = [
    "CandidateRetriever",
    "CatalogReader",
    "Decisions",
    "HistoryReader",
    "MentionFinder",
    "MentionSpan",
    "RetrievedCandidates",
    "TitleFinder",
    "TitleSpan",
    "items_of",
]


class HistoryReader(Protocol):
    """Where a person's events are read, consent applied; ``adapters.HistoryStore`` is one."""

    def events(self, person_id: str, without_platforms: Sequence[str] = ()) -> Sequence[Event]:
        """Return a person's events, newest first."""
        ...


class CatalogReader(Protocol):
    """Where items are read; ``retrieval.SqlCatalog`` is one."""

    def table(self) -> ItemTable:
        """Return the catalog as columns, cached until it changes."""
        ...


class RetrievedCandidates(Protocol):
    """What a retriever answers; ``retrieval.Retrieved`` is one."""

    @property
    def candidates(self) -> Sequence[Candidate]:
        """Return the few that the reranker sees, in the retriever's order, with evidence."""
        ...

    @property
    def pool(self) -> Sequence[Candidate]:
        """Return all that were fused, in order."""
        ...

    @property
    def degraded(self) -> Sequence[str]:
        """Return what was left out, as ``retrieve:<source>``."""
        ...


class CandidateRetriever(Protocol):
    """Finds candidates; ``retrieval.Retriever`` is one."""

    def retrieve(self, request: Request, profile: Profile, deadline: Deadline) -> RetrievedCandidates:
        """Return candidates within the deadline."""
        ...


class MentionSpan(Protocol):
    """That ``text[start:end]`` is the title of an item."""

    @property
    def item_id(self) -> str:
        """Return the item."""
        ...

    @property
    def start(self) -> int:
        """Return the first position."""
        ...

    @property
    def end(self) -> int:
        """Return the position after the last."""
        ...


class MentionFinder(Protocol):
    """Finds catalog titles in free text; ``adapters.TitleMatcher`` is one."""

    def mentions(self, text: str) -> Sequence[MentionSpan]:
        """Return titles that occur in ``text``, not overlapping, by position."""
        ...


class TitleSpan(Protocol):
    """The item that a title means."""

    @property
    def item_id(self) -> str:
        """Return the item."""
        ...


class TitleFinder(MentionFinder, Protocol):
    """Also finds the item of a title that stands alone; ``adapters.TitleMatcher`` is one."""

    def match(self, title: str, *, type: ItemType) -> TitleSpan | None:  # noqa: A002 - the field's own word
        """Return the item of a type that ``title`` means, a near spelling included, or ``None``."""
        ...


class Decisions(Protocol):
    """Where decision records are kept; :class:`agent.DecisionStore` is one."""

    def put(self, record: DecisionRecord) -> None:
        """Keep a record, durably on return."""
        ...

    def get(self, decision_id: str) -> DecisionRecord:
        """Return a record; raises :class:`palate.errors.NotFound`."""
        ...


def items_of(table: ItemTable, item_ids: Iterable[str | None]) -> Mapping[str, Item]:
    """Return the items of ``item_ids`` that are in the catalog, by id."""
    rows = table.rows
    return {item_id: table.items[rows[item_id]] for item_id in item_ids if item_id is not None and item_id in rows}
