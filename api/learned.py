"""The learned order of the running recommender: trained when asked for, kept in the data folder, found again at the next start."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from palate.domain import InteractionReader, Progress
from palate.errors import MissingExtra, PalateError
from retrieval import Retriever
from retrieval.base import ItemTable
from retrieval.learned import LearnedFusion, LearnedFusionConfig

__all__ = ["LearnedOrder"]

_logger = logging.getLogger(__name__)


class LearnedOrder:
    """Trains :class:`retrieval.learned.LearnedFusion` for a retriever, and keeps it in ``folder``.

    Nothing leads the retriever before the first training: reciprocal rank fusion is the default, and what stays where nothing
    can be learned.
    """

    def __init__(self, folder: Path, retriever: Retriever, config: LearnedFusionConfig | None = None) -> None:
        self._folder, self._retriever, self._config = folder, retriever, config

    def train(self, interactions: InteractionReader, progress: Progress | None = None) -> None:
        """Learn from all histories, on the items of the retriever's last fit; too few histories take the learned order away."""
        fusion = LearnedFusion(self._config)
        try:
            fusion.fit(self._retriever.table, interactions, progress)
        except MissingExtra as error:
            _logger.warning("No order was learned: %s", error)
            return
        if fusion.ready:
            self._keep(fusion)
        else:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._retriever.lead(fusion)

    def restore(self, table: ItemTable) -> None:
        """Let what was kept lead the retriever, if it can be read and belongs to the items; else say so in the log."""
        if not self._folder.exists():
            return
        fusion = LearnedFusion(self._config)
        try:
            fusion.load(self._folder, table)
        except PalateError as error:
            _logger.warning("The learned order is not used: %s", error)
        else:
            self._retriever.lead(fusion)

    def _keep(self, fusion: LearnedFusion) -> None:
        """Write beside, then swap: what is read at the next start is never half of it."""
        fresh = self._folder.with_name(f"{self._folder.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fusion.save(fresh)
        shutil.rmtree(self._folder, ignore_errors=True)
        fresh.rename(self._folder)
