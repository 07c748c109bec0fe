"""What evaluation works on: data sets as columns, splits into cases, and models that rank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from palate.domain import Item, Progress

__all__ = ["Case", "Dataset", "Int32", "Interactions", "Ranker", "Split"]

Int32 = NDArray[np.int32]


@dataclass(frozen=True)
class Interactions:
    """Events as columns, ordered by user, then time, ties in file order.

    Attributes:
        users: int32 [n], position in ``Dataset.user_ids``.
        items: int32 [n], position in ``Dataset.items``.
        values: float32 [n], rating scaled to 0 to 1; NaN where the data set has none.
        at: float64 [n], POSIX seconds; where the data set has only an order, the place in it.

    """

    users: Int32
    items: Int32
    values: NDArray[np.float32]
    at: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.users)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Interactions:
        """Return the rows chosen by a mask, bool [n], or by positions, int64."""
        return Interactions(self.users[rows], self.items[rows], self.values[rows], self.at[rows])


@dataclass(frozen=True)
class Dataset:
    """``rating`` says whether values are explicit ratings. ``facts`` hold counts, hash, home and terms for reports."""

    name: str
    user_ids: tuple[str, ...]
    items: tuple[Item, ...]
    interactions: Interactions
    rating: bool
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """One ranking to be judged: ``history`` (rows into the split's ``known``) strictly precedes ``targets`` (item positions)."""

    user: int
    history: NDArray[np.int64]
    targets: Int32


@dataclass(frozen=True)
class Split:
    """``train`` is all that may be fitted on; ``known`` holds the histories that cases refer to (train, and for test also val)."""

    protocol: str
    part: str
    train: Interactions
    known: Interactions
    cases: Sequence[Case]
    facts: Mapping[str, Any] = field(default_factory=dict)


class Ranker(Protocol):
    """Something that ranks the whole catalog for a case, less what its history holds."""

    name: str

    def fit(self, dataset: Dataset, split: Split, progress: Progress | None = None) -> None:
        """Learn from ``split.train`` and the items."""
        ...

    def rank(self, dataset: Dataset, split: Split, cases: Sequence[Case], n: int) -> Int32:
        """Return item positions, best first, int32 [len(cases), n]; -1 fills the places of those that rank fewer."""
        ...

    def params(self) -> dict[str, Any]:
        """Return the configuration, for reports."""
        ...
