"""Rerank prompts of made-up people and films: as long and as varied as real ones, and the same each time."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from agent.llm.base import LLM
from agent.prompts import build_rank_prompt
from palate.domain import Candidate, Item, Profile, ProfileEntry, Query, Request, SourceHit, utc_now
from palate.prompting import LabelledPrompt

__all__ = ["rank_prompts"]

_FIRST = ("Quiet", "Bright", "Lonely", "Golden", "Broken", "Hidden", "Last", "Burning", "Silver", "Frozen", "Secret", "Paper")
_SECOND = (
    "Harbour",
    "Garden",
    "Engine",
    "River",
    "Orchard",
    "Signal",
    "Machine",
    "Mirror",
    "Letter",
    "Station",
    "Bridge",
    "Circus",
)
_GENRES = ("Comedy", "Drama", "Horror", "Sci-Fi", "Romance", "Thriller", "Crime", "Western", "Jazz", "Ambient", "Techno", "Folk")
_WISHES = ("", "something like Alien but funny", "a calm evening film", "crime from the seventies, not too dark")


def rank_prompts(llm: LLM, count: int, candidates: int = 20, seed: int = 0) -> list[LabelledPrompt]:
    """Return ``count`` prompts, built as the product builds them, with ``candidates`` labels each."""
    rng = np.random.default_rng(seed)
    return [_prompt(llm, rng, candidates, _WISHES[i % len(_WISHES)]) for i in range(count)]


def _item(rng: np.random.Generator, number: int) -> Item:
    title = f"The {rng.choice(_FIRST)} {rng.choice(_SECOND)}"
    genres = tuple(str(g) for g in rng.choice(_GENRES, size=2, replace=False))
    return Item(item_id=f"bench-{number}", type="movie", title=title, year=int(rng.integers(1950, 2025)), genres=genres)


def _prompt(llm: LLM, rng: np.random.Generator, candidates: int, wish: str) -> LabelledPrompt:
    items = [_item(rng, number) for number in range(candidates + 16)]
    seen, offered = items[:16], items[16:]
    now = utc_now()
    entries = tuple(
        ProfileEntry(
            item_id=item.item_id,
            platform="netflix" if i % 2 else "spotify",
            verb="complete",
            at=now - timedelta(days=i),
            weight=1.0 - i / 32,
        )
        for i, item in enumerate(seen)
    )
    shown = [
        Candidate(item=item, score=1.0 / rank, hits=(SourceHit(source="pop", rank=rank, score=1.0),))
        for rank, item in enumerate(offered, start=1)
    ]
    profile = Profile(person_id="bench", entries=entries, seen=frozenset(i.item_id for i in seen))
    return build_rank_prompt(llm, Request(person_id="bench", query=Query(text=wish)), profile, {i.item_id: i for i in seen}, shown)
