"""Candidate sources, one module each."""

from __future__ import annotations

from retrieval.sources.attributes import AttributesConfig, AttributesSource
from retrieval.sources.content import ContentConfig, ContentSource
from retrieval.sources.ease import EaseConfig, EaseSource
from retrieval.sources.lexical import LexicalSource, WordIndex
from retrieval.sources.pop import PopConfig, PopSource

__all__ = [
    "AttributesConfig",
    "AttributesSource",
    "ContentConfig",
    "ContentSource",
    "EaseConfig",
    "EaseSource",
    "LexicalSource",
    "PopConfig",
    "PopSource",
    "WordIndex",
]
