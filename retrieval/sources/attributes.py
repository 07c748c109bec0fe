"""What shares genres and creators with what is asked for and liked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import Field

from palate.domain import Evidence, InteractionReader, Profile, Query, Value
from palate.errors import Unavailable
from retrieval.base import Float32, ItemTable, Mask, Scored
from retrieval.names import CreatorNames
from retrieval.sources._ranking import best_rows_by_type, falls, genre_columns, read_positives, to_scored

__all__ = ["AttributesConfig", "AttributesSource"]


class AttributesConfig(Value):
    """``creator_weight`` is what a shared creator counts beside all shared genres, which count 1, and ``named_weight`` all creators
    that the words of the query name; ``popularity_weight`` orders items whose genres say the same; ``history_weight`` is what the
    history counts when there is a query.
    """

    creator_weight: float = Field(default=0.5, ge=0)
    named_weight: float = Field(default=1.0, ge=0)
    popularity_weight: float = Field(default=0.05, ge=0)
    history_weight: float = Field(default=0.1, ge=0)


class AttributesSource:
    """Genres and creators, rarer genres counting more.

    With a query: the share of the wanted genres that an item carries, raised by what it shares with the items that the query names;
    so "like this one, but funny" finds comedies of this one's other genres first; and the share of the creators that its words name
    ("films with Toshiro Mifune"). Without: the genres of the history, for and against.
    """

    name = "attributes"

    def __init__(self, config: AttributesConfig | None = None) -> None:
        self.config = config or AttributesConfig()
        self._table: ItemTable | None = None
        self._idf: Float32 = np.zeros(0, dtype=np.float32)
        self._genres: Float32 = np.zeros((0, 0), dtype=np.float32)
        self._popularity: Float32 = np.zeros(0, dtype=np.float32)
        self._names = CreatorNames(())

    def fit(self, table: ItemTable, interactions: InteractionReader) -> None:
        """Count how rare each genre is and, to order what is otherwise equal, how many people liked each item."""
        counts = np.bincount(read_positives(table, interactions).rows, minlength=len(table))
        top = max(1.0, float(np.log1p(counts.max(initial=0))))
        frequency = table.genres.sum(axis=0)
        self._idf = (np.log1p(len(table) / np.maximum(frequency, 1)) ** 2).astype(np.float32)
        length = np.sqrt(np.maximum(table.genres.sum(axis=1), 1)).astype(np.float32)
        self._genres = (table.genres / length[:, None]).astype(np.float32)
        self._popularity = (np.log1p(counts) / top).astype(np.float32)
        self._names = CreatorNames(table.by_creator)
        self._table = table

    def candidates(self, profile: Profile, query: Query, n: int, allowed: Mask) -> list[Scored]:
        """Return the items that share most; none if neither the query nor the history names anything."""
        table = self._fitted()
        scores = self._scores(table, query, self._affinity(table, profile)[None, :])[0]
        return to_scored(table, best_rows_by_type(scores, allowed, table.types, n, floor=0.0), scores)

    def explain(self, profile: Profile, query: Query, item_ids: Sequence[str]) -> dict[str, list[Evidence]]:
        """Return the shared genres and creators: with the query, with the items it names, with the history (at most two).

        A genre's weight is its rarity (the rarest has 1), or, of the history, the genre's share of what is liked.
        """
        table = self._fitted()
        wanted = genre_columns(table, query.genres)
        named = [table.rows[item_id] for item_id in query.like_item_ids if item_id in table.rows]
        people = self._people(query)
        affinity = self._affinity(table, profile)
        total = float(affinity[affinity > 0].sum())
        strongest = self._strongest(table, profile)
        found: dict[str, list[Evidence]] = {}
        for item_id in item_ids:
            row = table.rows.get(item_id)
            if row is None:
                continue
            own = np.flatnonzero(table.genres[row]).tolist()
            evidence = [self._shared(column) for column in own if column in wanted]
            evidence += [
                Evidence(kind="query", source=self.name, weight=self.config.named_weight / len(people), detail=person)
                for person in people
                if person in table.items[row].creators
            ]
            for like in named:
                evidence += [self._shared(c, item_id=table.ids[like]) for c in own if table.genres[like, c] and c not in wanted]
                evidence += self._creators(table, row, like)
            liked = sorted((c for c in own if affinity[c] > 0 and c in strongest), key=lambda c: -affinity[c] * self._idf[c])
            for column in liked[:2]:
                history_id, platform = strongest[column]
                evidence.append(self._shared(column, history_id, platform, float(affinity[column] / total)))
            if evidence:
                found[item_id] = evidence
        return found

    def falls_without(self, profile: Profile, query: Query, pairs: Sequence[tuple[str, str]], allowed: Mask) -> list[bool]:
        """Return for each (candidate, history item) pair whether the candidate would fall if the history item had not been.

        Exact: all items are scored anew without it.
        """
        table = self._fitted()
        removed = sorted({gone for _, gone in pairs})
        affinities = np.stack([self._affinity(table, profile, without=gone) for gone in (None, *removed)])
        place = {gone: at for at, gone in enumerate(removed, start=1)}
        scores = self._scores(table, query, affinities)
        return falls(scores, allowed, ((table.rows.get(item_id), place[gone]) for item_id, gone in pairs))

    def describe(self) -> dict[str, Any]:
        """Return the config and how many genres and creators are known."""
        counts = {"genres": len(self._idf), "creators": 0 if self._table is None else len(self._table.by_creator)}
        return {"name": self.name, "config": self.config.model_dump(), **counts}

    def _scores(self, table: ItemTable, query: Query, affinities: Float32) -> Float32:
        """Return the scores for several histories, float32 [h, n], from their affinities, float32 [h, g]; 0 says nothing."""
        history = (affinities * self._idf) @ self._genres.T
        said = history / np.maximum(np.abs(history).max(axis=1, initial=0.0, keepdims=True), 1e-12)
        asked = self._asked(table, query)
        if asked is not None:
            said = np.where(asked > 0, asked + self.config.history_weight * said, 0.0)
        elif not query.empty:
            said = np.zeros_like(said)
        return np.where(said > 0, said + self.config.popularity_weight * self._popularity, 0.0).astype(np.float32)

    def _asked(self, table: ItemTable, query: Query) -> Float32 | None:
        """Return what each item shares with the query, float32 [n]; ``None`` if this names neither genres, items nor creators."""
        wanted = genre_columns(table, query.genres)
        named = [table.rows[item_id] for item_id in query.like_item_ids if item_id in table.rows]
        people = self._people(query)
        if not wanted and not named and not people:
            return None
        match = _share(table.genres[:, wanted], self._idf[wanted])
        like = np.zeros(len(table), dtype=np.float32)
        for row in named:
            columns = [c for c in np.flatnonzero(table.genres[row]).tolist() if c not in wanted]
            overlap = _share(table.genres[:, columns], self._idf[columns])
            for creator in table.items[row].creators:
                overlap[table.by_creator[creator]] += self.config.creator_weight
            like += overlap / len(named)
        asked = match * (1 + like) + 0.5 * like
        for person in people:
            asked[table.by_creator[person]] += self.config.named_weight / len(people)
        return asked.astype(np.float32)

    def _people(self, query: Query) -> tuple[str, ...]:
        """Return the creators that the words of a query name and do not refuse."""
        return tuple(name for name in self._names.named(query.text) if name not in query.without_creators)

    def _affinity(self, table: ItemTable, profile: Profile, without: str | None = None) -> Float32:
        """Return the sum of the history's weights by genre, float32 [g]."""
        known = [(table.rows[e.item_id], e.weight) for e in profile.entries if e.item_id in table.rows and e.item_id != without]
        if not known:
            return np.zeros(len(self._idf), dtype=np.float32)
        weights = np.array([weight for _, weight in known], dtype=np.float32)
        summed: Float32 = weights @ self._genres[[row for row, _ in known]]
        return summed

    def _strongest(self, table: ItemTable, profile: Profile) -> dict[int, tuple[str, str]]:
        """Return for each genre the history item of that genre that is liked most, and its platform."""
        best: dict[int, tuple[float, str, str]] = {}
        for entry in profile.liked:
            row = table.rows.get(entry.item_id)
            for column in np.flatnonzero(table.genres[row]).tolist() if row is not None else ():
                if column not in best or entry.weight > best[column][0]:
                    best[column] = (entry.weight, entry.item_id, entry.platform)
        return {column: (item_id, platform) for column, (_, item_id, platform) in best.items()}

    def _shared(
        self, column: int, item_id: str | None = None, platform: str | None = None, weight: float | None = None
    ) -> Evidence:
        table = self._fitted()
        return Evidence(
            kind="attribute",
            source=self.name,
            weight=float(self._idf[column] / self._idf.max()) if weight is None else weight,
            item_id=item_id,
            platform=platform,
            detail=table.genre_names[column],
        )

    def _creators(self, table: ItemTable, row: int, like: int) -> list[Evidence]:
        shared = [c for c in table.items[row].creators if c in table.items[like].creators]
        return [
            Evidence(kind="attribute", source=self.name, weight=self.config.creator_weight, item_id=table.ids[like], detail=creator)
            for creator in shared
        ]

    def _fitted(self) -> ItemTable:
        if self._table is None:
            raise Unavailable("The source 'attributes' is not fitted.", remedy="Call fit(table, interactions) first.")
        return self._table


def _share(carried: Mask, idf: Float32) -> Float32:
    """Return which share of some genres, weighted by ``idf`` [k], each row of ``carried`` [n, k] has, float32 [n]."""
    total = float(idf.sum())
    share: Float32 = (carried @ idf / total if total > 0 else np.zeros(len(carried))).astype(np.float32)
    return share
