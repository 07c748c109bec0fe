"""Versioned prompt templates, the same for training and serving."""

from agent.prompts.explain import EXPLAIN_VERSION, build_explain_prompt
from agent.prompts.rank import MAX_CANDIDATES, RankPromptConfig, build_rank_prompt, content_free_prompt
from agent.prompts.respond import RESPOND_VERSION, build_respond_prompt

__all__ = [
    "EXPLAIN_VERSION",
    "MAX_CANDIDATES",
    "RESPOND_VERSION",
    "RankPromptConfig",
    "build_explain_prompt",
    "build_rank_prompt",
    "build_respond_prompt",
    "content_free_prompt",
]
