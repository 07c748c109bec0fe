"""The whole way from a request to a slate, and back from a decision to its reasons."""

from __future__ import annotations

import hashlib
import math
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import anyio
import anyio.to_thread
from pydantic import Field

from agent.base import CandidateRetriever, CatalogReader, Decisions, HistoryReader, RetrievedCandidates, items_of
from agent.explainer import Explained, Explainer
from agent.reranker import Reranked, Reranker
from agent.why import Explanation, explanation_of
from palate.deadline import Deadline, Timings
from palate.domain import Candidate, DecisionRecord, Item, ItemType, Profile, Recommendation, Request, Slate, Value, utc_now
from palate.errors import DeadlineExceeded
from retrieval.calibration import calibrated, type_target
from retrieval.profile import ProfileConfig, build_profile

__all__ = ["Prepared", "Recommender", "RecommenderConfig"]

T = TypeVar("T")


class RecommenderConfig(Value):
    """``reserve_ms`` is kept back from retrieving and ranking for writing reasons and the record; ``record_ms`` of it is for the
    record alone. ``threads`` bounds the concurrent reads and writes of stores. ``record_entries`` is how many profile entries a
    record holds, newest first, beside those that its evidence names. ``prompt_entries`` is how many of each platform's entries the
    prompt may choose from.
    """

    reserve_ms: float = Field(default=12.0, ge=0)
    record_ms: float = Field(default=8.0, ge=0)
    threads: int = Field(default=8, ge=1)
    record_entries: int = Field(default=100, ge=0)
    prompt_entries: int = Field(default=40, ge=1)
    profile: ProfileConfig = ProfileConfig()


@dataclass(slots=True)
class Prepared:
    """A request whose candidates are there, on its way to a slate."""

    request: Request
    deadline: Deadline
    timings: Timings
    profile: Profile
    found: RetrievedCandidates
    target: Mapping[ItemType, float]
    items: Mapping[str, Item]
    reranked: Reranked | None = field(default=None)


