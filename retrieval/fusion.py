"""Joins the lists of the candidate sources to one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from palate.domain import Candidate, Query, SourceHit, Value
from retrieval.base import ItemTable, Scored
from retrieval.sources._ranking import genre_columns

__all__ = ["FusionConfig", "fuse", "source_weight"]


class FusionConfig(Value):
    """``k`` damps the first ranks. ``weights`` and ``query_weights`` are what a source's list counts without and with a query;
    a source that is named in neither counts 1. ``genre_boost`` is added, by share, to items that carry the wanted genres: more than
    all ranks together can give, so that they come first.
    """

    k: int = Field(default=60, ge=1)
    weights: Mapping[str, float] = Field(
        default_factory=lambda: {
            "transitions": 2.0,
            "cold": 2.0,
            "ease": 1.0,
            "itemknn": 0.2,
            "userknn": 0.2,
            "als": 0.2,
            "ncf": 0.2,
            "sasrec": 0.2,
            "bpr": 0.1,
            "content": 0.1,
            "attributes": 0.1,
            "fresh": 0.1,
            "pop": 0.05,
        }
    )
    query_weights: Mapping[str, float] = Field(
        default_factory=lambda: {
            "attributes": 1.5,
            "content": 1.0,
            "lexical": 0.7,
            "ease": 0.5,
            "transitions": 0.5,
            "cold": 0.5,
            "als": 0.2,
            "ncf": 0.2,
            "sasrec": 0.2,
            "itemknn": 0.1,
            "userknn": 0.1,
            "bpr": 0.05,
            "fresh": 0.05,
            "pop": 0.05,
        }
    )
    genre_boost: float = Field(default=0.1, ge=0)


def source_weight(source: str, query: Query, config: FusionConfig) -> float:
    """Return what a rank in this source's list counts for this query."""
    return (config.weights if query.empty else config.query_weights).get(source, 1.0)


def fuse(
    offered: Mapping[str, Sequence[Scored]],
    table: ItemTable,
    query: Query,
    config: FusionConfig,
    *,
    n: int | None = None,
    per_type: int = 0,
) -> list[Candidate]:
    """Return up to ``n`` candidates by weighted reciprocal ranks, best first, ties by item id, each with all its hits.

    The score is ``sum_s w_s / (k + rank_s)`` (Cormack, Clarke and Buettcher, SIGIR 2009) plus the boost for wanted genres. The
    best ``per_type`` of each item type are kept beyond ``n``. Items that ``table`` does not hold are dropped.
    """
    scores = np.zeros(len(table), dtype=np.float64)
    hits: dict[int, list[tuple[str, int, float]]] = {}
    for source in sorted(offered):
        weight = source_weight(source, query, config)
        for rank, scored in enumerate(offered[source], start=1):
            row = table.rows.get(scored.item_id)
            if row is not None:
                scores[row] += weight / (config.k + rank)
                hits.setdefault(row, []).append((source, rank, scored.score))
    rows = np.array(sorted(hits), dtype=np.int64)
    wanted = genre_columns(table, query.genres)
    if wanted and len(rows):
        scores[rows] += config.genre_boost * table.genres[rows][:, wanted].mean(axis=1)
    order = rows[np.lexsort((rows, -scores[rows]))]
    return [
        Candidate(item=table.items[row], score=float(np.float32(scores[row])), hits=tuple(map(_hit, hits[row])), evidence=())
        for row in _kept(order, table, n, per_type)
    ]


def _hit(hit: tuple[str, int, float]) -> SourceHit:
    source, rank, score = hit
    return SourceHit(source=source, rank=rank, score=score)


def _kept(order: NDArray[np.int64], table: ItemTable, n: int | None, per_type: int) -> list[int]:
    taken: dict[int, int] = {}
    kept = []
    for place, row in enumerate(order.tolist()):
        code = int(table.types[row])
        taken[code] = taken.get(code, 0) + 1
        if n is None or place < n or taken[code] <= per_type:
            kept.append(row)
    return kept
