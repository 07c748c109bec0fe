"""One ranking to be judged, as the reranker gets it when serving."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from palate.domain import Candidate, Item, Profile, Query, Request

__all__ = ["Arena", "RankCase", "requested"]

Arena = Literal["warm", "cold_users", "cold_items", "conversation", "loo"]


@dataclass(frozen=True)
class RankCase:
    """``candidates`` in the retriever's order, and what should have come first.

    Attributes:
        case_id: Names the case, the same each time.
        cluster: Whose it is: intervals draw these.
        request: What is asked.
        profile: The history that strictly precedes the targets.
        history_items: Items of the profile and of the request.
        candidates: What retrieval found, best first.
        targets: Item ids; one that is not among the candidates counts as missed.
        group: What rows are divided by: lengths, popularity.
        orders: Where what is served orders the candidates otherwise than by a reranker: their places in each order, by its name.

    """

    case_id: str
    cluster: str
    request: Request
    profile: Profile
    history_items: Mapping[str, Item]
    candidates: tuple[Candidate, ...]
    targets: frozenset[str]
    group: Mapping[str, Any]
    orders: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def about(self) -> tuple[Request, Profile, Mapping[str, Item], tuple[Candidate, ...]]:
        """Return what an order is made from."""
        return self.request, self.profile, self.history_items, self.candidates


def requested(person_id: str, query: Query | None = None, exclude: tuple[str, ...] = ()) -> Request:
    """Return a request without a pressing deadline."""
    return Request(person_id=person_id, query=query or Query(), deadline_ms=120_000, exclude_item_ids=exclude)
