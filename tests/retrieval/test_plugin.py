"""Which built-in sources are asked is a setting."""

from __future__ import annotations

import numpy as np
import pytest

import retrieval.sources
from palate.deadline import Deadline
from palate.domain import Query, Request
from palate.errors import ConfigurationError
from palate.settings import Settings
from palate.testing.candidate_source import ListedInteractions, sample_items, sample_profile
from retrieval import ChromaIndex, ItemTable, Retriever, SourceContext
from retrieval.plugin import palate_candidate_sources

KNOWN = {
    "als",
    "attributes",
    "bpr",
    "cold",
    "content",
    "ease",
    "fresh",
    "itemknn",
    "lexical",
    "ncf",
    "pop",
    "sasrec",
    "transitions",
    "userknn",
}


@pytest.fixture
def offered(tmp_path):
    index = ChromaIndex(tmp_path / "chroma")

    def ask(*names):
        settings = Settings(sources=names) if names else None
        return [source.name for source in palate_candidate_sources(SourceContext(catalog=None, index=index, settings=settings))]

    yield ask
    index.close()


def test_the_named_sources_in_their_order(offered, monkeypatch):
    assert offered("bpr", "content") == ["bpr", "content"]
    assert set(offered(*sorted(KNOWN))) == KNOWN
    monkeypatch.setenv("PALATE_SOURCES", "userknn, pop")
    assert offered(*Settings().sources) == ["userknn", "pop"]


def test_what_is_asked_without_a_setting(offered):
    assert offered() == list(Settings.model_fields["sources"].default)
    assert {"pop", "ease", "transitions", "content", "lexical", "attributes"} <= set(offered())


@pytest.mark.parametrize(("names", "said"), [(("pop", "magic"), "'magic'"), (("pop", "pop"), "twice")])
def test_a_name_that_cannot_be_used_is_said(offered, names, said):
    with pytest.raises(ConfigurationError, match=said) as error:
        offered(*names)
    assert all(name in str(error.value) for name in KNOWN)


def test_every_source_of_the_package_can_be_named():
    kinds = [getattr(retrieval.sources, name) for name in retrieval.sources.__all__ if name.endswith("Source")]
    assert {kind.name for kind in kinds} == KNOWN


class Fixed:
    """A catalog that stays as it is."""

    revision = 1

    def __init__(self):
        self._table = ItemTable(sample_items())

    def table(self):
        return self._table


class Embedder:
    space, version, dim = "text-en", "v", 8

    def __init__(self):
        self.asked = []

    def embed_texts(self, texts):
        return np.tile(np.eye(1, self.dim, dtype=np.float32), (len(texts), 1))

    def embed_query(self, text):
        self.asked.append(text)
        return self.embed_texts([text])[0]


@pytest.mark.parametrize("names", [("content", "cold"), ("cold", "content")])
def test_with_cold_vectors_are_held_once_and_words_embedded_once(tmp_path, monkeypatch, names):
    pytest.importorskip("lightgbm")
    catalog, embedder, index = Fixed(), Embedder(), ChromaIndex(tmp_path / "chroma")
    index.open_space("text-en", version="v", dim=8)
    items = catalog.table().items
    vectors = np.random.default_rng(0).normal(1.0, 0.3, (len(items), 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index.upsert("text-en", [item.item_id for item in items], vectors, [item.type for item in items])
    read, get = [], index.get
    monkeypatch.setattr(index, "get", lambda space, ids: read.append(space) or get(space, ids))
    context = SourceContext(catalog, index, {"text-en": embedder}, Settings(sources=names))
    retriever = Retriever(catalog, palate_candidate_sources(context))
    retriever.fit(ListedInteractions())
    assert read == ["text-en"]
    request = Request(person_id="ann", query=Query(text="a quiet film"))
    found = retriever.retrieve(request, sample_profile("film-00"), Deadline(None))
    assert {hit.source for candidate in found.candidates for hit in candidate.hits} == {"cold", "content"}
    assert embedder.asked == ["a quiet film"]
    retriever.fit(ListedInteractions())
    assert read == ["text-en", "text-en"]
    index.close()
