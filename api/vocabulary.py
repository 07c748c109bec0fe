"""What words mean in the present catalog: its titles, and queries understood. Renewed when the catalog grows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapters import Match, Mention, TitleMatcher
from agent.dialogue.understand import Understander
from agent.prompts.understand import Asked, Draft, Wish
from palate.domain import ItemType, Query
from retrieval.base import ItemTable

__all__ = ["Vocabulary"]


class Vocabulary:
    """Matches titles and understands queries; swaps both at once when :meth:`renew` is called."""

    def __init__(self) -> None:
        self._table = ItemTable([])
        self._matcher = TitleMatcher([])
        self._understander = Understander(self._table, self._matcher)

    def renew(self, table: ItemTable) -> bool:
        """Read the catalog anew where it changed; return whether it did."""
        if table is self._table:
            return False
        matcher = TitleMatcher(table.items)
        _ = table.phrases  # built before it is asked
        self._table, self._matcher, self._understander = table, matcher, Understander(table, matcher)
        return True

    def match(self, title: str, *, type: ItemType, **more: Any) -> Match | None:  # noqa: A002
        """Return the item that a title means (see :meth:`adapters.TitleMatcher.match`)."""
        return self._matcher.match(title, type=type, **more)

    def mentions(self, text: str, types: Sequence[ItemType] = ()) -> list[Mention]:
        """Return the titles that occur in a text (see :meth:`adapters.TitleMatcher.mentions`)."""
        return self._matcher.mentions(text, types)

    def understand(self, text: str) -> Query:
        """Return what a text asks for (see :class:`agent.dialogue.understand.Understander`)."""
        return self._understander.understand(text)

    def lacking(self, text: str) -> tuple[ItemType, ...]:
        """Return the types that a text asks for in vain (see :meth:`agent.dialogue.understand.Understander.lacking`)."""
        return self._understander.lacking(text)

    def carriers(self, genres: Sequence[str]) -> frozenset[ItemType]:
        """Return the types that have any of the genres (see :meth:`agent.dialogue.understand.Understander.carriers`)."""
        return self._understander.carriers(genres)

    def refused(self, text: str) -> tuple[str, ...]:
        """Return the items that a text does not want (see :meth:`agent.dialogue.understand.Understander.refused`)."""
        return self._understander.refused(text)

    def unmentioned(self, text: str) -> tuple[str, ...]:
        """Return what a text refuses in vain (see :meth:`agent.dialogue.understand.Understander.unmentioned`)."""
        return self._understander.unmentioned(text)

    def creators(self, text: str) -> tuple[str, ...]:
        """Return the creators that a text names (see :meth:`agent.dialogue.understand.Understander.creators`)."""
        return self._understander.creators(text)

    def draft(self, text: str) -> Draft:
        """Return what rules make of a text (see :meth:`agent.dialogue.understand.Understander.draft`)."""
        return self._understander.draft(text)

    def corrected(self, text: str, asked: Asked) -> Query:
        """Return a text understood with what an LLM says (see :meth:`agent.dialogue.understand.Understander.corrected`)."""
        return self._understander.corrected(text, asked)

    def resolve(self, wish: Wish) -> Query:
        """Return what a wish in words comes to (see :meth:`agent.dialogue.understand.Understander.resolve`)."""
        return self._understander.resolve(wish)
