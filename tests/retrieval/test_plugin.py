"""Which built-in sources are asked is a setting."""

from __future__ import annotations

import pytest

import retrieval.sources
from palate.errors import ConfigurationError
from palate.settings import Settings
from retrieval import ChromaIndex, SourceContext
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
