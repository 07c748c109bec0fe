"""What is near to what a person likes and asks for, in words, pictures and sound."""

from __future__ import annotations

import re
import weakref
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import Field

from palate.domain import ITEM_TYPES, Evidence, InteractionReader, ItemType, Profile, Query, Value
from palate.errors import Unavailable
from retrieval.base import Float32, ItemTable, Mask, Scored, TextEmbedder, VectorIndex
from retrieval.sources._vectors import Space

__all__ = ["ContentConfig", "ContentSource"]

_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7af]")
_K = 60
_QUERIES_KEPT = 256


class ContentConfig(Value):
    """``liked_items`` newest liked items of each type make its taste vector. The weights say what each list of neighbours counts:
    by space, for the query's words, for items named in the query, for the history when there is a query (without one it counts
    1), and for neighbours of another type than the history's. Up to ``resident_items`` vectors a space are kept in memory.
    """

    text_space: str = "text-en"
    mixed_space: str = "text-mixed"
    liked_items: int = Field(default=50, ge=1)
    space_weights: Mapping[str, float] = Field(default_factory=lambda: {"text-en": 1.0, "image": 0.2, "audio": 1.0})
    query_weight: float = Field(default=2.0, ge=0)
    like_weight: float = Field(default=2.0, ge=0)
    history_weight: float = Field(default=0.3, ge=0)
    cross_type_weight: float = Field(default=0.3, ge=0)
    resident_items: int = Field(default=100_000, ge=0)
    refresh_seconds: float = Field(default=10.0, ge=0)
    min_cosine: float = Field(default=0.2, ge=-1.0, le=1.0)


@dataclass(frozen=True)
class _Search:
    """Lists of neighbours of one vector in one space: among which types, and what each list counts."""

    space: Space
    vector: Float32
    lists: tuple[tuple[tuple[str, ...], float], ...]


@dataclass(frozen=True)
class _Reading:
    """What one fit read: the spaces by name, and the vectors of queries that were asked since, the newest last."""

    table: ItemTable
    spaces: Mapping[str, Space]
    queries: OrderedDict[tuple[str, str], Float32]


class _Newest:
    """The newest reading of a source and its copies, and of which fit it is.

    The interactions are held weakly: they may be all the events there are, and nobody needs them when the fit is done.
    """

    def __init__(self) -> None:
        self._kept: tuple[_Reading, weakref.ref[InteractionReader]] | None = None

    def of(self, table: ItemTable, interactions: InteractionReader) -> _Reading | None:
        if self._kept is None:
            return None
        reading, whose = self._kept
        return reading if reading.table is table and whose() is interactions else None

    def keep(self, reading: _Reading, interactions: InteractionReader) -> None:
        try:
            self._kept = reading, weakref.ref(interactions)
        except TypeError:  # a reader with slots: nobody could tell its fit from the next one, so nothing is shared
            self._kept = None


