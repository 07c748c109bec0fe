"""Reranking, measured: cases with the candidates that retrieval found, in four arenas."""

from evals.rerank.cases import RankCase, requested
from evals.rerank.conversation import Conversation, ConversationConfig

__all__ = ["Conversation", "ConversationConfig", "RankCase", "requested"]
