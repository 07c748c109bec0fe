"""Reasons, measured: evidence that the live retriever found, and what an LLM makes of it."""

from evals.reasons.cases import ReasonCase, ReasonCases, ReasonCasesConfig, held_out

__all__ = ["ReasonCase", "ReasonCases", "ReasonCasesConfig", "held_out"]
