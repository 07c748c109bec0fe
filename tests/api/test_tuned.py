"""Promoted LoRA adapters reach the parts that use them."""

import asyncio
import json
import shutil
import warnings

import anyio
import numpy as np
import pytest

from agent.llm import ScriptedLLM
from agent.llm.embedded import EmbeddedLLM
from agent.llm.vllm import VllmLLM
from agent.prompts.understand import UNDERSTAND_VERSION
from agent.reranker import RerankerConfig
from api.doctor import examine
from api.lazy import LazyEmbedder
from api.tuned import Promoted, TaskLLMs, judge_promoted, learned_order
from api.vllm_flags import VllmUpConfig, choose_flags
from api.wiring import build
from finetune import LoraRegistry, Scores
from finetune.gate import Gate, Measured
from finetune.job import base_ref
from palate.settings import Settings
from retrieval.learned_training import Examples
from retrieval.learned_trees import Trees, TreesConfig

PACKAGED = base_ref(None)


@pytest.fixture(autouse=True)
def _nothing_shipped(tmp_path, monkeypatch):
    monkeypatch.setattr(LoraRegistry.__init__, "__defaults__", (tmp_path / "shipped",))


@pytest.fixture
def promote(make_adapter):
    def promoted(home, weights=None, base=PACKAGED, **said):
        registry, made = LoraRegistry(home / "lora"), make_adapter(base=base, **said)
        if weights is not None:
            for name in ("adapter_config.json", "adapter_model.safetensors"):
                shutil.copyfile(weights / name, made.folder / name)
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


def test_wishes_are_read_by_an_llm_only_where_an_adapter_for_them_runs(tmp_path, promote):
    settings = Settings(home=tmp_path)
    assert TaskLLMs(settings, ScriptedLLM(), {}).tuned("understand") is None
    version = promote(tmp_path, task="understand", seed=4, prompt_version=UNDERSTAND_VERSION)
    with build(settings, models=[]) as palate:
        reads = palate.parts.tuned["understand"]
        assert reads.name == f"smollm2-135m-instruct+understand-{version}"
        assert reads is not palate.llm


def test_an_adapter_for_wishes_of_another_prompt_is_left_out(tmp_path, promote):
    promote(tmp_path, task="understand", seed=4, prompt_version="understand-v1")
    found, refused = judge_promoted(Settings(home=tmp_path))
    assert "understand" not in found
    assert "understand-v1" in refused["understand"].message


def test_a_weight_that_is_set_goes_before_the_cards(tmp_path, promote):
    promote(tmp_path)
    with build(Settings(home=tmp_path, rerank_weight=0.05), models=[]) as palate:
        assert parts(palate)[0].config.weight == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("said", "weight"),
    [
        ({}, 0.0),
        ({"llm": "vllm"}, 0.0),
        ({"llm": "vllm", "vllm_adapters": "explain=."}, 0.0),
        ({"llm": "vllm", "vllm_adapters": "rank=."}, RerankerConfig().weight),
        ({"vllm_adapters": "rank=."}, 0.0),  # the embedded LLM does not load it
        ({"rerank_weight": 0.4}, 0.4),
    ],
)
def test_an_llm_that_was_not_tuned_to_rank_has_no_word_in_the_order_unless_told_so(tmp_path, said, weight):
    assert TaskLLMs(Settings(home=tmp_path, **said), ScriptedLLM(), {}).rank_weight() == pytest.approx(weight)


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
        assert reranker.config.weight == 0.0
    assert "'rank' is left out" in caplog.text


def test_an_llm_that_was_given_has_no_adapters(tmp_path, promote):
    promote(tmp_path)
    given = ScriptedLLM()
    with build(Settings(home=tmp_path), llm=given, models=[]) as palate:
        assert parts(palate)[0].llm is given


def test_an_adapter_of_another_base_is_left_out_and_the_doctor_says_so(tmp_path, promote, caplog):
    promote(tmp_path, base={"name": "smollm2-135m-instruct", "sha256": "b" * 64})
    with build(Settings(home=tmp_path), models=[]) as palate:
        reranker, _ = parts(palate)
        assert reranker.llm is palate.llm
        assert reranker.config.weight == 0.0
        assert palate.parts.tuned == {}
        said = {check.name: check for check in asyncio.run(examine(palate)).checks}["adapter rank"]
    assert (said.status, "bbbbbbbbbbbb" in said.message) == ("warning", True)
    assert "PALATE_LLM_PATH" in said.remedy
    assert "'rank' is left out" in caplog.text


@pytest.fixture
def weights(base, tmp_path):
    """A LoRA adapter of the tiny base, as PEFT writes it."""
    peft = pytest.importorskip("peft", reason="needs the extra 'train'")
    from transformers import AutoModelForCausalLM

    config = peft.LoraConfig(r=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM", init_lora_weights=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft reads an attribute that transformers is about to drop
        peft.get_peft_model(AutoModelForCausalLM.from_pretrained(base), config).half().save_pretrained(tmp_path / "weights")
    return tmp_path / "weights"


def test_a_tuned_llm_is_loaded_in_the_background_once_requests_can_be_answered(tmp_path, promote, base, weights, words):
    home = tmp_path / "home"
    version = promote(home, weights=weights, base=base_ref(base))
    name = f"tiny+rank-{version}"
    with build(Settings(home=home, llm_path=base, llm_threads=1), models=[LazyEmbedder("text-en", words)]) as palate:
        assert palate.parts.tuned["rank"] is palate.recommender._reranker.llm
        palate.open()
        assert palate.wait_settled()
        assert palate.readiness().parts["llm rank"].ready
        assert palate.parts.tuned["rank"].loaded
        assert [path.name for path in palate.settings.models.glob(f"{name}-*") if path.is_dir()]
        checks = {check.name: check for check in anyio.run(examine, palate).checks}
    assert checks["llm rank"].status == "ok"
    assert name in checks["llm rank"].message


def test_a_tuned_llm_that_cannot_be_loaded_is_said_and_keeps_nothing_from_working(tmp_path, promote, base, words):
    home = tmp_path / "home"
    promote(home, base=base_ref(base))  # its tensors are of another size than the base's
    with build(Settings(home=home, llm_path=base, llm_threads=1), models=[LazyEmbedder("text-en", words)]) as palate:
        palate.open()
        assert palate.wait_settled()
        assert palate.readiness().parts["llm rank"].error
        checks = {check.name: check for check in anyio.run(examine, palate).checks}
    assert checks["llm rank"].status == "fault"


@pytest.mark.parametrize(
    ("said", "alone"),
    [
        ({}, True),
        ({"word_order": "none"}, None),
        ({"word_order": "."}, None),
        ({"rerank_weight": 0.3}, None),
        ({"llm": "vllm", "vllm_adapters": "rank=."}, None),
    ],
)
def test_requests_in_words_have_the_order_that_is_set(tmp_path, said, alone):
    order = TaskLLMs(Settings(home=tmp_path, **said), None, {}).rank_order()
    assert (order and order.alone) is alone


def test_an_order_of_other_columns_than_are_made_is_left_out(tmp_path, make_adapter, caplog):
    x = np.random.default_rng(0).standard_normal((60, 3)).astype(np.float32)
    learned = Examples(["a", "b", "c"], x, (x[:, 0] > 1).astype(np.int8), np.full(6, 10), 1.0)
    made = make_adapter()
    Trees.fit(learned, TreesConfig(trees=2, leaves=2, min_leaf=2, models=1)).save(made.folder)
    assert learned_order(Promoted(made.folder, made.card)) is None
    assert "3 columns" in caplog.text
