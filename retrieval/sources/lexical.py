"""What the words of the query are found in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from palate.domain import Evidence, InteractionReader, Item, Profile, Query
from palate.errors import Unavailable
from retrieval.base import ItemTable, Mask, Scored

__all__ = ["LexicalSource", "WordIndex"]


class WordIndex(Protocol):
    """What :class:`retrieval.LexicalIndex` does."""

    def search(self, text: str, n: int, allowed: Mask | None = None) -> list[Scored]:
        """Return up to ``n`` items that hold words of ``text``, best first, ties by item id."""
        ...

    def matched_terms(self, text: str, item_id: str) -> list[tuple[str, float]]:
        """Return the words of ``text`` that the item holds, with their weights, strongest first."""
        ...


class LexicalSource:
    """BM25 over the texts of the items. Has nothing to say when no words were asked for.

    Args:
        index: Makes the word index of a catalog; unset, :class:`retrieval.LexicalIndex`.

    """

    name = "lexical"

    def __init__(self, index: Callable[[Sequence[Item]], WordIndex] | None = None) -> None:
        self._make = index
        self._table: ItemTable | None = None
        self._words: WordIndex | None = None

    def fit(self, table: ItemTable, interactions: InteractionReader) -> None:
        """Index the texts of the catalog. Nothing is learnt from the interactions."""
        make = self._make
        if make is None:
            from retrieval.lexical import LexicalIndex

            make = LexicalIndex
        self._words = make(table.items) if len(table) else None
        self._table = table

    def candidates(self, profile: Profile, query: Query, n: int, allowed: Mask) -> list[Scored]:
        """Return the items that hold the query's words."""
        self._fitted()
        if self._words is None or not query.text.strip() or n <= 0:
            return []
        return self._words.search(query.text, n, allowed)

    def explain(self, profile: Profile, query: Query, item_ids: Sequence[str]) -> dict[str, list[Evidence]]:
        """Return up to three words of the query that each item holds, with their BM25 weight."""
        self._fitted()
        if self._words is None or not query.text.strip():
            return {}
        found: dict[str, list[Evidence]] = {}
        for item_id in item_ids:
            terms = self._words.matched_terms(query.text, item_id)[:3]
            if terms:
                found[item_id] = [Evidence(kind="query", source=self.name, weight=weight, detail=term) for term, weight in terms]
        return found

    def describe(self) -> dict[str, Any]:
        """Return how many items are indexed."""
        return {"name": self.name, "config": {}, "items": len(self._table) if self._table else 0}

    def _fitted(self) -> ItemTable:
        if self._table is None:
            raise Unavailable("The source 'lexical' is not fitted.", remedy="Call fit(table, interactions) first.")
        return self._table
