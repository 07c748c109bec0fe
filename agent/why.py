"""Why an item stood in a slate: read from the decision record, never invented after the fact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.base import CatalogReader, items_of
from agent.sentences import Sentences
from palate.domain import Candidate, DecisionRecord, Profile, Reason, Recommendation, SourceHit, Value
from palate.errors import NotFound

__all__ = ["Explanation", "explanation_of"]


class Explanation(Value):
    """What led to one place of a slate.

    ``scores`` holds ``final``, ``retriever`` and, where the LLM ranked, ``llm`` (its log probability). ``rank_without_llm`` is the
    item's place in the retriever's order, before the LLM or the learned order; ``prompt_hash`` is the SHA-256 of the scored prompt.
    """

    decision_id: str
    item_id: str
    title: str
    reasons: tuple[Reason, ...]
    sources: tuple[SourceHit, ...]
    scores: Mapping[str, float | None]
    rank: int
    rank_without_llm: int | None
    prompt_hash: str | None = None
    model: Mapping[str, Any]


def explanation_of(
    record: DecisionRecord, item_id: str, language: str | None = None, catalog: CatalogReader | None = None
) -> Explanation:
    """Return the explanation of one item of a record's slate.

    Args:
        record: The decision.
        item_id: An item of its slate.
        language: ``en`` or ``zh``; unset, or that of the request, the reasons come as they were given.
        catalog: Gives titles for reasons in another language; an item that is gone from it is not named.

    Raises:
        NotFound: The item was not in the slate.

    """
    place = next((item for item in record.slate.items if item.item_id == item_id), None)
    if place is None:
        raise NotFound(
            f"Item {item_id!r} was not in the slate of decision {record.decision_id!r}.",
            remedy="Ask about an item_id of that slate.",
            param="item_id",
        )
    ranked = {candidate.item.item_id: (rank, candidate) for rank, candidate in enumerate(record.candidates, start=1)}
    rank, candidate = ranked.get(item_id, (None, None))
    reasons = place.reasons
    if language not in (None, record.request.language) and candidate is not None and catalog is not None:
        reasons = _translated(record, place, candidate, str(language), catalog)
    return Explanation(
        decision_id=record.decision_id,
        item_id=item_id,
        title=place.title,
        reasons=reasons,
        sources=place.sources,
        scores={
            "final": place.score,
            "retriever": candidate.score if candidate is not None else None,
            "llm": record.llm_scores.get(item_id),
        },
        rank=place.rank,
        rank_without_llm=rank,
        prompt_hash=record.prompt_hash,
        model=record.slate.model,
    )


def _translated(
    record: DecisionRecord, place: Recommendation, candidate: Candidate, language: str, catalog: CatalogReader
) -> tuple[Reason, ...]:
    stated = [e for reason in place.reasons for e in reason.evidence]
    profile = Profile(person_id=record.person_id, entries=record.profile_entries)
    sentences = Sentences(profile, record.request.query, items_of(catalog.table(), [e.item_id for e in stated]), language)
    said = sentences.reasons(candidate.item, stated, len(place.reasons))
    return tuple(Reason(text=text, author="template", evidence=evidence) for text, evidence in said) or place.reasons
