"""The files of a LoRA adapter: which there may be, what may be in them, and whether they are those that were recorded.

An adapter may come from a stranger. Only formats that hold numbers and words are let in; nothing that runs when it is loaded.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from finetune.card import CARD_FILE, SCORES_FILE, AdapterCard, Task, read_card
from finetune.scores import Scores
from palate.errors import InvalidInput, MissingExtra, MissingWeights, PalateError

__all__ = ["MAX_RANK", "MAX_SHIPPED_BYTES", "ORDER_FILES", "WEIGHTS_FILE", "check_contents", "check_names", "read_sealed", "seal"]

CONFIG_FILE = "adapter_config.json"
WEIGHTS_FILE = "adapter_model.safetensors"
MAX_RANK = 64
MAX_SHIPPED_BYTES = 10_000_000

_NEEDED = {CONFIG_FILE, WEIGHTS_FILE}
ORDER_FILES = ("fusion-0.txt", "fusion-1.txt")
"""The learned final order of an adapter for ranking: LightGBM's models as text."""
_KNOWN = {*_NEEDED, CARD_FILE, SCORES_FILE, *ORDER_FILES}
_RUNS = {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".dill", ".npy", ".py", ".pyc", ".so", ".sh", ".exe", ".dll"}
_PLAIN = {
    *("peft_type", "task_type", "peft_version", "base_model_name_or_path", "revision", "inference_mode", "bias"),
    *("r", "lora_alpha", "lora_dropout", "rank_pattern", "alpha_pattern", "use_rslora", "fan_in_fan_out", "init_lora_weights"),
    *("target_modules", "exclude_modules", "layers_to_transform", "layers_pattern"),
    *("qalora_group_size", "megatron_core"),  # PEFT writes their defaults; without their switches they mean nothing
}
_TENSOR = re.compile(r"^(?P<module>.+)\.lora_(?P<side>[AB])\.weight$")
_LEAVE = "Go back to the one before with 'palate finetune rollback', or get it anew."
_REMEDY = "Give the folder of a plain LoRA adapter as PEFT saves it, in safetensors."


def check_names(folder: Path, *, most_bytes: int | None = None) -> list[Path]:
    """Return the files of an adapter's folder, by name, when they are all of those that may be there and none else.

    ``most_bytes`` bounds the size of each.

    Raises:
        InvalidInput: A file is missing, unexpected, executable, a link or too large; names it.

    """
    try:
        found = sorted(folder.iterdir())
    except OSError as error:
        raise InvalidInput(f"{str(folder)!a} cannot be read: {error.strerror or error}.", remedy=_REMEDY) from error
    for path in found:
        if path.suffix.lower() in _RUNS:
            raise _refused(path, "may run code when it is loaded")
        if path.name not in _KNOWN:
            raise _refused(path, "is not part of a LoRA adapter", f"Remove it; there may be {', '.join(sorted(_KNOWN))}.")
        if path.is_symlink() or not path.is_file():
            raise _refused(path, "is no regular file")
        status = path.stat()
        if status.st_mode & 0o111:
            raise _refused(path, "is executable", "Take the right to execute it away.")
        if most_bytes is not None and status.st_size > most_bytes:
            raise _refused(path, f"has {status.st_size} bytes, more than {most_bytes}", "Save it in float16, or with a lower rank.")
    if missing := _NEEDED - {path.name for path in found}:
        raise InvalidInput(f"{str(folder)!a} lacks {', '.join(sorted(missing))}.", remedy=_REMEDY, param=min(missing))
    return found


def check_contents(folder: Path, card: AdapterCard) -> None:
    """Look into the files of an adapter: a plain LoRA configuration, finite tensors that fit it, scores as the card says.

    Raises:
        InvalidInput: Something in them cannot be used; names the file and the value.
        MissingExtra: ``safetensors`` is not installed.

    """
    ranks = _ranks(folder / CONFIG_FILE)
    _check_tensors(folder / WEIGHTS_FILE, ranks)
    if card.scores is not None:
        Scores.read(folder, card.scores)
    elif (folder / SCORES_FILE).exists():
        raise _refused(folder / SCORES_FILE, "is not named by the card", "Say in the card's 'scores' what it was measured on.")


def seal(folder: Path, card: AdapterCard) -> AdapterCard:
    """Record the hashes of the folder's files in the card, write it there, and return it with its version.

    Raises:
        InvalidInput: The card was sealed before, and a file is not the one that it recorded.

    """
    hashes = _hashes(folder)
    done = card.sealed(hashes)
    if card.files:
        _compare(folder, card.files, hashes)
    if card.version not in {"", done.version}:
        raise InvalidInput(
            f"The card of {str(folder)!a} says version {card.version}, and its contents give {done.version}.",
            remedy="It was changed after it was made: get it anew.",
            param="version",
        )
    done.write(folder)
    return done


