"""What nobody has taken yet: near to what is liked, and likely to be taken by many."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import Field

from palate.domain import Evidence, InteractionReader, Profile, Query, Value
from palate.errors import Unavailable
from retrieval.base import Float32, ItemTable, Mask, Scored
from retrieval.learned_trees import Trees, TreesConfig
from retrieval.sources._ranking import read_positives
from retrieval.sources.content import ContentSource
from retrieval.titles import TITLE_COLUMNS, TitleLikelihoods

__all__ = ["ColdConfig", "ColdSource"]


class ColdConfig(Value):
    """``near`` items are looked at, as the content source finds them. An item's score is its expected popularity, standardised over
    all cold items, less ``nearness`` times the logarithm of its place among them plus ``damping``.

    With less than ``min_items`` items that people took nothing is expected, and the order is the content source's.
    """

    near: int = Field(default=100, ge=1)
    nearness: float = Field(default=1.5, ge=0)
    damping: float = Field(default=10.0, gt=0)
    min_items: int = Field(default=50, ge=2)
    trees: TreesConfig = TreesConfig(learning_rate=0.04, min_leaf=20, models=1)


class ColdSource:
    """Offers cold items: those that nobody took.

    How many people will take one is learned from those that people took: gradient-boosted trees from type, year, genres, the length
    of the title, and how likely a language model finds the title and its year (where it was read) to the logarithm of the count.

    Args:
        content: Finds what is near; it is fitted here.
        titles: What a language model said of titles; ``None`` for nothing.
        config: The rest.

    """

    name = "cold"

    def __init__(self, content: ContentSource, titles: TitleLikelihoods | None = None, config: ColdConfig | None = None) -> None:
        self.config = config or ColdConfig()
        self._content, self._titles = content, titles
        self._table: ItemTable | None = None
        self._cold: Mask = np.zeros(0, dtype=np.bool_)
        self._expected: Float32 = np.zeros(0, dtype=np.float32)
        self._read = 0

    def fit(self, table: ItemTable, interactions: InteractionReader) -> None:
        """Learn from what people took how many take what.

        Raises:
            MissingExtra: LightGBM is not installed.
            IndexUnusable: The index cannot be read.

        """
        content = copy.copy(self._content)
        content.fit(table, interactions)
        taken = np.bincount(read_positives(table, interactions).rows, minlength=len(table))
        cold = taken == 0
        expected = np.zeros(len(table), dtype=np.float32)
        x = self._columns(table)
        if cold.any() and int((~cold).sum()) >= self.config.min_items:
            found = Trees.regress(x[~cold], np.log1p(taken[~cold]), self.config.trees).predict(x[cold])
            spread = float(found.std())
            expected[cold] = (found - found.mean()) / spread if spread > 1e-9 else 0.0
        self._content, self._cold, self._expected, self._table = content, cold, expected, table
        self._read = int(np.isfinite(x[:, -len(TITLE_COLUMNS)]).sum())

    def candidates(self, profile: Profile, query: Query, n: int, allowed: Mask) -> list[Scored]:
        """Return cold items near to what is liked or asked for, those first that many are expected to take.

        The score is the standardised expected popularity less ``nearness`` times ln(place + ``damping``), the nearest in place 0
        of those that are looked at: the larger of ``n`` and ``near``.

        Raises:
            Unavailable: It is not fitted.
            IndexUnusable: A space is not in memory, and the index cannot be read.

        """
        table, config = self._fitted(), self.config
        near = self._content.candidates(profile, query, max(n, config.near), allowed & self._cold)
        scores = self._scores(table, [one.item_id for one in near])
        scored = [Scored(one.item_id, float(score)) for one, score in zip(near, scores, strict=True)]
        return sorted(scored, key=lambda one: (-one.score, one.item_id))[:n]

    def explain(self, profile: Profile, query: Query, item_ids: Sequence[str]) -> dict[str, list[Evidence]]:
        """Return for each cold item what it is near to.

        Raises:
            Unavailable: It is not fitted.

        """
        table = self._fitted()
        cold = [i for i in item_ids if i in table.rows and self._cold[table.rows[i]]]
        found = self._content.explain(profile, query, cold)
        return {i: [e.model_copy(update={"source": self.name}) for e in evidence] for i, evidence in found.items()}

    def falls_without(self, profile: Profile, query: Query, pairs: Sequence[tuple[str, str]], allowed: Mask) -> list[bool]:
        """Return for each (candidate, history item) pair whether the candidate is offered, and less near without the history item.

        Of a score only the nearness stands on the history, so with ``nearness`` 0 nothing falls. It is measured by the cosines that
        give an item its place, as in the content source, of which the same is said; not by the place, which would take a ranking
        of all cold items for each history item.

        Raises:
            Unavailable: It is not fitted.

        """
        table = self._fitted()
        if not self.config.nearness:
            return [False] * len(pairs)
        offered = allowed & self._cold
        less_near = self._content.falls_without(profile, query, pairs, offered)
        return [
            fell and item_id in table.rows and bool(offered[table.rows[item_id]])
            for fell, (item_id, _) in zip(less_near, pairs, strict=True)
        ]

    def describe(self) -> dict[str, Any]:
        """Return the config, how many items are cold, and of how many the title was read."""
        return {
            "name": self.name,
            "config": self.config.model_dump(),
            "items": int(self._cold.sum()),
            "titles_read": self._read,
        }

    def _scores(self, table: ItemTable, item_ids: Sequence[str]) -> Float32:
        """Return the scores of items in the order of nearness, float32 [len(item_ids)]."""
        expected = self._expected[[table.rows[i] for i in item_ids]] if item_ids else np.zeros(0, dtype=np.float32)
        places = np.arange(len(item_ids)) + self.config.damping
        scores: Float32 = (expected - self.config.nearness * np.log(places)).astype(np.float32)
        return scores

    def _columns(self, table: ItemTable) -> Float32:
        """Return what is known of the items without anybody having taken them, float32 [len(table), columns]."""
        years = np.where(table.years > 0, table.years, np.nan)
        words = [len(item.title.split()) for item in table.items]
        titles = np.full((len(table), len(TITLE_COLUMNS)), np.nan) if self._titles is None else self._titles.columns(table.items)
        shape = (table.types, years, words, table.genres.sum(axis=1))
        return np.column_stack([*shape, table.genres, titles]).astype(np.float32)

    def _fitted(self) -> ItemTable:
        if self._table is None:
            raise Unavailable("The source 'cold' is not fitted.", remedy="Call fit(table, interactions) first.")
        return self._table
