from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from finetune import Gate, LoraRegistry, Verdict, offer, stored_scores
from finetune.files import seal
from palate.errors import Busy, InvalidInput, MissingWeights, NotFound, Unavailable

Make = Callable[..., Any]


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    return tmp_path / "shipped"


@pytest.fixture
def registry(tmp_path: Path, shipped: Path) -> LoraRegistry:
    return LoraRegistry(tmp_path / "lora", shipped)


def ship(shipped: Path, made: Any) -> str:
    shipped.mkdir()
    version = seal(made.folder, made.card).version
    made.folder.replace(shipped / made.card.task)
    return version


def add(registry: LoraRegistry, made: Any) -> str:
    return registry.add(made.folder, made.card)


def promoted(registry: LoraRegistry, *made: Any) -> list[str]:
    versions = [add(registry, one) for one in made]
    for version in versions:
        verdict = offer("rank", version, registry, stored_scores, Gate())
        assert verdict.decision == "better", verdict.reason
    return versions


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_an_empty_registry_promotes_nothing_and_writes_nothing(registry: LoraRegistry, tmp_path: Path) -> None:
    assert registry.promoted("rank") is None
    assert registry.running("rank") is None
    assert registry.list() == ()
    assert not (tmp_path / "lora").exists()


def test_adding_is_by_content_and_done_once(registry: LoraRegistry, make_adapter: Make, tmp_path: Path) -> None:
    made = make_adapter()
    version = add(registry, made)
    folder = registry.find("rank", version)
    assert folder == tmp_path / "lora" / "rank" / version
    assert sorted(path.name for path in folder.iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
        "card.json",
        "scores.npz",
    ]
    before = files(folder)
    assert add(registry, made) == version
    assert files(folder) == before
    assert add(registry, make_adapter(seed=1)) != version
    assert add(registry, make_adapter(licence="MIT")) != version
    assert registry.promoted("rank") is None


def test_what_is_not_an_adapter_is_not_added(registry: LoraRegistry, make_adapter: Make, tmp_path: Path) -> None:
    made = make_adapter()
    (made.folder / "adapter_model.bin").write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(InvalidInput, match="may run code"):
        add(registry, made)
    (made.folder / "adapter_model.bin").unlink()
    (made.folder / "adapter_model.safetensors").write_bytes(b"damaged")
    with pytest.raises(InvalidInput, match="cannot be read"):
        add(registry, made)
    assert registry.list() == ()
    assert [path.name for path in (tmp_path / "lora" / "rank").iterdir() if path.is_dir()] == []


def test_a_damaged_copy_is_named_and_adding_mends_it(registry: LoraRegistry, make_adapter: Make) -> None:
    made = make_adapter()
    (version,) = promoted(registry, made)
    weights = registry.find("rank", version) / "adapter_model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(MissingWeights, match="not the recorded one") as caught:
        registry.promoted("rank")
    assert "rollback" in caught.value.remedy
    (kept,) = registry.list()
    assert (kept.version, kept.promoted, kept.card) == (version, True, None)
    assert "adapter_model.safetensors" in (kept.problem or "")
    assert add(registry, made) == version
    assert registry.promoted("rank") == weights.parent


def test_a_damaged_one_can_be_left(registry: LoraRegistry, make_adapter: Make) -> None:
    first, second = promoted(registry, make_adapter(), make_adapter(seed=1, gain=0.1))
    (registry.find("rank", second) / "card.json").write_text("{")
    with pytest.raises(MissingWeights):
        registry.promoted("rank")
    assert registry.rollback("rank") == first
    assert registry.promoted("rank") == registry.find("rank", first)


def test_an_adapter_that_is_moved_to_another_name_is_seen(registry: LoraRegistry, make_adapter: Make) -> None:
    first, second = add(registry, make_adapter()), add(registry, make_adapter(seed=1))
    one, other = registry.find("rank", first), registry.find("rank", second)
    one.replace(one.parent / "aside")
    other.replace(one)
    with pytest.raises(MissingWeights, match="not that of"):
        registry.find("rank", first)


@pytest.mark.parametrize("version", ["", "..", "../../etc", "0" * 11, "0" * 12, "G" * 12])
def test_a_version_that_is_not_there(registry: LoraRegistry, version: str) -> None:
    with pytest.raises(NotFound, match="list"):
        registry.find("rank", version)


