"""What every candidate source must keep to."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from palate.domain import ITEM_TYPES, Interaction, Item, Profile, ProfileEntry, Query

__all__ = ["CandidateSourceContract", "ListedInteractions", "SampleTable", "sample_interactions", "sample_items", "sample_profile"]

_GENRES = ("Comedy", "Drama", "Horror", "Sci-Fi")
_STYLES = ("Ambient", "Jazz")


class ListedInteractions:
    """Interactions from a list, as the history store would yield them."""

    def __init__(self, events: Sequence[Interaction] = ()) -> None:
        self._events = tuple(events)

    def interactions(self) -> Iterator[Interaction]:
        """Yield them in order."""
        return iter(self._events)


class SampleTable:
    """A catalog as columns, with the attributes of ``retrieval.base.ItemTable`` (which this package may not import)."""

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = tuple(sorted(items, key=lambda item: item.item_id))
        self.ids = tuple(item.item_id for item in self.items)
        self.rows = {item_id: row for row, item_id in enumerate(self.ids)}
        self.types = np.array([ITEM_TYPES.index(item.type) for item in self.items], dtype=np.int8)
        self.years = np.array([item.year or 0 for item in self.items], dtype=np.int16)
        self.genre_names = tuple(sorted({genre for item in self.items for genre in item.genres}))
        carried = [[genre in item.genres for genre in self.genre_names] for item in self.items]
        self.genres = np.array(carried, dtype=np.bool_).reshape(len(self.items), len(self.genre_names))
        creators = sorted({creator for item in self.items for creator in item.creators})
        self.by_creator = {name: [row for row, item in enumerate(self.items) if name in item.creators] for name in creators}

    def __len__(self) -> int:
        return len(self.items)


def sample_items() -> list[Item]:
    """Return thirty films of four genres and six tracks of two styles."""
    films = [
        Item(
            item_id=f"film-{i:02d}",
            type="movie",
            title=f"The {_GENRES[i % 4]} of {i}",
            year=1960 + i,
            genres=tuple(dict.fromkeys((_GENRES[i % 4], _GENRES[(i // 4) % 4]))),
            creators=(f"Director {i % 7}",),
        )
        for i in range(30)
    ]
    tracks = [
        Item(item_id=f"track-{i}", type="track", title=f"{_STYLES[i % 2]} piece {i}", genres=(_STYLES[i % 2],), creators=("Band",))
        for i in range(6)
    ]
    return films + tracks


def sample_interactions(seed: int = 0) -> ListedInteractions:
    """Return forty people who each liked films that are mostly of one genre; popularity falls with the film's number."""
    rng = np.random.default_rng(seed)
    events = []
    for person in range(40):
        chance = 0.8 / (1 + np.arange(30) / 10)
        chance[np.arange(30) % 4 != person % 4] *= 0.3
        liked = np.flatnonzero(rng.random(30) < chance)
        events += [Interaction(f"p{person:02d}", f"film-{i:02d}", "like", None, 1e9 + int(i)) for i in liked]
    return ListedInteractions(events)


