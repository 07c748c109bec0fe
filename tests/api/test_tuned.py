"""Promoted LoRA adapters reach the parts that use them."""

import json

import pytest

from agent.llm import ScriptedLLM
from agent.llm.embedded import EmbeddedLLM
from agent.llm.vllm import VllmLLM
from api.vllm_flags import VllmUpConfig, choose_flags
from api.wiring import build
from finetune import LoraRegistry, Scores
from finetune.gate import Gate, Measured
from palate.settings import Settings


@pytest.fixture
def promote(make_adapter):
    def promoted(home, **said):
        registry, made = LoraRegistry(home / "lora"), make_adapter(**said)
        task = made.card.task
        version = registry.add(made.folder, made.card)
        from finetune.gate import GATES

        scores = Scores.read(registry.find(task, version), made.card.scores)
        registry.promote(task, version, Gate(GATES[task]).judge(task, Measured(version, scores), None))
        return version

    return promoted


def parts(palate):
    return palate.recommender._reranker, palate.recommender._explainer._llm


def test_an_embedded_adapter_is_merged_for_its_task_alone_and_counts_as_its_card_says(tmp_path, promote):
    version = promote(tmp_path)
    with build(Settings(home=tmp_path), models=[]) as palate:
        reranker, explains = parts(palate)
        assert isinstance(reranker.llm, EmbeddedLLM)
        assert reranker.llm.name == f"smollm2-135m-instruct+rank-{version}"
        assert reranker.llm._lora == LoraRegistry(tmp_path / "lora").promoted("rank")
        assert explains is palate.llm
        assert reranker.config.weight == pytest.approx(0.3)
    assert reranker.llm._closed


def test_a_weight_that_is_set_goes_before_the_cards(tmp_path, promote):
    promote(tmp_path)
    with build(Settings(home=tmp_path, rerank_weight=0.05), models=[]) as palate:
        assert parts(palate)[0].config.weight == pytest.approx(0.05)


def test_promoted_adapters_are_posted_to_vllm_and_those_that_are_set_go_first(tmp_path, promote, make_adapter):
    promote(tmp_path)
    promote(tmp_path, task="explain", seed=3)
    own = make_adapter(seed=9).folder
    with build(Settings(home=tmp_path, llm="vllm", vllm_url="http://127.0.0.1:9"), models=[]) as palate:
        assert isinstance(palate.llm, VllmLLM)
        names = dict(palate.llm.adapters.names)
        assert set(names) == {"rank", "explain"}
    given = Settings(home=tmp_path, llm="vllm", vllm_url="http://127.0.0.1:9", vllm_adapters={"rank": own})
    with build(given, models=[]) as palate:
        assert palate.llm.adapters.names["explain"] == names["explain"]
        assert palate.llm.adapters.names["rank"] != names["rank"]


def test_a_server_for_them_is_started_with_room_for_their_rank(tmp_path, promote):
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    promote(tmp_path, rank=24)
    launch = choose_flags(Settings(home=tmp_path), VllmUpConfig(model=model), ("vllm", "serve"))
    assert launch.command[launch.command.index("--max-lora-rank") + 1] == "32"


def test_a_damaged_adapter_is_logged_and_done_without(tmp_path, promote, caplog):
    version = promote(tmp_path)
    config = tmp_path / "lora" / "rank" / version / "adapter_config.json"
    config.write_text(json.dumps({"r": 5}))
    with build(Settings(home=tmp_path), models=[]) as palate:
        reranker, _ = parts(palate)
        assert reranker.llm is palate.llm
        assert reranker.config.weight == Settings.model_fields["rerank_weight"].default
    assert "'rank' is left out" in caplog.text


def test_an_llm_that_was_given_has_no_adapters(tmp_path, promote):
    promote(tmp_path)
    given = ScriptedLLM()
    with build(Settings(home=tmp_path), llm=given, models=[]) as palate:
        assert parts(palate)[0].llm is given
