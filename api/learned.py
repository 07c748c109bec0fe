"""The learned order of the running recommender: trained when asked for, kept in the data folder, found again at the next start."""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
from pathlib import Path

from palate.domain import InteractionReader, Progress
from palate.errors import PalateError
from retrieval import Retriever
from retrieval.base import ItemTable
from retrieval.learned import LearnedFusion, LearnedFusionConfig
from retrieval.titles import TitleLikelihoods

__all__ = ["LearnedOrder"]

_logger = logging.getLogger(__name__)


class LearnedOrder:
    """Trains :class:`retrieval.learned.LearnedFusion` for a retriever, and keeps it in ``folder``.

    Nothing leads the retriever before the first training: reciprocal rank fusion is the default, and what stays where nothing
    can be learned. What was learned from events that were erased, or whose consent was withdrawn, is thrown away. ``titles`` is
    what the LLM said of titles, where it read them.
    """

    def __init__(
        self,
        folder: Path,
        retriever: Retriever,
        config: LearnedFusionConfig | None = None,
        titles: TitleLikelihoods | None = None,
    ) -> None:
        self._folder, self._retriever, self._config, self._titles = folder, retriever, config, titles
        self._leader: LearnedFusion | None = None
        self._changing = threading.Lock()

    def train(self, interactions: InteractionReader, progress: Progress | None = None) -> None:
        """Learn from all histories, on the items of the retriever's last fit; too few histories take the learned order away.

        One training runs at a time; a second one begins when the first has ended.

        Raises:
            MissingExtra: LightGBM or threadpoolctl is not installed.

        """
        with self._changing:
            fusion = LearnedFusion(self._config, self._titles)
            fusion.fit(self._retriever.table, interactions, progress)
            if fusion.ready:
                self._keep(fusion)
            else:
                shutil.rmtree(self._folder, ignore_errors=True)
            self._lead(fusion)

    def restore(self, table: ItemTable) -> None:
        """Let what was kept lead the retriever, if it can be read and belongs to the items; else say so in the log."""
        with self._changing:
            if not self._folder.exists():
                return
            fusion = LearnedFusion(self._config)
            try:
                fusion.load(self._folder, table)
            except PalateError as error:
                _logger.warning("The learned order is not used: %s", error)
            else:
                self._lead(fusion)

    def check(self, interactions: InteractionReader) -> None:
        """Throw away what was learned from events that are no longer there; the fused order stands until the next training."""
        with self._changing:
            if self._leader is not None and self._leader.ready and self._leader.outdated(interactions):
                shutil.rmtree(self._folder, ignore_errors=True)
                self._lead(None)
                _logger.warning("The learned order was thrown away: it came from events that are gone. 'palate fit' learns anew.")

    def _lead(self, fusion: LearnedFusion | None) -> None:
        self._leader = fusion
        self._retriever.lead(fusion)

    def _keep(self, fusion: LearnedFusion) -> None:
        """Write beside, then swap: what is read at the next start is never half of it."""
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f"{self._folder.name}-", dir=self._folder.parent))
        try:
            fusion.save(fresh)
            shutil.rmtree(self._folder, ignore_errors=True)
            fresh.rename(self._folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