def test_rollback_goes_down_to_the_shipped_one(registry: LoraRegistry, shipped: Path, make_adapter: Make) -> None:
    floor = ship(shipped, make_adapter())
    assert registry.promoted("rank") == shipped / "rank"
    with pytest.raises(InvalidInput, match="nothing to go back from"):
        registry.rollback("rank")
    first, second = promoted(registry, make_adapter(seed=1, gain=0.1), make_adapter(seed=2, gain=0.15))
    states = {kept.version: (kept.shipped, kept.promoted) for kept in registry.list()}
    assert states == {floor: (True, False), first: (False, False), second: (False, True)}
    assert registry.rollback("rank") == first
    assert registry.rollback("rank") == floor
    assert registry.promoted("rank") == shipped / "rank"
    with pytest.raises(InvalidInput):
        registry.rollback("rank")
    assert promoted(registry, make_adapter(seed=2, gain=0.15)) == [second]


def test_rollback_without_a_shipped_one_ends_at_none(registry: LoraRegistry, make_adapter: Make) -> None:
    first, second = promoted(registry, make_adapter(), make_adapter(seed=1, gain=0.1))
    assert [registry.rollback("rank"), registry.rollback("rank")] == [first, None]
    assert registry.promoted("rank") is None
    assert {kept.version for kept in registry.list()} == {first, second}


def test_a_shipped_one_is_checked(registry: LoraRegistry, shipped: Path, make_adapter: Make) -> None:
    made = make_adapter()
    ship(shipped, made)
    (shipped / "rank" / "scores.npz").write_bytes(b"0" * 11_000_000)
    with pytest.raises(MissingWeights, match="11000000 bytes") as caught:
        registry.promoted("rank")
    assert "Install" in caught.value.remedy
    assert registry.list()[0].problem is not None


def verdict_on(registry: LoraRegistry, version: str, **changes: Any) -> Verdict:
    return Verdict.model_validate(
        {
            "decision": "better",
            "task": "rank",
            "candidate": version,
            "running": registry.running("rank"),
            "metric": "ndcg@10",
            "level": 0.95,
            "cases": 1,
            "users": 1,
            "comparisons": (),
            "reason": "",
            **changes,
        }
    )


def test_only_the_right_verdict_lets_through(registry: LoraRegistry, make_adapter: Make) -> None:
    first, second = add(registry, make_adapter()), add(registry, make_adapter(seed=1))
    for changes in ({"decision": "refused"}, {"task": "explain"}, {"candidate": second}):
        with pytest.raises(InvalidInput, match="does not let"):
            registry.promote("rank", first, verdict_on(registry, first, **changes))
    early = verdict_on(registry, second)
    registry.promote("rank", first, verdict_on(registry, first))
    with pytest.raises(InvalidInput, match=f"now {first} runs"):
        registry.promote("rank", second, early)
    assert registry.running("rank") == first
    with pytest.raises(NotFound):
        registry.promote("rank", "0" * 12, verdict_on(registry, "0" * 12))


def test_an_adapter_that_is_not_better_stays_out(registry: LoraRegistry, make_adapter: Make) -> None:
    (first,) = promoted(registry, make_adapter())
    with pytest.raises(InvalidInput, match="runs already"):
        offer("rank", first, registry, stored_scores, Gate())
    worse = add(registry, make_adapter(seed=1, gain=0.01))
    assert offer("rank", worse, registry, stored_scores, Gate()).decision == "refused"
    fewer = add(registry, make_adapter(seed=2, gain=0.3, cases=150))
    assert offer("rank", fewer, registry, stored_scores, Gate()).decision == "refused"
    assert registry.running("rank") == first


def test_tasks_do_not_meet(registry: LoraRegistry, make_adapter: Make) -> None:
    (first,) = promoted(registry, make_adapter())
    assert registry.running("explain") is None
    with pytest.raises(NotFound):
        registry.find("explain", first)
    other = make_adapter(task="explain")
    assert registry.find("explain", add(registry, other)).parent.name == "explain"


class Killed(BaseException):
    pass


