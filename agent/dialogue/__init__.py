"""Understanding what is asked for, and the conversation graph."""

import os

# LangGraph reads this when it is first imported: checkpoints then hold no types but those that it knows.
os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")

from importlib import import_module
from typing import Any

from agent.dialogue.events import ChatEvent
from agent.dialogue.introduction import check_reply
from agent.dialogue.refine import Refined, refine
from agent.dialogue.understand import Understander

__all__ = ["ChatEvent", "Refined", "Understander", "check_reply", "refine"]

_LATER = ("ChatAgent", "ChatConfig")


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("agent.dialogue.graph"), name)
