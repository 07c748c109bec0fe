from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from palate.domain import Event, Interaction, Item, Profile
from palate.testing.candidate_source import ListedInteractions, sample_items
from retrieval import ItemTable, Mask, build_profile, read_movielens_items


@pytest.fixture
def table() -> ItemTable:
    """The items of the sources' contract."""
    return ItemTable(sample_items())


@pytest.fixture
def every(table: ItemTable) -> Mask:
    """All of them allowed."""
    return np.ones(len(table), dtype=np.bool_)


@dataclass(frozen=True)
class MovieLens:
    """MovieLens-100K as installed with recbole: the films, and each person's events without their newest one."""

    items: list[Item]
    events: dict[str, list[Interaction]]

    def interactions(self) -> Iterator[Interaction]:
        for person in sorted(self.events):
            yield from self.events[person]

    def profile(self, person: str) -> Profile:
        from datetime import UTC, datetime

        events = [
            Event(
                event_id=f"{person}-{e.item_id}",
                platform="movielens",
                user_id=person,
                item_id=e.item_id,
                verb=e.verb,
                value=e.value,
                at=datetime.fromtimestamp(e.at, UTC),
            )
            for e in self.events[person]
        ]
        return build_profile(person, events)


@pytest.fixture(scope="session")
def movielens() -> MovieLens:
    spec = importlib.util.find_spec("recbole")
    if spec is None or spec.origin is None:
        pytest.skip("the package recbole, which carries MovieLens-100K, is not installed")
    folder = Path(spec.origin).parent / "dataset_example" / "ml-100k"
    items = [item for item in read_movielens_items(folder / "ml-100k.item") if isinstance(item, Item)]
    known = {item.item_id for item in items}
    events: dict[str, list[Interaction]] = {}
    for line in (folder / "ml-100k.inter").read_text().splitlines()[1:]:
        user, item, rating, at = line.split("\t")
        if f"ml-{item}" in known:
            value = (float(rating) - 1) / 4
            events.setdefault(user, []).append(Interaction(user, f"ml-{item}", "rate", value, float(at)))
    return MovieLens(items, {user: sorted(many, key=lambda e: (e.at, e.item_id))[:-1] for user, many in events.items()})


@pytest.fixture(scope="session")
def movielens_table(movielens: MovieLens) -> ItemTable:
    return ItemTable(movielens.items)


@pytest.fixture
def nothing() -> ListedInteractions:
    return ListedInteractions()
