"""Candidate sources, one module each."""

from __future__ import annotations

from retrieval.sources.attributes import AttributesConfig, AttributesSource
from retrieval.sources.content import ContentConfig, ContentSource
from retrieval.sources.ease import EaseConfig, EaseSource
from retrieval.sources.fresh import FreshConfig, FreshSource
from retrieval.sources.lexical import LexicalSource, WordIndex
from retrieval.sources.ncf import NcfConfig, NcfSource
from retrieval.sources.pop import PopConfig, PopSource
from retrieval.sources.sasrec import SasrecConfig, SasrecSource

__all__ = [
    "AttributesConfig",
    "AttributesSource",
    "ContentConfig",
    "ContentSource",
    "EaseConfig",
    "EaseSource",
    "FreshConfig",
    "FreshSource",
    "LexicalSource",
    "NcfConfig",
    "NcfSource",
    "PopConfig",
    "PopSource",
    "SasrecConfig",
    "SasrecSource",
    "WordIndex",
]
