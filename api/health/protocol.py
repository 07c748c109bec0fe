"""What health and readiness answer."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel

__all__ = ["Live", "PartState", "Ready"]


class Live(BaseModel):
    """That the process lives; ``pid`` lets a command check that it found the owner."""

    status: str = "ok"
    pid: int
    version: str


class PartState(BaseModel):
    """How far a part is: ``done`` of ``total`` units; ``error`` says what went wrong with it."""

    done: int
    total: int
    error: str | None = None

    @property
    def ready(self) -> bool:
        """Return whether nothing is left to do."""
        return self.done >= self.total and self.error is None


class Ready(BaseModel):
    """``ready`` when requests can be answered, though pictures, sounds or the LLM may still be on their way."""

    ready: bool
    parts: Mapping[str, PartState]
