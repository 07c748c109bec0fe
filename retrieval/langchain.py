"""The retriever as LangChain's interface, for graphs and chains built on it."""

from __future__ import annotations

from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from palate.domain import Profile, Request
from retrieval.retriever import Retriever

__all__ = ["PalateRetriever"]


class PalateRetriever(BaseRetriever):
    """Candidates of :class:`retrieval.Retriever` as documents, best first.

    The words that it is invoked with become the text of the request's query; all else is the request's. A document's metadata
    holds ``item_id``, ``type``, ``sources`` and ``score``.
    """

    retriever: Any
    request: Request
    profile: Profile

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        retriever: Retriever = self.retriever
        asked = self.request.query
        if query.strip():
            asked = type(asked).model_validate({**asked.model_dump(), "text": query})
        found = retriever.retrieve(self.request.model_copy(update={"query": asked}), self.profile)
        return [
            Document(
                page_content=candidate.item.title,
                id=candidate.item.item_id,
                metadata={
                    "item_id": candidate.item.item_id,
                    "type": candidate.item.type,
                    "sources": [hit.source for hit in candidate.hits],
                    "score": candidate.score,
                },
            )
            for candidate in found.candidates
        ]
