"""The parts, put together and alive: brings them up in the background, keeps them fitted, and closes them."""

from __future__ import annotations

import logging
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
from sqlalchemy import Engine

from adapters import HistoryStore, Importer, ImportReport, PlatformAdapter
from agent.llm.base import LLM
from agent.recommender import Recommender
from agent.titles import TitleReader
from api.background import Background, Lane, Report, Step, Traffic
from api.health.protocol import Ready
from api.lazy import LazyEmbedder
from api.learned import LearnedOrder
from api.media.service import MediaLibrary
from api.owner import HomeLock
from api.vocabulary import Vocabulary
from api.warmup import warm_up
from palate.domain import Progress, Query
from palate.errors import Unavailable, UnknownPlatform
from palate.settings import Settings
from retrieval import CatalogReport, Indexer, Retriever, SqlCatalog, VectorIndex
from retrieval.titles import TitleLikelihoods

if TYPE_CHECKING:
    from agent.dialogue.graph import ChatAgent

__all__ = ["DEMO_MARKER", "OWN_PLATFORM", "Palate", "PalateParts"]

_logger = logging.getLogger(__name__)

OWN_PLATFORM = "palate"
"""The platform of feedback that people give here."""

DEMO_MARKER = "demo-world"
"""A file in the data folder: pictures and sounds are made by the demo world."""

_LONGEST_WAIT = 600.0
SOURCES, FUSION, TITLES, LANGUAGE_MODEL = "sources", "fusion", "titles", "llm"


@dataclass(frozen=True, kw_only=True)
class PalateParts:
    """What :func:`api.wiring.build` makes.

    ``tuned`` are the LLMs in this process with weights of their own, by task. ``reader`` lets the LLM read titles, so
    that sources and the learned order know what it says of them. ``chat`` opens the chat agent inside an event loop.
    """

    settings: Settings
    lock: HomeLock
    engines: Sequence[Engine]
    catalog: SqlCatalog
    history: HistoryStore
    adapters: Mapping[str, PlatformAdapter]
    vocabulary: Vocabulary
    media: MediaLibrary
    index: VectorIndex
    embedders: Sequence[LazyEmbedder]
    indexer: Indexer
    retriever: Retriever
    llm: LLM | None
    recommender: Recommender
    chat: Callable[[], Any]
    tuned: Mapping[str, LLM] = field(default_factory=dict)
    reader: TitleReader | None = None
    closers: Sequence[Callable[[], None]] = ()

    @property
    def titles(self) -> TitleLikelihoods | None:
        """Return what the LLM said of titles; ``None`` where none reads them."""
        return None if self.reader is None else self.reader.titles


def _renew_titles(parts: PalateParts) -> None:
    """Read the catalog's titles anew where it changed, and match what waited for them: never the one without the other."""
    if parts.vocabulary.renew(parts.catalog.table()):
        parts.history.rematch(parts.vocabulary)


class _FreshImporter(Importer):
    """Matches against the catalog as it is when an import begins."""

    def __init__(self, parts: PalateParts) -> None:
        super().__init__(parts.history, parts.vocabulary, parts.adapters)
        self._parts = parts

    def run(self, platform: str, path: Path, person_id: str | None, progress: Progress | None = None) -> ImportReport:
        _renew_titles(self._parts)
        return super().run(platform, path, person_id, progress)


