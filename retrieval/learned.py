"""Fusion that learns: one ranking from all that the collaborative signals and the items say."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from palate.domain import Evidence, InteractionReader, Profile, Progress, Query, Value
from palate.errors import IndexUnusable, Unavailable
from retrieval.base import Float32, ItemTable, Mask, Scored
from retrieval.features import FeatureConfig, Features, Hidden, History, Sequences, Statistics
from retrieval.learned_nets import Nets, NetsConfig
from retrieval.learned_training import Moment, Targets, examples, moments, read_sequences, shortened
from retrieval.learned_trees import Trees, TreesConfig, load_lightgbm
from retrieval.repeatable import load_threadpoolctl
from retrieval.titles import TitleLikelihoods

__all__ = ["LearnedFusion", "LearnedFusionConfig"]

_LEAST_GROUPS = 20
"""Fewer moments with a target among the candidates teach nothing that would hold."""
_FORMAT = 5
_SHORT = "short.npz"


class LearnedFusionConfig(Value):
    """``targets`` is what a good ranking puts first: the ``next`` item, or ``any`` that the person took; ratings (0 to 1)
    below ``liked_from`` are not learned from. Training uses up to ``positions`` moments a person and ``max_moments`` in all, each
    with ``n_train`` candidates and a history of at least ``train_history``; ``n_pool`` are ranked when serving. ``max_items``
    bounds the dense matrix to the items that most people took. ``seed`` draws the moments. With ``strict`` only what came before
    the next item, at another time, is its history.

    Histories of at most ``short_history`` items have an order of their own, by ``short_nets``, trained on up to ``short_positions``
    moments a person, again up to ``max_moments``, with their histories cut and ``n_short`` candidates each; when serving, a list is
    measured against its first ``n_short``. With 0 there is one order for all, and a person with fewer than ``min_history`` items is
    not served.
    """

    features: FeatureConfig = FeatureConfig()
    targets: Targets = "next"
    liked_from: float = Field(default=0.0, ge=0, le=1)
    min_history: int = Field(default=3, ge=1)
    short_history: int = Field(default=5, ge=0)
    short_positions: int = Field(default=30, ge=1)
    positions: int = Field(default=10, ge=1)
    max_moments: int = Field(default=16_000, ge=1)
    train_history: int = Field(default=2, ge=1)
    strict: bool = True
    n_train: int = Field(default=200, ge=2)
    n_short: int = Field(default=100, ge=2)
    n_pool: int = Field(default=500, ge=1)
    max_items: int = Field(default=13_000, ge=1, le=20_000)
    trees: TreesConfig = TreesConfig()
    short_nets: NetsConfig = NetsConfig()
    seed: int = 0


class LearnedFusion:
    """Ranks by LambdaRank trees (:class:`retrieval.learned_trees.Trees`) over :class:`retrieval.features.Features`, short histories
    by networks (:class:`retrieval.learned_nets.Nets`) over the same.

    It is trained on moments of the histories it is fitted on, with statistics from which the person's later events were taken out
    exactly, so that no target is known to a feature. It serves profiles with known items and no query; it says nothing of items
    that nobody took. ``name`` is that of a row of reports.

    Args:
        config: What is learned, and from what.
        titles: What a language model said of titles, known to the order where they were read; ``None`` for nothing.

    """

    name = "fusion"

    def __init__(self, config: LearnedFusionConfig | None = None, titles: TitleLikelihoods | None = None) -> None:
        self.config = config or LearnedFusionConfig()
        self._titles = titles
        self._table: ItemTable | None = None
        self._rows: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._columns: dict[str, int] = {}
        self._people: dict[str, int] = {}
        self._features: Features | None = None
        self._trees = Trees()
        self._short = Nets()
        self._facts: dict[str, Any] = {}

    @property
    def has_short(self) -> bool:
        """Return whether short histories have an order of their own."""
        return bool(self._short)

    @property
    def ready(self) -> bool:
        """Return whether it has been fitted on enough to serve."""
        return bool(self._trees)

    def without_short(self) -> LearnedFusion:
        """Return the same, of one order for all histories."""
        other = copy(self)
        other._short = Nets()
        return other

    def fit(self, table: ItemTable, interactions: InteractionReader, progress: Progress | None = None) -> None:
        """Learn from the items and the interactions. With too few of them nothing is served (:attr:`ready` is false).

        Raises:
            MissingExtra: LightGBM or threadpoolctl is not installed.

        """
        config = self.config
        load_lightgbm()  # before the long work
        load_threadpoolctl()
        sequences, rows, people = read_sequences(table, interactions, config.max_items, config.liked_from)
        if progress is not None:
            progress("fusion statistics", 0, 1)
        titles = None if self._titles is None else self._titles.columns([table.items[row] for row in rows.tolist()])
        statistics = Statistics.fit(sequences, table.genres[rows], table.years[rows], config.features, titles)
        features = Features(statistics, config.features)
        rng = np.random.default_rng(config.seed)
        trees, learned = Trees(), examples(features, self._moments(sequences, config.positions, rng), config.n_train, progress)
        facts = {"moments": len(learned.sizes), "found": round(learned.found, 4)}
        if len(learned.sizes) >= _LEAST_GROUPS:
            trees = Trees.fit(learned, config.trees, progress)
        del learned  # some hundred megabytes
        short = Nets()
        if trees and config.short_history:
            # What whole histories teach is kept out: an order that was learned from both was worse for short ones.
            cut = shortened(sequences, self._moments(sequences, config.short_positions, rng), config.short_history, rng)
            brief = examples(features, cut, config.n_short, progress, "fusion examples, short histories")
            if len(brief.sizes) >= _LEAST_GROUPS:
                short = Nets.fit(brief, config.short_nets, progress)
        self._set(table, rows, [_hashed(person) for person in people], features, trees, short)
        self._facts = {
            "items": len(rows),
            "people": len(people),
            **facts,
            "titles_read": int(np.isfinite(statistics.titles[:, 0]).sum()),
        }

    def _moments(self, sequences: Sequences, positions: int, rng: np.random.Generator) -> list[Moment]:
        config = self.config
        return moments(
            sequences,
            config.targets,
            positions=positions,
            least=config.train_history,
            limit=config.max_moments,
            rng=rng,
            strict=config.strict,
        )

    def candidates(self, profile: Profile, query: Query, n: int, allowed: Mask) -> list[Scored]:
        """Return up to ``n`` items, best first, ties by item id; none for a query, or a person with too short a history.

        A short history's scores are relative to what is allowed, so they compare within one call only.
        """
        history = self._history(profile)
        if history is None or not query.empty or n < 1:
            return []
        table, features = self._fitted()
        hidden = self._hidden(features, history)
        scores = features.scores(history, hidden)
        pool = features.pool(scores, history, max(n, self._n_pool(history)), allowed[self._rows])
        values = self._predicted(features, scores, history, pool, hidden)
        best = np.lexsort((pool, -values))[:n]
        return [Scored(table.ids[self._rows[pool[at]]], float(values[at])) for at in best.tolist()]

    def score(self, profile: Profile, query: Query, item_ids: Sequence[str]) -> Float32:
        """Return the scores of items, float32 [len(item_ids)]; NaN where it has nothing to say (unknown items, a query, a short
        history). Scores compare within one call.
        """
        out = np.full(len(item_ids), np.nan, dtype=np.float32)
        history = self._history(profile)
        known = [(at, self._columns[item_id]) for at, item_id in enumerate(item_ids) if item_id in self._columns]
        if history is None or not query.empty or not known:
            return out
        _, features = self._fitted()
        hidden = self._hidden(features, history)
        scores = features.scores(history, hidden)
        asked = np.array([column for _, column in known], dtype=np.int64)
        pool = features.pool(scores, history, self._n_pool(history), self._unseen(profile))
        whole = np.concatenate([pool, np.setdiff1d(asked, pool)])  # the pool first, as in training
        values = dict(zip(whole.tolist(), self._predicted(features, scores, history, whole, hidden).tolist(), strict=True))
        out[[at for at, _ in known]] = [values[column] for column in asked.tolist()]
        return out

    def outdated(self, interactions: InteractionReader) -> bool:
        """Return whether it was learned from an event that the interactions no longer hold: erased, or consent was withdrawn."""
        sequences = self._fitted()[1].statistics.sequences
        left = {(place, item) for place in range(len(sequences)) for item in sequences.of(place)[0].tolist()}
        for event in interactions.interactions():
            column = self._columns.get(event.item_id)
            place = self._people.get(_hashed(event.person_id), -1) if column is not None else -1
            if place >= 0:
                left.discard((place, column))
        return bool(left)

    def explain(self, profile: Profile, query: Query, item_ids: Sequence[str]) -> dict[str, list[Evidence]]:
        """Return nothing: no single fact has an exact share in an order that was learned; the sources' evidence speaks."""
        return {}

    def describe(self) -> dict[str, Any]:
        """Return the config and what it was fitted on."""
        return {"name": self.name, "config": self.config.model_dump(), "ready": self.ready, **self._facts}

    def save(self, folder: Path) -> None:
        """Write what was fitted to a folder: ``fusion.npz`` (statistics), LightGBM's text models, and ``short.npz`` where histories
        that are short have an order of their own.
        """
        table, features = self._fitted()
        folder.mkdir(parents=True, exist_ok=True)
        ids = np.array([table.ids[row] for row in self._rows.tolist()], dtype=np.str_)
        people = np.array(list(self._people), dtype=np.str_)
        with (folder / "fusion.npz").open("wb") as file:
            arrays = features.statistics.arrays()
            said = self.config.features.model_dump_json()
            facts = {"format": _FORMAT, "features": said, "trees": len(self._trees), "short": bool(self._short)}
            np.savez(file, ids=ids, people=people, **facts, **arrays)  # type: ignore[arg-type]
        self._trees.save(folder)
        if self._short:
            self._short.save(folder / _SHORT)

    def load(self, folder: Path, table: ItemTable) -> None:
        """Read what :meth:`save` wrote, for the same items.

        Raises:
            IndexUnusable: The files cannot be read, or belong to other items.
            MissingExtra: LightGBM is not installed.

        """
        remedy = f"Delete {folder} and fit again."
        try:
            with (folder / "fusion.npz").open("rb") as file, np.load(file, allow_pickle=False) as stored:
                held = {name: stored[name] for name in stored.files}
            if int(held["format"]) != _FORMAT or str(held["features"]) != self.config.features.model_dump_json():
                raise IndexUnusable(f"{folder} holds a fusion of another version or configuration.", remedy=remedy)
            ids, people = held["ids"].tolist(), held["people"].tolist()
            statistics = Statistics.from_arrays(held)
            trees = Trees.load(folder, int(held["trees"]), self.config.trees.threads)
            short = Nets.load(folder / _SHORT) if held["short"] else Nets()
        except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as error:
            raise IndexUnusable(f"{folder} does not hold a fitted fusion.", remedy=remedy) from error
        if short and short.width != trees.width:
            raise IndexUnusable(f"{folder} holds networks and trees of other columns.", remedy=remedy)
        if any(item_id not in table.rows for item_id in ids):
            raise IndexUnusable(f"{folder} holds a fusion of other items than the catalog's.", remedy=remedy)
        rows = np.array([table.rows[item_id] for item_id in ids], dtype=np.int64)
        self._set(table, rows, people, Features(statistics, self.config.features), trees, short)

    def _set(  # noqa: PLR0917 - what was fitted is all of these
        self, table: ItemTable, rows: NDArray[np.int64], people: Sequence[str], features: Features, trees: Trees, short: Nets
    ) -> None:
        self._rows, self._features = rows, features
        self._trees, self._short = trees, short
        self._columns = {table.ids[row]: column for column, row in enumerate(rows.tolist())}
        self._people = {person: place for place, person in enumerate(people)}
        self._table = table

    def _history(self, profile: Profile) -> History | None:
        if not self._trees:
            return None
        entries = {e.item_id: e for e in reversed(profile.liked) if e.item_id in self._columns}
        newest = dict.fromkeys(e.item_id for e in profile.liked if e.item_id in self._columns)
        if len(newest) < (1 if self._short else self.config.min_history):
            return None
        ordered = [entries[item_id] for item_id in reversed(newest)]
        return History(
            items=np.array([self._columns[e.item_id] for e in ordered], dtype=np.int32),
            at=np.array([e.at.timestamp() for e in ordered], dtype=np.float64),
            values=np.array([np.nan if e.value is None else e.value for e in ordered], dtype=np.float32),
            person=self._people.get(_hashed(profile.person_id), -1),
        )

    def _unseen(self, profile: Profile) -> NDArray[np.bool_]:
        """Return what the person never met, bool [m]: as in :meth:`candidates`, a list is measured by what can be offered."""
        unseen = np.ones(len(self._rows), dtype=np.bool_)
        unseen[[self._columns[item_id] for item_id in profile.seen if item_id in self._columns]] = False
        return unseen

    def _hidden(self, features: Features, history: History) -> Hidden | None:
        """Return what the statistics counted of this person and the profile does not hold, as what was taken on a platform that the
        request leaves out: it is taken out as exactly as a target is in training. ``None`` where there is nothing of that kind.
        """
        if history.person < 0:
            return None
        items, at, values = features.statistics.sequences.of(history.person)
        gone = ~np.isin(items, history.items)
        if not gone.any():
            return None
        place = {int(item): n for n, item in enumerate(items.tolist())}
        places = np.array([place.get(item, -1) for item in history.items.tolist()], dtype=np.int64)
        return Hidden(items[gone], at[gone], values[gone], np.flatnonzero(gone), places)

    def _predicted(
        self,
        features: Features,
        scores: dict[str, Float32],
        history: History,
        pool: NDArray[np.int64],
        hidden: Hidden | None,
    ) -> Float32:
        """Return the scores of a pool. Of a short history ranks, shares and means are among as many of the first as in training."""
        if self._is_short(history):
            return self._short.predict(features.matrix(scores, history, pool, hidden, first=self._n_pool(history))[1])
        return self._trees.predict(features.matrix(scores, history, pool, hidden)[1])

    def _is_short(self, history: History) -> bool:
        return bool(self._short) and len(history.items) <= self.config.short_history

    def _n_pool(self, history: History) -> int:
        """Return how many are ranked at least; where a list is measured against itself, as many as in training."""
        return self._short.first if self._is_short(history) else self.config.n_pool

    def _fitted(self) -> tuple[ItemTable, Features]:
        if self._table is None or self._features is None:
            raise Unavailable("The learned fusion is not fitted.", remedy="Call fit(table, interactions) first.")
        return self._table, self._features


def _hashed(person_id: str) -> str:
    return hashlib.sha256(person_id.encode()).hexdigest()[:16]
