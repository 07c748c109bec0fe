"""Histories as cases: warm ones, by the last five events or by leaving one out, those of new users, and items nobody has taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from agent.titles import TitleReader
from evals.base import Case, Dataset, Interactions, Split
from evals.models.fusion import aimed
from evals.models.source import Fixed
from evals.models.world import World
from evals.protocols import one_by_one
from evals.rerank.cases import Arena, RankCase, requested
from palate.domain import Candidate, Profile, Progress, Query, SourceHit, Value
from retrieval.base import CandidateSource, ItemTable, Mask
from retrieval.learned import LearnedFusion
from retrieval.learned_order import led
from retrieval.retriever import Retriever, RetrieverConfig
from retrieval.sources import ColdConfig, ColdSource, ContentSource
from retrieval.titles import TITLE_COLUMNS, TitleLikelihoods

__all__ = ["Histories", "HistoriesConfig"]

Sources = Callable[[ItemTable], Sequence[CandidateSource]]


class HistoriesConfig(Value):
    """``candidates`` are found for each case, ``cold_candidates`` of cold items and for cold users. ``cold_share`` of the users,
    and of the items, are cold: kept out of all that is fitted; of a cold user's history the newest events are known, one to
    ``cold_events``, as is drawn for each case. At most ``most`` cases an arena are judged, drawn by ``seed``. Training looks at the
    next ``ahead`` events as targets, and is cross-fitted over ``folds`` of the users.
    """

    candidates: int = Field(default=20, ge=2, le=100)
    cold_candidates: int = Field(default=100, ge=2)
    cold_share: float = Field(default=0.2, gt=0, lt=1)
    cold_events: int = Field(default=5, ge=1)
    most: int = Field(default=1000, ge=1)
    ahead: int = Field(default=3, ge=1)
    folds: int = Field(default=2, ge=2)
    min_core: int = Field(default=5, ge=0)
    seed: int = 0


@dataclass(frozen=True)
class _Fitted:
    """Retrieval fitted on a split, and what it must not have seen."""

    split: Split
    world: World
    retriever: Retriever
    cold_items: NDArray[np.int32]
    taken: NDArray[np.int64]
    cold: Mapping[str, ColdSource] = field(default_factory=dict)
    short: LearnedFusion | None = None


class Histories:
    """Makes cases of a data set's histories; the retriever is the live one, with the learned fusion in the lead.

    Args:
        dataset: Users, items and events.
        sources: Makes the candidate sources that the live retriever asks.
        config: What is cold, and how much is judged.
        progress: Told how far it is.
        reader: Lets an LLM read titles, for the source of cold items to order them; ``None`` leaves its order out.

    """

    def __init__(
        self,
        dataset: Dataset,
        sources: Sources,
        config: HistoriesConfig | None = None,
        progress: Progress | None = None,
        reader: TitleReader | None = None,
    ) -> None:
        self.config = config or HistoriesConfig()
        self._dataset, self._sources, self._progress, self._reader = dataset, sources, progress, reader

    def warm(self, part: Literal["val", "test"]) -> list[RankCase]:
        """Return a case for each held event of all users, the retriever fitted on everybody's events before them."""
        split = one_by_one(self._dataset, part=part, min_core=self.config.min_core)
        fitted = self._fit(split, np.zeros(0, dtype=np.int32))
        return self._cases(fitted, "warm", self._drawn(split.cases))

    def loo(self, part: Literal["val", "test"]) -> list[RankCase]:
        """Return a case for each user: the last event for test, the one before it for validation.

        The retriever is fitted for it alone, on all but those events. That of :meth:`warm` would not do: it lacks what came just
        before, and knows every event of users who have so few that none of the last five was held out.
        """
        split = one_by_one(self._dataset, part=part, min_core=self.config.min_core, last=1)
        fitted = self._fit(split, np.zeros(0, dtype=np.int32))
        return self._cases(fitted, "loo", self._drawn(split.cases))

    def cold(self, part: Literal["val", "test"]) -> dict[Arena, list[RankCase]]:
        """Return cases of cold users and of cold items; one fit without both serves them."""
        split = one_by_one(self._dataset, part=part, min_core=self.config.min_core)
        users, items = self._cold(split)
        fitted = self._fit(_without(split, users, items), items, cold=True)
        of_users = [c for c in split.cases if np.isin(c.user, users) and not np.isin(c.targets, items).any()]
        of_items = [c for c in split.cases if not np.isin(c.user, users) and np.isin(c.targets, items).all()]
        return {
            "cold_users": self._cases(fitted, "cold_users", self._drawn(of_users)),
            "cold_items": self._cases(fitted, "cold_items", self._drawn(of_items)),
        }

    def crossfitted(self, most: int) -> dict[Arena, list[RankCase]]:
        """Return training cases from before all validation events, at most ``most`` an arena.

        Each is of a user whom the fit knew nothing of; targets are the next events. The events that :meth:`loo` judges are left out
        too, so that a model that was trained on these cases has seen none of them.
        """
        config = self.config
        split = _before_loo(one_by_one(self._dataset, part="val", min_core=config.min_core))
        rng = np.random.default_rng((config.seed, 1))
        people = rng.permutation(np.unique(split.train.users))
        found: dict[Arena, list[RankCase]] = {"warm": [], "cold_users": [], "cold_items": []}
        for fold in range(config.folds):
            held = people[fold :: config.folds]
            _, items = self._cold(split, fold + 1)
            fitted = self._fit(_without(split, held, items), items, shortest=True)
            chosen = self._moments(split, held, items, -(-most // config.folds), rng)
            for arena, cases in chosen.items():
                found[arena] += self._cases(fitted, arena, cases)
        return found

    def _moments(
        self, split: Split, users: NDArray[np.int32], cold: NDArray[np.int32], most: int, rng: np.random.Generator
    ) -> dict[Arena, list[Case]]:
        """Draw places in the histories of users that were held out, about as many of each user."""
        known, ahead, trained = split.known, self.config.ahead, _trained(split)
        out: dict[Arena, list[Case]] = {"warm": [], "cold_users": [], "cold_items": []}
        each = max(1, -(-most // max(len(users), 1)))
        for user in rng.permutation(users).tolist():
            rows = np.arange(*trained[user])
            known_items = known.items[rows]
            for arena, cases in out.items():
                wanted = np.isin(known_items, cold) == (arena == "cold_items")
                places = np.flatnonzero(wanted[1:]) + 1
                for place in rng.permutation(places)[:each].tolist():
                    history = rows[:place][known.at[rows[:place]] < known.at[rows[place]]]
                    later = known_items[place:][wanted[place:]][:ahead]
                    if len(history) and len(cases) < most:
                        cases.append(Case(user, history, later))
        return out

    def _fit(self, split: Split, cold_items: NDArray[np.int32], *, cold: bool = False, shortest: bool = False) -> _Fitted:
        """Fit retrieval, led by what is learned from whole histories, with ``shortest`` for histories of one event, too; with
        ``cold`` for these, and what is for new users and new items.
        """
        world = World(self._dataset, split)
        retriever = Retriever(
            Fixed(world.table), self._sources(world.table), RetrieverConfig(n_candidates=self.config.candidates, n_evidence=0)
        )
        retriever.fit(world.reader(), self._progress)
        params: dict[str, Any] = {"strict": True, "short_history": 0}  # trained as it is judged
        if cold or shortest:  # what is compared with, and trained on, is to order the shortest histories, too
            params["min_history"] = 1
        if cold:
            params["short_history"] = self.config.cold_events
        fusion = LearnedFusion(aimed(params, self._dataset, split))
        fusion.fit(world.table, world.reader(), self._progress)
        if fusion.ready:
            retriever.lead(fusion.without_short())
        taken = np.bincount(split.train.items, minlength=len(self._dataset.items))
        fitted = _Fitted(split, world, retriever, cold_items, taken)
        return self._with_cold(fitted, fusion) if cold else fitted

    def _with_cold(self, fitted: _Fitted, fusion: LearnedFusion) -> _Fitted:
        """Return the fit with what is served to new users by default, without titles, and of new items where an LLM reads them."""
        cold: dict[str, ColdSource] = {}
        if self._reader is not None:
            cold = self._cold_sources(fitted, self._reader.read(fitted.world.table.items, self._progress))
        return replace(fitted, cold=cold, short=fusion if fusion.has_short else None)

    def _cold_sources(self, fitted: _Fitted, titles: TitleLikelihoods) -> dict[str, ColdSource]:
        world, content = fitted.world, fitted.retriever.sources["content"]
        assert isinstance(content, ContentSource)  # noqa: S101 - the live sources have it by this name
        config = ColdConfig(near=self.config.cold_candidates)
        cold = {
            "llm_only": ColdSource(content, titles, config.model_copy(update={"nearness": 0.0})),
            "fast": ColdSource(content, None, config),
            "fused": ColdSource(content, titles, config),
        }
        reader = world.reader()  # one for all: over one fit they share the vectors in memory
        for source in cold.values():
            source.fit(world.table, reader)
        return cold

    def _cases(self, fitted: _Fitted, arena: Arena, cases: Sequence[Case]) -> list[RankCase]:
        out = []
        for done, case in enumerate(cases):
            if self._progress is not None and done % 100 == 0:
                self._progress(f"candidates {arena}", done, len(cases))
            out.append(self._case(fitted, arena, case))
        return out

    def _case(self, fitted: _Fitted, arena: Arena, case: Case) -> RankCase:
        dataset, world = self._dataset, fitted.world
        history = case.history
        if len(fitted.cold_items):
            history = history[~np.isin(fitted.split.known.items[history], fitted.cold_items)]
        if arena == "cold_users":
            history = history[-self._known(case) :]
        shown = replace(case, history=history)
        items = dataset.items
        seen = tuple(items[at].item_id for at in fitted.split.known.items[case.history].tolist())
        profile = world.profile(shown).model_copy(update={"seen": frozenset(seen)})  # what was cut off was met all the same
        request = requested(f"{dataset.name}-{dataset.user_ids[case.user]}", exclude=seen)
        targets = frozenset(items[at].item_id for at in case.targets.tolist())
        orders: dict[str, tuple[int, ...]] = {}
        if arena == "cold_items":
            allowed = _allowed(fitted, seen)
            found = _cold_candidates(fitted, profile, allowed, self.config.cold_candidates)
            place = {candidate.item.item_id: at for at, candidate in enumerate(found)}
            for name, source in fitted.cold.items():
                ranked = source.candidates(profile, Query(), len(found), allowed)
                orders[name] = tuple(place[one.item_id] for one in ranked)
        else:
            retrieved = fitted.retriever.retrieve(request, profile)
            found = retrieved.candidates
            if arena == "cold_users" and fitted.short is not None:
                found = _longer(found, retrieved.pool, self.config.cold_candidates)
                orders = dict.fromkeys(("fast", "fused"), _led(found, profile, fitted.short))
        if orders and self._reader is not None:
            orders["zero_shot"] = _likeliest(self._reader.titles, found)
        first = targets and items[int(case.targets[0])].item_id
        return RankCase(
            case_id=f"{arena}-{request.person_id}-{len(case.history)}-{first}",
            cluster=request.person_id,
            request=request,
            profile=profile,
            history_items={e.item_id: world.table.items[world.table.rows[e.item_id]] for e in profile.entries},
            candidates=found,
            targets=targets,
            group={"history": len(history), "taken": int(fitted.taken[case.targets].max(initial=0))},
            orders=orders,
        )

    def _known(self, case: Case) -> int:
        """Return how many events of a cold user are known at most: any number of a new user's, as likely."""
        drawn = np.random.default_rng((self.config.seed, 4, case.user, len(case.history)))
        return int(drawn.integers(1, self.config.cold_events + 1))

    def _cold(self, split: Split, draw: int = 0) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        rng = np.random.default_rng((self.config.seed, 2, draw))
        out = []
        for column in (split.known.users, split.known.items):
            present = np.unique(column)
            out.append(np.sort(rng.permutation(present)[: round(self.config.cold_share * len(present))]).astype(np.int32))
        return out[0], out[1]

    def _drawn(self, cases: Sequence[Case]) -> list[Case]:
        if len(cases) <= self.config.most:
            return list(cases)
        chosen = np.sort(np.random.default_rng((self.config.seed, 3)).permutation(len(cases))[: self.config.most])
        return [cases[at] for at in chosen.tolist()]


def _allowed(fitted: _Fitted, seen: Sequence[str]) -> Mask:
    """Return the rows of cold items that were not seen, bool [len(table)]."""
    table = fitted.world.table
    allowed: Mask = np.zeros(len(table), dtype=np.bool_)
    rows = fitted.world.rows[fitted.cold_items]
    allowed[rows[rows >= 0]] = True
    allowed[[table.rows[item_id] for item_id in seen if item_id in table.rows]] = False
    return allowed


def _cold_candidates(fitted: _Fitted, profile: Profile, allowed: Mask, n: int) -> tuple[Candidate, ...]:
    """Return what the dense content source finds among the cold items alone."""
    table = fitted.world.table
    return tuple(
        Candidate(
            item=table.items[table.rows[one.item_id]],
            score=one.score,
            hits=(SourceHit(source="content", rank=rank, score=one.score),),
        )
        for rank, one in enumerate(fitted.retriever.sources["content"].candidates(profile, Query(), n, allowed), start=1)
    )


def _longer(found: Sequence[Candidate], pool: Sequence[Candidate], n: int) -> tuple[Candidate, ...]:
    """Return ``n`` candidates: those found, and what follows them in the pool."""
    there = {candidate.item.item_id for candidate in found}
    return (*found, *[one for one in pool if one.item.item_id not in there][: max(0, n - len(found))])


def _led(candidates: Sequence[Candidate], profile: Profile, fusion: LearnedFusion) -> tuple[int, ...]:
    """Return the candidates' places in the learned order, as it leads the retriever."""
    ids = [candidate.item.item_id for candidate in candidates]
    place = {item_id: at for at, item_id in enumerate(ids)}
    order = led(candidates, fusion.name, fusion.score(profile, Query(), ids))
    return tuple(place[one.item.item_id] for one in order)


def _likeliest(titles: TitleLikelihoods, candidates: Sequence[Candidate]) -> tuple[int, ...]:
    """Return the candidates' places, those first whose title the LLM finds likeliest a letter: what it says untrained."""
    likely = titles.columns([candidate.item for candidate in candidates])[:, TITLE_COLUMNS.index("title.likelihood_a_letter")]
    return tuple(np.argsort(-np.nan_to_num(likely, nan=-np.inf), kind="stable").tolist())


def _without(split: Split, users: NDArray[np.int32], items: NDArray[np.int32]) -> Split:
    train: Interactions = split.train
    return replace(split, train=train.take(~np.isin(train.users, users) & ~np.isin(train.items, items)))


def _before_loo(split: Split) -> Split:
    """Return the split without the last two events of users of whom none was held out, for having few."""
    size = int(split.known.users.max(initial=-1)) + 1
    every, fitted = (np.bincount(part.users, minlength=size) for part in (split.known, split.train))
    ends = np.cumsum(fitted)  # rows come ordered by user
    last = ends[split.train.users] - np.arange(len(split.train)) <= 2
    return replace(split, train=split.train.take(~(last & (every == fitted)[split.train.users])))


def _trained(split: Split) -> dict[int, tuple[int, int]]:
    """Return where in ``split.known`` the events of each user begin and end that may be fitted on: the first ones."""
    users, counts = np.unique(split.train.users, return_counts=True)
    starts = np.searchsorted(split.known.users, users)
    return {user: (start, start + n) for user, start, n in zip(users.tolist(), starts.tolist(), counts.tolist(), strict=True)}
