"""Evidence sets as an explainer gets them: of the live retriever, over a catalog and the histories of people."""

from __future__ import annotations

import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

import numpy as np
from pydantic import Field

from agent.base import items_of
from agent.sentences import Sentences
from evals.models.source import Fixed
from evals.rerank.cases import RankCase
from palate.domain import (
    Event,
    Evidence,
    Interaction,
    InteractionReader,
    Item,
    Profile,
    Progress,
    Query,
    Request,
    Value,
    Verb,
)
from retrieval.base import CandidateSource, ItemTable
from retrieval.profile import build_profile
from retrieval.retriever import Retriever, RetrieverConfig

__all__ = ["ReasonCase", "ReasonCases", "ReasonCasesConfig", "held_out"]

Sources = Callable[[ItemTable], Sequence[CandidateSource]]
_PLATFORMS: Mapping[str, tuple[str, ...]] = {"movie": ("netflix", "youtube", "movielens"), "track": ("spotify", "youtube")}
_VERBS: tuple[Verb, ...] = ("complete", "complete", "like", "save")
_LIKED = 0.7
_DAY = 86_400.0


class ReasonCasesConfig(Value):
    """Each person's newest ``history`` liked films are their history, and ``tracks`` pieces of music of two genres, where there
    are some. ``per_person`` cases are kept of a person, and of each kind of evidence at most ``kind_share`` of all.
    With ``deep`` every reason of an item counts, not only the first.
    """

    history: int = Field(default=10, ge=1)
    tracks: int = Field(default=4, ge=0)
    candidates: int = Field(default=20, ge=1)
    per_person: int = Field(default=4, ge=1)
    kind_share: float = Field(default=0.4, gt=0.0, le=1.0)
    deep: bool = False
    seed: int = 0


class ReasonCase(Value):
    """``fact`` is the plain sentence that ``evidence`` comes to; ``items`` are those that it names, by id."""

    case_id: str
    person_id: str
    language: Literal["en", "zh"]
    item: Item
    fact: str
    evidence: tuple[Evidence, ...]
    items: Mapping[str, Item]


def held_out(name: str, share: float = 0.4) -> bool:
    """Return whether an item, or a person, is kept for measuring: about ``share`` of them, the same ones each time."""
    return zlib.crc32(f"held-out {name}".encode()) % 1000 < 1000 * share


