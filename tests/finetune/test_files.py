from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from finetune import TASKS
from finetune.examples import TextExample
from finetune.files import MAX_SHIPPED_BYTES, check_contents, check_names, read_sealed, seal
from finetune.lora import LoraTrainer, LoraTrainerConfig
from finetune.registry import SHIPPED
from palate.errors import InvalidInput, MissingExtra, MissingWeights

Make = Callable[..., Any]
WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
A = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"
B = "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight"


def change_config(folder: Path, **changes: Any) -> None:
    path = folder / CONFIG
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def change_tensors(folder: Path, changes: dict[str, Any]) -> None:
    tensors = {**load_file(folder / WEIGHTS), **changes}
    save_file({name: value for name, value in tensors.items() if value is not None}, folder / WEIGHTS)


def test_a_plain_adapter_is_let_in(make_adapter: Make) -> None:
    made = make_adapter()
    assert [path.name for path in check_names(made.folder)] == [CONFIG, WEIGHTS, "card.json", "scores.npz"]
    check_contents(made.folder, made.card)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("adapter_model.bin", "may run code"),
        ("extra.pt", "may run code"),
        ("weights.PKL", "may run code"),
        ("modeling.py", "may run code"),
        ("README.md", "not part of a LoRA adapter"),
        (".hidden", "not part of a LoRA adapter"),
    ],
)
def test_other_files_are_refused_by_name(make_adapter: Make, name: str, said: str) -> None:
    folder = make_adapter().folder
    (folder / name).write_bytes(pickle.dumps([1]))
    with pytest.raises(InvalidInput, match=said) as caught:
        check_names(folder)
    assert caught.value.param == name


