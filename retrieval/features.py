"""What learned fusion knows of a candidate: columns of numbers for a history and the items that could follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.base import Float32
from retrieval.features_statistics import FeatureConfig, Sequences, Statistics, kernel, weighted_rows
from retrieval.titles import TITLE_COLUMNS

__all__ = ["FeatureConfig", "Features", "Hidden", "History", "Sequences", "Statistics"]

_SHRINKAGE = 5.0
_SECONDS_A_YEAR = 31_556_952.0
_NOTHING = 1e-5
"""Smaller scores are 0: what is left where one person's whole share was subtracted must not look different from what never was."""


@dataclass(frozen=True)
class History:
    """What one person took, oldest first, no item twice. ``items`` int [h], ``at`` float64 [h], ``values`` float32 [h] (NaN: none).

    ``person`` is their place in the sequences the statistics come from, -1 if they are not among them.
    """

    items: NDArray[np.int32]
    at: NDArray[np.float64]
    values: Float32
    person: int = -1


@dataclass(frozen=True)
class Hidden:
    """Events of the same person that the statistics counted and that must not be known: they are taken out of the counts exactly.

    ``items`` int [f], ``at`` float64 [f], ``values`` float32 [f] (NaN: none);
    ``places`` and ``history_places`` are positions in the person's whole sequence, -1 for items of the history that are not in it.
    """

    items: NDArray[np.int32]
    at: NDArray[np.float64]
    values: Float32
    places: NDArray[np.int64]
    history_places: NDArray[np.int64]


