"""What every vector index must do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from palate.errors import IndexUnusable, InvalidInput

__all__ = ["VectorIndexContract"]

_DIM = 16


def _vectors(n: int, seed: int = 0) -> NDArray[np.float32]:
    vectors = np.random.default_rng(seed).standard_normal((n, _DIM)).astype(np.float32)
    scaled: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled


class VectorIndexContract:
    """Derive from this and give a fixture ``index``: an empty one."""

    @pytest.fixture
    def index(self) -> Any:
        raise NotImplementedError("give a fixture 'index'")

    @pytest.fixture
    def filled(self, index: Any) -> Any:
        """Return the index with 50 items ``i00`` … in the space ``text-en``, odd ones tracks."""
        index.open_space("text-en", version="v1", dim=_DIM)
        ids = [f"i{k:02d}" for k in range(50)]
        index.upsert("text-en", ids, _vectors(50), ["track" if k % 2 else "movie" for k in range(50)])
        return index

    def test_neighbours_are_the_exact_ones(self, filled: Any) -> None:
        query = _vectors(1, seed=1)[0]
        cosines = _vectors(50) @ query
        expected = [f"i{k:02d}" for k in np.argsort(-cosines)[:10]]
        found = filled.query("text-en", query, 10)
        assert [item_id for item_id, _ in found] == expected
        assert [score for _, score in found] == pytest.approx(sorted(cosines, reverse=True)[:10], abs=1e-4)

    def test_the_length_of_a_query_does_not_matter(self, filled: Any) -> None:
        query = _vectors(1, seed=1)[0]
        long, short = filled.query("text-en", query * 7, 5), filled.query("text-en", query, 5)
        assert [item_id for item_id, _ in long] == [item_id for item_id, _ in short]

    def test_types_filter(self, filled: Any) -> None:
        found = filled.query("text-en", _vectors(1, seed=1)[0], 50, types=["track"])
        assert sorted(item_id for item_id, _ in found) == [f"i{k:02d}" for k in range(1, 50, 2)]
        assert len(filled.query("text-en", _vectors(1)[0], 50, types=["track", "movie"])) == 50
        assert filled.query("text-en", _vectors(1)[0], 50, types=["podcast"]) == []

    def test_ties_go_by_id(self, index: Any) -> None:
        index.open_space("text-en", version="v1", dim=_DIM)
        same = np.repeat(_vectors(1), 6, axis=0)
        index.upsert("text-en", ["f", "b", "e", "a", "d", "c"], same, ["movie"] * 6)
        assert [item_id for item_id, _ in index.query("text-en", same[0], 3)] == ["a", "b", "c"]

    def test_asking_for_more_than_there_is(self, filled: Any) -> None:
        assert len(filled.query("text-en", _vectors(1)[0], 1000)) == 50
        assert filled.query("text-en", _vectors(1)[0], 0) == []

    def test_get_returns_the_vectors(self, filled: Any) -> None:
        found = filled.get("text-en", ["i03", "nothing", "i03"])
        assert list(found) == ["i03"]
        assert found["i03"].dtype == np.float32
        assert found["i03"] == pytest.approx(_vectors(50)[3], abs=1e-6)
        assert filled.get("text-en", []) == {}

    def test_upsert_replaces(self, filled: Any) -> None:
        other = _vectors(1, seed=5)
        filled.upsert("text-en", ["i00"], other, ["podcast"])
        assert len(filled.ids("text-en")) == 50
        assert filled.query("text-en", other[0], 1)[0][0] == "i00"
        assert [item_id for item_id, _ in filled.query("text-en", other[0], 9, types=["podcast"])] == ["i00"]

    def test_an_id_twice_in_a_call_takes_the_last(self, filled: Any) -> None:
        two = _vectors(2, seed=6)
        filled.upsert("text-en", ["new", "new"], two, ["movie", "movie"])
        assert filled.get("text-en", ["new"])["new"] == pytest.approx(two[1], abs=1e-6)

    def test_delete_is_from_every_space_or_from_one(self, filled: Any) -> None:
        filled.open_space("image", version="v1", dim=_DIM)
        filled.upsert("image", ["i00", "i01"], _vectors(2), ["movie", "track"])
        filled.delete(["i00", "nothing"])
        assert "i00" not in filled.ids("text-en") | filled.ids("image")
        filled.delete(["i01"], space="image")
        assert filled.ids("image") == set()
        assert "i01" in filled.ids("text-en")

    def test_a_space_that_is_not_there_is_empty(self, index: Any) -> None:
        assert index.ids("text-en") == set()
        assert index.get("text-en", ["a"]) == {}
        assert index.query("text-en", _vectors(1)[0], 3) == []
        with pytest.raises(IndexUnusable, match="text-en"):
            index.upsert("text-en", ["a"], _vectors(1), ["movie"])

    def test_another_version_or_dimension_is_refused(self, filled: Any) -> None:
        filled.open_space("text-en", version="v1", dim=_DIM)
        with pytest.raises(IndexUnusable, match=r"v2.*rebuild"):
            filled.open_space("text-en", version="v2", dim=_DIM)
        with pytest.raises(IndexUnusable, match="rebuild"):
            filled.open_space("text-en", version="v1", dim=_DIM + 1)

    def test_reset_makes_room_for_another_version(self, filled: Any) -> None:
        filled.reset("text-en")
        filled.reset("never-there")
        assert filled.ids("text-en") == set()
        filled.open_space("text-en", version="v2", dim=3)
        filled.upsert("text-en", ["a"], np.eye(3, dtype=np.float32)[:1], ["movie"])
        assert filled.ids("text-en") == {"a"}

    @pytest.mark.parametrize("fault", ["shape", "types", "nan"])
    def test_faulty_vectors_are_refused(self, filled: Any, fault: str) -> None:
        vectors, types = _vectors(2), ["movie", "movie"]
        if fault == "shape":
            vectors = vectors[:, :3]
        elif fault == "types":
            types = ["movie"]
        else:
            vectors[0, 0] = np.nan
        with pytest.raises(InvalidInput):
            filled.upsert("text-en", ["x", "y"], vectors, types)
        assert not {"x", "y"} & filled.ids("text-en")

    def test_threads_may_read_while_others_write(self, filled: Any) -> None:
        def write(k: int) -> None:
            filled.upsert("text-en", [f"w{k}-{j}" for j in range(5)], _vectors(5, seed=k), ["movie"] * 5)

        def read(_: int) -> int:
            return len(filled.query("text-en", _vectors(1)[0], 10))

        with ThreadPoolExecutor(4) as pool:
            writes = [pool.submit(write, k) for k in range(10)]
            assert set(pool.map(read, range(20))) == {10}
            for done in writes:
                done.result()
        assert len(filled.ids("text-en")) == 100
