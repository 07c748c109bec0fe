"""Embedders: text, pictures, sound. Models are loaded when an embedder is made, not when this is imported."""

from retrieval.embedders.e5 import E5Embedder
from retrieval.embedders.efficientnet import EfficientNetEmbedder
from retrieval.embedders.media import decode_audio, decode_image
from retrieval.embedders.minilm import MiniLmEmbedder
from retrieval.embedders.musicnn import MSD_TAGS, MTT_TAGS, MusicnnConfig, MusicnnEmbedder
from retrieval.embedders.openclip import OpenClipEmbedder

__all__ = [
    "MSD_TAGS",
    "MTT_TAGS",
    "E5Embedder",
    "EfficientNetEmbedder",
    "MiniLmEmbedder",
    "MusicnnConfig",
    "MusicnnEmbedder",
    "OpenClipEmbedder",
    "decode_audio",
    "decode_image",
]