def test_links_folders_executables_and_large_files_are_refused(make_adapter: Make, tmp_path: Path) -> None:
    folder = make_adapter().folder
    (folder / WEIGHTS).chmod(0o755)
    with pytest.raises(InvalidInput, match="is executable"):
        check_names(folder)
    (folder / WEIGHTS).chmod(0o644)
    with pytest.raises(InvalidInput, match="more than 1000"):
        check_names(folder, most_bytes=1000)
    (folder / WEIGHTS).replace(tmp_path / WEIGHTS)
    with pytest.raises(InvalidInput, match=f"lacks {WEIGHTS}"):
        check_names(folder)
    (folder / WEIGHTS).symlink_to(tmp_path / WEIGHTS)
    with pytest.raises(InvalidInput, match="no regular file"):
        check_names(folder)
    (folder / WEIGHTS).unlink()
    (folder / WEIGHTS).mkdir()
    with pytest.raises(InvalidInput, match="no regular file"):
        check_names(folder)
    with pytest.raises(InvalidInput, match="cannot be read"):
        check_names(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"peft_type": "IA3"}, "IA3"),
        ({"r": 65}, "rank 65"),
        ({"r": 0}, "rank 0"),
        ({"r": True}, "rank True"),
        ({"rank_pattern": {"q_proj": 128}}, "rank 128"),
        ({"rank_pattern": [4]}, "no LoRA configuration"),
        ({"bias": "all"}, "base model"),
        ({"init_lora_weights": "pissa"}, "base model"),
        ({"use_dora": True}, "use_dora"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"auto_mapping": {"parent_library": "os"}}, "CAUSAL_LM"),
        ({"megatron_config": {"a": 1}}, "megatron_config"),
        ({"something_new": "on"}, "something_new"),
    ],
)
def test_a_configuration_that_is_more_than_plain_is_refused(make_adapter: Make, changes: dict[str, Any], said: str) -> None:
    made = make_adapter()
    change_config(made.folder, **changes)
    with pytest.raises(InvalidInput, match=said) as caught:
        check_contents(made.folder, made.card)
    assert caught.value.param == CONFIG


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", '{"peft_type": "LORA", "r": []}', "\x00"])
def test_a_configuration_that_is_none_is_refused(make_adapter: Make, text: str) -> None:
    made = make_adapter()
    (made.folder / CONFIG).write_text(text)
    with pytest.raises(InvalidInput, match="no LoRA configuration"):
        check_contents(made.folder, made.card)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({A: np.zeros((4, 16), np.float64)}, "F64"),
        ({A: np.zeros((4, 16), np.int8)}, "I8"),
        ({A: np.full((4, 16), np.nan, np.float32)}, "not finite"),
        ({A: np.full((4, 16), np.inf, np.float16)}, "not finite"),
        ({A: np.zeros((16, 4), np.float16)}, "does not fit rank"),
        ({A: np.zeros((4, 0), np.float16)}, "does not fit rank"),
        ({A: np.zeros(4, np.float16)}, "does not fit rank"),
        ({A: np.zeros((4, 4, 4), np.float16)}, "does not fit rank"),
        ({A: np.zeros((80, 16), np.float16), B: np.zeros((16, 80), np.float16)}, "does not fit rank"),
        ({B: None}, "without an A and a B"),
        ({"lm_head.weight": np.zeros((4, 4), np.float16)}, "no LoRA tensor"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(make_adapter: Make, changes: dict[str, Any], said: str) -> None:
    made = make_adapter()
    change_tensors(made.folder, changes)
    with pytest.raises(InvalidInput, match=said) as caught:
        check_contents(made.folder, made.card)
    assert caught.value.param == WEIGHTS


def test_weights_that_are_no_safetensors_are_refused(make_adapter: Make) -> None:
    made = make_adapter()
    whole = (made.folder / WEIGHTS).read_bytes()
    for damaged in (b"", pickle.dumps({"a": 1}), whole[:-7], whole[:40], b"\xff" * 64):
        (made.folder / WEIGHTS).write_bytes(damaged)
        with pytest.raises(InvalidInput, match="cannot be read"):
            check_contents(made.folder, made.card)
    save_file({}, made.folder / WEIGHTS)
    with pytest.raises(InvalidInput, match="no tensor"):
        check_contents(made.folder, made.card)


def test_ranks_may_differ_by_module_where_the_configuration_says_so(make_adapter: Make) -> None:
    made = make_adapter()
    change_tensors(made.folder, {A: np.zeros((8, 16), np.float32), B: np.zeros((16, 8), np.float32)})
    change_config(made.folder, rank_pattern={"layers.0.self_attn.q_proj": 8})
    check_contents(made.folder, made.card)
    change_tensors(made.folder, {B: np.zeros((16, 4), np.float32)})
    with pytest.raises(InvalidInput, match="of one rank"):
        check_contents(made.folder, made.card)


def test_scores_that_the_card_does_not_name_are_refused(make_adapter: Make) -> None:
    made = make_adapter()
    with pytest.raises(InvalidInput, match="not named by the card"):
        check_contents(made.folder, made.card.model_copy(update={"scores": None}))
    (made.folder / "scores.npz").unlink()
    check_contents(made.folder, made.card.model_copy(update={"scores": None}))
    with pytest.raises(InvalidInput, match=r"scores\.npz"):
        check_contents(made.folder, made.card)


def test_without_safetensors_the_extra_is_named(make_adapter: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_adapter()
    monkeypatch.setitem(__import__("sys").modules, "safetensors", None)
    with pytest.raises(MissingExtra, match="llm"):
        check_contents(made.folder, made.card)


def test_what_was_sealed_is_held_to_its_hashes(make_adapter: Make) -> None:
    made = make_adapter()
    with pytest.raises(MissingWeights, match="was not recorded"):
        read_sealed(made.folder, "rank")
    card = seal(made.folder, made.card)
    assert set(card.files) == {CONFIG, WEIGHTS, "scores.npz"}
    assert read_sealed(made.folder, "rank", version=card.version) == card == seal(made.folder, card)
    with pytest.raises(MissingWeights, match="not that of 000000000000"):
        read_sealed(made.folder, "rank", version="0" * 12)
    with pytest.raises(MissingWeights, match="for 'explain'"):
        read_sealed(made.folder, "explain")
    card.model_copy(update={"licence": "MIT"}).write(made.folder)
    with pytest.raises(MissingWeights, match="was changed"):
        read_sealed(made.folder, "rank")
    with pytest.raises(InvalidInput, match="its contents give"):
        seal(made.folder, card.model_copy(update={"licence": "MIT"}))


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS, "scores.npz"])
def test_a_swapped_or_missing_file_is_seen(make_adapter: Make, name: str) -> None:
    made, other = make_adapter(), make_adapter(seed=1)
    change_config(other.folder, lora_alpha=16)
    card = seal(made.folder, made.card)
    (made.folder / name).write_bytes((other.folder / name).read_bytes())
    with pytest.raises(MissingWeights, match="not the recorded one"):
        read_sealed(made.folder, "rank")
    with pytest.raises(InvalidInput, match="not the recorded one"):
        seal(made.folder, card)
    (made.folder / name).unlink()
    with pytest.raises(MissingWeights, match=r"missing|lacks"):
        read_sealed(made.folder, "rank")


@pytest.mark.parametrize("top_layers", [0, 1])
def test_what_training_writes_is_let_in(base: Path, make_adapter: Make, tmp_path: Path, top_layers: int) -> None:
    config = LoraTrainerConfig(rank=4, steps=1, batch=1, threads=1, top_layers=top_layers)
    LoraTrainer(base, config).train([TextExample(prompt="Say Up: ", completion="Up.")], tmp_path / "made")
    check_names(tmp_path / "made")
    check_contents(tmp_path / "made", make_adapter().card.model_copy(update={"scores": None}))


def test_what_is_shipped_is_sealed_small_and_sound() -> None:
    folders = {folder.name: folder for folder in SHIPPED.iterdir()}
    assert set(folders) <= {*TASKS, "order"}  # the learned order is no LoRA adapter: it has a card of its own
    for task in TASKS:
        if task in folders:
            check_contents(folders[task], read_sealed(folders[task], task, most_bytes=MAX_SHIPPED_BYTES))
