import asyncio
import json
import shutil

import numpy as np
import pytest
from scipy.stats import spearmanr

from agent.llm.embedded import EmbeddedConfig, EmbeddedLLM
from agent.llm.gguf import GgufModel, packaged_gguf
from agent.llm.smoothing import calibration_text, smooth, smooth_torch
from evals.bench.prompts import rank_prompts
from palate.deadline import Deadline


@pytest.fixture(scope="module")
def torch_llama():
    """Make a small Llama of torch, with biases: ``torch_llama()``."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    def make():
        torch.manual_seed(0)
        config = LlamaConfig(
            vocab_size=128,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            initializer_range=0.3,
            attention_bias=True,
            mlp_bias=True,
        )
        model = LlamaForCausalLM(config).eval()
        with torch.no_grad():
            for name, values in model.named_parameters():
                if name.endswith(("bias", "norm.weight")):
                    values.add_(torch.randn_like(values))
        return model

    return make


def test_smoothing_changes_weights_and_not_what_torch_computes(torch_llama):
    import torch

    plain, smoothed = torch_llama(), torch_llama()
    ids = torch.tensor([[5, 17, 99, 3, 64]])
    smooth_torch(smoothed, list(range(100)))
    with torch.inference_mode():
        np.testing.assert_allclose(smoothed(ids).logits.numpy(), plain(ids).logits.numpy(), atol=2e-4)
    before, after = plain.state_dict(), smoothed.state_dict()
    changed = {name.split(".", 3)[3] for name in before if not torch.equal(before[name], after[name]) and "layers" in name}
    untouched = {"self_attn.q_proj.bias", "self_attn.o_proj.weight", "mlp.gate_proj.bias", "mlp.down_proj.bias"}
    assert "mlp.up_proj.bias" in changed
    assert not changed & untouched
    assert not any(layer._forward_pre_hooks for layer in smoothed.modules())


def test_numpy_and_torch_smooth_alike(tmp_path):
    import torch
    from transformers import AutoModelForCausalLM

    from agent.llm.gguf import export_once

    source = GgufModel(packaged_gguf())
    weights = source.weights()
    smooth(source, weights)
    start = source.tokens.index(source.bos)
    ids = [start, *source.tokenizer().encode(calibration_text(), add_special_tokens=False).ids]
    model = AutoModelForCausalLM.from_pretrained(export_once(packaged_gguf(), tmp_path), dtype=torch.float32)
    smooth_torch(model, ids)
    theirs = model.state_dict()
    for name, values in weights.items():
        np.testing.assert_allclose(values, theirs[name].numpy(), rtol=5e-3, atol=1e-4, err_msg=name)


def test_the_calibration_text_holds_both_languages_and_fits_in_one_short_pass():
    text = calibration_text()
    assert "Candidates:" in text
    assert "电影" in text
    assert 200 < len(GgufModel(packaged_gguf()).tokenizer().encode(text).ids) < 800


@pytest.mark.slow
def test_int8_keeps_the_order_of_float32_on_ranking_prompts(tmp_path):
    found = {}
    for computes in ("float32", "int8"):
        llm = EmbeddedLLM(None, tmp_path, config=EmbeddedConfig(compute_type=computes))

        async def run(llm=llm):
            scores = [await llm.score_labels(prompt, Deadline(600)) for prompt in rank_prompts(llm, 12, seed=5)]
            await llm.close()
            return scores

        found[computes] = asyncio.run(run())
    said = [spearmanr(a, b).statistic for a, b in zip(found["float32"], found["int8"], strict=True)]
    assert np.mean(said) > 0.975
    assert min(said) > 0.93


def test_a_folder_of_llama_is_smoothed_and_one_of_another_architecture_is_not(tmp_path, monkeypatch):
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    import agent.llm.conversion as conversion

    source = GgufModel(packaged_gguf())
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(source.tokens),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=4,
        max_position_embeddings=256,
        dtype="float32",
    )
    folder = tmp_path / "llama"
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=source.tokenizer(), bos_token=source.bos, eos_token=source.eos)
    tokenizer.save_pretrained(folder)
    smoothed = []
    monkeypatch.setattr(conversion, "smooth_torch", lambda model, ids: smoothed.append((type(model).__name__, len(ids) > 100)))
    conversion.convert(folder, tmp_path / "c", "m")
    conversion.convert(folder, tmp_path / "c", "m", compute_type="float32")
    assert smoothed == [("LlamaForCausalLM", True)]
    other = tmp_path / "mistral"
    shutil.copytree(folder, other)
    said = json.loads((folder / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**said, "model_type": "mistral", "architectures": ["MistralForCausalLM"]}))
    conversion.convert(other, tmp_path / "c", "m")
    assert len(smoothed) == 1
