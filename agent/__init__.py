"""Ranks, explains and talks: the LLM, prompts, reranker, explainer, dialogue (see :mod:`agent.dialogue`)."""

from agent.base import CandidateRetriever, CatalogReader, Decisions, HistoryReader, MentionFinder, RetrievedCandidates
from agent.decisions import DecisionStore
from agent.explainer import Explained, Explainer, ExplainerConfig
from agent.guard import check_reason, cited, quote
from agent.llm import LLM, ScriptedLLM
from agent.recommender import Recommender, RecommenderConfig
from agent.reranker import Reranked, Reranker, RerankerConfig
from agent.why import Explanation

__all__ = [
    "LLM",
    "CandidateRetriever",
    "CatalogReader",
    "DecisionStore",
    "Decisions",
    "Explained",
    "Explainer",
    "ExplainerConfig",
    "Explanation",
    "HistoryReader",
    "MentionFinder",
    "Recommender",
    "RecommenderConfig",
    "Reranked",
    "Reranker",
    "RerankerConfig",
    "RetrievedCandidates",
    "ScriptedLLM",
    "check_reason",
    "cited",
    "quote",
]