class ReasonCases:
    """Makes cases.

    Args:
        items: The catalog.
        interactions: What the sources are fitted on; people who have liked enough are asked for.
        sources: Makes the candidate sources that the live retriever asks.
        config: How people and requests are made.
        progress: Told how far it is.

    """

    def __init__(
        self,
        items: Sequence[Item],
        interactions: InteractionReader,
        sources: Sources,
        config: ReasonCasesConfig | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.config = config or ReasonCasesConfig()
        self.table, self._progress = ItemTable(items), progress
        self._retriever = Retriever(Fixed(self.table), sources(self.table), RetrieverConfig(n_candidates=self.config.candidates))
        self._retriever.fit(interactions, progress)
        self._liked: dict[str, list[Interaction]] = defaultdict(list)
        for one in interactions.interactions():
            if (one.value is None or one.value >= _LIKED) and one.item_id in self.table.rows:
                self._liked[one.person_id].append(one)
        self._tracks: dict[str, list[str]] = defaultdict(list)
        for item in self.table.items:
            if item.type == "track":
                self._tracks[item.genres[0] if item.genres else ""].append(item.item_id)

    def draw(self, n: int, *, held: bool, config: ReasonCasesConfig | None = None) -> list[ReasonCase]:
        """Return up to ``n`` cases of people, items and items of evidence that are all :func:`held_out`, or all not."""
        config = config or self.config
        kinds, found = Counter[str](), list[ReasonCase]()
        people = [p for p in sorted(self._liked) if held_out(p) is held and len(self._liked[p]) >= config.history]
        rng = np.random.default_rng((config.seed, int(held)))
        for person in (people[at] for at in rng.permutation(len(people))):
            if len(found) >= n:
                break
            if self._progress is not None:
                self._progress("evidence", len(found), n)
            kept = 0
            language: Literal["en", "zh"] = "zh" if 2 * sum(case.language == "zh" for case in found) < len(found) else "en"
            for case in self._of_person(person, rng, language, config, held=held):
                kind = case.evidence[0].kind
                if kept < config.per_person and len(found) < n and kinds[kind] < max(1.0, config.kind_share * n):
                    kinds[kind] += 1
                    kept += 1
                    found.append(case)
        return found

    def requests(self, n: int, *, held: bool = True) -> list[RankCase]:
        """Return ``n`` requests, each of another person, with what the live retriever finds for them; none has targets."""
        found = list[RankCase]()
        people = [p for p in sorted(self._liked) if held_out(p) is held and len(self._liked[p]) >= self.config.history]
        rng = np.random.default_rng((self.config.seed, int(held), 1))
        for person in (people[at] for at in rng.permutation(len(people))[:n]):
            profile = self._profile(person, rng, self.config, held=held)
            request = Request(person_id=person, query=self._query(rng, held=held), deadline_ms=120_000)
            candidates = self._retriever.retrieve(request, profile).candidates
            if candidates:
                named = (*(e.item_id for e in profile.entries), *request.query.like_item_ids)
                history = items_of(self.table, named)
                found.append(RankCase(person, person, request, profile, history, tuple(candidates), frozenset(), {}))
        return found

    def _of_person(
        self, person: str, rng: np.random.Generator, language: Literal["en", "zh"], config: ReasonCasesConfig, *, held: bool
    ) -> Iterator[ReasonCase]:
        profile = self._profile(person, rng, config, held=held)
        request = Request(person_id=person, query=self._query(rng, held=held), deadline_ms=120_000, language=language)
        for candidate in self._retriever.retrieve(request, profile).candidates:
            if held_out(candidate.item.item_id) is not held:
                continue
            named = items_of(self.table, [e.item_id for e in candidate.evidence])
            sentences = Sentences(profile, request.query, named, language)
            for place, (fact, used) in enumerate(sentences.reasons(candidate.item, candidate.evidence, 3)):
                if (place and not config.deep) or any(e.item_id and held_out(e.item_id) is not held for e in used):
                    break
                yield ReasonCase(
                    case_id=f"{person}-{candidate.item.item_id}-{place}",
                    person_id=person,
                    language=language,
                    item=candidate.item,
                    fact=fact,
                    evidence=used,
                    items=items_of(self.table, [e.item_id for e in used]),
                )

    def _profile(self, person: str, rng: np.random.Generator, config: ReasonCasesConfig, *, held: bool) -> Profile:
        """Return a profile of the person's newest liked items of the part at hand, each on a platform of its type."""
        mine = [one.item_id for one in self._liked[person] if held_out(one.item_id) is held][-config.history :]
        for genre in rng.permutation(sorted(self._tracks))[:2]:
            there = [item_id for item_id in self._tracks[str(genre)] if held_out(item_id) is held]
            mine += [str(i) for i in rng.permutation(there)[: config.tracks // 2]]
        events = []
        for place, item_id in enumerate(mine):
            type_ = self.table.items[self.table.rows[item_id]].type
            platforms = _PLATFORMS.get(type_, ("palate",))
            platform = platforms[int(rng.integers(len(platforms)))]
            rated = platform == "movielens"
            events.append(
                Event(
                    event_id=f"{person}-{place}",
                    platform=platform,
                    user_id=person,
                    item_id=item_id,
                    verb="rate" if rated else _VERBS[int(rng.integers(len(_VERBS)))],
                    at=datetime.fromtimestamp(1.7e9 + place * _DAY, UTC),
                    value=1.0 if rated else None,
                )
            )
        return build_profile(person, events)

    def _query(self, rng: np.random.Generator, *, held: bool) -> Query:
        """Return what is asked for: nothing half of the time; else a genre, an example, or words."""
        form = int(rng.integers(6))
        if form < 3:
            return Query()
        if form == 3:
            genre = self.table.genre_names[int(rng.integers(len(self.table.genre_names)))]
            return Query(text=genre.lower(), genres=(genre,))
        own = [item for item in self.table.items if held_out(item.item_id) is held]
        item = own[int(rng.integers(len(own)))]
        if form == 4:
            return Query(text=f"like {item.title}", like_item_ids=(item.item_id,))
        words = [*item.creators, *item.genres, *item.title.split()]
        return Query(text=" ".join(dict.fromkeys(words))[:200].lower())
