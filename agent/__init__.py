"""Ranks, explains and talks: the LLM, prompts, reranker, explainer, dialogue."""
