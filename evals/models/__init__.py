"""Live parts as rankers of evaluation."""

from __future__ import annotations

from evals.models.fusion import FusionRanker
from evals.models.registry import ROWS, Rows
from evals.models.source import RetrieverRanker, SourceRanker
from evals.models.vectors import MemoryIndex
from evals.models.world import EventsReader, World

__all__ = ["ROWS", "EventsReader", "FusionRanker", "MemoryIndex", "RetrieverRanker", "Rows", "SourceRanker", "World"]
