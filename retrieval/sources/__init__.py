"""Candidate sources, one module each."""

from __future__ import annotations

from retrieval.sources.als import AlsConfig, AlsSource
from retrieval.sources.attributes import AttributesConfig, AttributesSource
from retrieval.sources.bpr import BprConfig, BprSource
from retrieval.sources.cold import ColdConfig, ColdSource
from retrieval.sources.content import ContentConfig, ContentSource
from retrieval.sources.ease import EaseConfig, EaseSource
from retrieval.sources.fresh import FreshConfig, FreshSource
from retrieval.sources.itemknn import ItemKnnConfig, ItemKnnSource
from retrieval.sources.lexical import LexicalSource, WordIndex
from retrieval.sources.ncf import NcfConfig, NcfSource
from retrieval.sources.pop import PopConfig, PopSource
from retrieval.sources.sasrec import SasrecConfig, SasrecSource
from retrieval.sources.transitions import TransitionsConfig, TransitionsSource
from retrieval.sources.userknn import UserKnnConfig, UserKnnSource

__all__ = [
    "AlsConfig",
    "AlsSource",
    "AttributesConfig",
    "AttributesSource",
    "BprConfig",
    "BprSource",
    "ColdConfig",
    "ColdSource",
    "ContentConfig",
    "ContentSource",
    "EaseConfig",
    "EaseSource",
    "FreshConfig",
    "FreshSource",
    "ItemKnnConfig",
    "ItemKnnSource",
    "LexicalSource",
    "NcfConfig",
    "NcfSource",
    "PopConfig",
    "PopSource",
    "SasrecConfig",
    "SasrecSource",
    "TransitionsConfig",
    "TransitionsSource",
    "UserKnnConfig",
    "UserKnnSource",
    "WordIndex",
]
