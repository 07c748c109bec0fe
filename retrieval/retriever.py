"""From a profile and a request to candidates with evidence, in time."""

from __future__ import annotations

import copy
import logging
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar

import numpy as np
from pydantic import Field

from palate.deadline import Deadline
from palate.domain import Candidate, Evidence, Interaction, InteractionReader, Profile, Progress, Query, Request, Value
from palate.errors import ConfigurationError, PalateError, Unavailable
from retrieval.base import CandidateSource, ItemTable, Mask, Scored
from retrieval.calibration import calibrated, type_target
from retrieval.counterfactual import moving
from retrieval.filters import allowed_mask
from retrieval.fusion import FusionConfig, fuse, source_weight
from retrieval.learned_order import Scorer, led

__all__ = ["Retrieved", "Retriever", "RetrieverConfig", "TableCatalog"]

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
_LEAST_SECONDS = 0.05  # for the sources until the first has answered, however late it is: an empty slate helps nobody
_THREADS = 8  # with all of them held up, whatever comes is late, and left out


class TableCatalog(Protocol):
    """The part of the catalog that is read here; :class:`retrieval.SqlCatalog` is one."""

    @property
    def revision(self) -> int:
        """Return a number that grows with every change."""
        ...

    def table(self) -> ItemTable:
        """Return all items as columns."""
        ...


class RetrieverConfig(Value):
    """``n_candidates`` go on to the reranker with up to ``n_evidence`` pieces of evidence each, ``n_worded`` where the request has
    words (unset, as many); every source is asked for ``n_per_source``, and ``n_pool`` fused ones are kept behind.
    """

    n_candidates: int = Field(default=20, ge=1, le=100)
    n_worded: int | None = Field(default=None, ge=1, le=100)
    n_evidence: int = Field(default=6, ge=0)
    n_per_source: int = Field(default=150, ge=1)
    n_pool: int = Field(default=200, ge=1)
    fusion: FusionConfig = FusionConfig()


@dataclass(frozen=True)
class Retrieved:
    """``candidates`` carry evidence; ``pool`` holds all that were fused, in fused order, without evidence, the candidates among
    them. ``degraded`` names what was left out: ``retrieve:<source>``, or ``explain`` where a source's evidence was. ``timings`` are
    milliseconds: ``<source>``, ``<source>.evidence``, ``total``.
    """

    candidates: tuple[Candidate, ...]
    degraded: tuple[str, ...]
    timings: dict[str, float]
    pool: tuple[Candidate, ...]


@dataclass(frozen=True)
class _Fitted:
    """What requests read: replaced as a whole."""

    table: ItemTable
    sources: Mapping[str, CandidateSource]
    failed: frozenset[str]
    revision: int
    interactions: InteractionReader