def sample_profile(*item_ids: str, platform: str = "netflix", weight: float = 1.0) -> Profile:
    """Return a profile that liked these items, the first one last."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    entries = tuple(
        ProfileEntry(item_id=i, platform=platform, verb="like", at=start - timedelta(days=age), weight=weight)
        for age, i in enumerate(item_ids)
    )
    return Profile(person_id="someone", entries=entries, seen=frozenset(item_ids))


class CandidateSourceContract:
    """Inherit, and override ``source`` with a fixture that returns an unfitted source.

    Override ``table`` where the source needs the items in its index, and the profile and query if these give it nothing to say.
    """

    @pytest.fixture
    def source(self) -> Any:
        raise NotImplementedError

    @pytest.fixture
    def table(self) -> Any:
        return SampleTable(sample_items())

    @pytest.fixture
    def interactions(self) -> Any:
        return sample_interactions()

    @pytest.fixture
    def profile(self) -> Profile:
        return sample_profile("film-00", "film-04", "film-08", "track-0")

    @pytest.fixture
    def query(self) -> Query:
        return Query()

    @pytest.fixture
    def fitted(self, source: Any, table: Any, interactions: Any) -> Any:
        source.fit(table, interactions)
        return source

    @pytest.fixture
    def allowed(self, table: Any, profile: Profile) -> NDArray[np.bool_]:
        return np.array([item_id not in profile.seen for item_id in table.ids], dtype=np.bool_)

    def test_has_a_name(self, source: Any) -> None:
        assert isinstance(source.name, str)
        assert source.name == source.name.lower() != ""

    def test_offers_something(self, fitted: Any, profile: Profile, query: Query, allowed: Any) -> None:
        assert fitted.candidates(profile, query, 10, allowed)

    def test_best_first_ties_by_id_and_never_twice(self, fitted: Any, profile: Profile, query: Query, allowed: Any) -> None:
        offered = fitted.candidates(profile, query, 30, allowed)
        assert [(-s.score, s.item_id) for s in offered] == sorted((-s.score, s.item_id) for s in offered)
        assert len({s.item_id for s in offered}) == len(offered)
        assert all(np.isfinite(s.score) for s in offered)

    @pytest.mark.parametrize("n", [0, 1, 5, 1000])
    def test_no_more_than_n(self, fitted: Any, profile: Profile, query: Query, allowed: Any, n: int) -> None:
        assert len(fitted.candidates(profile, query, n, allowed)) <= n

    def test_offers_only_what_is_allowed(self, fitted: Any, table: Any, profile: Profile, query: Query, allowed: Any) -> None:
        first = fitted.candidates(profile, query, 1, allowed)[0].item_id
        without = allowed.copy()
        without[table.rows[first]] = False
        ids = {s.item_id for s in fitted.candidates(profile, query, 1000, without)}
        assert first not in ids
        assert ids <= {table.ids[row] for row in np.flatnonzero(without)}
        assert fitted.candidates(profile, query, 10, np.zeros_like(allowed)) == []

    def test_changes_nothing_it_was_given(self, fitted: Any, profile: Profile, query: Query, allowed: Any) -> None:
        before = allowed.copy()
        fitted.candidates(profile, query, 10, allowed)
        assert (before == allowed).all()

    def test_same_question_same_answer(self, fitted: Any, table: Any, interactions: Any, profile: Profile, *, query: Query) -> None:
        every = np.ones(len(table), dtype=np.bool_)
        first = fitted.candidates(profile, query, 20, every)
        assert fitted.candidates(profile, query, 20, every) == first
        fitted.fit(table, interactions)
        assert fitted.candidates(profile, query, 20, every) == first

    def test_empty_profile_and_unknown_items_are_no_error(self, fitted: Any, query: Query, allowed: Any) -> None:
        nobody = Profile(person_id="nobody")
        stranger = sample_profile("not-in-the-catalog")
        odd = query.model_copy(update={"like_item_ids": ("not-in-the-catalog",), "genres": ("No Such Genre",)})
        for profile in (nobody, stranger):
            for asked in (query, odd):
                fitted.candidates(profile, asked, 10, allowed)
                assert isinstance(fitted.explain(profile, asked, ["not-in-the-catalog"]), dict)

    def test_evidence_is_of_what_was_asked(self, fitted: Any, table: Any, profile: Profile, query: Query, allowed: Any) -> None:
        ids = [s.item_id for s in fitted.candidates(profile, query, 10, allowed)]
        found = fitted.explain(profile, query, ids)
        assert found.keys() <= set(ids)
        held = {(entry.item_id, entry.platform) for entry in profile.entries}
        for evidence in (e for many in found.values() for e in many):
            type(evidence).model_validate(evidence.model_dump())
            assert evidence.source == fitted.name
            assert evidence.item_id is None or evidence.item_id in table.rows
            if evidence.platform is not None:
                assert (evidence.item_id, evidence.platform) in held

    def test_a_fitted_copy_leaves_the_first_alone(
        self, fitted: Any, table: Any, profile: Profile, query: Query, allowed: Any
    ) -> None:
        first = fitted.candidates(profile, query, 20, allowed)
        copy.copy(fitted).fit(table, ListedInteractions())
        assert fitted.candidates(profile, query, 20, allowed) == first

    def test_describes_itself(self, fitted: Any) -> None:
        assert fitted.describe()["name"] == fitted.name
