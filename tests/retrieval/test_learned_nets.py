from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from retrieval.learned_nets import Nets, NetsConfig, _AdamW, _begun, _cycle, _gradient, _inputs
from retrieval.learned_training import Examples

threadpool_info = pytest.importorskip("threadpoolctl").threadpool_info

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


def right(nets: Nets, learned: Examples) -> float:
    cuts = np.cumsum(learned.sizes)[:-1]
    lists = zip(np.split(learned.x, cuts), np.split(learned.y, cuts), strict=True)
    return float(np.mean([y[nets.predict(x).argmax()] for x, y in lists]))


@pytest.fixture(scope="module")
def nets() -> Nets:
    return Nets.fit(made(300, 0), CONFIG)


def test_what_tells_the_target_within_its_list_is_found(nets: Nets) -> None:
    assert nets.width == 3
    assert right(nets, made(60, 1)) >= 0.85
    assert float(np.mean(1.0 / made(60, 1).sizes)) < 0.25


def test_the_same_seed_gives_the_same_whatever_else_runs_and_leaves_others_alone(nets: Nets) -> None:
    x, stop = made(60, 1).x[:10], threading.Event()

    def busy() -> None:
        while not stop.is_set():
            np.random.random((200, 200)) @ np.ones((200, 200))  # noqa: NPY002 - the generator that all share

    other = threading.Thread(target=busy)
    other.start()
    try:
        again = Nets.fit(made(300, 0), CONFIG)
    finally:
        stop.set()
        other.join()
    np.testing.assert_array_equal(again.predict(x), nets.predict(x))
    shared = np.random.get_state(legacy=False)["state"]["key"].copy()  # noqa: NPY002
    threads = [library["num_threads"] for library in threadpool_info()]
    changed = Nets.fit(made(300, 0), CONFIG.model_copy(update={"seed": 1}))
    np.testing.assert_array_equal(np.random.get_state(legacy=False)["state"]["key"], shared)  # noqa: NPY002
    assert [library["num_threads"] for library in threadpool_info()] == threads
    assert (changed.predict(x) != nets.predict(x)).any()


def test_gradients_and_steps_are_those_of_torch() -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    net = _begun(6, 4, rng)
    held = {name: torch.tensor(weight, requires_grad=True) for name, weight in net.items()}
    optimizer = torch.optim.AdamW(list(held.values()), lr=1e-2, weight_decay=0.1)
    mine = _AdamW(net, 0.1)
    for _ in range(3):
        inputs, units = rng.normal(size=(5, 7, 6)).astype(np.float32), rng.integers(0, 2, (5, 7, 4)).astype(np.float32) * 1.25
        there = np.arange(7) < rng.integers(2, 8, size=(5, 1))
        shares = np.zeros((5, 7), dtype=np.float32)
        shares[:, :2] = 0.5
        hidden = torch.relu(torch.from_numpy(inputs) @ held["w1"] + held["b1"]) * torch.from_numpy(units)
        scores = (hidden @ held["w2"]).masked_fill(torch.from_numpy(~there), -1e9)
        loss = -(torch.log_softmax(scores, 1) * torch.from_numpy(shares)).sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        found = _gradient(net, inputs, units, shares, there)
        for name, weight in held.items():
            np.testing.assert_allclose(found[name], weight.grad.numpy(), rtol=1e-4, atol=1e-6)
        optimizer.step()
        mine.step(found, 1e-2)
        for name, weight in held.items():
            np.testing.assert_allclose(net[name], weight.detach().numpy(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("steps", [1, 2, 7, 100])
def test_the_learning_rate_rises_and_falls_once(steps: int) -> None:
    rates = [_cycle(step, steps) for step in range(steps)]
    top = int(np.argmax(rates))
    assert all(0.0 < rate <= 1.0 for rate in rates)
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert steps < 7 or max(rates) > 0.9


def test_what_is_padded_reads_as_the_list_alone(nets: Nets) -> None:
    scale = nets._arrays["scale"]
    x = made(60, 2).x[:9]
    alone = _inputs(x[None], np.ones((1, 9), dtype=np.bool_), scale, 9)[0]
    assert alone.shape == (9, 6)
    padded = np.stack([np.concatenate([x, 1000.0 * x[:4]]), np.concatenate([x, x[:4]])])
    there = np.stack([np.arange(13) < 9, np.arange(13) < 13])
    found = _inputs(padded, there, scale, 13)
    np.testing.assert_allclose(found[0, :9], alone, rtol=1e-5, atol=1e-6)
    assert not found[0, 9:].any()
    assert (found[1, :9] != alone).any()


def test_a_longer_list_is_measured_against_its_first_rows(nets: Nets) -> None:
    """What stands further down a list than any list of training went does not change how the first are read."""
    x = made(300, 0).x[:10]
    far = np.repeat(x[:1], 5, axis=0) - 1000.0
    np.testing.assert_allclose(nets.predict(np.concatenate([x, far]))[:10], nets.predict(x), rtol=1e-5)


def test_of_a_column_that_never_varied_nothing_is_learned(nets: Nets) -> None:
    """Ratings that come after a fit without any must not order anything."""
    x = made(60, 1).x[:10]
    rng = np.random.default_rng(0)
    other = x.copy()
    other[:, 1:] = rng.normal(size=(10, 2))
    np.testing.assert_array_equal(nets.predict(other), nets.predict(x))


def test_nothing_and_what_is_all_alike(nets: Nets) -> None:
    assert not Nets()
    assert Nets().width == 0
    assert nets
    assert nets.predict(np.zeros((0, 3), dtype=np.float32)).shape == (0,)
    for strange in (np.nan, np.inf, 0.0):
        flat = nets.predict(np.full((4, 3), strange, dtype=np.float32))
        assert np.isfinite(flat).all()
        assert len(set(flat.tolist())) == 1


def test_what_was_saved_gives_the_same(nets: Nets, tmp_path: Path) -> None:
    nets.save(tmp_path / "short.npz")
    x = made(60, 1).x[:10]
    np.testing.assert_array_equal(Nets.load(tmp_path / "short.npz").predict(x), nets.predict(x))
    with pytest.raises(FileNotFoundError):
        Nets.load(tmp_path / "gone.npz")


@pytest.mark.parametrize("damage", ["empty", "cut", "text", "fewer", "width", "odd", "scale", "nan", "models", "first", "spread"])
def test_what_holds_no_networks_is_refused(nets: Nets, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "short.npz"
    nets.save(path)
    held = dict(nets._arrays)
    if damage == "empty":
        path.write_bytes(b"")
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-10])
    elif damage == "text":
        path.write_text("networks")
    else:
        changed = {
            "fewer": {name: part for name, part in held.items() if name != "w2"},
            "width": {**held, "w1": held["w1"][:, 1:]},
            "odd": {**held, "w1": np.concatenate([held["w1"], held["w1"][:, :1]], axis=1)},
            "first": {**held, "first": np.array("ten")},
            "spread": {**held, "scale": np.zeros_like(held["scale"])},
            "scale": {**held, "scale": held["scale"][:, :1]},
            "nan": {**held, "b1": np.full_like(held["b1"], np.nan)},
            "models": {**held, "w2": held["w2"][:1]},
        }[damage]
        np.savez(path, **changed)
    with pytest.raises(ValueError, match=r"networks|pickle"):
        Nets.load(path)


def test_progress_is_told() -> None:
    told: list[tuple[str, int, int]] = []
    Nets.fit(made(20, 0), CONFIG.model_copy(update={"batch": 20, "passes": 2}), lambda *said: told.append(said))
    assert told == [("fusion networks", 0, 2)]
