"""The LLMs: embedded, vLLM, and a scripted one for tests. The first two are imported when they are asked for."""

from importlib import import_module
from typing import Any

from agent.llm.base import LLM
from agent.llm.scripted import ScriptedLLM

__all__ = ["LLM", "ScriptedLLM"]

_LATER = {"EmbeddedLLM": "embedded", "EmbeddedConfig": "embedded", "VllmLLM": "vllm", "VllmConfig": "vllm"}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