class ContentSource:
    """Dense retrieval over the vector index.

    For each type of item that the person likes and each space, the neighbours of the weighted mean of the liked items; the
    neighbours of the query's words (in the multilingual space where these are Chinese, Japanese or Korean) and of the items named
    in it. The lists are joined by weighted reciprocal ranks, since cosines of different spaces do not compare. Text also leads
    from one type to others, which counts less.

    Copies that are fitted on the very same table and interactions, as those of one retriever are, share what they hold: vectors in
    memory, and those of queries.
    """

    name = "content"

    def __init__(self, index: VectorIndex, text_embedders: Mapping[str, TextEmbedder], config: ContentConfig | None = None) -> None:
        self.config = config or ContentConfig()
        self._index, self._embedders = index, dict(text_embedders)
        self._table: ItemTable | None = None
        self._spaces: Mapping[str, Space] = {}
        self._queries: OrderedDict[tuple[str, str], Float32] = OrderedDict()
        self._newest = _Newest()

    def fit(self, table: ItemTable, interactions: InteractionReader) -> None:
        """Read the spaces, unless a copy did for this fit. Nothing is learnt from the interactions.

        A source that is itself fitted once more reads them anew.

        Raises:
            IndexUnusable: The index cannot be read.

        """
        found = self._newest.of(table, interactions)
        if found is None or found.spaces is self._spaces:
            found = self._read(table)
            self._newest.keep(found, interactions)
        self._table, self._spaces, self._queries = table, found.spaces, found.queries

    def refresh(self) -> None:
        """Read the index anew now, as after vectors in it were replaced."""
        for space in self._spaces.values():
            space.refresh(force=True)

    def candidates(self, profile: Profile, query: Query, n: int, allowed: Mask) -> list[Scored]:
        """Return the items near to what is liked or asked for; the score is the weighted sum of reciprocal ranks."""
        table = self._fitted()
        for space in self._spaces.values():
            space.keep_fresh()
        scores: dict[str, float] = defaultdict(float)
        for search in self._searches(table, profile, query, allowed):
            found = search.space.nearest(search.vector, n, [types for types, _ in search.lists], allowed)
            for (_, weight), near in zip(search.lists, found, strict=True):
                for rank, (item_id, _) in enumerate(near, start=1):
                    scores[item_id] += weight / (_K + rank)
        best = sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))[:n]
        return [Scored(item_id, float(np.float32(score))) for item_id, score in best]

    def explain(self, profile: Profile, query: Query, item_ids: Sequence[str]) -> dict[str, list[Evidence]]:
        """Return for each item the nearest liked item in each space, and the nearest of those that the query names."""
        table = self._fitted()
        found: dict[str, list[Evidence]] = defaultdict(list)
        platforms = {entry.item_id: entry.platform for entry in reversed(profile.liked)}
        liked = [item_id for taste in self._tastes(table, profile).values() for item_id, _ in taste]
        for name in self.config.space_weights:
            vectors = self._spaces[name].vectors([*liked, *query.like_item_ids, *item_ids])
            targets = [i for i in item_ids if i in vectors]
            for anchors, of_history in ((liked, True), (query.like_item_ids, False)):
                near = [i for i in anchors if i in vectors]
                for target, anchor, cosine in _nearest_pairs(targets, near, vectors):
                    if cosine >= self.config.min_cosine:
                        platform = platforms[anchor] if of_history else None
                        found[target].append(self._near(name, anchor, platform, cosine))
        return {
            i: sorted(found[i], key=lambda e: (e.platform is not None, -e.weight, e.item_id or "")) for i in item_ids if i in found
        }

    def falls_without(self, profile: Profile, query: Query, pairs: Sequence[tuple[str, str]], allowed: Mask) -> list[bool]:
        """Return for each (candidate, history item) pair whether the candidate is less near to what is liked without the item.

        The mean of the liked items is taken anew without it, in every space that holds both: one cosine that falls is enough.
        """
        table = self._fitted()
        moved = [False] * len(pairs)
        for taste in self._tastes(table, profile).values():
            weights = dict(taste)
            for name in self.config.space_weights:
                vectors = self._spaces[name].vectors([*weights, *(item_id for item_id, _ in pairs)])
                known = [(vectors[i], weight) for i, weight in taste if i in vectors]
                if not known:
                    continue
                total = np.array([w for _, w in known], dtype=np.float32) @ np.stack([v for v, _ in known])
                for at, (item_id, gone) in enumerate(pairs):
                    if not moved[at] and item_id in vectors and gone in vectors and gone in weights:
                        after = total - np.float32(weights[gone]) * vectors[gone]
                        moved[at] = _cosine(vectors[item_id], after) < _cosine(vectors[item_id], total)
        return moved

    def describe(self) -> dict[str, Any]:
        """Return the config and how many items each space holds."""
        return {
            "name": self.name,
            "config": self.config.model_dump(),
            "items": {name: len(space) for name, space in self._spaces.items()},
        }

    def _read(self, table: ItemTable) -> _Reading:
        config = self.config
        names = dict.fromkeys([*config.space_weights, config.text_space, config.mixed_space])
        spaces = {name: Space(self._index, name, table, config.resident_items, config.refresh_seconds) for name in names}
        for space in spaces.values():
            space.refresh()
        return _Reading(table, spaces, OrderedDict())

    def _searches(self, table: ItemTable, profile: Profile, query: Query, allowed: Mask) -> Iterator[_Search]:
        config = self.config
        wanted = tuple(sorted(ITEM_TYPES[code] for code in np.flatnonzero(np.bincount(table.types[allowed]))))
        if not wanted:
            return
        if query.text.strip() and config.query_weight:
            yield from self._query_search(query.text, wanted)
        for type_, ids in _by_type(table, [i for i in query.like_item_ids if i in table.rows]).items():
            yield from self._mean_searches(type_, [(i, 1.0) for i in ids], wanted, config.like_weight)
        share = 1.0 if query.empty else config.history_weight
        for type_, taste in self._tastes(table, profile).items():
            yield from self._mean_searches(type_, taste, wanted, share)

    def _tastes(self, table: ItemTable, profile: Profile) -> dict[ItemType, list[tuple[str, float]]]:
        """Return the newest liked items of each type with their weights, summed over platforms."""
        weights: dict[str, float] = defaultdict(float)
        for entry in profile.entries:
            if entry.weight > 0 and entry.item_id in table.rows:
                weights[entry.item_id] += entry.weight
        by_type = _by_type(table, list(weights))
        return {type_: [(i, weights[i]) for i in ids[: self.config.liked_items]] for type_, ids in by_type.items()}

    def _query_search(self, text: str, wanted: tuple[str, ...]) -> Iterator[_Search]:
        config = self.config
        first = config.mixed_space if _CJK.search(text) else config.text_space
        for name in dict.fromkeys((first, config.text_space, config.mixed_space)):
            if name in self._embedders and len(self._spaces[name]):
                yield _Search(self._spaces[name], self._embed(name, text), ((wanted, config.query_weight),))
                return

    def _mean_searches(
        self, type_: ItemType, weighted: Sequence[tuple[str, float]], wanted: tuple[str, ...], share: float
    ) -> Iterator[_Search]:
        for name, space_weight in self.config.space_weights.items():
            mean = _mean(self._spaces[name].vectors([i for i, _ in weighted]), weighted)
            if mean is None or not space_weight * share:
                continue
            lists: list[tuple[tuple[str, ...], float]] = [((type_,), share * space_weight)] if type_ in wanted else []
            others = tuple(t for t in wanted if t != type_)
            if others and name == self.config.text_space and self.config.cross_type_weight:
                lists.append((others, share * space_weight * self.config.cross_type_weight))
            if lists:
                yield _Search(self._spaces[name], mean, tuple(lists))

    def _embed(self, name: str, text: str) -> Float32:
        key, kept = (name, text), self._queries
        found = kept.get(key)
        if found is None:
            found = self._embedders[name].embed_query(text)
            kept[key] = found
            while len(kept) > _QUERIES_KEPT:
                kept.popitem(last=False)
        return found

    def _near(self, space: str, item_id: str, platform: str | None, cosine: float) -> Evidence:
        return Evidence(kind="content", source=self.name, weight=cosine, item_id=item_id, platform=platform, detail=space)

    def _fitted(self) -> ItemTable:
        if self._table is None:
            raise Unavailable("The source 'content' is not fitted.", remedy="Call fit(table, interactions) first.")
        return self._table


