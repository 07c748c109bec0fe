"""Live candidate sources, and the live retriever over them, as rankers."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from evals.base import Case, Dataset, Int32, Split
from evals.models.world import World
from palate.domain import MAX_QUERY_CHARS, Item, Profile, Progress, Query, Request
from palate.errors import Unavailable
from retrieval.base import CandidateSource, ItemTable
from retrieval.retriever import Retriever, RetrieverConfig

__all__ = ["Fixed", "Prepare", "RetrieverRanker", "SourceRanker", "titles_query"]

_TITLES = 10

Prepare = Callable[[ItemTable, Progress | None], None]
"""What must be there before a source is fitted, as vectors in the index it reads."""


def titles_query(profile: Profile, items: dict[str, Item]) -> Query:
    """Return the titles of the ten newest items of the history as the words of a query.

    The lexical source answers words; where nobody asked for anything, this is what the history says in words.
    """
    titles = dict.fromkeys(items[entry.item_id].title for entry in profile.entries if entry.item_id in items)
    return Query(text=" ".join(list(titles)[:_TITLES])[:MAX_QUERY_CHARS])


class _Ranking:
    """What both rankers share: the world of a split, and one list a case."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._world: World | None = None

    def rank(self, dataset: Dataset, split: Split, cases: Sequence[Case], n: int) -> Int32:
        """Return item positions, best first, int32 [len(cases), n]; -1 fills the places of those that rank fewer.

        Raises:
            Unavailable: Nothing was fitted yet.

        """
        world = self._world
        if world is None:
            raise Unavailable(f"The row {self.name!r} is not fitted.", remedy="Call fit(dataset, split) first.")
        out = np.full((len(cases), n), -1, dtype=np.int32)
        for row, case in enumerate(cases):
            out[row] = world.to_positions(self._one(world, case, n), n)
        return out

    def _one(self, world: World, case: Case, n: int) -> list[str]:
        raise NotImplementedError


class SourceRanker(_Ranking):
    """Fits a live candidate source on a split and asks it for each case, as a request without words would.

    Args:
        name: The row.
        factory: Makes the source.
        query: Makes the query of a case from its profile and the items by id; unset, nothing is asked for.
        prepare: Called with the items before the fit.

    """

    def __init__(
        self,
        name: str,
        factory: Callable[[], CandidateSource],
        *,
        query: Callable[[Profile, dict[str, Item]], Query] | None = None,
        prepare: Prepare | None = None,
    ) -> None:
        super().__init__(name)
        self._source, self._query, self._prepare = factory(), query, prepare
        self._items: dict[str, Item] = {}

    def fit(self, dataset: Dataset, split: Split, progress: Progress | None = None) -> None:
        """Fit the source on ``split.train`` and the items of the split."""
        world = World(dataset, split)
        if self._prepare is not None:
            self._prepare(world.table, progress)
        fit_source(self._source, world, progress)
        self._world, self._items = world, {item.item_id: item for item in world.table.items}

    def params(self) -> dict[str, Any]:
        """Return the source's configuration."""
        return source_params(self._source)

    def _one(self, world: World, case: Case, n: int) -> list[str]:
        profile = world.profile(case)
        query = Query() if self._query is None else self._query(profile, self._items)
        return [scored.item_id for scored in self._source.candidates(profile, query, n, world.allowed(case))]


class RetrieverRanker(_Ranking):
    """The live retriever over several sources: what is ranked is its pool, in fused order.

    Args:
        name: The row.
        factory: Makes the sources.
        config: Of the retriever; ``n_pool`` and ``n_per_source`` bound how long a list can be.
        prepare: Called with the items before the fit.

    """

    def __init__(
        self,
        name: str,
        factory: Callable[[], Sequence[CandidateSource]],
        config: RetrieverConfig,
        *,
        prepare: Prepare | None = None,
    ) -> None:
        super().__init__(name)
        self._sources, self._config, self._prepare = tuple(factory()), config, prepare
        self._retriever: Retriever | None = None

    def fit(self, dataset: Dataset, split: Split, progress: Progress | None = None) -> None:
        """Fit every source on ``split.train`` and the items of the split."""
        world = World(dataset, split)
        if self._prepare is not None:
            self._prepare(world.table, progress)
        retriever = Retriever(Fixed(world.table), self._sources, self._config)
        retriever.fit(world.reader(), progress)
        self._world, self._retriever = world, retriever

    def params(self) -> dict[str, Any]:
        """Return the retriever's configuration and that of each source."""
        return {
            "retriever": self._config.model_dump(mode="json"),
            "sources": {source.name: source_params(source) for source in self._sources},
        }

    def _one(self, world: World, case: Case, n: int) -> list[str]:
        assert self._retriever is not None  # noqa: S101 - set together with the world
        profile = world.profile(case)
        request = Request.model_construct(
            person_id=profile.person_id,
            query=Query(),
            n=10,
            deadline_ms=120_000,
            without_platforms=(),
            exclude_item_ids=(),
            include_seen=False,
            seed=0,
            language="en",
        )
        return [candidate.item.item_id for candidate in self._retriever.retrieve(request, profile).pool]


class Fixed:
    """A catalog that does not change."""

    revision = 0

    def __init__(self, table: ItemTable) -> None:
        self._table = table

    def table(self) -> ItemTable:
        """Return the items."""
        return self._table


def fit_source(source: CandidateSource, world: World, progress: Progress | None) -> None:
    """Fit a source on a world, with progress where it takes it."""
    more = {"progress": progress} if "progress" in inspect.signature(source.fit).parameters else {}
    source.fit(world.table, world.reader(), **more)


def source_params(source: CandidateSource) -> dict[str, Any]:
    """Return a source's configuration as plain values."""
    config = getattr(source, "config", None)
    return {} if config is None else dict(config.model_dump(mode="json"))