def read_sealed(
    folder: Path, task: Task, *, version: str | None = None, most_bytes: int | None = None, remedy: str = _LEAVE
) -> AdapterCard:
    """Return the card of an adapter for a task whose files are those that were recorded.

    ``version`` is what it must be, where known; ``most_bytes`` bounds the size of each file; ``remedy`` is what to do where the
    adapter is not whole.

    Raises:
        MissingWeights: The folder is not there, is of another task, or a file is missing, damaged or another than the recorded one.

    """
    try:
        check_names(folder, most_bytes=most_bytes)
        card = read_card(folder)
        _compare(folder, card.files, _hashes(folder))
        wanted = version or card.version
        if (card.task, card.version, card.digest[:12]) != (task, wanted, wanted):
            what = f"{CARD_FILE} is not that of {wanted or 'any version'} for {task!r}: it was changed, moved or never sealed."
            raise InvalidInput(what)
    except (PalateError, OSError) as error:
        said = error.message if isinstance(error, PalateError) else str(error)
        raise MissingWeights(f"The LoRA adapter in {str(folder)!a} is not whole: {said}", remedy=remedy) from error
    return card


def _hashes(folder: Path) -> dict[str, str]:
    hashes = {}
    for path in sorted(folder.iterdir()):
        if path.name != CARD_FILE:
            with path.open("rb") as file:
                hashes[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return hashes


def _compare(folder: Path, recorded: Mapping[str, str], found: Mapping[str, str]) -> None:
    for name in sorted({*recorded, *found}):
        if recorded.get(name) != found.get(name):
            what = "is missing" if name not in found else "was not recorded" if name not in recorded else "is not the recorded one"
            raise _refused(folder / name, what, "Get the adapter anew.")


def _ranks(path: Path) -> set[int]:
    """Return the ranks that a configuration allows.

    All that is not plain LoRA must be off: some of it imports modules by name, changes the base weights, or holds whole layers.
    """
    try:
        config: dict[str, Any] = json.loads(path.read_text("utf-8"))
        kind, ranks = config["peft_type"], {config["r"], *(config.get("rank_pattern") or {}).values()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _refused(path, "is no LoRA configuration") from error
    if kind != "LORA":
        raise _refused(path, f"says peft_type {kind!a}")
    for rank in ranks:
        if type(rank) is not int or not 1 <= rank <= MAX_RANK:
            raise _refused(path, f"says rank {rank!a}", f"Train with a rank of 1 to {MAX_RANK}.")
    for key, value in config.items():
        if key not in _PLAIN and value:
            remedy = "Train with task_type 'CAUSAL_LM'." if key == "auto_mapping" else "Train a plain LoRA adapter."
            raise _refused(path, f"says {key} {str(value)[:80]!a}", remedy)
    if config.get("bias", "none") != "none" or config.get("init_lora_weights", True) not in {True, False, "gaussian"}:
        raise _refused(path, "changes weights of the base model", "Train with bias 'none' and the default init_lora_weights.")
    return ranks


def _check_tensors(path: Path, ranks: set[int]) -> None:
    try:
        from safetensors import SafetensorError, safe_open
    except ModuleNotFoundError as error:
        raise MissingExtra("safetensors", "llm") from error
    sides: dict[str, dict[str, int]] = {}
    try:
        with safe_open(path, framework="numpy") as file:
            for name in file.keys():  # noqa: SIM118 - no mapping
                match, part = _TENSOR.match(name), file.get_slice(name)
                if match is None:
                    raise _refused(path, f"holds {name!a}, which is no LoRA tensor")
                if part.get_dtype() not in {"F16", "F32"}:
                    raise _refused(path, f"holds {name!a} as {part.get_dtype()}", "Save it in float16 or float32.")
                shape = part.get_shape()  # A is [rank, in], B is [out, rank]
                rank = shape[match["side"] == "B"] if len(shape) == 2 else 0
                if rank not in ranks or 0 in shape:
                    raise _refused(path, f"holds {name!a} of shape {shape}, which does not fit rank {sorted(ranks)}")
                if not np.isfinite(file.get_tensor(name)).all():
                    raise _refused(path, f"holds {name!a}, which is not finite", "Train anew with a lower learning rate.")
                sides.setdefault(match["module"], {})[match["side"]] = rank
    except SafetensorError as error:
        raise _refused(path, f"cannot be read ({error})") from error
    for module, by_side in sides.items():
        if len(by_side) != 2 or len(set(by_side.values())) != 1:
            raise _refused(path, f"holds {module!a} without an A and a B of one rank")
    if not sides:
        raise _refused(path, "holds no tensor")


def _refused(path: Path, what: str, remedy: str = _REMEDY) -> InvalidInput:
    return InvalidInput(f"{str(path)!a} {what}.", remedy=remedy, param=path.name)
