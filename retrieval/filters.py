"""What may be offered at all, as one mask over the catalog."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from palate.domain import ITEM_TYPES, Profile, Request
from retrieval.base import ItemTable, Mask

__all__ = ["allowed_mask", "disliked_items"]


def disliked_items(profile: Profile) -> frozenset[str]:
    """Return the items whose newest word from the person is against them."""
    newest: dict[str, float] = {}
    for entry in profile.entries:
        newest.setdefault(entry.item_id, entry.weight)
    return frozenset(item_id for item_id, weight in newest.items() if weight < 0)


def allowed_mask(table: ItemTable, request: Request, profile: Profile) -> Mask:
    """Return the rows of ``table`` that may be offered, bool [len(table)].

    Left out: other types and years than asked for (an unknown year fails a year filter), unwanted years (an unknown year is none of
    them), genres (in any letter case), creators and words (see :class:`retrieval.phrases.PhraseRows`), what was seen (unless
    ``include_seen``), what is disliked, what the request excludes, and the items that it is to be like.

    """
    query = request.query
    allowed = np.ones(len(table), dtype=np.bool_)
    if query.types:
        allowed &= np.isin(table.types, [ITEM_TYPES.index(t) for t in query.types])
    if query.year_min is not None:
        allowed &= table.years >= query.year_min
    if query.year_max is not None:
        allowed &= (table.years <= query.year_max) & (table.years > 0)
    for first, last in query.without_years:
        allowed &= (table.years < first) | (table.years > last) | (table.years <= 0)
    if query.without_genres:
        unwanted = {genre.casefold() for genre in query.without_genres}
        columns = [column for column, genre in enumerate(table.genre_names) if genre.casefold() in unwanted]
        allowed &= ~table.genres[:, columns].any(axis=1)
    for creator in query.without_creators:
        allowed[table.by_creator.get(creator, [])] = False
    for phrase in query.without_words:
        allowed[table.phrases.rows(phrase)] = False
    _clear(allowed, table, request.exclude_item_ids)
    _clear(allowed, table, query.like_item_ids)
    _clear(allowed, table, disliked_items(profile))
    if not request.include_seen:
        _clear(allowed, table, profile.seen)
    return allowed


def _clear(allowed: Mask, table: ItemTable, item_ids: Iterable[str]) -> None:
    rows = [table.rows[item_id] for item_id in item_ids if item_id in table.rows]
    allowed[rows] = False
