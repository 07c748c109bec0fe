"""What a conversation's answer is made of, as it comes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from palate.domain import Slate

__all__ = ["ChatEvent", "ChatEventKind"]

ChatEventKind = Literal["status", "slate", "text", "done"]


@dataclass(frozen=True, slots=True)
class ChatEvent:
    """One step of an answer. ``data`` can be written as JSON as it is.

    * ``status``: ``{"stage"}``, one of ``understand retrieve rank respond why``.
    * ``slate``: the slate itself in ``slate``; ``data`` is empty.
    * ``text``: ``{"delta"}``, the next sentence of the reply.
    * ``done``: ``{"conversation_id", "decision_id", "degraded"}``.
    """

    kind: ChatEventKind
    data: Mapping[str, Any] = field(default_factory=dict)
    slate: Slate | None = None
