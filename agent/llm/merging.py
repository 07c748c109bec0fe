"""Adds a LoRA adapter to weights, with NumPy alone: a server that runs one needs neither torch nor PEFT for it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import MutableMapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from palate.errors import InvalidInput, MissingExtra, MissingWeights

__all__ = ["add_lora"]

_CONFIG, _WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_TENSOR = re.compile(r"^base_model\.model\.(?P<module>.+)\.lora_A\.weight$")
_OTHER = ("use_dora", "fan_in_fan_out", "rank_pattern", "alpha_pattern")


def add_lora(weights: MutableMapping[str, NDArray[np.float32]], folder: Path) -> None:
    """Add ``alpha / r * B A`` (Hu et al. 2021, https://arxiv.org/abs/2106.09685) to the weights that an adapter changes, in place.

    Args:
        weights: By their Hugging Face names, float32 [out, in].
        folder: A plain LoRA adapter as PEFT writes it.

    Raises:
        MissingExtra: ``safetensors`` is not installed.
        MissingWeights: The adapter cannot be read.
        InvalidInput: It is of another kind, or does not fit the model.

    """
    try:
        from safetensors import SafetensorError
        from safetensors.numpy import load_file
    except ModuleNotFoundError as error:
        raise MissingExtra("safetensors", "llm") from error
    try:
        config = json.loads((folder / _CONFIG).read_text("utf-8"))
        tensors = load_file(folder / _WEIGHTS)
        rank, alpha = int(config["r"]), float(config["lora_alpha"])
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise MissingWeights(
            f"The LoRA adapter {folder} cannot be read: {error}.", remedy="Give a folder written by PEFT."
        ) from error
    if odd := next((name for name in _OTHER if config.get(name)), None):
        raise InvalidInput(
            f"The LoRA adapter {folder} says {odd} {str(config[odd])[:60]}.", remedy="Give a plain one.", param="lora"
        )
    scale = alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)
    changed = 0
    for name, a in tensors.items():
        match = _TENSOR.match(name)
        if match is None:
            continue
        target, b = f"{match['module']}.weight", tensors.get(name.replace("lora_A", "lora_B"))
        if b is None or target not in weights or weights[target].shape != (b.shape[0], a.shape[1]) or len(a) != b.shape[1]:
            raise InvalidInput(
                f"The LoRA adapter {folder} does not fit the model at {target!r}.",
                remedy="Give the base model that it was trained on.",
                param="lora",
            )
        weights[target] = weights[target] + scale * (b.astype(np.float32) @ a.astype(np.float32))
        changed += 1
    if not changed:
        raise InvalidInput(f"The LoRA adapter {folder} changes nothing.", remedy="Give one with lora_A and lora_B.", param="lora")
