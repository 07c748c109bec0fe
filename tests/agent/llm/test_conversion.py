import asyncio
import json
import multiprocessing
import shutil
import warnings

import numpy as np
import pytest

from agent.llm.conversion import convert
from agent.llm.embedded import EmbeddedConfig, EmbeddedLLM
from agent.llm.gguf import GgufModel, packaged_gguf
from agent.llm.merging import add_lora
from palate.deadline import Deadline
from palate.errors import InvalidInput, MissingWeights
from palate.prompting import LabelledPrompt

# Deep in peft, of an attribute that transformers is about to drop.
pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")

FLOAT = EmbeddedConfig(compute_type="float32")
TEXT = "The first film was"
LABELS = (" A", " B", " C", " D")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A Llama of random weights in Hugging Face format, with the real tokenizer."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("models") / "tiny"
    source = GgufModel(packaged_gguf())
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(source.tokens),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        initializer_range=0.3,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
        dtype="float32",
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=source.tokenizer(), bos_token=source.bos, eos_token=source.eos, unk_token=source.unk
    )
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }}|{% endfor %}"
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def lora(tiny, tmp_path_factory):
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    folder = tmp_path_factory.mktemp("models") / "lora"
    config = LoraConfig(r=4, target_modules=["q_proj", "v_proj", "down_proj"], init_lora_weights=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        get_peft_model(AutoModelForCausalLM.from_pretrained(tiny), config).save_pretrained(folder)
    return folder


def torch_scores(folder, lora=None):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    if lora is not None:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, lora).eval()
    with torch.inference_mode():
        logits = model(torch.tensor([tokenizer.encode(TEXT)])).logits[0, -1]
    return torch.log_softmax(logits[[tokenizer.encode(label)[0] for label in LABELS]], 0).numpy()


def scores(path, cache, lora=None):
    llm = EmbeddedLLM(path, cache, lora=lora, config=FLOAT)
    prompt = LabelledPrompt(text=TEXT, labels=LABELS, item_ids=("a", "b", "c", "d"), version="t")
    llm.open()
    try:
        return asyncio.run(llm.score_labels(prompt, Deadline(600)))
    finally:
        asyncio.run(llm.close())


def test_a_hugging_face_folder_gives_torchs_numbers(tiny, tmp_path):
    np.testing.assert_allclose(scores(tiny, tmp_path), torch_scores(tiny), atol=1e-3)
    llm = EmbeddedLLM(tiny, tmp_path, config=FLOAT)
    from langchain_core.messages import HumanMessage

    assert llm.render([HumanMessage("hi")]) == "hi|"
    asyncio.run(llm.close())


@pytest.mark.slow
def test_a_lora_adapter_is_merged(tiny, lora, tmp_path):
    merged = scores(tiny, tmp_path, lora)
    np.testing.assert_allclose(merged, torch_scores(tiny, lora), atol=1e-3)
    assert np.abs(merged - scores(tiny, tmp_path)).max() > 0.05
    assert len([p for p in tmp_path.iterdir() if p.is_dir()]) == 2


def test_an_adapter_added_by_numpy_gives_pefts_weights(tiny, lora):
    from peft import PeftModel
    from safetensors.numpy import load_file
    from transformers import AutoModelForCausalLM

    weights = load_file(tiny / "model.safetensors")
    before = dict(weights)
    add_lora(weights, lora)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        merged = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny), lora).merge_and_unload().state_dict()
    changed = {name for name in weights if not np.array_equal(weights[name], before[name])}
    assert {name.split(".")[-2] for name in changed} == {"q_proj", "v_proj", "down_proj"}
    for name in changed:
        np.testing.assert_allclose(weights[name], merged[name].numpy(), atol=1e-5)


def test_an_adapter_of_another_kind_or_model_is_refused(tiny, lora, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(lora, other)
    said = json.loads((other / "adapter_config.json").read_text())
    (other / "adapter_config.json").write_text(json.dumps({**said, "use_dora": True}))
    with pytest.raises(InvalidInput, match="use_dora"):
        add_lora({}, other)
    with pytest.raises(InvalidInput, match=r"does not fit the model at 'model\.layers"):
        add_lora({}, lora)
    (other / "adapter_model.safetensors").write_bytes(b"rubbish")
    with pytest.raises(MissingWeights, match="cannot be read"):
        add_lora({}, other)


def test_a_conversion_is_made_once_and_again_when_it_is_damaged(tiny, tmp_path):
    first = convert(tiny, tmp_path, "m")
    assert first.fresh
    assert not convert(tiny, tmp_path, "m").fresh
    weights = first.folder / "model.bin"
    whole = weights.read_bytes()
    for damage in (
        lambda: weights.write_bytes(whole[:1000]),
        weights.unlink,
        lambda: (first.folder / "palate.json").write_text(json.dumps({"format": 0})),
        (first.folder / "palate.json").unlink,
    ):
        damage()
        again = convert(tiny, tmp_path, "m")
        assert again.fresh
        assert again.folder == first.folder
        assert weights.read_bytes() == whole
    assert sorted(p.suffix for p in tmp_path.iterdir()) == ["", ".lock"]


def test_weights_that_are_garbage_of_the_right_size_are_made_anew(tiny, tmp_path):
    expected = scores(tiny, tmp_path)
    (weights,) = tmp_path.glob("*/model.bin")
    weights.write_bytes(bytes(weights.stat().st_size))
    np.testing.assert_array_equal(scores(tiny, tmp_path), expected)


def test_other_weights_get_another_folder(tiny, tmp_path):
    import shutil

    other = tmp_path / "other"
    shutil.copytree(tiny, other)
    data = bytearray((other / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (other / "model.safetensors").write_bytes(data)
    assert convert(tiny, tmp_path / "c", "m").folder != convert(other, tmp_path / "c", "m").folder


def _in_process(arguments):
    return convert(*arguments, "m").fresh


@pytest.mark.slow
def test_of_two_processes_one_converts(tiny, tmp_path):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert sorted(pool.map(_in_process, [(tiny, tmp_path)] * 2, chunksize=1)) == [False, True]


def test_what_cannot_be_converted_is_named(tiny, tmp_path):
    lora = tmp_path / "lora"
    lora.mkdir()
    (lora / "adapter_config.json").write_text("{}")
    with pytest.raises(MissingWeights, match="nowhere"):
        convert(tmp_path / "nowhere", tmp_path, "m")
    with pytest.raises(InvalidInput, match="LoRA adapter"):
        convert(lora, tmp_path, "m")
    (tmp_path / "empty").mkdir()
    with pytest.raises(MissingWeights, match=r"config\.json"):
        convert(tmp_path / "empty", tmp_path, "m")
    with pytest.raises(MissingWeights, match=r"adapter_config\.json"):
        convert(tiny, tmp_path, "m", lora=tmp_path / "empty")
