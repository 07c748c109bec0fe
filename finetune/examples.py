"""What a LoRA adapter is trained on: texts, and what is asked at some places of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from palate.domain import Value

__all__ = ["Example", "RankExample", "TextExample"]


class TextExample(Value):
    """A prompt as it is served, and the text that should follow it, the end of the turn included."""

    prompt: Annotated[str, Field(min_length=1)]
    completion: Annotated[str, Field(min_length=1)]


class RankExample(Value):
    """A ranking prompt with a mark after each candidate, and what each candidate is worth.

    ``text`` is the prompt as it is served. ``spots`` are the positions, in characters, where the token begins whose log probability
    is a candidate's score. ``gains`` are not negative and not all zero; training makes the scores' softmax like them.
    """

    text: Annotated[str, Field(min_length=1)]
    spots: Annotated[tuple[int, ...], Field(min_length=2)]
    gains: tuple[Annotated[float, Field(ge=0.0)], ...]

    @model_validator(mode="after")
    def _fits(self) -> RankExample:
        if len(self.gains) != len(self.spots) or sum(self.gains) <= 0.0:
            raise ValueError(f"{len(self.gains)} gains that sum to {sum(self.gains)} do not fit {len(self.spots)} candidates")
        if not all(0 < spot < len(self.text) for spot in self.spots) or list(self.spots) != sorted(set(self.spots)):
            raise ValueError(f"the spots {self.spots} are not increasing positions in a text of {len(self.text)} characters")
        return self


Example = TextExample | RankExample
