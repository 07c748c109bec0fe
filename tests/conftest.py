"""The real demo, for the tests that look at the whole; and small LoRA adapters."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, settings

REAL_START_SECONDS = 600
TINY_WORDS = 2048
TINY_SIZES = {
    "llama.vocab_size": TINY_WORDS,
    "llama.block_count": 3,
    "llama.context_length": 256,
    "llama.embedding_length": 64,
    "llama.feed_forward_length": 96,
    "llama.attention.head_count": 2,
    "llama.attention.head_count_kv": 1,
    "llama.rope.dimension_count": 32,
}

# No example has a time limit of its own: the machine may be busy. In CI the examples are the same in every run.
settings.register_profile("any", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("any"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "any")


@pytest.fixture(scope="session")
def real_demo(tmp_path_factory):
    """Return ``url`` and ``home`` of a real demo: that of PALATE_DEMO_URL and PALATE_HOME, or one started on a new home."""
    if given := os.environ.get("PALATE_DEMO_URL"):
        yield SimpleNamespace(url=given.rstrip("/"), home=Path(os.environ["PALATE_HOME"]))
        return
    home = tmp_path_factory.mktemp("demo") / "home"
    log = home.with_suffix(".log")
    command = [sys.executable, "-c", "from api.cli import main; main()", "demo", "--port", "0"]
    environment = {**os.environ, "PALATE_HOME": str(home)}
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output, env=environment) as server:
        try:
            yield SimpleNamespace(url=_address(server, home, log), home=home)
        finally:
            server.terminate()


def _address(server, home, log):
    end = time.monotonic() + REAL_START_SECONDS
    while time.monotonic() < end and server.poll() is None:
        record = home / "owner.json"
        url = json.loads(record.read_text()).get("url") if record.exists() else None
        if url and _ready(url):
            return url
        time.sleep(0.5)
    pytest.fail(f"'palate demo' did not come up:\n{log.read_text(errors='replace')[-3000:]}")


def _ready(url):
    try:
        return httpx.get(f"{url}/readyz", timeout=30).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture
def make_adapter(tmp_path_factory):
    """Return a function that writes the folder of a small, real LoRA adapter for ``rank``: weights, scores and card."""
    from safetensors.numpy import save_file

    from finetune import AdapterCard, Scores, ScoresRef

    def make(*, seed=0, gain=0.05, cases=200, users=50, rank=4, data="d" * 64, values=None, baseline=None, **said):
        folder = tmp_path_factory.mktemp("adapter")
        rng = np.random.default_rng(seed)
        names = [f"model.layers.{layer}.self_attn.{part}_proj" for layer in range(2) for part in "qv"]
        tensors = {}
        for name in names:
            tensors[f"base_model.model.{name}.lora_A.weight"] = rng.normal(size=(rank, 16)).astype(np.float16)
            tensors[f"base_model.model.{name}.lora_B.weight"] = rng.normal(size=(16, rank)).astype(np.float16)
        save_file(tensors, folder / "adapter_model.safetensors")
        config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": rank, "lora_alpha": 8, "bias": "none", "use_dora": False}
        (folder / "adapter_config.json").write_text(json.dumps({**config, "target_modules": ["q_proj", "v_proj"]}))
        task = said.get("task", "rank")
        metric = {"rank": "ndcg@10", "explain": "passed", "understand": "slot_f1"}[task]
        means = {metric: {"value": 0.5, "low": 0.4, "high": 0.6, "split": "val", "protocol": "loo"}}
        ref = ScoresRef(metric=metric, data=data, split="val", protocol="loo", cases=cases)
        # The cases, their users and the baseline do not depend on the seed: they are the same for every adapter.
        plain = np.random.default_rng(7).uniform(0, 0.5, cases) if baseline is None else np.asarray(baseline)
        ours = plain + gain + rng.normal(0, 0.02, cases) if values is None else np.asarray(values)
        Scores(
            ref,
            case=np.array([f"case-{i}" for i in range(cases)]),
            user=np.array([f"user-{i % users}" for i in range(cases)]),
            value=ours.astype(np.float32),
            baseline=plain.astype(np.float32),
        ).write(folder)
        card = {
            "task": task,
            "name": f"small-{seed}",
            "base": {"name": "base", "sha256": "b" * 64},
            "prompt_version": "rank-v1",
            "data": [{"name": "shop", "sha256": "a" * 64, "terms": "ours"}],
            "licence": "Apache-2.0",
            "training": {"steps": 3, "lr": 0.1, "modules": ["q_proj", "v_proj"]},
            "seed": seed,
            "fusion_weight": 0.3 if task == "rank" else None,
            "metrics": means,
            "scores": ref,
            "created": "2026-01-02T03:04:05Z",
            **said,
        }
        made = AdapterCard(**card)
        made.write(folder)
        return SimpleNamespace(folder=folder, card=made)

    return make


LETTERS = " ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.:[]\n"


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    """A model of the base's kind, so small that it trains in a second, whose tokens are letters."""
    transformers = pytest.importorskip("transformers", reason="needs the extra 'train'")
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers

    folder = tmp_path_factory.mktemp("base") / "tiny"
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(LETTERS),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=2,
        num_key_value_heads=1,
        initializer_range=0.2,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer = Tokenizer(models.WordLevel({letter: n for n, letter in enumerate(LETTERS)}, unk_token=" "))  # noqa: S106
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.save(str(folder / "tokenizer.json"))
    special = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "\n", "eos_token": "\n", "unk_token": " "}
    (folder / "tokenizer_config.json").write_text(json.dumps(special))
    return folder


