"""Live parts as rankers of evaluation."""

from __future__ import annotations

from evals.models.registry import ROWS, Rows
from evals.models.source import FlooredRanker, RetrieverRanker, SourceRanker
from evals.models.vectors import MemoryIndex
from evals.models.world import EventsReader, World

__all__ = ["ROWS", "EventsReader", "FlooredRanker", "MemoryIndex", "RetrieverRanker", "Rows", "SourceRanker", "World"]
