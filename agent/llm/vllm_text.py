"""Text for and from a vLLM server: how long it may be for a model, how it is asked for, and what of it an event holds."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from palate.prompting import GenerateConfig

__all__ = ["estimated_tokens", "piece", "writing"]

_WORD = re.compile(r"\s?\w+|\s?[^\w\s]+|\s+")
_CHARS_A_TOKEN = 6


def estimated_tokens(text: str) -> int:
    """Return about how many tokens ``text`` has: one a word, and one more for each six letters."""
    return sum(math.ceil(len(word.strip()) / _CHARS_A_TOKEN) or 1 for word in _WORD.findall(text))


def writing(prompt: str, config: GenerateConfig) -> dict[str, Any]:
    """Return the body of a request for a completion in pieces, held to the choices or the JSON schema where there are any."""
    return {
        "prompt": prompt,
        "max_tokens": config.max_tokens,
        "temperature": config.temperature,
        "seed": config.seed,
        "add_special_tokens": False,
        "stream": True,
        **({"stop": list(config.stop)} if config.stop else {}),
        **_structured(config),
    }


def piece(event: Mapping[str, Any]) -> str:
    """Return the text that an event adds.

    Raises:
        KeyError, TypeError: The event is not one of vLLM's.

    """
    pieces = [choice["text"] for choice in event["choices"]]
    return "".join(pieces)


def _structured(config: GenerateConfig) -> dict[str, Any]:
    if config.choices:
        return {"structured_outputs": {"choice": list(config.choices)}}
    return {} if config.json_schema is None else {"structured_outputs": {"json": dict(config.json_schema)}}
