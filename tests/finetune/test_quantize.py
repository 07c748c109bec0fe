"""Smaller files of the LLM: what is in them, that they load again, and what is said to be lost."""

import asyncio
import hashlib
import json

import numpy as np
import pytest

from agent.llm.embedded import EmbeddedConfig, EmbeddedLLM
from agent.llm.gguf import GgufModel
from evals.suites.compression import rank_probe, text_probe
from finetune.card import BaseModelRef
from finetune.quantize import QUANTS, merged_weights, quantize_model, quantized_loss, write_quantized_card
from palate.deadline import Deadline
from palate.errors import InvalidInput, MissingWeights
from palate.prompting import LabelledPrompt

PROMPT = LabelledPrompt(
    text="One of these films fits. Answer:", labels=(" A", " B", " C", " D"), item_ids=("a", "b", "c", "d"), version="t"
)


def scores(path, cache, lora=None):
    llm = EmbeddedLLM(path, cache, 1, lora=lora, config=EmbeddedConfig(compute_type="float32"))
    try:
        llm.open()
        return asyncio.run(llm.score_labels(PROMPT, Deadline(600)))
    finally:
        asyncio.run(llm.close())


@pytest.mark.parametrize(("to", "most", "file_type"), [("int8", 0.01, 7), ("int4", 0.1, 3), ("mixed", 0.1, 3)])
def test_a_file_holds_the_merged_weights_the_tokenizer_and_nothing_of_its_making(
    tiny_gguf, tiny_lora, tmp_path, to, most, file_type
):
    made = quantize_model(tiny_gguf, tiny_lora, to, tmp_path / "out" / "small.gguf")
    source, small = GgufModel(tiny_gguf), GgufModel(made.path)
    assert (small.tokens, small.template, small.layers) == (source.tokens, source.template, source.layers)
    assert small.get("general.file_type") == file_type
    _, wanted, touched = merged_weights(tiny_gguf, tiny_lora)
    assert touched == {"model.layers.2.self_attn.q_proj.weight", "model.layers.2.mlp.down_proj.weight"}
    found = small.weights()
    assert found.keys() == wanted.keys()
    for name, values in wanted.items():
        assert np.linalg.norm(found[name] - values) <= most * np.linalg.norm(values), name
    assert not np.array_equal(
        wanted["model.layers.2.mlp.down_proj.weight"], source.weights()["model.layers.2.mlp.down_proj.weight"]
    )
    kinds = {tensor.name: tensor.tensor_type.name for tensor in small._reader.tensors}
    assert kinds["blk.0.attn_q.weight"] == QUANTS[to].layers
    assert kinds["blk.2.attn_q.weight"] == QUANTS[to].changed
    assert {kinds[name] for name in kinds if "embd" in name} == {"Q8_0"}
    assert {kinds[name] for name in kinds if "norm" in name} == {"F32"}
    assert made.sha256 == hashlib.sha256(made.path.read_bytes()).hexdigest()
    assert made.size < 0.35 * made.float32
    assert [path.name for path in made.path.parent.iterdir()] == ["small.gguf"]


def test_it_loads_again_and_says_about_the_same(tiny_gguf, tiny_lora, tmp_path):
    made = quantize_model(tiny_gguf, tiny_lora, "int8", tmp_path / "small.gguf")
    wanted = scores(tiny_gguf, tmp_path / "cache", tiny_lora)
    again, without = scores(made.path, tmp_path / "cache"), scores(tiny_gguf, tmp_path / "cache")
    assert again.argmax() == wanted.argmax()
    assert np.abs(again - wanted).mean() < 0.2 * np.abs(without - wanted).mean()


def test_the_same_again_gives_the_same_bytes(tiny_gguf, tmp_path):
    first = quantize_model(tiny_gguf, None, "int4", tmp_path / "a.gguf")
    assert quantize_model(tiny_gguf, None, "int4", tmp_path / "b.gguf").sha256 == first.sha256


