"""What the two factor models share: a live profile is folded in, so that new events and new people need no refit."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from palate.domain import Profile, Query
from palate.errors import MissingExtra
from retrieval.base import Float32, ItemTable
from retrieval.sources._profiles import Inputs, ProfileSource, Rows
from retrieval.sources._ranking import Positives

__all__ = ["FactorSource", "compact", "import_implicit"]


def import_implicit() -> tuple[Any, Any]:
    """Return the modules ``implicit.als`` and ``implicit.bpr``; raises :class:`palate.errors.MissingExtra`."""
    try:
        return import_module("implicit.als"), import_module("implicit.bpr")
    except ImportError as error:
        raise MissingExtra("implicit", "rank") from error


def compact(positives: Positives) -> tuple[Rows, sparse.csr_matrix]:
    """Return the rows that anybody liked, int64 [m] ascending, and who liked them, float32 [people, m]."""
    rows, columns = np.unique(positives.rows, return_inverse=True)
    ones = np.ones(len(columns), dtype=np.float32)
    return rows, sparse.csr_matrix((ones, (positives.people, columns)), shape=(positives.n_people, len(rows)))


class FactorSource(ProfileSource):
    """Scores ``y_j . u + b_j`` over the items that anybody liked, where ``u`` solves the regularised least squares of the profile.

    With item factors ``Y``, ``u = (Y'Y + alpha sum_i |w_i| y_i y_i' + lambda I)^-1 sum_i (1 + alpha w_i) y_i`` where ``w_i`` is how
    much an entry weighs, the right side over what speaks for its item (Hu, Koren and Volinsky, ICDM 2008). The left side given,
    ``y_j . u`` is linear in the entries, which gives each its exact share.
    """

    _floor = -np.inf
    _known: dict[int, int]

    def __init__(self, alpha: float, penalty: float) -> None:
        self._alpha, self._penalty = alpha, penalty
        self._set(None, np.zeros(0, dtype=np.int64), np.zeros((0, 1), dtype=np.float32), np.zeros(0, dtype=np.float32))

    def _set(self, table: ItemTable | None, rows: Rows, factors: Float32, biases: Float32) -> None:
        self._table, self._rows = table, rows
        self._factors = np.ascontiguousarray(factors, dtype=np.float32)
        self._biases = np.ascontiguousarray(biases, dtype=np.float32)
        wide = self._factors.astype(np.float64)
        self._gram = wide.T @ wide + self._penalty * np.eye(wide.shape[1])
        self._known = {row: column for column, row in enumerate(rows.tolist())}

    def _user(self, profile: Profile, query: Query) -> NDArray[np.float64] | None:
        """Return the person's vector; ``None`` if nothing in the profile speaks for an item."""
        inputs = self._inputs(profile, query)
        return self._folded(inputs).sum(axis=0) if (inputs.weights > 0).any() else None

    def _folded(self, inputs: Inputs) -> NDArray[np.float64]:
        """Return each input's share of the person's vector, float64 [len(inputs), factors]."""
        y = self._factors[[self._known[row] for row in inputs.rows.tolist()]].astype(np.float64)
        weights = inputs.weights.astype(np.float64)
        left = self._gram + (y * (self._alpha * np.abs(weights))[:, None]).T @ y
        right = y * np.where(weights > 0, 1.0 + self._alpha * weights, 0.0)[:, None]
        solved: NDArray[np.float64] = linalg.solve(left, right.T, assume_a="pos").T
        return solved

    def _scored(self, profile: Profile, query: Query) -> tuple[Rows, Float32]:
        user = self._user(profile, query)
        if user is None:
            return self._rows[:0], self._biases[:0]
        return self._rows, self._factors @ user.astype(np.float32) + self._biases

    def _shares(self, profile: Profile, query: Query, item_ids: Sequence[str]) -> Float32:
        table, inputs = self._fitted(), self._inputs(profile, query)
        out = np.zeros((len(profile.entries), len(item_ids)), dtype=np.float32)
        at = np.array([place for place, i in enumerate(item_ids) if table.rows[i] in self._known], dtype=np.int64)
        if len(inputs) and len(at) and (inputs.weights > 0).any():
            y = self._factors[[self._known[table.rows[item_ids[place]]] for place in at.tolist()]]
            shares = self._folded(inputs).astype(np.float32) @ y.T
            out[np.ix_(inputs.places, at)] = shares[: len(inputs.places)]
        return out
