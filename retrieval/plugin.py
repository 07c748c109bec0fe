"""Offers the built-in candidate sources and embedders, as any plug-in would."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from palate.plugins import hookimpl
from palate.settings import Settings
from retrieval.base import CandidateSource, Catalog, TextEmbedder, VectorIndex

__all__ = ["SourceContext", "palate_candidate_sources"]


@dataclass(frozen=True)
class SourceContext:
    """What candidate sources may be made from. ``text_embedders`` are by space."""

    catalog: Catalog
    index: VectorIndex
    text_embedders: Mapping[str, TextEmbedder] = field(default_factory=dict)
    settings: Settings | None = None


@hookimpl
def palate_candidate_sources(context: SourceContext) -> list[Any]:
    """Return the built-in sources: ``pop``, ``ease``, ``content``, ``lexical``, ``attributes``."""
    from retrieval.sources import AttributesSource, ContentSource, EaseSource, LexicalSource, PopSource

    sources: list[CandidateSource] = [
        PopSource(),
        EaseSource(),
        ContentSource(context.index, context.text_embedders),
        LexicalSource(),
        AttributesSource(),
    ]
    return list(sources)
