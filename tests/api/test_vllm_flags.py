from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from api.vllm_flags import VllmLaunch, VllmUpConfig, choose_flags, find_program
from palate.errors import ConfigurationError, InvalidInput, MissingWeights, Unavailable
from palate.settings import Settings

PROGRAM = ("vllm", "serve")
ALL = "0.0.0.0"  # noqa: S104

pytestmark = pytest.mark.usefixtures("own_home")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"max_position_embeddings": 8192}))
    return folder


def lora(folder: Path, rank: Any = 8) -> Path:
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"r": rank}))
    return folder


def chosen(model: Path, settings: Settings | None = None, **more: Any) -> VllmLaunch:
    return choose_flags(settings or Settings(home=model.parent), VllmUpConfig(model=model, **more), PROGRAM)


def options(launch: VllmLaunch) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    name = ""
    for word in launch.command[len(PROGRAM) :]:
        if word.startswith("--"):
            name = word
            found[name] = []
        else:
            found.setdefault(name, []).append(word)
    return found


def test_a_cpu_gets_what_was_found_quick_there(model: Path) -> None:
    launch = chosen(model, cpu=True)
    given = options(launch)
    assert given["--model"] == [str(model)]
    assert given["--dtype"] == ["float32"]
    assert given["--enforce-eager"] == []
    assert given["--host"] == ["127.0.0.1"]
    assert given["--max-model-len"] == ["2048"]
    assert given["--max-lora-rank"] == ["16"]
    assert launch.environment["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] == "True"
    assert "VLLM_CPU_KVCACHE_SPACE" in launch.environment
    assert launch.warnings == ()
    assert all(flag.why for flag in (*launch.flags, *launch.variables))


def test_what_the_environment_says_of_memory_stays(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "7")
    assert chosen(model, cpu=True).environment["VLLM_CPU_KVCACHE_SPACE"] == "7"


def test_gpus_share_and_one_api_server_takes_adapters(model: Path) -> None:
    given = options(chosen(model, tensor_parallel=2, data_parallel=3))
    assert given[""] == [str(model)]
    assert given["--tensor-parallel-size"] == ["2"]
    assert given["--data-parallel-size"] == ["3"]
    assert given["--api-server-count"] == ["1"]
    assert not {"--dtype", "--enforce-eager", "--model"} & set(given)
    assert "VLLM_CPU_KVCACHE_SPACE" not in chosen(model).environment
    for name in ("tensor_parallel", "data_parallel"):
        with pytest.raises(ConfigurationError, match="are for GPUs"):
            chosen(model, cpu=True, **{name: 2})


def test_adapters_given_at_the_start_have_slots_and_rank(model: Path, tmp_path: Path) -> None:
    loras = {f"t{n}": lora(tmp_path / f"t{n}") for n in range(4)}
    settings = Settings(vllm_adapters={"rank": lora(tmp_path / "rank", 24)})
    given = options(chosen(model, settings, loras=loras))
    assert given["--lora-modules"] == [f"{name}={folder}" for name, folder in loras.items()]
    assert given["--max-lora-rank"] == ["32"]
    assert given["--max-loras"] == ["6"]
    with pytest.raises(ConfigurationError, match="rank 1000"):
        chosen(model, loras={"x": lora(tmp_path / "x", 1000)})
    with pytest.raises(InvalidInput, match="'many'"):
        chosen(model, loras={"x": lora(tmp_path / "y", "many")})
    with pytest.raises(MissingWeights, match="'z'"):
        chosen(model, loras={"z": tmp_path})


def test_an_adapter_may_have_the_name_that_palate_asks_for(model: Path, tmp_path: Path) -> None:
    launch = chosen(model, Settings(vllm_model="rank"), loras={"rank": lora(tmp_path / "rank")})
    assert options(launch)["--served-model-name"] == ["base"]
    assert options(chosen(model, Settings(vllm_model="rank")))["--served-model-name"] == ["rank"]


@pytest.mark.parametrize(("host", "url"), [(ALL, "http://127.0.0.1:8100"), ("::", "http://[::1]:8100"), ("10.0.0.7", None)])
def test_another_host_is_warned_of(host: str, url: str | None, model: Path) -> None:
    launch = chosen(model, host=host)
    assert host in launch.warnings[0]
    assert launch.url == (url or f"http://{host}:8100")


def test_a_key_is_passed_and_not_shown(model: Path) -> None:
    launch = chosen(model, Settings(vllm_api_key="hidden-key"))
    assert launch.environment["VLLM_API_KEY"] == "hidden-key"
    assert "hidden-key" not in launch.shell()
    assert shlex.split(launch.shell())[-len(launch.command) :] == launch.command


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingWeights, match=str(tmp_path)):
        chosen(tmp_path)
    (tmp_path / "config.json").write_text("[")
    with pytest.raises(InvalidInput, match=r"config\.json"):
        chosen(tmp_path)


def test_where_vllm_is_missing_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unavailable, match="make vllm-cpu"):
        find_program(Settings(vllm_python=tmp_path / "python"), cpu=True)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="--cpu"):
        find_program(Settings(), cpu=False)
    with pytest.raises(Unavailable, match=str(tmp_path)):
        find_program(Settings(vllm_python=tmp_path / "python"), cpu=False)
    (tmp_path / "vllm").touch(mode=0o755)
    assert find_program(Settings(vllm_python=tmp_path / "python"), cpu=False) == (str(tmp_path / "vllm"), "serve")
    assert find_program(Settings(), cpu=False)[0] == str(tmp_path / "vllm")
    (tmp_path / "python").touch(mode=0o755)
    assert find_program(Settings(vllm_python=tmp_path / "python"), cpu=True)[0] == str(tmp_path / "python")
