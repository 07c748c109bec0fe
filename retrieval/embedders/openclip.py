"""Embeds pictures, and words in the same space, with an OpenCLIP model."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from palate.errors import ConfigurationError, MissingWeights
from retrieval.base import Float32
from retrieval.embedders.vectors import unit
from retrieval.embedders.weights import fingerprint, need, require_file

__all__ = ["OpenClipEmbedder"]

_BATCH = 16
_RANDOM = "random"
_REMEDY = "Set PALATE_CLIP_MODEL to 'architecture:checkpoint', the checkpoint a file or a tag of open_clip.list_pretrained()."


class OpenClipEmbedder:
    """Maps pictures and texts to unit vectors of one space, ``image``.

    A. Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021; G. Ilharco et
    al., "OpenCLIP".

    Args:
        spec: ``architecture:checkpoint``, e.g. ``ViT-B-32:/models/clip.pt`` or ``ViT-B-32:laion2b_s34b_b79k`` (from the hub).
        allow_random: Allow ``architecture:random``, whose vectors mean nothing: to try the plumbing only.

    Raises:
        ConfigurationError: The spec is malformed or names an unknown architecture.
        MissingWeights: The checkpoint is not there, damaged, or cannot be fetched.
        MissingExtra: open-clip-torch is not installed.

    """

    space = "image"

    def __init__(self, spec: str, *, allow_random: bool = False) -> None:
        architecture, _, checkpoint = spec.partition(":")
        if not architecture or not checkpoint:
            raise ConfigurationError(f"{spec!r} is no OpenCLIP model.", remedy=_REMEDY, param="clip_model")
        open_clip = need("open_clip", "images", package="open-clip-torch")
        if architecture not in open_clip.list_models():
            raise ConfigurationError(f"OpenCLIP has no architecture {architecture!r}.", remedy=_REMEDY, param="clip_model")
        if checkpoint == _RANDOM and not allow_random:
            raise MissingWeights(f"{spec!r} asks for random weights, whose vectors mean nothing.", remedy=_REMEDY)
        self._model, self._prepare, self.version = _load(open_clip, architecture, checkpoint)
        self._tokenize = open_clip.get_tokenizer(architecture)
        self._lock = threading.Lock()
        self.dim = int(self.embed_texts(["a"]).shape[1])

    def embed_images(self, images: Sequence[Image.Image]) -> Float32:
        """Return unit vectors, float32 [len(images), dim]."""
        import torch

        parts = [
            self._run(self._model.encode_image, torch.stack([self._prepare(i.convert("RGB")) for i in images[s : s + _BATCH]]))
            for s in range(0, len(images), _BATCH)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, self.dim), dtype=np.float32)

    def embed_texts(self, texts: Sequence[str]) -> Float32:
        """Return unit vectors, float32 [len(texts), dim]; text beyond the model's length is not read."""
        parts = [
            self._run(self._model.encode_text, self._tokenize(list(texts[s : s + _BATCH]))) for s in range(0, len(texts), _BATCH)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, self.dim), dtype=np.float32)

    def embed_query(self, text: str) -> Float32:
        """Return the unit vector of a query for pictures, float32 [dim]."""
        vector: Float32 = self.embed_texts([text])[0]
        return vector

    def _run(self, encode: Any, inputs: Any) -> Float32:
        import torch

        with self._lock, torch.inference_mode():
            return unit(encode(inputs).float().numpy())


def _load(open_clip: Any, architecture: str, checkpoint: str) -> tuple[Any, Any, str]:
    path = Path(checkpoint)
    suffixes = {".pt", ".pth", ".bin", ".safetensors"}
    is_file = checkpoint != _RANDOM and (path.exists() or os.sep in checkpoint or path.suffix in suffixes)
    if is_file:
        require_file(path, remedy=_REMEDY)
    try:
        import torch

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            model, _, prepare = open_clip.create_model_and_transforms(
                architecture, pretrained=None if checkpoint == _RANDOM else checkpoint, device="cpu"
            )
    except Exception as error:  # torch, safetensors and the hub each have errors of their own
        what = f"{type(error).__name__}: {error}"
        raise MissingWeights(f"The OpenCLIP checkpoint {checkpoint!r} cannot be loaded: {what}.", remedy=_REMEDY) from error
    model.eval()
    return model, prepare, f"{architecture}-{fingerprint([path]) if is_file else checkpoint}"
