"""From examples to tokens, as the engines that serve the model cut them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agent.llm.spots import spot_places
from finetune.examples import Example, TextExample
from palate.errors import InvalidInput

__all__ = ["Encoded", "encode"]


@dataclass(frozen=True, slots=True)
class Encoded:
    """``places`` are the positions in ``ids`` whose token is predicted; ``gains`` belong to them in a ranking, else ``None``."""

    ids: tuple[int, ...]
    places: tuple[int, ...]
    gains: tuple[float, ...] | None


def encode(tokenizer: Any, example: Example, max_tokens: int) -> Encoded:
    """Return the tokens of an example, cut by a ``tokenizers.Tokenizer``.

    The prompt of a text is cut alone, as it is when served.

    Raises:
        InvalidInput: It has more than ``max_tokens`` tokens, or no token begins where one should be scored.

    """
    if isinstance(example, TextExample):
        prompt = tokenizer.encode(example.prompt, add_special_tokens=False).ids
        more = tokenizer.encode(example.completion, add_special_tokens=False).ids
        ids, places, gains = (*prompt, *more), tuple(range(len(prompt), len(prompt) + len(more))), None
    else:
        cut = tokenizer.encode(example.text, add_special_tokens=False)
        ids, places, gains = tuple(cut.ids), tuple(spot_places(example.text, cut.offsets, example.spots)), example.gains
    if len(ids) > max_tokens:
        raise InvalidInput(
            f"An example has {len(ids)} tokens; {max_tokens} are allowed.",
            remedy="Shorten it, or raise max_tokens.",
            param="examples",
        )
    return Encoded(ids, places, gains)
