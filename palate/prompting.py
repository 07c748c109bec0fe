"""What an LLM is asked, and how it is to answer, as immutable values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import model_validator

from palate.domain import Value

__all__ = ["GenerateConfig", "LabelledPrompt"]


class LabelledPrompt(Value):
    """A prompt that scores ``item_ids`` in one pass: by its next token, or by a mark behind each of them.

    Either the next token is one of ``labels``, where ``labels[i]`` stands for ``item_ids[i]``; or ``spots`` are the places in
    ``text``, in characters, where the token begins whose log probability scores ``item_ids[i]``. ``text`` is the whole text as the
    model reads it, chat template included. ``version`` names the template. ``history_item_ids`` are the history items that found
    room in it.
    """

    text: str
    labels: tuple[str, ...] = ()
    spots: tuple[int, ...] = ()
    item_ids: tuple[str, ...]
    history_item_ids: tuple[str, ...] = ()
    version: str

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if bool(self.labels) == bool(self.spots):
            raise ValueError("labels or spots are needed: give one of them")
        if len(self.labels or self.spots) != len(self.item_ids):
            raise ValueError(f"{len(self.labels or self.spots)} labels or spots do not fit {len(self.item_ids)} item_ids")
        if self.spots and not (
            self.spots[0] > 0 and self.spots[-1] < len(self.text) and list(self.spots) == sorted(set(self.spots))
        ):
            raise ValueError(f"the spots {self.spots} are not increasing places in a text of {len(self.text)} characters")
        return self


class GenerateConfig(Value):
    """How text is generated. ``temperature`` 0 is greedy; ``seed`` makes sampling repeatable.

    ``choices`` are the only texts that may come out; ``json_schema`` is the JSON Schema that the text must fulfil: one of them at
    most. An LLM that cannot hold its text to what is asked (see ``LLM.enforces``) refuses it.
    """

    max_tokens: int = 64
    temperature: float = 0.0
    seed: int = 0
    stop: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    json_schema: Mapping[str, Any] | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.choices and self.json_schema is not None:
            raise ValueError("choices and json_schema are given: give one of them")
        return self
