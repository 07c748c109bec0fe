"""What the neural sources share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from palate.domain import Profile
from palate.errors import MissingExtra
from retrieval.base import ItemTable
from retrieval.sources._ranking import Positives

__all__ = ["best_known", "histories", "import_torch", "rows_of", "seeded"]

Rows = NDArray[np.int64]


def import_torch() -> Any:
    """Return the module. Raises :class:`palate.errors.MissingExtra` where it is not installed."""
    try:
        import torch
    except ImportError as error:
        raise MissingExtra("torch", "train") from error
    return torch


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's generator within the context, and leave it afterwards as it was."""
    torch = import_torch()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def best_known(positives: Positives, n_items: int, most: int) -> tuple[Rows, Rows]:
    """Return the rows of the ``most`` items that most people liked, int64 [m] ascending, and by row of the table its place among
    them, -1 for the others, int64 [n_items].
    """
    counts = np.bincount(positives.rows, minlength=n_items)
    order = np.lexsort((np.arange(n_items), -counts))[:most]
    rows = np.sort(order[counts[order] > 0]).astype(np.int64)
    columns = np.full(n_items, -1, dtype=np.int64)
    columns[rows] = np.arange(len(rows))
    return rows, columns


def histories(positives: Positives, columns: Rows) -> list[Rows]:
    """Return what each person liked as columns, oldest first, those of -1 left out; ``columns`` is int64 by row of the table."""
    order = np.lexsort((positives.at, positives.people))
    people, items = positives.people[order], columns[positives.rows[order]]
    people, items = people[items >= 0], items[items >= 0]
    return np.split(items, np.flatnonzero(np.diff(people)) + 1) if len(items) else []


def rows_of(profile: Profile, table: ItemTable, columns: Rows, most: int) -> list[int]:
    """Return the columns of the newest ``most`` items that the profile likes, oldest first, no item twice."""
    newest = dict.fromkeys(
        int(columns[table.rows[e.item_id]])
        for e in profile.liked
        if e.item_id in table.rows and columns[table.rows[e.item_id]] >= 0
    )
    return list(newest)[:most][::-1]
