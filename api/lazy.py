"""Embedders that load their weights on first use, so that start-up is quick."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from PIL import Image

from retrieval.base import Float32

__all__ = ["LazyEmbedder"]


class LazyEmbedder:
    """Stands for a text, image or audio embedder until it is needed; safe from several threads.

    Args:
        space: The space of the embedder that ``load`` returns.
        load: Makes it; what it raises comes out of the call that needed it, and the next call tries again.

    """

    def __init__(self, space: str, load: Callable[[], Any]) -> None:
        self.space = space
        self._load = load
        self._loaded: Any = None
        self._lock = threading.Lock()

    def get(self) -> Any:
        """Return the embedder itself, loaded."""
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    @property
    def version(self) -> str:
        """Return which weights these are."""
        version: str = self.get().version
        return version

    @property
    def dim(self) -> int:
        """Return how many numbers a vector has."""
        dim: int = self.get().dim
        return dim

    def embed_texts(self, texts: Sequence[str]) -> Float32:
        """Return unit vectors, float32 [len(texts), dim]."""
        vectors: Float32 = self.get().embed_texts(texts)
        return vectors

    def embed_query(self, text: str) -> Float32:
        """Return a unit vector, float32 [dim]."""
        vector: Float32 = self.get().embed_query(text)
        return vector

    def embed_images(self, images: Sequence[Image.Image]) -> Float32:
        """Return unit vectors, float32 [len(images), dim]."""
        vectors: Float32 = self.get().embed_images(images)
        return vectors

    def embed_audio(self, waves: Sequence[Float32]) -> Float32:
        """Return unit vectors, float32 [len(waves), dim]."""
        vectors: Float32 = self.get().embed_audio(waves)
        return vectors
