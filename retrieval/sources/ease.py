"""EASE, served from the live profile, with the newest events counting most."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import sparse

from palate.domain import Evidence, InteractionReader, Profile, Query, Value
from palate.errors import IndexUnusable, Unavailable
from retrieval.base import Float32, ItemTable, Mask, Scored
from retrieval.inverse import invert
from retrieval.sources._ranking import Positives, best_rows, falls, read_positives, to_scored

__all__ = ["EaseConfig", "EaseSource"]

_HISTORY = 100
"""Entries that are served: by the hundredth, recency has left less than a hundredth of a weight."""


class EaseConfig(Value):
    """``regularization`` is lambda; ``max_items`` caps the dense matrix to the most liked items; ``min_people`` leaves out items
    that fewer people liked; ``tau`` is the recency scale in positions; ``query_weight`` that of items named in the query.
    """

    regularization: float = Field(default=100.0, gt=0)
    max_items: int = Field(default=13_000, ge=1, le=20_000)
    min_people: int = Field(default=2, ge=1)
    tau: float = Field(default=5.0, gt=0)
    query_weight: float = Field(default=3.0, ge=0)


class EaseSource:
    """Embarrassingly shallow autoencoders (Steck, WWW 2019): ``B = I - P / diag(P)`` with ``P = (X'X + lambda I)^-1``.

    The score of item ``j`` is ``sum_i w_i B_ij`` over the profile's entries, where ``w_i`` is how strongly the entry speaks for or
    against, times ``exp(-position / tau)`` from the newest entry. It is linear, so each entry's contribution is exact, and a new
    event counts at once. Items named in the query join the sum.
    """

    name = "ease"

    def __init__(self, config: EaseConfig | None = None) -> None:
        self.config = config or EaseConfig()
        self._table: ItemTable | None = None
        self._rows: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._columns: dict[str, int] = {}
        self._b: Float32 = np.zeros((0, 0), dtype=np.float32)

    def fit(self, table: ItemTable, interactions: InteractionReader) -> None:
        """Solve the closed form: memory and time grow with the square and the cube of the items kept."""
        positives = read_positives(table, interactions)
        rows = self._kept(positives, len(table))
        self._set(table, rows, _solve(positives, rows, len(table), self.config.regularization))

    def _kept(self, positives: Positives, n_items: int) -> NDArray[np.int64]:
        counts = np.bincount(positives.rows, minlength=n_items)
        order = np.lexsort((np.arange(n_items), -counts))[: self.config.max_items]
        return np.sort(order[counts[order] >= self.config.min_people]).astype(np.int64)

    def _set(self, table: ItemTable, rows: NDArray[np.int64], b: Float32) -> None:
        self._rows, self._b = rows, b
        self._columns = {table.ids[row]: column for column, row in enumerate(rows.tolist())}
        self._table = table

    def save(self, path: Path) -> None:
        """Write what was fitted to ``path``, a ``.npz`` file."""
        table = self._fitted()
        with path.open("wb") as file:
            np.savez(file, ids=np.array([table.ids[row] for row in self._rows.tolist()], dtype=np.str_), b=self._b)

    def load(self, path: Path, table: ItemTable) -> None:
        """Read what :meth:`save` wrote. Items that ``table`` no longer holds are left out.

        Raises:
            IndexUnusable: The file cannot be read or was not written by :meth:`save`.

        """
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                ids, b = stored["ids"].tolist(), stored["b"].astype(np.float32)
        except (OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, zipfile.BadZipFile) as error:
            raise IndexUnusable(f"{path} does not hold a fitted EASE.", remedy="Delete it and fit again.") from error
        if b.shape != (len(ids), len(ids)):
            raise IndexUnusable(f"{path} holds a {b.shape} matrix for {len(ids)} items.", remedy="Delete it and fit again.")
        kept = sorted((table.rows[item_id], column) for column, item_id in enumerate(ids) if item_id in table.rows)
        columns = [column for _, column in kept]
        self._set(table, np.array([row for row, _ in kept], dtype=np.int64), b[np.ix_(columns, columns)])

    def candidates(self, profile: Profile, query: Query, n: int, allowed: Mask) -> list[Scored]:
        """Return the items of the highest positive score; none if no entry of the profile is known."""
        table = self._fitted()
        columns, weights = self._inputs(profile, query)
        if not len(columns):
            return []
        scores = np.zeros(len(table), dtype=np.float32)
        scores[self._rows] = weights @ self._b[columns]
        return to_scored(table, best_rows(scores, allowed, n, floor=0.0), scores)

    def contributions(self, profile: Profile, query: Query, item_ids: Sequence[str]) -> Float32:
        """Return what each entry adds to each item's score, float32 [len(profile.entries), len(item_ids)].

        With an empty query, the columns sum to the scores.
        """
        table = self._fitted()
        out = np.zeros((len(profile.entries), len(item_ids)), dtype=np.float32)
        targets = [(at, self._columns[item_id]) for at, item_id in enumerate(item_ids) if item_id in self._columns]
        places, columns, weights = self._history(profile)
        if targets and len(places) and len(table):
            picked = self._b[np.ix_(columns, [column for _, column in targets])] * weights[:, None]
            out[np.ix_(places, [at for at, _ in targets])] = picked
        return out

    def explain(self, profile: Profile, query: Query, item_ids: Sequence[str]) -> dict[str, list[Evidence]]:
        """Return up to three liked history items of the greatest positive contribution, with that contribution.

        What was disliked can speak for an item too (people who like the one do not like the other): it counts in the score and is
        not given as a reason.
        """
        shares = self.contributions(profile, query, item_ids)
        best = np.argsort(-shares, axis=0, kind="stable")[:3]
        found: dict[str, list[Evidence]] = {}
        for at, item_id in enumerate(item_ids):
            rows = [row for row in best[:, at].tolist() if shares[row, at] > 0 and profile.entries[row].weight > 0]
            if rows:
                found[item_id] = [
                    Evidence(
                        kind="history",
                        source=self.name,
                        weight=float(shares[row, at]),
                        item_id=profile.entries[row].item_id,
                        platform=profile.entries[row].platform,
                        detail="",
                    )
                    for row in rows
                ]
        return found

    def falls_without(self, profile: Profile, query: Query, pairs: Sequence[tuple[str, str]], allowed: Mask) -> list[bool]:
        """Return for each (candidate, history item) pair whether the candidate would fall if the history item had not been.

        Exact: the profile is scored anew without the item, so later entries move up in recency. It falls if more allowed items
        score above it, or equally many while its own score is lower.
        """
        removed = sorted({gone for _, gone in pairs})
        inputs = [self._inputs(profile, query, gone) for gone in (None, *removed)]
        union = {column: at for at, column in enumerate(dict.fromkeys(c for columns, _ in inputs for c in columns))}
        weights = np.zeros((len(inputs), len(union)), dtype=np.float32)
        for row, (columns, values) in enumerate(inputs):
            np.add.at(weights[row], [union[column] for column in columns], values)
        scores = weights @ self._b[list(union)]
        place = {gone: at for at, gone in enumerate(removed, start=1)}
        return falls(scores, allowed[self._rows], ((self._columns.get(item_id), place[gone]) for item_id, gone in pairs))

    def describe(self) -> dict[str, Any]:
        """Return the config and how many items are in the matrix."""
        return {"name": self.name, "config": self.config.model_dump(), "items": len(self._rows)}

    def _history(self, profile: Profile, gone: str | None = None) -> tuple[list[int], list[int], Float32]:
        """Return places in ``profile.entries``, columns of B, and weights, float32, of the newest known entries."""
        known = [
            (place, self._columns[entry.item_id], entry.weight)
            for place, entry in enumerate(profile.entries)
            if entry.item_id in self._columns and entry.item_id != gone
        ][:_HISTORY]
        strength = np.clip(np.array([weight for *_, weight in known], dtype=np.float32), -1.0, 1.0)
        recency = np.exp(-np.arange(len(known), dtype=np.float32) / np.float32(self.config.tau))
        return [place for place, *_ in known], [column for _, column, _ in known], strength * recency

    def _inputs(self, profile: Profile, query: Query, gone: str | None = None) -> tuple[list[int], Float32]:
        _, columns, weights = self._history(profile, gone)
        named = [self._columns[item_id] for item_id in query.like_item_ids if item_id in self._columns]
        extra = np.full(len(named), self.config.query_weight, dtype=np.float32)
        return columns + named, np.concatenate([weights, extra])

    def _fitted(self) -> ItemTable:
        if self._table is None:
            raise Unavailable("The source 'ease' is not fitted.", remedy="Call fit(table, interactions) first.")
        return self._table


def _solve(positives: Positives, rows: NDArray[np.int64], n_items: int, regularization: float) -> Float32:
    if not len(rows):
        return np.zeros((0, 0), dtype=np.float32)
    ones = np.ones(len(positives.rows), dtype=np.float32)
    x = sparse.csr_array((ones, (positives.people, positives.rows)), shape=(positives.n_people, n_items))[:, rows]
    gram: Float32 = np.ascontiguousarray((x.T @ x).toarray(), dtype=np.float32)
    gram[np.diag_indices_from(gram)] += np.float32(regularization)
    invert(gram)
    gram /= -np.diag(gram)[None, :]
    np.fill_diagonal(gram, 0.0)
    return gram
