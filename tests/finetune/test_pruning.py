"""Layers left out: those that do least go first, and the rest is the model that it was."""

import numpy as np
import pytest

from agent.llm.gguf import GgufModel, export_once
from evals.suites.compression import text_probe
from finetune.pruning import _model, block_influence, pruned_loss
from palate.errors import InvalidInput


@pytest.fixture(scope="module")
def probes(tiny_gguf):
    tokenizer = GgufModel(tiny_gguf).tokenizer()
    return [text_probe("Say why:", f" You liked {title}.", tokenizer, title) for title in ("Alien", "Heat", "Fargo")]


@pytest.fixture(scope="module")
def folder(tiny_gguf, tmp_path_factory):
    return export_once(tiny_gguf, tmp_path_factory.mktemp("hf"))


def test_a_layer_that_does_nothing_has_no_influence(folder, probes):
    model = _model(folder, None, 1)
    model.model.layers[1].self_attn.o_proj.weight.data.zero_()
    model.model.layers[1].mlp.down_proj.weight.data.zero_()
    influence = block_influence(model, probes)
    assert influence[1] == pytest.approx(0.0, abs=1e-5)
    assert (influence[[0, 2]] > 0.01).all()


def test_layers_are_left_out_by_their_influence(folder, probes, tiny_lora):
    found = pruned_loss(folder, tiny_lora, probes[:2], probes[2:], (1, 2), threads=1)
    whole, one, two = found["rows"]
    order = np.argsort(found["influence"]).tolist()
    assert (whole["dropped"], one["dropped"], two["dropped"]) == ([], order[:1], sorted(order[:2]))
    assert (whole["spearman_least"], whole["log_prob"]["value"], whole["time_ratio"], whole["size_ratio"]) == (1.0, 0.0, 1.0, 1.0)
    assert one["log_prob"]["value"] > 0.0
    assert whole["size_ratio"] > one["size_ratio"] > two["size_ratio"]


def test_the_numbers_are_those_of_the_same_weights_elsewhere(folder, probes, tiny_gguf, tmp_path):
    import asyncio

    from agent.llm.embedded import EmbeddedConfig, EmbeddedLLM
    from finetune.pruning import _logits

    llm = EmbeddedLLM(tiny_gguf, tmp_path, 1, config=EmbeddedConfig(compute_type="float32"))
    llm.open()
    theirs = llm.loaded.all_logits(list(probes[0].tokens))
    asyncio.run(llm.close())
    np.testing.assert_allclose(_logits(_model(folder, None, 1), probes[0]), theirs, atol=1e-3)


def test_more_layers_than_there_are_cannot_be_left_out(folder, probes):
    with pytest.raises(InvalidInput, match=r"3 of 3 layers.*--prune"):
        pruned_loss(folder, None, probes, probes, (3,), threads=1)
    with pytest.raises(InvalidInput, match="no texts to choose layers by"):
        pruned_loss(folder, None, probes, [], threads=1)
