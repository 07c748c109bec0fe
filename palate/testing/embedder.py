"""What every embedder must do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

__all__ = ["TextEmbedderContract"]

_TEXTS = (
    "Alien (1979). Horror, Sci-Fi movie",
    "a",
    "The Usual Suspects: five criminals meet in a line-up, and a story is told about a man whom nobody has seen. " * 3,
    "星球大战 与 外星人",
    "🎵 mixed — punctuation!?",
)


class TextEmbedderContract:
    """Derive from this and give a fixture ``embedder``."""

    @pytest.fixture
    def embedder(self) -> Any:
        raise NotImplementedError("give a fixture 'embedder'")

    def test_it_says_what_it_is(self, embedder: Any) -> None:
        assert embedder.space
        assert embedder.version
        assert embedder.dim > 0

    def test_passages_are_unit_vectors(self, embedder: Any) -> None:
        vectors = embedder.embed_texts(list(_TEXTS))
        assert vectors.shape == (len(_TEXTS), embedder.dim)
        assert vectors.dtype == np.float32
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-5)

    def test_a_query_is_a_unit_vector(self, embedder: Any) -> None:
        vector = embedder.embed_query(_TEXTS[0])
        assert vector.shape == (embedder.dim,)
        assert vector.dtype == np.float32
        assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-5)

    def test_no_texts_give_no_vectors(self, embedder: Any) -> None:
        empty = embedder.embed_texts([])
        assert empty.shape == (0, embedder.dim)
        assert empty.dtype == np.float32

    def test_the_same_text_gives_the_same_vector(self, embedder: Any) -> None:
        assert np.array_equal(embedder.embed_texts(list(_TEXTS)), embedder.embed_texts(list(_TEXTS)))
        assert np.array_equal(embedder.embed_query(_TEXTS[0]), embedder.embed_query(_TEXTS[0]))

    def test_neighbours_in_a_batch_do_not_matter(self, embedder: Any) -> None:
        forward = embedder.embed_texts(list(_TEXTS))
        backward = embedder.embed_texts(list(reversed(_TEXTS)))[::-1]
        alone = np.concatenate([embedder.embed_texts([text]) for text in _TEXTS])
        assert np.abs(forward - backward).max() < 1e-3
        assert np.abs(forward - alone).max() < 1e-3

    def test_different_texts_differ(self, embedder: Any) -> None:
        vectors = embedder.embed_texts(list(_TEXTS))
        assert (vectors @ vectors.T)[~np.eye(len(_TEXTS), dtype=bool)].max() < 0.999

    def test_odd_texts_are_taken(self, embedder: Any) -> None:
        vectors = embedder.embed_texts(["", " \n", "x\0y", "long " * 2000])
        assert np.isfinite(vectors).all()
