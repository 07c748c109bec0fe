"""Which part gets which LLM."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.llm.vllm import VllmLLM
from api.wiring import build
from palate.errors import MissingWeights
from palate.settings import Settings


def adapter(folder: Path) -> Path:
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"r": 8}))
    (folder / "adapter_model.safetensors").write_bytes(folder.name.encode())
    return folder


def sent(llm: VllmLLM) -> str:
    with llm._named({}) as body:
        return str(body["cache_salt"])


def settings(home: Path, **more: object) -> Settings:
    return Settings(home=home, llm="vllm", vllm_url="http://127.0.0.1:9", **more)  # type: ignore[arg-type]


def test_each_task_gets_its_adapter_and_one_salt_of_the_servers_own(tmp_path: Path) -> None:
    folders = {task: adapter(tmp_path / task) for task in ("rank", "explain")}
    with build(settings(tmp_path / "home", vllm_adapters=folders, vllm_cache_secret="s" * 16), models=[]) as palate:
        llm = palate.llm
        assert isinstance(llm, VllmLLM)
        assert set(llm.adapters.names) == {"rank", "explain", "understand"}  # the last comes with the product
        assert llm.name == "palate"
        rank, explain = palate.recommender._reranker.llm, palate.recommender._explainer._llm
        assert isinstance(rank, VllmLLM)
        assert isinstance(explain, VllmLLM)
        assert (rank.name, explain.name) == (llm.adapters.names["rank"], llm.adapters.names["explain"])
        salts = {sent(one) for one in (llm, rank, explain)}
    with build(settings(tmp_path / "home", vllm_cache_secret="s" * 16), models=[]) as again:
        assert isinstance(again.llm, VllmLLM)
        salts.add(sent(again.llm))
        assert len(salts) == 1
        assert "s" * 16 not in salts.pop()
    with build(settings(tmp_path / "home"), models=[]) as other:
        assert isinstance(other.llm, VllmLLM)
        assert len(sent(other.llm)) == 64


def test_a_folder_that_holds_no_adapter_is_named_and_the_home_is_free_again(tmp_path: Path) -> None:
    with pytest.raises(MissingWeights, match="'rank'"):
        build(settings(tmp_path / "home", vllm_adapters={"rank": tmp_path}), models=[])
    with build(settings(tmp_path / "home"), models=[]):
        pass
