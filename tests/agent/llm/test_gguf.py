import numpy as np
import pytest

from agent.llm.gguf import GgufModel, export_hf, export_once, packaged_gguf
from palate.errors import InvalidInput, MissingWeights


@pytest.fixture(scope="module")
def model():
    return GgufModel(packaged_gguf())


def test_facts_are_read(model):
    assert (model.layers, model.heads, model.kv_heads, model.context) == (30, 9, 3, 8192)
    assert (model.bos, model.eos) == ("<|im_start|>", "<|im_end|>")
    assert model.get("general.license") == "apache-2.0"
    assert model.get("no.such.key") is None
    assert "<|im_start|>" in model.template


@pytest.mark.parametrize("text", ["Amélie — don't!  A\n\nB", "电影和音乐", "<|im_start|>user\nhi<|im_end|>", "🎬 in 1999"])
def test_the_tokenizer_gives_texts_back(model, text):
    tokenizer = model.tokenizer()
    assert tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=False) == text


def test_digits_stand_alone_and_special_tokens_are_one(model):
    tokenizer = model.tokenizer()
    assert tokenizer.encode("1999").tokens == ["1", "9", "9", "9"]
    assert tokenizer.encode("<|im_end|>").ids == [2]


def test_a_file_cut_short_is_named_with_the_remedy(tmp_path):
    path = tmp_path / "cut.gguf"
    data = packaged_gguf().read_bytes()
    path.write_bytes(data[: int(len(data) * 0.99)])
    with pytest.raises(MissingWeights, match=r"cut\.gguf.*make setup"):
        GgufModel(path)


def test_a_file_cut_short_in_its_metadata_is_named(tmp_path):
    path = tmp_path / "cut.gguf"
    with packaged_gguf().open("rb") as file:
        path.write_bytes(file.read(100_000))
    with pytest.raises(MissingWeights, match=r"cut\.gguf"):
        GgufModel(path)


@pytest.mark.parametrize("data", [b"", b"GGUF", b"not a model at all" * 100])
def test_what_is_no_gguf_is_named(tmp_path, data):
    path = tmp_path / "odd.gguf"
    path.write_bytes(data)
    with pytest.raises(MissingWeights, match=r"odd\.gguf"):
        GgufModel(path)


def test_another_architecture_is_refused(tmp_path):
    from gguf import GGUFWriter

    path = tmp_path / "other.gguf"
    writer = GGUFWriter(path, "mamba")
    writer.add_tensor("token_embd.weight", np.zeros((2, 2), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(InvalidInput, match=r"'mamba'.*Hugging Face"):
        GgufModel(path)


@pytest.mark.slow
def test_the_exported_folder_is_what_transformers_reads(tmp_path, model):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = export_hf(packaged_gguf(), tmp_path / "hf")
    theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    text = "<|im_start|>user\nHello 1999's, don't!<|im_end|>"
    assert tokenizer.encode(text) == model.tokenizer().encode(text).ids
    assert tokenizer.chat_template == model.template
    with torch.inference_mode():
        ids = torch.tensor([tokenizer.encode("The capital of France is")])
        assert "Paris" in tokenizer.decode(theirs(ids).logits[0, -1].topk(3).indices)


def test_an_export_is_made_once(tmp_path):
    first = export_once(packaged_gguf(), tmp_path)
    written = (first / "model.safetensors").stat().st_mtime_ns
    assert export_once(packaged_gguf(), tmp_path) == first
    assert (first / "model.safetensors").stat().st_mtime_ns == written
    assert (first / "config.json").is_file()
    assert first.name.endswith("-hf")
    with pytest.raises(MissingWeights, match="none"):
        export_once(tmp_path / "none.gguf", tmp_path)
