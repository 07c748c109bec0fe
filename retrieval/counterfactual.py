"""Tells whether an item would fall if a piece of its evidence had not been."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from palate.domain import Candidate, Evidence, Profile, Query
from retrieval.base import CandidateSource, Mask

__all__ = ["Removable", "moves", "moving", "without_item"]


@runtime_checkable
class Removable(Protocol):
    """A candidate source that can say cheaply what removing a history item would do to its own list."""

    def falls_without(self, profile: Profile, query: Query, pairs: Sequence[tuple[str, str]], allowed: Mask) -> list[bool]:
        """Return for each (candidate id, history item id) pair whether the candidate falls, in rank or in score."""
        ...


def without_item(profile: Profile, item_id: str) -> Profile:
    """Return the profile as if the item had never been met, except that it stays seen and is not offered."""
    return profile.model_copy(update={"entries": tuple(e for e in profile.entries if e.item_id != item_id)})


def moves(
    source: CandidateSource, profile: Profile, query: Query, candidate: Candidate, evidence: Evidence, *, allowed: Mask
) -> bool:
    """Return whether the candidate would fall in the list of ``source`` if the evidence's history item were removed."""
    found = {candidate.item.item_id: [evidence]}
    return bool(moving(source, profile, query, found, allowed)[candidate.item.item_id])


def moving(
    source: CandidateSource, profile: Profile, query: Query, found: Mapping[str, Sequence[Evidence]], allowed: Mask
) -> dict[str, list[Evidence]]:
    """Return of the evidence of each item id that which moves the item; the order is kept.

    Evidence that does not stand on the history (words, genres asked for, popularity, items that the query names) always stays: it
    is part of the score by construction. A source that is not :class:`Removable` is asked for its candidates anew.
    """
    history = {entry.item_id for entry in profile.entries}
    unique = sorted({(i, e.item_id) for i, many in found.items() for e in many if _of_history(e) and e.item_id in history})
    if not unique:
        falls = []
    elif isinstance(source, Removable):
        falls = source.falls_without(profile, query, unique, allowed)
    else:
        falls = _asked_anew(source, profile, query, unique, allowed)
    moved = {pair for pair, fell in zip(unique, falls, strict=True) if fell}
    return {item_id: [e for e in many if not _of_history(e) or (item_id, e.item_id) in moved] for item_id, many in found.items()}


def _of_history(evidence: Evidence) -> bool:
    return evidence.item_id is not None and (evidence.platform is not None or evidence.kind == "history")


def _asked_anew(
    source: CandidateSource, profile: Profile, query: Query, pairs: Sequence[tuple[str, str]], allowed: Mask
) -> list[bool]:
    n = int(allowed.sum())
    before = _standing(source, profile, query, n, allowed)
    after = {gone: _standing(source, without_item(profile, gone), query, n, allowed) for gone in {g for _, g in pairs}}
    nowhere = (-(n + 1), float("-inf"))
    return [item_id in before and after[gone].get(item_id, nowhere) < before[item_id] for item_id, gone in pairs]


def _standing(source: CandidateSource, profile: Profile, query: Query, n: int, allowed: Mask) -> dict[str, tuple[int, float]]:
    """Return (negated rank, score) by item id: greater is better."""
    offered = source.candidates(profile, query, n, allowed)
    return {scored.item_id: (-rank, scored.score) for rank, scored in enumerate(offered, start=1)}
