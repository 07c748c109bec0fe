"""The prompt that asks for one sentence from evidence, and nothing but evidence."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.prompts import ChatPromptTemplate

from agent.guard import quote
from agent.words import genre_name
from palate.domain import Item

if TYPE_CHECKING:
    from agent.llm.base import LLM

__all__ = ["EXPLAIN_VERSION", "REASON_SCHEMA", "build_explain_prompt", "read_reason"]

EXPLAIN_VERSION = "explain-v2"
REASON_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"reason": {"type": "string", "minLength": 8, "maxLength": 240}},
    "required": ["reason"],
    "additionalProperties": False,
}
"""What a reason is as JSON, for an LLM that can be held to it."""
_TEMPLATES = {
    "en": ChatPromptTemplate.from_messages(
        [
            ("system", "Say in one short sentence why something suits a person. Use only the fact given; copy its titles."),
            ("human", "Film: Heat (crime)\nFact: Because you watched Fargo on Netflix."),
            ("ai", "You watched Fargo on Netflix, so the crime in Heat should suit you."),
            ("human", "{kind}: {title} ({genres})\nFact: {fact}"),
        ]
    ),
    "zh": ChatPromptTemplate.from_messages(
        [
            ("system", "用一句中文说明为什么适合对方，只用给出的事实，照抄标题。"),
            ("human", "电影：Heat（犯罪）\n事实：因为你在 Netflix 上看过《Fargo》。"),
            ("ai", "你在 Netflix 上看过《Fargo》，《Heat》应该合你的口味。"),
            ("human", "{kind}：{title}（{genres}）\n事实：{fact}"),
        ]
    ),
}
_KINDS = {"en": {"movie": "Film", "track": "Music"}, "zh": {"movie": "电影", "track": "音乐"}}


def build_explain_prompt(llm: LLM, item: Item, fact: str, language: str) -> str:
    """Return the rendered prompt. ``fact`` is the plain sentence that the evidence comes to."""
    genres: Sequence[str] = [quote(genre_name(genre, language), 24) for genre in item.genres[:3]]
    messages = _TEMPLATES[language].format_messages(
        kind=_KINDS[language].get(item.type, item.type),
        title=quote(item.title, 60),
        genres="、".join(genres) if language == "zh" else ", ".join(genres),
        fact=quote(fact, 240),
    )
    return llm.render(messages)


def read_reason(text: str) -> str:
    """Return the reason of an answer in :data:`REASON_SCHEMA`; plain text as it is; nothing of JSON that is cut short or another.

    >>> read_reason('{"reason": "You liked Heat."}'), read_reason("You liked Heat."), read_reason('{"reason": "You li')
    ('You liked Heat.', 'You liked Heat.', '')
    """
    if not text.lstrip().startswith("{"):
        return text
    try:
        reason = json.loads(text).get("reason")
    except ValueError:
        return ""
    return reason if isinstance(reason, str) else ""