def _by_type(table: ItemTable, item_ids: Sequence[str]) -> dict[ItemType, list[str]]:
    out: dict[ItemType, list[str]] = defaultdict(list)
    for item_id in item_ids:
        out[table.items[table.rows[item_id]].type].append(item_id)
    return out


def _mean(vectors: Mapping[str, Float32], weighted: Sequence[tuple[str, float]]) -> Float32 | None:
    """Return the unit vector of the weighted mean, float32 [dim]; none where there is no vector."""
    known = [(vectors[i], weight) for i, weight in weighted if i in vectors]
    if not known:
        return None
    total = np.array([weight for _, weight in known], dtype=np.float32) @ np.stack([vector for vector, _ in known])
    length = float(np.linalg.norm(total))
    return (total / length).astype(np.float32) if length > 1e-9 else None


def _cosine(unit: Float32, vector: Float32) -> float:
    length = float(np.linalg.norm(vector))
    return float(unit @ vector) / length if length > 1e-6 else -1.0


def _nearest_pairs(targets: Sequence[str], anchors: Sequence[str], vectors: Mapping[str, Float32]) -> list[tuple[str, str, float]]:
    """Return for each target the nearest anchor that is another item, with the cosine."""
    if not targets or not anchors:
        return []
    cosines = np.stack([vectors[i] for i in targets]) @ np.stack([vectors[i] for i in anchors]).T
    same = np.array(targets)[:, None] == np.array(anchors)[None, :]
    cosines = np.where(same, -np.inf, cosines)
    best = cosines.argmax(axis=1)
    pairs = [(t, anchors[at], float(row[at])) for t, at, row in zip(targets, best.tolist(), cosines, strict=True)]
    return [pair for pair in pairs if np.isfinite(pair[2])]