class Palate:
    """A running recommender. Its parts are public; the methods are what concerns several of them.

    Args:
        parts: The parts; this object closes them.

    """

    def __init__(self, parts: PalateParts) -> None:
        self.parts = parts
        self.settings, self.lock = parts.settings, parts.lock
        self.catalog, self.history, self.media = parts.catalog, parts.history, parts.media
        self.vocabulary, self.recommender, self.llm = parts.vocabulary, parts.recommender, parts.llm
        self.importer = _FreshImporter(parts)
        self.learned = LearnedOrder(parts.settings.models / FUSION, parts.retriever, titles=parts.titles)
        self.taking_events = threading.Lock()
        self._fits = threading.Lock()
        self.quiet = True
        """Whether all background work had ended when this was closed."""
        self._traffic = Traffic()
        self._changing = threading.RLock()
        self._background = Background((*parts.indexer.spaces[:1], SOURCES))
        self._indexing: Lane | None = None
        self._chat: ChatAgent | None = None
        self._spaces: tuple[str, ...] = parts.indexer.spaces
        self._opened = self._fitted = self._closed = False

    # Life

    def open(self, *, media: bool = True) -> Palate:
        """Begin to bring everything up in the background: text index, sources, LLMs, then, unless ``media`` is false, the rest."""
        self._spaces = self.parts.indexer.spaces if media else tuple(s for s in self.parts.indexer.spaces if s.startswith("text"))
        self._opened = True
        self._start_indexing()
        if self.llm is not None:
            # Those with a LoRA adapter of their own come last: the first conversion of one takes seconds of all cores.
            tuned = [(f"{LANGUAGE_MODEL} {task}", self._llm_step(llm, late=True)) for task, llm in self.parts.tuned.items()]
            self._background.start([(LANGUAGE_MODEL, self._llm_step(self.llm)), *tuned])
        return self

    @property
    def demo_marker(self) -> Path:
        """Return the file whose presence says that the folder holds the demo world."""
        return self.settings.home / DEMO_MARKER

    def close(self) -> None:
        """Stop and release everything; safe to call twice."""
        if self._closed:
            return
        self._closed = True
        self.quiet = self._background.close()
        if self.llm is not None:
            anyio.run(self.llm.close)
        for close in self.parts.closers:
            close()
        for engine in self.parts.engines:
            engine.dispose()
        self.lock.release()

    def __enter__(self) -> Palate:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @asynccontextmanager
    async def conversations(self) -> AsyncIterator[None]:
        """Hold the chat agent open for as long as the context lasts."""
        async with self.parts.chat() as agent:
            self._chat = agent
            try:
                yield
            finally:
                self._chat = None

    @property
    def chat(self) -> ChatAgent:
        """Return the chat agent.

        Raises:
            Unavailable: No server runs.

        """
        if self._chat is None:
            raise Unavailable("Conversations are not open.", remedy="Start the server first.")
        return self._chat

    # Readiness

    def readiness(self) -> Ready:
        """Return how far each part is; once ready, it stays so while parts are renewed."""
        state = self._background.state()
        return state.model_copy(update={"ready": state.ready or self._fitted})

    def require_ready(self) -> None:
        """Raise where requests cannot be answered yet.

        Raises:
            Unavailable: Says which part is how far.

        """
        state = self.readiness()
        if state.ready:
            return
        missing = [
            f"{name} failed: {part.error}" if part.error else f"{name} is at {part.done} of {part.total}"
            for name, part in state.parts.items()
            if not part.ready and name in (*self.parts.indexer.spaces[:1], SOURCES)
        ]
        raise Unavailable(f"Not ready yet: {'; '.join(missing)}.", remedy="Try again shortly; GET /readyz tells how far it is.")

    def wait_ready(self, *, llm: bool = False, seconds: float | None = None) -> bool:
        """Wait until requests can be answered, and with ``llm`` until the LLM came up or failed; return whether they can."""
        ready = self._background.wait((), seconds)
        if llm and self.llm is not None:
            self._background.wait((LANGUAGE_MODEL,), seconds)
        return ready

    def wait_settled(self) -> bool:
        """Wait until every part that :meth:`open` began came up or failed; return whether requests can be answered."""
        for name in self._background.state().parts:
            self._background.wait((name,))
        return self.readiness().ready

    def busy(self) -> AbstractContextManager[None]:
        """Return a context for one request: background work steps aside meanwhile."""
        return self._traffic.busy()

    # Words

    def understand(self, text: str) -> Query:
        """Return what a text asks for; nothing for an empty one."""
        return self.vocabulary.understand(text) if text.strip() else Query()

    def check_platforms(self, platforms: Sequence[str], *, param: str) -> None:
        """Raise for a platform that nobody feeds.

        Raises:
            UnknownPlatform: Names the known ones.

        """
        known = {OWN_PLATFORM, *self.parts.adapters, *self.settings.extra_platforms}
        for platform in platforms:
            if platform not in known:
                raise UnknownPlatform(
                    f"There is no platform {ascii(platform)[:100]}.",
                    remedy=f"Known platforms: {', '.join(sorted(known))}; PALATE_EXTRA_PLATFORMS names more.",
                    param=param,
                )

    # Change

    def import_history(self, platform: str, path: Path, person_id: str | None, progress: Progress | None = None) -> ImportReport:
        """Import an export, then, once :meth:`open` was called, fit the sources again.

        Raises:
            UnknownPlatform: No adapter of that name.
            BadExport: The file is not that platform's export.
            InvalidInput: The person is missing or not the account's.

        """
        with self._changing:
            report = self.importer.run(platform, path, person_id, progress)
            if report.new and self._opened:
                self.parts.retriever.fit(self.history)
        return report

    def import_catalog(self, path: Path, progress: Progress | None = None) -> CatalogReport:
        """Import items, then, once :meth:`open` was called, index them and fit the sources again in the background.

        Raises:
            InvalidInput: The file cannot be read.
            BadExport: It holds no items.

        """
        with self._changing:
            report = self.catalog.import_items(path, progress)
            if (report.new or report.changed) and self._opened:
                self._start_indexing()
        return report

    def build_index(self, *, rebuild: bool = False) -> Ready:
        """Index what is missing, or with ``rebuild`` everything anew, and return how far each part is when it is done."""
        with self._changing:
            self._spaces = self.parts.indexer.spaces
            if rebuild:
                if self._indexing is not None:
                    self._indexing.stop.set()
                stop = threading.Event()
                stop.set()  # only the removal: the build itself runs in the background, where its progress is seen
                self.parts.indexer.rebuild(None, stop)
            self._start_indexing()
        self._background.wait((*self._spaces, SOURCES))
        return self._background.state()

    def refit(self, progress: Progress | None = None) -> None:
        """Read titles anew, match what waited for them, and fit the sources."""
        with self._changing:
            _renew_titles(self.parts)
            if not self._fitted:
                self.learned.restore(self.catalog.table())  # first: whoever waits for the sources finds it in its place
            self.learned.check(self.history)
            self.parts.retriever.fit(self.history, progress)
            self._fitted = True

    def fit(self) -> dict[str, str]:
        """Fit the sources anew in the background, then learn how to order what they find; return what failed, and why, by name.

        Before that the LLM reads titles that it has not read. Progress is seen in :meth:`readiness`. Where nothing can be learned,
        the order that was there stays.

        Raises:
            Unavailable: Nothing could be fitted.

        """
        with self._fits:  # whoever comes meanwhile waits, and has a fit of their own: histories may have grown
            titles: list[Step] = [] if self.parts.reader is None else [(TITLES, self._read_step)]
            steps: list[Step] = [*titles, (SOURCES, self._fit_step), (FUSION, self._learn_step)]
            self._background.start(steps)
            self._background.wait([name for name, _ in steps])
            parts = self._background.state().parts
        if (error := parts[SOURCES].error) is not None:
            raise Unavailable(f"The sources could not be fitted: {error}.", remedy="'palate doctor' checks every part.")
        failed = dict.fromkeys(sorted(self.parts.retriever.failed), "the log says why")
        return failed | {name: str(parts[name].error) for name, _ in steps if parts[name].error is not None}

    # Within

    def _start_indexing(self) -> None:
        spaces: list[Step] = [(space, self._index_step(space)) for space in self._spaces]
        sources: Step = (SOURCES, self._fit_step)
        self._indexing = self._background.start([*spaces[:1], sources, *spaces[1:]], instead_of=self._indexing)

    def _llm_step(self, llm: LLM, *, late: bool = False) -> Callable[[Report, threading.Event], None]:
        """Load and warm up an LLM; with ``late`` only once requests can be answered."""

        def step(report: Report, stop: threading.Event) -> None:
            report(0, 1)
            if late:
                self._background.wait(seconds=_LONGEST_WAIT)
            if stop.is_set():
                return
            anyio.run(llm.check)
            self._background.wait(seconds=_LONGEST_WAIT)
            if not stop.is_set():
                with self.busy():  # what it learns of its pace should not be what it is beside an index that is being built
                    anyio.run(warm_up, llm)

        return step

    def _fit_step(self, report: Report, _stop: threading.Event) -> None:
        report(0, 1)
        self.refit(lambda _stage, done, total: report(done, total))

    def _learn_step(self, report: Report, stop: threading.Event) -> None:
        self.learned.train(self.history, self._stoppable(report, stop))

    def _read_step(self, report: Report, stop: threading.Event) -> None:
        assert self.parts.reader is not None  # noqa: S101 - it is a step only then
        self.parts.reader.read(self.catalog.table().items, self._stoppable(report, stop))

    def _stoppable(self, report: Report, stop: threading.Event) -> Progress:
        def progress(stage: str, done: int, total: int) -> None:
            _logger.debug("%s: %d of %d", stage, done, total)
            if stop.is_set():
                raise Unavailable("Learning was stopped.", remedy="Run 'palate fit' again.")
            report(done, total)
            self._traffic.wait_for_quiet()

        return progress

    def _index_step(self, space: str) -> Callable[[Report, threading.Event], None]:
        def step(report: Report, stop: threading.Event) -> None:
            def progress(stage: str, done: int, total: int) -> None:
                _logger.debug("%s: %d of %d", stage, done, total)
                report(done, total)
                self._traffic.wait_for_quiet()

            status = self.parts.indexer.build(progress, stop, [space])[space]
            report(status.done, max(status.total - len(status.errors), status.done))
            for error in status.errors[:5]:
                _logger.warning("%s: %s", space, error)

        return step