def test_a_step_that_fails_leaves_what_was(registry: LoraRegistry, make_adapter: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    (first,) = promoted(registry, make_adapter())
    second = make_adapter(seed=1, gain=0.1)

    def fails(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", fails)
        with pytest.raises(Killed):
            add(registry, second)
        with pytest.raises(Killed):
            registry.rollback("rank")
    assert registry.running("rank") == first
    assert [kept.version for kept in registry.list()] == [first]
    version = add(registry, second)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", fails)
        with pytest.raises(Killed):
            offer("rank", version, registry, stored_scores, Gate())
    assert registry.running("rank") == first
    assert offer("rank", version, registry, stored_scores, Gate()).decision == "better"


def test_a_process_that_is_killed_leaves_what_was(
    registry: LoraRegistry, make_adapter: Make, tmp_path: Path, shipped: Path
) -> None:
    (first,) = promoted(registry, make_adapter())
    second = make_adapter(seed=1, gain=0.1)
    code = """if True:
        import os, sys
        from pathlib import Path
        from finetune import LoraRegistry, read_card
        Path.replace = lambda *_: os._exit(9)
        registry, folder = LoraRegistry(Path(sys.argv[1]), Path(sys.argv[2])), Path(sys.argv[3])
        registry.rollback("rank") if sys.argv[4] == "rollback" else registry.add(folder, read_card(folder))
    """
    for what in ("add", "rollback"):
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "lora"), str(shipped), str(second.folder), what], check=False
        )
        assert done.returncode == 9
    home = tmp_path / "lora" / "rank"
    assert list(home.glob(".adding-*"))
    assert registry.running("rank") == first
    assert [kept.version for kept in registry.list()] == [first]
    add(registry, second)
    assert not list(home.glob(".adding-*"))
    assert registry.rollback("rank") is None


def test_two_processes_write_one_after_the_other(
    registry: LoraRegistry, make_adapter: Make, tmp_path: Path, shipped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [make_adapter(seed=seed).folder for seed in range(4)]
    code = """if True:
        import sys
        from pathlib import Path
        from finetune import LoraRegistry, read_card
        registry = LoraRegistry(Path(sys.argv[1]), Path(sys.argv[2]))
        for folder in map(Path, sys.argv[3:]):
            print(registry.add(folder, read_card(folder)))
    """
    command = [sys.executable, "-c", code, str(tmp_path / "lora"), str(shipped)]
    both = [subprocess.Popen([*command, *map(str, order)], stdout=subprocess.PIPE, text=True) for order in (folders, folders[::-1])]
    said = [process.communicate()[0].split() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert said[0] == said[1][::-1]
    assert sorted(said[0]) == sorted(kept.version for kept in registry.list())
    assert all(kept.card is not None for kept in registry.list())
    monkeypatch.setattr("finetune.registry._WAIT_SECONDS", 0.01)
    with FileLock(tmp_path / "lora" / "rank" / ".lock"), pytest.raises(Busy, match="has been writing"):
        registry.rollback("rank")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"steps": [{"action": "burn"}]}', "\x00"])
def test_a_damaged_history_is_said(registry: LoraRegistry, make_adapter: Make, tmp_path: Path, text: str) -> None:
    promoted(registry, make_adapter())
    (tmp_path / "lora" / "rank" / "history.json").write_text(text)
    for ask in (registry.promoted, registry.rollback, registry.running):
        with pytest.raises(Unavailable, match=r"history\.json"):
            ask("rank")


def test_the_history_keeps_every_step_and_its_verdict(registry: LoraRegistry, make_adapter: Make, tmp_path: Path) -> None:
    first, second = promoted(registry, make_adapter(), make_adapter(seed=1, gain=0.1))
    registry.rollback("rank")
    steps = json.loads((tmp_path / "lora" / "rank" / "history.json").read_text())["steps"]
    assert [(step["action"], step["version"]) for step in steps] == [
        ("promote", first),
        ("promote", second),
        ("rollback", first),
    ]
    assert steps[1]["verdict"]["comparisons"][0]["other"] == first
    assert steps[1]["verdict"]["comparisons"][0]["difference"]["low"] > 0


def test_a_version_that_was_removed_can_be_left(registry: LoraRegistry, make_adapter: Make, tmp_path: Path) -> None:
    (first,) = promoted(registry, make_adapter())
    registry.find("rank", first).replace(tmp_path / "gone")
    with pytest.raises(MissingWeights, match="rollback"):
        registry.promoted("rank")
    assert registry.rollback("rank") is None


def test_reading_needs_no_torch_and_no_safetensors(registry: LoraRegistry, make_adapter: Make, tmp_path: Path) -> None:
    (first,) = promoted(registry, make_adapter())
    code = """if True:
        import sys
        for name in ("torch", "peft", "safetensors", "transformers"):
            sys.modules[name] = None
        from pathlib import Path
        from finetune import LoraRegistry
        registry = LoraRegistry(Path(sys.argv[1]), Path(sys.argv[1]) / "none")
        print(registry.promoted("rank").name, len(registry.list()))
    """
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "lora")], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [first, "1"]