def test_what_is_quantised_already_stays_as_it_is(tiny_gguf, tmp_path):
    first = quantize_model(tiny_gguf, None, "int4", tmp_path / "a.gguf")
    again = quantize_model(first.path, None, "int4", tmp_path / "b.gguf")
    before, after = (GgufModel(made.path).weights() for made in (first, again))
    for name, values in before.items():
        np.testing.assert_allclose(after[name], values, atol=2e-3 * np.abs(values).max())


def test_the_loss_is_measured_against_float32(tiny_gguf, tiny_lora, tmp_path):
    made = quantize_model(tiny_gguf, tiny_lora, "int8", tmp_path / "small.gguf")
    tokenizer = GgufModel(tiny_gguf).tokenizer()
    probes = [rank_probe(PROMPT, tokenizer, "ann"), text_probe("Say why:", " You liked Alien.", tokenizer, "bob")]
    told = []
    rows = quantized_loss(tiny_gguf, tiny_lora, made, probes, threads=1, progress=lambda *said: told.append(said))
    assert [row["model"] for row in rows] == [
        "float32",
        "Q8_0 weights",
        "CTranslate2 int8",
        "CTranslate2 int8 of Q8_0",
        "float32 without the adapter",
    ]
    same, file, int8, _, without = rows
    assert (same["spearman_least"], same["log_prob"]["value"], same["nll_more"]["value"]) == (1.0, 0.0, 0.0)
    assert 0.0 < int8["log_prob"]["value"] < 1.0  # how much is lost differs between processors' int8 kernels
    assert 0.0 < file["log_prob"]["value"] < without["log_prob"]["value"]
    assert file["bytes"] == made.size
    assert 0.2 < int8["ratio"] < 0.4
    assert ("read by float32", 0, 2) in told
    card_path, card = write_quantized_card(made, BaseModelRef(name="tiny", sha256="0" * 64), (tiny_lora, "explain"), {"rows": rows})
    assert json.loads(card_path.read_text()) == card
    assert card["adapter"]["sha256"] == hashlib.sha256((tiny_lora / "adapter_model.safetensors").read_bytes()).hexdigest()
    assert card["loss"]["rows"][0]["model"] == "float32"


@pytest.mark.slow
def test_another_reader_of_gguf_finds_the_same_weights(tiny_gguf, tiny_lora, tmp_path):
    import torch
    from transformers import AutoModelForCausalLM

    made = quantize_model(tiny_gguf, tiny_lora, "mixed", tmp_path / "small.gguf")
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file=made.path.name, dtype=torch.float32).state_dict()
    for name, values in GgufModel(made.path).weights().items():
        np.testing.assert_allclose(theirs[name].numpy(), values, atol=1e-6, err_msg=name)


def test_what_cannot_be_quantised_is_named(tiny_gguf, tiny_lora, tmp_path):
    with pytest.raises(InvalidInput, match=r"is a folder; only GGUF.*PALATE_LLM_PATH"):
        quantize_model(tmp_path, None, "int8", tmp_path / "out.gguf")
    with pytest.raises(MissingWeights, match=r"none\.gguf"):
        quantize_model(tmp_path / "none.gguf", None, "int8", tmp_path / "out.gguf")
    with pytest.raises(InvalidInput, match=r"is the base itself.*--out"):
        quantize_model(tiny_gguf, None, "int8", tiny_gguf)
    (tmp_path / "taken").write_text("")
    with pytest.raises(InvalidInput, match=r"cannot be written.*--out"):
        quantize_model(tiny_gguf, None, "int8", tmp_path / "taken" / "out.gguf")
    (tiny_lora / "adapter_model.safetensors").write_bytes(b"rubbish")
    with pytest.raises(MissingWeights, match="cannot be read"):
        quantize_model(tiny_gguf, tiny_lora, "int8", tmp_path / "out.gguf")
    assert not (tmp_path / "out.gguf").exists()