class Features:
    """Computes the columns from :class:`Statistics`, for one person at a time, over all items at once.

    Training needs the counts without what is to be guessed. They need no second fit: taking a row out of ``X'X`` and putting a
    shorter one in is a rank-two change of its inverse (Woodbury), and the other counts are sums from which the person's own share
    is subtracted. So each training case sees just what serving would have seen.
    """

    def __init__(self, statistics: Statistics, config: FeatureConfig | None = None) -> None:
        self.config = config or FeatureConfig()
        self.statistics = statistics
        self._diagonal = np.ascontiguousarray(np.diag(statistics.inverse)).astype(np.float64)

    def scores(self, history: History, hidden: Hidden | None = None) -> dict[str, Float32]:
        """Return each source's scores over all items, float32 [m], by name."""
        config, s = self.config, self.statistics
        items = history.items[-config.history :]
        weights = self._weights(history)
        counts = s.counts.copy()
        if hidden is not None:
            counts[hidden.items] -= 1
        root = np.sqrt(np.maximum(counts, 1.0))
        names = ["last", *(f"tau{tau:g}" for tau in config.taus), "all", "rated"]
        out = _named("ease", names, self._ease(history, weights, hidden))
        together = weighted_rows(s.together, items, weights)
        after = weighted_rows(s.after, items, weights[:4])
        near = weighted_rows(s.near, items, weights[:4])
        if hidden is not None:
            places = hidden.history_places[-config.history :]
            mine = np.where(places >= 0, weights / np.maximum(s.counts[items], 1.0), 0.0)  # what is new was not counted
            together[:, hidden.items] -= (mine * np.sqrt(np.maximum(s.counts[items], 1.0))).sum(axis=1, keepdims=True)
            gaps = hidden.places[None, :] - places[:, None]
            after[:, hidden.items] -= mine[:4] @ kernel(gaps, config.steps, wide=False)
            near[:, hidden.items] -= mine[:4] @ kernel(np.abs(gaps), config.wide, wide=True)
        out |= _named("knn", names, together / root)
        out |= _named("after", names[:4], after)
        out |= _named("follow", names[:4], after / root)
        out |= _named("near", names[:4], near / root)
        out |= self._people(history, counts)
        out["count"] = np.log1p(counts)
        return {name: np.where(np.abs(column) < _NOTHING, 0.0, column).astype(np.float32) for name, column in out.items()}

    def _weights(self, history: History) -> Float32:
        """Return float32 [k, h]: the last event only, each recency scale, all alike, and by rating above the person's mean."""
        n = min(len(history.items), self.config.history)
        age = np.arange(n)[::-1]
        rows = [(age == 0).astype(np.float64), *(np.exp(-age / tau) for tau in self.config.taus), np.ones(n)]
        values = history.values[-n:].astype(np.float64)
        rated = ~np.isnan(values)
        above = np.where(rated, values - (values[rated].mean() if rated.any() else 0.0), 0.0) * np.exp(-age / 40.0)
        return np.stack([*rows, above]).astype(np.float32)

    def _ease(self, history: History, weights: Float32, hidden: Hidden | None) -> NDArray[np.float64]:
        inverse, items = self.statistics.inverse, history.items[-self.config.history :]
        spoken = (weights @ inverse[items]).astype(np.float64)
        diagonal = self._diagonal
        if hidden is not None:
            counted = history.items[hidden.history_places >= 0]
            known = inverse[counted].sum(axis=0, dtype=np.float64)
            whole = known + inverse[hidden.items].sum(axis=0, dtype=np.float64)
            v = np.stack([whole, known], axis=1)  # [m, 2]
            both = np.concatenate([counted, hidden.items])
            u = np.stack([v[both].sum(axis=0), v[counted].sum(axis=0)])
            k = np.linalg.inv(np.diag([-1.0, 1.0]) + u)
            spoken -= (weights @ v[items]) @ k @ v.T
            diagonal = diagonal - ((v @ k) * v).sum(axis=1)
        return -spoken / diagonal

    def _people(self, history: History, counts: NDArray[np.float64]) -> dict[str, NDArray[Any]]:
        """Return what people with like histories took, and what they took soon after the newest thing shared (V-SkNN-like)."""
        s, m = self.statistics, len(counts)
        zero = {"people": np.zeros(m), "people_after": np.zeros(m)}
        n = min(len(history.items), self.config.history)
        if not n or not len(s.sequences):
            return zero
        items = history.items[-n:]
        recency = np.exp(-np.arange(n)[::-1] / 10.0)
        rare = np.log((1.0 + len(s.sequences)) / np.maximum(counts[items], 1.0))
        lengths = np.diff(s.sequences.bounds)
        alike = (s.takers[items].T @ (recency * rare)) / np.sqrt(np.maximum(lengths, 1))
        if history.person >= 0:
            alike[history.person] = 0.0
        near = np.argpartition(-alike, min(self.config.neighbours, len(alike)) - 1)[: self.config.neighbours]
        near = near[alike[near] > 0]
        if not len(near):
            return zero
        starts, sizes = s.sequences.bounds[near], lengths[near]
        offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        place = np.arange(sizes.sum()) - np.repeat(offsets, sizes)
        taken = s.sequences.items[place + np.repeat(starts, sizes)]
        freshness = np.zeros(m)
        freshness[items] = np.arange(1, n + 1)
        newest = np.maximum.reduceat(freshness[taken], offsets)
        shared = freshness[taken] == np.repeat(newest, sizes)
        anchor = np.add.reduceat(np.where(shared, place, 0), offsets)
        gap = place - np.repeat(anchor, sizes)
        weight = np.repeat(alike[near], sizes)
        soon = np.where(gap > 0, np.exp(-gap / 5.0), 0.2 * np.exp(gap / 5.0)) * np.repeat(np.exp(-(n - newest) / 5.0), sizes)
        return {
            "people": np.bincount(taken, weights=weight, minlength=m),
            "people_after": np.bincount(taken, weights=weight * soon, minlength=m),
        }

    def pool(
        self, scores: dict[str, Float32], history: History, n: int, allowed: NDArray[np.bool_] | None = None
    ) -> NDArray[np.int64]:
        """Return up to ``n`` items worth ranking, int64, those first that are high in any of the strongest lists.

        ``allowed`` is bool [m]. What the history holds is never among them.
        """
        lists = ("ease_tau3", "ease_tau10", "ease_all", "follow_tau3", "people_after", "near_tau3", "knn_tau10")
        m = len(scores["count"])
        barred = np.zeros(m, dtype=np.bool_) if allowed is None else ~allowed
        barred[history.items] = True
        best = np.full(m, np.inf)
        for name in lists:
            column = scores[name].astype(np.float64)
            column[barred] = -np.inf
            top = np.argpartition(-column, min(n, m) - 1)[:n]
            top = top[np.lexsort((top, -column[top]))]
            best[top] = np.minimum(best[top], np.arange(len(top)))
        best[barred] = np.inf
        best -= 1e-6 * scores["count"]
        chosen = np.argsort(best, kind="stable")[:n]
        kept: NDArray[np.int64] = chosen[np.isfinite(best[chosen])]
        return kept

    def matrix(
        self,
        scores: dict[str, Float32],
        history: History,
        candidates: NDArray[np.int64],
        hidden: Hidden | None = None,
        *,
        first: int | None = None,
    ) -> tuple[list[str], Float32]:
        """Return the names of the columns and their values for the candidates, float32 [len(candidates), f].

        Ranks and shares of the best are among the ``first`` candidates; unset, among all. A later one's share may be above 1.
        """
        columns: dict[str, NDArray[Any]] = {}
        for name, column in scores.items():
            columns[name] = column[candidates]
        for name in ("ease_tau3", "ease_tau10", "ease_all", "follow_tau3", "near_tau3", "knn_tau10", "people", "people_after"):
            values = columns[name]
            among = values[:first]
            columns[f"{name}.rank"] = np.searchsorted(np.sort(-among), -values)  # how many are above
            columns[f"{name}.share"] = values / max(float(among.max(initial=0.0)), 1e-9)
        columns |= self._times(history, candidates, hidden) | self._content(history, candidates)
        logs = scores["count"][history.items]
        columns["user.length"] = np.full(len(candidates), len(history.items))
        columns["user.count"] = np.full(len(candidates), logs[-10:].mean() if len(logs) else 0.0)
        columns["count.gap"] = columns["count"] - columns["user.count"]
        return list(columns), np.stack([c.astype(np.float32) for c in columns.values()], axis=1)

    def _times(self, history: History, candidates: NDArray[np.int64], hidden: Hidden | None) -> dict[str, NDArray[Any]]:
        """Return how the item's events lie to the newest of the history."""
        s = self.statistics
        when = s.when[candidates].astype(np.float64)
        if hidden is not None:
            bins = np.searchsorted(s.edges, hidden.at, side="right")
            place = {int(item): b for item, b in zip(hidden.items, bins, strict=True)}
            for row, item in enumerate(candidates.tolist()):
                if item in place:
                    when[row, place[item] :] -= 1
        now = int(np.searchsorted(s.edges, history.at[-1], side="right")) if len(history.at) else when.shape[1] - 1
        total = np.maximum(when[:, -1], 1.0)
        low, high = max(now - 2, 0), min(now + 1, when.shape[1] - 1)
        around = when[:, high] - (when[:, low - 1] if low else 0.0)
        return {
            "time.before": when[:, now] / total,
            "time.around": np.log1p(around),
            "time.trend": (around + 0.1) / (total * (high - low + 1) / when.shape[1] + 0.1),
            "time.wide": np.log1p(when[:, min(now + 4, when.shape[1] - 1)] - (when[:, now - 8] if now >= 8 else 0.0)),
            "rating": self._rating(candidates, hidden),
        }

    def _rating(self, candidates: NDArray[np.int64], hidden: Hidden | None) -> NDArray[np.float64]:
        """Return mean ratings, shrunk to the mean of all by five ratings; NaN where nobody rates."""
        total, n = self.statistics.ratings.copy()
        if hidden is not None:
            rated = ~np.isnan(hidden.values)
            total[hidden.items[rated]] -= hidden.values[rated]
            n[hidden.items[rated]] -= 1
        if not n.any():
            return np.full(len(candidates), np.nan)
        shrunk: NDArray[np.float64] = (total[candidates] + _SHRINKAGE * total.sum() / n.sum()) / (n[candidates] + _SHRINKAGE)
        return shrunk

    def _content(self, history: History, candidates: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        s, out = self.statistics, {}
        n = min(len(history.items), self.config.history)
        items, age = history.items[-n:] if n else history.items[:0], np.arange(n)[::-1]
        for name, weight in (("last", (age == 0) * 1.0), ("tau3", np.exp(-age / 3.0)), ("all", np.ones(n))):
            taste = (weight / max(weight.sum(), 1e-9)).astype(np.float32) @ s.tags[items]
            out[f"tags.{name}"] = s.tags[candidates] @ taste
        years, mine = s.years[candidates], s.years[items]
        known = ~np.isnan(mine)
        out["year"] = years
        out["year.last"] = years - (mine[known][-1] if known.any() else np.nan)
        out["year.mean"] = years - (mine[known][-10:].mean() if known.any() else np.nan)
        out |= dict(zip(TITLE_COLUMNS, s.titles[candidates].T, strict=True))
        out["year.now"] = years - (1970.0 + history.at[-1] / _SECONDS_A_YEAR if len(history.at) else np.nan)
        return out


def _named(source: str, names: list[str], rows: NDArray[Any]) -> dict[str, NDArray[Any]]:
    return {f"{source}_{name}": row for name, row in zip(names, rows, strict=True)}
