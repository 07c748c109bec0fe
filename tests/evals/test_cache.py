"""What was ranked is found again by all it came from, and by nothing less."""

from dataclasses import replace

import numpy as np

from evals.cache import EvalCache, Ranked, items_hash, split_hash
from evals.protocols import make_split
from tests.evals.test_protocols import many

RANKED = Ranked({"all": np.array([[1, -1]], np.int32), "users_1": np.empty((0, 2), np.int32)}, 1.5, 0.2, 100.0, 3.0)


def test_what_was_put_is_got(tmp_path):
    cache = EvalCache(tmp_path / "new")
    assert cache.get("pop", "a", "b") is None
    cache.put("pop", RANKED, "a", "b")
    found = cache.get("pop", "a", "b")
    assert found is not None
    assert found.cached
    assert replace(found, lists={}, cached=False) == replace(RANKED, lists={})
    for name, lists in RANKED.lists.items():
        np.testing.assert_array_equal(found.lists[name], lists)
    for row, parts in (("pop", ("a",)), ("pop", ("a", "c")), ("ease", ("a", "b")), ("pop", ("ab",))):
        assert cache.get(row, *parts) is None


def test_a_damaged_file_counts_as_not_there(tmp_path):
    cache = EvalCache(tmp_path)
    cache.put("pop", RANKED, "a")
    (file,) = tmp_path.iterdir()
    for damaged in (b"", b"PK\x03\x04 no archive", file.read_bytes()[:60]):
        file.write_bytes(damaged)
        assert cache.get("pop", "a") is None


def test_without_a_folder_nothing_is_kept():
    cache = EvalCache(None)
    cache.put("pop", RANKED, "a")
    assert cache.get("pop", "a") is None


def test_hashes_follow_what_they_are_of():
    data = many()
    split = make_split(data, "loo")
    assert split_hash(split) == split_hash(make_split(many(), "loo"))
    assert len({split_hash(s) for s in (split, make_split(data, "loo", part="val"), make_split(many(seed=1), "loo"))}) == 3
    renamed = replace(data, items=(data.items[0].model_copy(update={"title": "Other"}), *data.items[1:]))
    assert items_hash(data) == items_hash(many()) != items_hash(renamed)
