"""Reranking, measured: cases with the candidates that retrieval found, in four arenas and by leaving one out."""

from evals.rerank.cases import Arena, RankCase, requested
from evals.rerank.conversation import Conversation, ConversationConfig
from evals.rerank.histories import Histories, HistoriesConfig
from evals.rerank.judging import SYSTEMS, JudgedCases, ScoredCases, merged, together
from evals.rerank.kept import KeptCases
from evals.rerank.scoring import LLMScores

__all__ = [
    "SYSTEMS",
    "Arena",
    "Conversation",
    "ConversationConfig",
    "Histories",
    "HistoriesConfig",
    "JudgedCases",
    "KeptCases",
    "LLMScores",
    "RankCase",
    "ScoredCases",
    "merged",
    "requested",
    "together",
]
