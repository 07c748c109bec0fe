"""An offline data set as the live parts see it: items as a table, events as a reader, histories as profiles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.base import Case, Dataset, Int32, Interactions, Split
from palate.domain import Interaction, Profile, ProfileEntry, Verb
from retrieval.base import ItemTable, Mask
from retrieval.profile import ProfileConfig

__all__ = ["EventsReader", "World"]

_VERB: Verb = "complete"  # offline protocols ask what comes next, not what is rated well: every event speaks for its item
_PLATFORM = "dataset"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400.0


@dataclass(frozen=True)
class EventsReader:
    """Interactions of a data set, as candidate sources fit from them (:class:`palate.domain.InteractionReader`).

    Every event is a ``complete`` and keeps its rating, 0 to 1, as ``value``: what is asked of a ranking is the next item, so
    that a low rating counts as contact too. Protocols with a threshold have dropped what is below it.
    """

    dataset: Dataset
    events: Interactions

    def interactions(self) -> Iterator[Interaction]:
        """Yield the events by user, then time, ties in file order."""
        items, users = self.dataset.items, self.dataset.user_ids
        columns = (self.events.users, self.events.items, self.events.values, self.events.at)
        for user, item, value, at in zip(*(column.tolist() for column in columns), strict=True):
            yield Interaction(users[user], items[item].item_id, _VERB, None if value != value else value, at)  # noqa: PLR0124 - NaN


class World:
    """The items that a split can rank, and the profiles of its cases.

    Items that no event of the split touches (a core filter dropped them) are not ranked: full ranking is over what is left.

    Attributes:
        table: The items, sorted by id.
        rows: int64 [len(dataset.items)], row of the table by item position, -1 where the item is not ranked.
        positions: int32 [len(table)], item position by row.

    """

    def __init__(self, dataset: Dataset, split: Split, profiles: ProfileConfig | None = None) -> None:
        self.dataset, self.split = dataset, split
        self._config = profiles or ProfileConfig()
        kept = ranked_positions(split)
        self.table = ItemTable(dataset.items[position] for position in kept.tolist())
        by_id = {dataset.items[position].item_id: position for position in kept.tolist()}
        self.positions: Int32 = np.array([by_id[item_id] for item_id in self.table.ids], dtype=np.int32)
        self.rows: NDArray[np.int64] = np.full(len(dataset.items), -1, dtype=np.int64)
        self.rows[self.positions] = np.arange(len(self.table))

    def reader(self) -> EventsReader:
        """Return what may be fitted on."""
        return EventsReader(self.dataset, self.split.train)

    def allowed(self, case: Case) -> Mask:
        """Return the rows that may be ranked for a case, bool [len(table)]: all but its history."""
        allowed = np.ones(len(self.table), dtype=np.bool_)
        rows = self.rows[self.split.known.items[case.history]]
        allowed[rows[rows >= 0]] = False
        return allowed

    def profile(self, case: Case) -> Profile:
        """Return the profile of a case's history, newest entry first; simultaneous events keep their order in the file.

        Weights are those of :func:`retrieval.profile.build_profile` for one platform: the preference of each event, halved with its
        age, summed over events with the same item, capped.
        """
        known, config = self.split.known, self._config
        items, at, values = known.items[case.history], known.at[case.history], known.values[case.history]
        newest = float(at.max()) if len(at) else 0.0
        weights = 0.5 ** ((newest - at) / _DAY / config.half_life_days)
        entries: dict[int, dict[str, Any]] = {}
        for place in range(len(items) - 1, -1, -1):
            item = int(items[place])
            if item in entries:
                entries[item]["weight"] = min(config.cap, entries[item]["weight"] + float(weights[place]))
                continue
            value = float(values[place])
            entries[item] = {
                "item_id": self.dataset.items[item].item_id,
                "platform": _PLATFORM,
                "verb": _VERB,
                "at": _EPOCH + timedelta(seconds=float(at[place])),
                "value": None if np.isnan(value) else value,
                "weight": float(weights[place]),
            }
        chosen = tuple(
            ProfileEntry.model_construct(**entry) for entry in entries.values()
        )  # valid by construction; checks are slow
        return Profile.model_construct(
            person_id=self.dataset.user_ids[case.user], entries=chosen, seen=frozenset(e.item_id for e in chosen)
        )

    def to_positions(self, item_ids: list[str], n: int) -> Int32:
        """Return item positions, int32 [n], -1 behind the last."""
        out = np.full(n, -1, dtype=np.int32)
        rows = [self.table.rows[item_id] for item_id in item_ids[:n]]
        out[: len(rows)] = self.positions[rows]
        return out


def ranked_positions(split: Split) -> NDArray[np.int32]:
    """Return the positions of the items that occur in a split, sorted, int32."""
    parts = [split.train.items, split.known.items, *(case.targets for case in split.cases)]
    found: NDArray[np.int32] = np.unique(np.concatenate(parts)).astype(np.int32)
    return found