class _Paces:
    """How long each kind of work has taken: an average in which the newest time counts a quarter."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[str, ...], float] = {}

    def predicted(self, *work: str) -> float:
        return self._seconds.get(work, 0.0)

    def took(self, seconds: float, *work: str) -> None:
        before = self._seconds.get(work)
        self._seconds[work] = seconds if before is None else 0.75 * before + 0.25 * seconds

    def skipped(self, *work: str) -> None:
        """Make work that was left out look a little quicker, so that one slow time does not shut it out for ever."""
        self._seconds[work] = 0.9 * self._seconds.get(work, 0.0)


@dataclass
class _Run:
    """One request on its way."""

    fitted: _Fitted
    profile: Profile
    query: Query
    allowed: Mask
    deadline: Deadline
    degraded: list[str] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class _Once:
    """Interactions read into memory, for sources that each read them."""

    events: Sequence[Interaction]

    def interactions(self) -> Iterator[Interaction]:
        return iter(self.events)


class Retriever:
    """Asks every candidate source in time, fuses and calibrates what they offer, and says what speaks for it.

    Sources are asked quickest first (equally quick to a millisecond: in the order given). One that is predicted not to be ready
    by the deadline, that is not ready by then, or that fails, is left out and named in ``degraded``; one is always asked. Where a
    learned scorer leads (:meth:`lead`), it orders what was fused for requests without a query, under the same rules. Reads
    may come from many threads; a fit replaces everything at once. When the catalog has changed, the next request starts a new
    fit in the background and is answered from what was fitted before, less the items that are gone.
    """

    def __init__(self, catalog: TableCatalog, sources: Sequence[CandidateSource], config: RetrieverConfig | None = None) -> None:
        names = [source.name for source in sources]
        if len(set(names)) != len(names):
            raise ConfigurationError(f"Two candidate sources share a name: {sorted(names)}.", remedy="Rename one of them.")
        self.config = config or RetrieverConfig()
        self._catalog, self._sources = catalog, tuple(sources)
        self._fitted: _Fitted | None = None
        self._leader: Scorer | None = None
        self._fitting = threading.Lock()
        self._paces = _Paces()
        self._threads = ThreadPoolExecutor(_THREADS, "source")

    def fit(self, interactions: InteractionReader, progress: Progress | None = None) -> None:
        """Read the catalog and fit every source on it and on ``interactions``.

        Copies of the sources are fitted, so that requests go on reading the old ones meanwhile. A source that fails to fit is
        logged and left out of every request until the next fit.
        """
        with self._fitting:
            revision, table = self._catalog.revision, self._catalog.table()
            _ = table.phrases  # built here, as it takes seconds for large catalogs
            once = _Once(tuple(interactions.interactions()))
            fitted: dict[str, CandidateSource] = {}
            failed = set()
            for done, source in enumerate(self._sources):
                if progress is not None:
                    progress(f"fit {source.name}", done, len(self._sources))
                fresh = copy.copy(source)
                try:
                    fresh.fit(table, once)
                except PalateError as error:  # it says what to do; where it came from would hide that
                    _log.error("The candidate source %r could not be fitted: %s", source.name, error)
                    failed.add(source.name)
                except Exception:  # noqa: BLE001 - a plug-in may raise anything; the others must stand
                    _log.exception("The candidate source %r could not be fitted", source.name)
                    failed.add(source.name)
                else:
                    fitted[source.name] = fresh
            self._fitted = _Fitted(table, fitted, frozenset(failed), revision, interactions)
        if progress is not None:
            progress("fit", len(self._sources), len(self._sources))

    def lead(self, leader: Scorer | None) -> None:
        """Let a learned scorer order the pools of requests without a query from now on; ``None`` keeps the fused order."""
        self._leader = leader

    @property
    def stale(self) -> bool:
        """Return whether the catalog has changed since the last fit, or there was none."""
        return self._fitted is None or self._fitted.revision != self._catalog.revision

    @property
    def table(self) -> ItemTable:
        """Return the items as they were at the last fit."""
        return self._state().table

    @property
    def sources(self) -> Mapping[str, CandidateSource]:
        """Return the fitted sources by name."""
        return self._state().sources

    @property
    def failed(self) -> frozenset[str]:
        """Return the names of the sources that could not be fitted, and are left out until the next fit."""
        return self._state().failed

    def describe(self) -> dict[str, Any]:
        """Return the config and each source's description, that of the learned scorer last."""
        said = [source.describe() for source in self.sources.values()]
        if self._leader is not None:
            said.append(self._leader.describe())
        return {"config": self.config.model_dump(), "sources": said}

    def retrieve(self, request: Request, profile: Profile, deadline: Deadline | None = None) -> Retrieved:
        """Return candidates for one request.

        Raises:
            Unavailable: Nothing was fitted yet.

        """
        start = time.perf_counter()
        fitted = self._state()
        allowed = allowed_mask(fitted.table, request, profile)
        if fitted.revision != self._catalog.revision:
            self._start_refit(fitted)
            present = self._catalog.table().rows
            allowed &= np.fromiter((item_id in present for item_id in fitted.table.ids), dtype=np.bool_, count=len(allowed))
        run = _Run(fitted, profile, request.query, allowed, deadline or Deadline(None))
        run.degraded += [f"retrieve:{name}" for name in sorted(fitted.failed)]
        offered = self._offers(run)
        pool, chosen = self._ordered(run, offered)
        chosen = self._with_evidence(run, chosen)
        run.timings["total"] = round((time.perf_counter() - start) * 1000, 3)
        return Retrieved(tuple(chosen), tuple(dict.fromkeys(run.degraded)), run.timings, tuple(pool))

    def _ordered(self, run: _Run, offered: Mapping[str, Sequence[Scored]]) -> tuple[list[Candidate], list[Candidate]]:
        """Return the pool and the calibrated candidates; when time is short, the pool is no more than these are chosen from."""
        start = time.perf_counter()
        query, table = run.query, run.fitted.table
        n = self.config.n_worded if query.worded and self.config.n_worded is not None else self.config.n_candidates
        size = "whole" if run.deadline.allows(4 * self._paces.predicted("fuse", "whole")) else "small"
        pool = fuse(offered, table, query, self.config.fusion, n=n if size == "small" else self.config.n_pool, per_type=n)
        spent = time.perf_counter() - start
        pool = self._led(run, pool, whole=size == "whole")
        start = time.perf_counter()
        chosen = calibrated(pool, type_target(run.profile, query, table, pool), n)
        self._paces.took(spent + time.perf_counter() - start, "fuse", size)
        return pool, chosen

    def _led(self, run: _Run, pool: list[Candidate], *, whole: bool) -> list[Candidate]:
        """Return the pool in the learned order where there is one; in the fused order when time is short."""
        leader = self._leader
        if leader is None or not run.query.empty or not pool:
            return pool
        if not whole or not run.deadline.allows(self._paces.predicted(leader.name, "no words")):
            self._paces.skipped(leader.name, "no words")
            run.degraded.append(f"retrieve:{leader.name}")
            return pool
        ask = partial(leader.score, run.profile, run.query, [candidate.item.item_id for candidate in pool])
        scores = self._timed(run, leader.name, "no words", ask)
        return pool if scores is None else led(pool, leader.name, scores)

    def _offers(self, run: _Run) -> dict[str, list[Scored]]:
        kind = "words" if run.query.worded else "no words"
        pace = {name: self._paces.predicted(name, kind) for name in run.fitted.sources}
        spare = self._paces.predicted("fuse", "small") or self._paces.predicted("fuse", "whole") / 2
        place = {name: at for at, name in enumerate(pace)}
        offered: dict[str, list[Scored]] = {}
        for name in sorted(pace, key=lambda name: (round(pace[name] * 1000), place[name])):
            if any(offered.values()) and not run.deadline.allows(pace[name] + spare):
                self._paces.skipped(name, kind)
                run.degraded.append(f"retrieve:{name}")
                continue
            source = run.fitted.sources[name]
            ask = partial(source.candidates, run.profile, run.query, self.config.n_per_source, run.allowed)
            found = self._timed(run, name, kind, ask, least=0.0 if any(offered.values()) else _LEAST_SECONDS)
            if found is not None:
                offered[name] = [
                    s for s in found if s.item_id in run.fitted.table.rows and run.allowed[run.fitted.table.rows[s.item_id]]
                ]
        return offered

    def _timed(self, run: _Run, name: str, kind: str, work: Callable[[], _T], *, least: float = 0.0) -> _T | None:
        """Return what ``work`` returns; ``None`` if it failed or was late, which is logged and named.

        A source cannot be interrupted: one that is late is left behind in its thread. It has ``least`` seconds in any case.
        """
        start = time.perf_counter()
        left = run.deadline.remaining()
        try:
            if math.isinf(left):
                return work()
            return self._threads.submit(work).result(max(left, least))
        except TimeoutError:
            _log.warning("%r was not done in time and is left out", name)
            run.degraded.append("explain" if name.endswith(".evidence") else f"retrieve:{name}")
            return None
        except Exception:  # noqa: BLE001 - a source may be a plug-in and raise anything; the others must stand
            _log.exception("The candidate source %r failed", name)
            run.degraded.append(f"retrieve:{name.removesuffix('.evidence')}")
            return None
        finally:
            spent = time.perf_counter() - start
            self._paces.took(spent, name, kind)
            run.timings[name] = round(run.timings.get(name, 0.0) + spent * 1000, 3)

    def _with_evidence(self, run: _Run, chosen: Sequence[Candidate]) -> list[Candidate]:
        kind = "words" if run.query.worded else "no words"
        by_item: dict[str, list[tuple[float, list[Evidence]]]] = {c.item.item_id: [] for c in chosen}
        for name, source in run.fitted.sources.items():
            ranks = {c.item.item_id: hit.rank for c in chosen for hit in c.hits if hit.source == name}
            if not ranks:
                continue
            work = f"{name}.evidence"
            if not run.deadline.allows(self._paces.predicted(work, kind)):
                self._paces.skipped(work, kind)
                run.degraded.append("explain")
                continue
            found = self._timed(run, work, kind, partial(self._evidence, run, source, list(ranks)))
            weight = source_weight(name, run.query, self.config.fusion)
            for item_id, evidence in (found or {}).items():
                if item_id in ranks:
                    by_item[item_id].append((weight / (self.config.fusion.k + ranks[item_id]), evidence))
        return [c.model_copy(update={"evidence": _strongest(by_item[c.item.item_id], self.config.n_evidence)}) for c in chosen]

    def _evidence(self, run: _Run, source: CandidateSource, item_ids: Sequence[str]) -> dict[str, list[Evidence]]:
        found = source.explain(run.profile, run.query, item_ids)
        return moving(source, run.profile, run.query, found, run.allowed)

    def _state(self) -> _Fitted:
        if self._fitted is None:
            raise Unavailable(
                "The retriever is not fitted.", remedy="Call fit(interactions) first, or wait until start-up is done."
            )
        return self._fitted

    def _start_refit(self, fitted: _Fitted) -> None:
        if not self._fitting.locked():
            threading.Thread(target=self._refit, args=(fitted.interactions,), name="refit", daemon=True).start()

    def _refit(self, interactions: InteractionReader) -> None:
        try:
            if self.stale:
                self.fit(interactions)
        except Exception:  # noqa: BLE001 - nobody waits for this thread; the old fit stays in use
            _log.exception("The retriever could not be fitted anew")


def _strongest(sources: Sequence[tuple[float, list[Evidence]]], n: int) -> tuple[Evidence, ...]:
    """Return up to ``n`` pieces: in turn from each source, beginning with the one that did most for the item; no fact twice."""
    queues = [list(evidence) for _, evidence in sorted(sources, key=lambda pair: -pair[0])]
    chosen: dict[tuple[str, str | None, str | None, str], Evidence] = {}
    for turn in range(max((len(queue) for queue in queues), default=0)):
        for queue in queues:
            if turn < len(queue) and len(chosen) < n:
                evidence = queue[turn]
                chosen.setdefault((evidence.kind, evidence.item_id, evidence.platform, evidence.detail), evidence)
    return tuple(chosen.values())
