"""Recommendation turns of dialogues as cases: candidates from everything that retrieval can do with what was said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from evals.datasets.dialogues import Dialogues, Turn
from evals.models.source import Fixed
from evals.rerank.cases import RankCase, requested
from palate.domain import MAX_QUERY_CHARS, Interaction, Profile, Progress, Query, Value
from retrieval.base import CandidateSource, ItemTable
from retrieval.retriever import Retriever, RetrieverConfig

__all__ = ["Conversation", "ConversationConfig", "Told"]

_TURN_SECONDS = 60.0
Sources = Callable[[ItemTable], Sequence[CandidateSource]]


class ConversationConfig(Value):
    """``turns`` of the dialogue, the last ones, are what the request says; ``candidates`` are found for each case, as many as a
    learned order reads; training cases are cross-fitted over ``folds`` of the dialogues.
    """

    turns: int = Field(default=3, ge=1)
    candidates: int = Field(default=60, ge=2, le=100)
    folds: int = Field(default=4, ge=2)
    seed: int = 0


@dataclass(frozen=True)
class Told:
    """The dialogues as histories: a dialogue is a person who liked what was named in it."""

    turns: Sequence[Turn]

    def interactions(self) -> Iterator[Interaction]:
        """Yield each item once a dialogue, in the order in which it was named."""
        seen: set[tuple[str, str]] = set()
        for turn in sorted(self.turns, key=lambda turn: (turn.dialogue, turn.number)):
            for item_id in (*turn.mentioned, *turn.targets):
                if (turn.dialogue, item_id) not in seen:
                    seen.add((turn.dialogue, item_id))
                    yield Interaction(turn.dialogue, item_id, "like", None, turn.number * _TURN_SECONDS + len(seen) * 1e-6)


class Conversation:
    """Makes cases of the turns of dialogues.

    The request is what was said last; the items mentioned are liked, and not offered again; genres that were linked are asked for.
    There is no history: a dialogue is all that is known.

    Args:
        dialogues: With their catalog.
        sources: Makes the candidate sources that the live retriever asks.
        config: How turns become requests.
        progress: Told how far it is.

    """

    def __init__(
        self, dialogues: Dialogues, sources: Sources, config: ConversationConfig | None = None, progress: Progress | None = None
    ) -> None:
        self.config = config or ConversationConfig()
        self._name, self._table, self._sources, self._progress = dialogues.name, ItemTable(dialogues.items), sources, progress
        self._genres = {genre.casefold(): genre for genre in self._table.genre_names}

    def cases(self, fitted_on: Sequence[Turn], judged: Sequence[Turn]) -> list[RankCase]:
        """Return a case for each judged turn, with candidates of the live retriever fitted on other turns."""
        told = Told(fitted_on)
        config = RetrieverConfig(n_candidates=self.config.candidates, n_evidence=0)
        retriever = Retriever(Fixed(self._table), self._sources(self._table), config)
        retriever.fit(told)
        taken = Counter(one.item_id for one in told.interactions())
        cases = []
        for done, turn in enumerate(judged):
            if self._progress is not None and done % 100 == 0:
                self._progress(f"candidates {self._name}", done, len(judged))
            cases.append(self._case(turn, retriever, taken))
        return cases

    def parted(self, turns: Sequence[Turn], share: float = 0.2) -> tuple[list[Turn], list[Turn]]:
        """Return turns to learn from and turns to choose on, a share of the dialogues.

        It is the same whatever the seed, so that no measurement looks at what a training with another seed learned from.
        """
        names = sorted({turn.dialogue for turn in turns})
        np.random.default_rng(0).shuffle(names)
        chosen = set(names[: int(share * len(names))])
        return [t for t in turns if t.dialogue not in chosen], [t for t in turns if t.dialogue in chosen]

    def crossfitted(self, turns: Sequence[Turn]) -> list[RankCase]:
        """Return a case for each turn, with candidates of a retriever that saw the dialogues of the other folds alone."""
        names = sorted({turn.dialogue for turn in turns})
        order = np.random.default_rng(self.config.seed).permutation(len(names))
        fold_of = {names[at]: place % self.config.folds for place, at in enumerate(order.tolist())}
        cases: list[RankCase] = []
        for fold in range(self.config.folds):
            held = [turn for turn in turns if fold_of[turn.dialogue] == fold]
            cases += self.cases([turn for turn in turns if fold_of[turn.dialogue] != fold], held)
        return cases

    def _case(self, turn: Turn, retriever: Retriever, taken: Mapping[str, int]) -> RankCase:
        table = self._table
        query = Query(
            text=" ".join(turn.context[-self.config.turns :])[-MAX_QUERY_CHARS:],
            like_item_ids=turn.mentioned,
            genres=tuple(dict.fromkeys(self._genres[name.casefold()] for name in turn.mentions if name.casefold() in self._genres)),
        )
        request = requested(f"{self._name}-{turn.dialogue}", query, turn.mentioned)
        profile = Profile(person_id=request.person_id, entries=())
        return RankCase(
            case_id=f"{self._name}-{turn.dialogue}-{turn.number}",
            cluster=request.person_id,
            request=request,
            profile=profile,
            history_items={i: table.items[table.rows[i]] for i in turn.mentioned},
            candidates=retriever.retrieve(request, profile).candidates,
            targets=frozenset(turn.targets),
            group={"history": len(turn.mentioned), "taken": max(taken.get(i, 0) for i in turn.targets)},
        )
