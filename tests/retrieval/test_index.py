from pathlib import Path

import numpy as np
import pytest

from palate.errors import ConfigurationError, IndexUnusable, ServiceDown
from palate.testing.vector_index import VectorIndexContract
from retrieval.index import ChromaIndex


class TestChromaIndex(VectorIndexContract):
    @pytest.fixture
    def index(self, tmp_path: Path):
        index = ChromaIndex(tmp_path / "chroma")
        yield index
        index.close()


def fill(index: ChromaIndex, n: int = 20) -> None:
    index.open_space("text-en", version="v1", dim=4)
    vectors = np.random.default_rng(0).standard_normal((n, 4)).astype(np.float32)
    index.upsert("text-en", [f"i{k}" for k in range(n)], vectors, ["movie"] * n)


def test_it_is_still_there_after_reopening(tmp_path: Path):
    first = ChromaIndex(tmp_path / "chroma")
    fill(first)
    query = np.ones(4, dtype=np.float32)
    before = first.query("text-en", query, 5)
    first.close()
    second = ChromaIndex(tmp_path / "chroma")
    assert second.query("text-en", query, 5) == before
    second.open_space("text-en", version="v1", dim=4)
    with pytest.raises(IndexUnusable):
        second.open_space("text-en", version="v2", dim=4)
    second.close()


def test_a_damaged_folder_is_named_and_can_be_made_anew(tmp_path: Path):
    path = tmp_path / "chroma"
    index = ChromaIndex(path)
    fill(index)
    index.close()
    (path / "chroma.sqlite3").write_bytes(b"garbage" * 1000)
    with pytest.raises(IndexUnusable, match="palate index rebuild") as caught:
        ChromaIndex(path)
    assert str(path) in str(caught.value)
    again = ChromaIndex.recreate(path)
    assert again.ids("text-en") == set()
    fill(again, 3)
    assert len(again.ids("text-en")) == 3
    again.close()


def test_more_than_one_batch(tmp_path: Path):
    index = ChromaIndex(tmp_path / "chroma")
    index._page = 7
    fill(index, 40)
    assert len(index.ids("text-en")) == 40
    assert len(index.get("text-en", [f"i{k}" for k in range(40)])) == 40
    index.delete([f"i{k}" for k in range(20)])
    assert len(index.ids("text-en")) == 20
    index.close()


def test_it_needs_a_folder_or_a_client(tmp_path: Path):
    with pytest.raises(ConfigurationError):
        ChromaIndex()
    with pytest.raises(ConfigurationError):
        ChromaIndex(tmp_path, client=object())


def test_a_server_that_fails_is_a_service_that_is_down():
    class Down:
        def get_max_batch_size(self) -> int:
            raise ConnectionError("refused")

    with pytest.raises(ServiceDown, match="refused"):
        ChromaIndex(client=Down())
