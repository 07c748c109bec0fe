from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from palate.errors import MissingExtra
from retrieval.learned_nets import Nets, NetsConfig
from retrieval.learned_training import Examples

CONFIG = NetsConfig(models=2, hidden=16, passes=4, batch=8)


def made(groups: int, seed: int) -> Examples:
    """Lists of three to ten candidates: the target is the one that is highest in the first column within its list, whose level
    differs from list to list; the second column is unknown, the third is the same everywhere.
    """
    rng = np.random.default_rng(seed)
    sizes = rng.integers(3, 11, size=groups)
    x = rng.normal(size=(sizes.sum(), 3)).astype(np.float32)
    x[:, 0] = x[:, 0] + np.repeat(rng.normal(scale=50.0, size=groups), sizes)
    x[:, 1], x[:, 2] = np.nan, 1.0
    ends = np.cumsum(sizes)
    y = np.zeros(len(x), dtype=np.int8)
    for end, size in zip(ends.tolist(), sizes.tolist(), strict=True):
        y[end - size + x[end - size : end, 0].argmax()] = 1
    return Examples(["a", "b", "c"], x, y, sizes, 1.0)


def lists(learned: Examples) -> list[tuple[np.ndarray, np.ndarray]]:
    cuts = np.cumsum(learned.sizes)[:-1]
    return list(zip(np.split(learned.x, cuts), np.split(learned.y, cuts), strict=True))


def right(nets: Nets, learned: Examples) -> float:
    return float(np.mean([y[nets.predict(x).argmax()] for x, y in lists(learned)]))


pytest.importorskip("torch")


@pytest.fixture(scope="module")
def nets() -> Nets:
    return Nets.fit(made(300, 0), CONFIG)


def test_what_tells_the_target_within_its_list_is_found(nets: Nets) -> None:
    assert right(nets, made(60, 1)) >= 0.85
    chance = float(np.mean(1.0 / made(60, 1).sizes))
    assert chance < 0.25


def test_the_same_seed_gives_the_same_and_leaves_torch_as_it_was(nets: Nets) -> None:
    import torch

    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    threads = torch.get_num_threads()
    again = Nets.fit(made(300, 0), CONFIG)
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads
    x = made(60, 1).x[:10]
    np.testing.assert_array_equal(again.predict(x), nets.predict(x))
    other = Nets.fit(made(300, 0), CONFIG.model_copy(update={"seed": 1}))
    assert (other.predict(x) != nets.predict(x)).any()


def test_scores_are_those_of_torch(nets: Nets) -> None:
    """The pass that serves is the one that was trained: each network's weights, read by torch, give the mean."""
    import torch

    from retrieval.learned_nets import _inputs

    x = made(60, 2).x[:9]
    held = nets._arrays
    inputs = _inputs(x[None], np.ones((1, len(x)), dtype=np.bool_), held["scale"], int(held["first"]))[0]
    assert inputs.shape == (9, 6)
    assert np.isfinite(inputs).all()
    scores = []
    for w1, b1, w2, b2 in zip(held["w1"], held["b1"], held["w2"], held["b2"], strict=True):
        first, second = torch.nn.Linear(6, 16), torch.nn.Linear(16, 1)
        for layer, weight, bias in ((first, w1, b1), (second, w2, b2)):
            layer.load_state_dict({"weight": torch.from_numpy(weight.T.copy()), "bias": torch.from_numpy(bias)})
        with torch.no_grad():
            scores.append(second(torch.relu(first(torch.from_numpy(inputs))))[:, 0].numpy())
    np.testing.assert_allclose(nets.predict(x), np.mean(scores, axis=0), rtol=1e-4, atol=1e-5)


def test_a_longer_list_is_measured_against_its_first_rows(nets: Nets) -> None:
    """What stands far down a long list, further than any list of training went, does not change how the first are read."""
    x = made(300, 0).x[:10]
    far = np.repeat(x[:1], 5, axis=0) - 1000.0
    np.testing.assert_allclose(nets.predict(np.concatenate([x, far]))[:10], nets.predict(x), rtol=1e-5)


def test_nothing_and_what_is_all_alike(nets: Nets) -> None:
    assert not Nets()
    assert nets
    assert nets.predict(np.zeros((0, 3), dtype=np.float32)).shape == (0,)
    flat = nets.predict(np.full((4, 3), np.nan, dtype=np.float32))
    assert np.isfinite(flat).all()
    assert len(set(flat.tolist())) == 1


def test_what_was_saved_gives_the_same(nets: Nets, tmp_path: Path) -> None:
    nets.save(tmp_path / "short.npz")
    x = made(60, 1).x[:10]
    np.testing.assert_array_equal(Nets.load(tmp_path / "short.npz").predict(x), nets.predict(x))
    (tmp_path / "short.npz").write_bytes(b"")
    with pytest.raises((ValueError, EOFError)):
        Nets.load(tmp_path / "short.npz")


def test_without_torch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match="rank"):
        Nets.fit(made(10, 0), CONFIG)


def test_progress_is_told() -> None:
    told: list[tuple[str, int, int]] = []
    Nets.fit(made(20, 0), CONFIG.model_copy(update={"batch": 20, "passes": 2}), lambda *said: told.append(said))
    assert told == [("fusion networks", 0, 2)]
