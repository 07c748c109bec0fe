"""Finds candidates: catalog, embedders, vector and lexical index, candidate sources, fusion.

Names are imported when they are first used, so that ``import retrieval`` loads neither Chroma nor torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retrieval.base import (
        AudioEmbedder,
        CandidateSource,
        Catalog,
        Float32,
        ImageEmbedder,
        ItemTable,
        Mask,
        Scored,
        TextEmbedder,
        VectorIndex,
    )
    from retrieval.calibration import calibrated, type_target
    from retrieval.catalog import SqlCatalog
    from retrieval.catalog_io import CatalogReport
    from retrieval.counterfactual import Removable, moves, moving
    from retrieval.embedders import E5Embedder, EfficientNetEmbedder, MiniLmEmbedder, MusicnnEmbedder, OpenClipEmbedder
    from retrieval.filters import allowed_mask, disliked_items
    from retrieval.fusion import FusionConfig, fuse
    from retrieval.index import ChromaIndex
    from retrieval.indexer import Indexer
    from retrieval.langchain import PalateRetriever
    from retrieval.lexical import LexicalIndex
    from retrieval.movielens import read_movielens_items
    from retrieval.plugin import SourceContext
    from retrieval.profile import ProfileConfig, build_profile
    from retrieval.retriever import Retrieved, Retriever, RetrieverConfig, TableCatalog
    from retrieval.sources import (
        AlsConfig,
        AlsSource,
        AttributesConfig,
        AttributesSource,
        BprConfig,
        BprSource,
        ContentConfig,
        ContentSource,
        EaseConfig,
        EaseSource,
        FreshConfig,
        FreshSource,
        ItemKnnConfig,
        ItemKnnSource,
        LexicalSource,
        NcfConfig,
        NcfSource,
        PopConfig,
        PopSource,
        SasrecConfig,
        SasrecSource,
        TransitionsConfig,
        TransitionsSource,
        UserKnnConfig,
        UserKnnSource,
    )
    from retrieval.texts import item_text

__all__ = [
    "AlsConfig",
    "AlsSource",
    "AttributesConfig",
    "AttributesSource",
    "AudioEmbedder",
    "BprConfig",
    "BprSource",
    "CandidateSource",
    "Catalog",
    "CatalogReport",
    "ChromaIndex",
    "ContentConfig",
    "ContentSource",
    "E5Embedder",
    "EaseConfig",
    "EaseSource",
    "EfficientNetEmbedder",
    "Float32",
    "FreshConfig",
    "FreshSource",
    "FusionConfig",
    "ImageEmbedder",
    "Indexer",
    "ItemKnnConfig",
    "ItemKnnSource",
    "ItemTable",
    "LexicalIndex",
    "LexicalSource",
    "Mask",
    "MiniLmEmbedder",
    "MusicnnEmbedder",
    "NcfConfig",
    "NcfSource",
    "OpenClipEmbedder",
    "PalateRetriever",
    "PopConfig",
    "PopSource",
    "ProfileConfig",
    "Removable",
    "Retrieved",
    "Retriever",
    "RetrieverConfig",
    "SasrecConfig",
    "SasrecSource",
    "Scored",
    "SourceContext",
    "SqlCatalog",
    "TableCatalog",
    "TextEmbedder",
    "TransitionsConfig",
    "TransitionsSource",
    "UserKnnConfig",
    "UserKnnSource",
    "VectorIndex",
    "allowed_mask",
    "build_profile",
    "calibrated",
    "disliked_items",
    "fuse",
    "item_text",
    "moves",
    "moving",
    "read_movielens_items",
    "type_target",
]

_BASE = (
    "AudioEmbedder CandidateSource Catalog Float32 ImageEmbedder ItemTable Mask Scored TextEmbedder VectorIndex".split()  # noqa: SIM905
)
_MODULES = {
    "base": _BASE,
    "calibration": ["calibrated", "type_target"],
    "catalog": ["SqlCatalog"],
    "catalog_io": ["CatalogReport"],
    "counterfactual": ["Removable", "moves", "moving"],
    "embedders": ["E5Embedder", "EfficientNetEmbedder", "MiniLmEmbedder", "MusicnnEmbedder", "OpenClipEmbedder"],
    "filters": ["allowed_mask", "disliked_items"],
    "fusion": ["FusionConfig", "fuse"],
    "index": ["ChromaIndex"],
    "indexer": ["Indexer"],
    "langchain": ["PalateRetriever"],
    "lexical": ["LexicalIndex"],
    "movielens": ["read_movielens_items"],
    "plugin": ["SourceContext"],
    "profile": ["ProfileConfig", "build_profile"],
    "retriever": ["Retrieved", "Retriever", "RetrieverConfig", "TableCatalog"],
    "sources": [
        "AlsConfig",
        "AlsSource",
        "AttributesConfig",
        "AttributesSource",
        "BprConfig",
        "BprSource",
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
    ],
    "texts": ["item_text"],
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