WORDS = ("rain", "sun", "snow")


class Words:
    space, version, dim = "text-en", "words", 3

    def embed_texts(self, texts):
        vectors = np.array([[0.1 + text.count(word) for word in WORDS] for text in texts], dtype=np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def embed_query(self, text):
        return self.embed_texts([text])[0]


@pytest.fixture(scope="session")
def words():
    """What makes the embedder."""
    return Words


@pytest.fixture(scope="session")
def dialogue_folder(tmp_path_factory):
    """Dialogues in which people who name a film of rain are recommended its neighbour."""
    folder = tmp_path_factory.mktemp("talk")
    names = {f"Film {n} of {WORDS[n % 3]}": n for n in range(30)}
    (folder / "entity2id.json").write_text(json.dumps({**names, "Drama": 99}))
    (folder / "item_ids.json").write_text(json.dumps(list(names.values())))
    about = {
        str(n): {"name": name, "year": str(1980 + n), "genre": ["Drama" if n % 2 else "War"], "director": [f"Ann Maker{n // 3}"]}
        for name, n in names.items()
    }
    (folder / "id2info.json").write_text(json.dumps(about))
    titles = list(names)

    def turn(dialogue, number):
        liked, said = titles[dialogue % 30], titles[(dialogue + 3) % 30]
        context = ["Hello", f"I liked {liked}. Another one, a drama?"]
        row = {"dialog_id": dialogue, "turn_id": number, "context": context, "entity": [liked, "Drama"], "rec": [said]}
        return json.dumps(row)

    (folder / "train.jsonl").write_text("\n".join(turn(d, n) for d in range(30) for n in (1, 3)) + "\n")
    (folder / "valid.jsonl").write_text("\n".join(turn(d, 1) for d in range(30, 40)) + "\n")
    return folder


@pytest.fixture(scope="session")
def tiny_gguf(tmp_path_factory):
    """Return a Llama small enough to be read in a second, a GGUF file with the beginning of the real vocabulary."""
    from gguf import GGUFValueType, GGUFWriter

    from agent.llm.gguf import GgufModel, packaged_gguf

    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    source, rng = GgufModel(packaged_gguf()), np.random.default_rng(0)
    known = set(source.tokens[:TINY_WORDS])
    said = {
        **TINY_SIZES,
        "tokenizer.ggml.tokens": source.tokens[:TINY_WORDS],
        "tokenizer.ggml.token_type": source.get("tokenizer.ggml.token_type")[:TINY_WORDS],
        "tokenizer.ggml.merges": [
            pair for pair in source.get("tokenizer.ggml.merges") if {*pair.split(" "), pair.replace(" ", "", 1)} <= known
        ],
    }
    writer = GGUFWriter(path, "llama")
    for key, value, types in source.metadata():
        if key not in {"general.architecture", "general.file_type", "general.quantization_version"}:
            inner = types[-1] if types[0] == GGUFValueType.ARRAY else None
            writer.add_key_value(key, said.get(key, value), types[0], inner)
    wide = {"attn_q": (64, 64), "attn_k": (32, 64), "attn_v": (32, 64), "attn_output": (64, 64)}
    wide |= {"ffn_gate": (96, 64), "ffn_up": (96, 64), "ffn_down": (64, 96)}
    shapes = {"token_embd.weight": (TINY_WORDS, 64)}
    for layer in range(3):
        shapes |= {f"blk.{layer}.{name}.weight": shape for name, shape in wide.items()}
    for name, shape in shapes.items():
        writer.add_tensor(name, (0.1 * rng.standard_normal(shape)).astype(np.float32))
    for name in ("output_norm", *(f"blk.{layer}.{kind}_norm" for layer in range(3) for kind in ("attn", "ffn"))):
        writer.add_tensor(f"{name}.weight", np.ones(64, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture
def tiny_lora(tmp_path):
    """A LoRA adapter that changes the queries and the way down of the last layer."""
    from safetensors.numpy import save_file

    folder, rng = tmp_path / "lora", np.random.default_rng(1)
    folder.mkdir()
    tensors = {}
    for module, out, inner in (("self_attn.q_proj", 64, 64), ("mlp.down_proj", 64, 96)):
        name = f"base_model.model.model.layers.2.{module}.lora"
        tensors[f"{name}_A.weight"] = rng.standard_normal((4, inner)).astype(np.float32)
        tensors[f"{name}_B.weight"] = (0.05 * rng.standard_normal((out, 4))).astype(np.float32)
    save_file(tensors, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 4, "lora_alpha": 4}))
    return folder