class Recommender:
    """Takes a request the way of the data: events, profile, candidates, order, slate, reasons, record.

    :meth:`recommend` goes the whole way; :meth:`prepare`, :meth:`rank` and :meth:`finish` are its steps, for a conversation that
    tells what it is doing. Safe for concurrent requests on one event loop.
    """

    def __init__(  # noqa: PLR0917 - its parts, in the order of the data
        self,
        history: HistoryReader,
        catalog: CatalogReader,
        retriever: CandidateRetriever,
        reranker: Reranker,
        explainer: Explainer,
        decisions: Decisions,
        config: RecommenderConfig | None = None,
    ) -> None:
        self.config = config or RecommenderConfig()
        self._history, self._catalog, self._retriever = history, catalog, retriever
        self._reranker, self._explainer, self._decisions = reranker, explainer, decisions
        self._limiter: anyio.CapacityLimiter | None = None

    async def recommend(self, request: Request, deadline: Deadline | None = None) -> Slate:
        """Return a slate of up to ``request.n`` items; its decision record is kept before it is returned.

        ``deadline`` defaults to ``request.deadline_ms`` from now. What is late is left out and named in ``degraded``.
        """
        prepared = await self.prepare(request, deadline)
        await self.rank(prepared)
        return await self.finish(prepared)

    async def prepare(self, request: Request, deadline: Deadline | None = None) -> Prepared:
        """Read the history and find candidates."""
        deadline = deadline or Deadline.after_ms(request.deadline_ms)
        timings = Timings()
        with timings.stage("retrieve"):
            return await self._in_thread(partial(self._retrieve, request, deadline, timings))

    async def rank(self, prepared: Prepared) -> None:
        """Let the LLM rank the candidates, in time or not at all."""
        with prepared.timings.stage("rerank"):
            prepared.reranked = await self._reranker.rerank(
                prepared.request,
                prepared.profile,
                prepared.found.candidates,
                prepared.items,
                _less(prepared.deadline, self.config.reserve_ms),
            )

    async def finish(self, prepared: Prepared) -> Slate:
        """Choose the slate, give reasons, keep the record."""
        if prepared.reranked is None:
            await self.rank(prepared)
        reranked = prepared.reranked or Reranked(order=())
        chosen, scores = self._choose(prepared, reranked)
        with prepared.timings.stage("explain"):
            explained = await self._explainer.explain(
                prepared.request, prepared.profile, chosen, prepared.items, _less(prepared.deadline, self.config.record_ms)
            )
        slate = self._slate(prepared, reranked, chosen, scores, explained)
        record = self._record(prepared, reranked, chosen, slate)
        with prepared.timings.stage("record"):
            await self._in_thread(partial(self._decisions.put, record))
        return slate.model_copy(update={"timings_ms": prepared.timings.as_dict()})

    async def why(
        self, decision_id: str, item_id: str, deadline: Deadline | None = None, language: str | None = None
    ) -> Explanation:
        """Return why an item stood in a slate, from the decision record alone: what happened since changes nothing.

        Reasons come as they were given. For another ``language`` plain sentences are made from the same evidence, with titles of
        the catalog.

        Raises:
            NotFound: There is no such decision, or the item was not in its slate.
            DeadlineExceeded: The record could not be read in time.

        """
        with anyio.move_on_after((deadline or Deadline(None)).remaining()):
            record = await self._in_thread(partial(self._decisions.get, decision_id), abandon=True)
            return explanation_of(record, item_id, language, self._catalog)
        raise DeadlineExceeded(f"Decision {decision_id!r} could not be read in time.", remedy="Give the request more time.")

    def _retrieve(self, request: Request, deadline: Deadline, timings: Timings) -> Prepared:
        events = self._history.events(request.person_id, without_platforms=request.without_platforms)
        profile = build_profile(request.person_id, events, self.config.profile)
        found = self._retriever.retrieve(request, profile, _less(deadline, self.config.reserve_ms))
        table = self._catalog.table()
        target = type_target(profile, request.query, table, found.pool)
        per_platform: dict[str, list[str]] = {}
        for entry in profile.liked:
            ids = per_platform.setdefault(entry.platform, [])
            if len(ids) < self.config.prompt_entries:
                ids.append(entry.item_id)
        wanted = [i for ids in per_platform.values() for i in ids] + [*request.query.like_item_ids]
        wanted += [e.item_id for c in found.candidates for e in c.evidence if e.item_id]
        return Prepared(request, deadline, timings, profile, found, target, items_of(table, wanted))

    def _choose(self, prepared: Prepared, reranked: Reranked) -> tuple[list[Candidate], dict[str, float]]:
        """Return the slate's candidates in order, and final scores; beyond those ranked, the pool goes on in its order."""
        order = [candidate for candidate, _ in reranked.order]
        scores = {candidate.item.item_id: score for candidate, score in reranked.order}
        floor = min(scores.values(), default=0.0)
        if prepared.request.n > len(order):
            order += [candidate for candidate in prepared.found.pool if candidate.item.item_id not in scores]
        chosen = calibrated(order, prepared.target, prepared.request.n)
        for place, candidate in enumerate((c for c in chosen if c.item.item_id not in scores), start=1):
            scores[candidate.item.item_id] = floor - 0.01 * place
        return chosen, scores

    def _slate(
        self, prepared: Prepared, reranked: Reranked, chosen: Sequence[Candidate], scores: Mapping[str, float], explained: Explained
    ) -> Slate:
        items = tuple(
            _recommendation(candidate, rank, scores[candidate.item.item_id], explained)
            for rank, candidate in enumerate(chosen, start=1)
        )
        degraded = dict.fromkeys((*prepared.found.degraded, *reranked.degraded, *explained.degraded))
        model: dict[str, Any] = {} if reranked.prompt is None else dict(self._reranker.model)  # of an LLM that had its word
        if reranked.learned:
            model["order"] = "learned"
        return Slate(
            decision_id=uuid.uuid4().hex,
            items=items,
            degraded=tuple(degraded),
            timings_ms=prepared.timings.as_dict(),
            model=model,
        )

    def _record(self, prepared: Prepared, reranked: Reranked, chosen: Sequence[Candidate], slate: Slate) -> DecisionRecord:
        shown = {candidate.item.item_id: candidate for candidate in prepared.found.candidates}
        candidates = (*shown.values(), *(c for c in chosen if c.item.item_id not in shown))
        named = {e.item_id for candidate in candidates for e in candidate.evidence}
        entries = prepared.profile.entries
        kept = tuple(e for place, e in enumerate(entries) if place < self.config.record_entries or e.item_id in named)
        prompt = reranked.prompt
        return DecisionRecord(
            decision_id=slate.decision_id,
            person_id=prepared.request.person_id,
            at=utc_now(),
            request=prepared.request,
            profile_entries=kept,
            candidates=candidates,
            llm_scores=reranked.llm_scores,
            prompt=prompt.text if prompt else None,
            prompt_hash=hashlib.sha256(prompt.text.encode()).hexdigest() if prompt else None,
            prompt_version=prompt.version if prompt else None,
            slate=slate,
        )

    async def _in_thread(self, work: Callable[[], T], *, abandon: bool = False) -> T:
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(self.config.threads)
        return await anyio.to_thread.run_sync(work, limiter=self._limiter, abandon_on_cancel=abandon)


def _less(deadline: Deadline, milliseconds: float) -> Deadline:
    """Return a deadline that much before another."""
    remaining = deadline.remaining()
    return Deadline(None) if math.isinf(remaining) else Deadline(max(0.0, remaining - milliseconds / 1000))


def _recommendation(candidate: Candidate, rank: int, score: float, explained: Explained) -> Recommendation:
    item = candidate.item
    return Recommendation(
        item_id=item.item_id,
        type=item.type,
        title=item.title,
        genres=item.genres,
        score=score,
        rank=rank,
        sources=candidate.hits,
        reasons=explained.reasons.get(item.item_id, ()),
        year=item.year,
        creators=item.creators,
        image=item.image,
        audio=item.audio,
    )
