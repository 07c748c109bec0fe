"""Finds the catalog item that a title means: the title of an export's row, or one mentioned in a sentence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from rapidfuzz import fuzz, process

from adapters.mentions import Mention, MentionFinder
from adapters.titles import normalise_title, split_year, title_keys
from palate.domain import Item, ItemType

__all__ = ["Match", "Matcher", "Mention", "TitleMatcher", "find_item"]

_FUZZY_MIN_CHARS = 8
_FUZZY_SCORE = 92.0
_FUZZY_MARGIN = 3.0
_CREATOR_SCORE = 88.0
_CACHE_SIZE = 50_000


@dataclass(frozen=True, slots=True)
class Match:
    """The item that a title means, how sure that is (0 to 1), and how it was found."""

    item_id: str
    score: float
    how: Literal["id", "exact", "alternative", "fuzzy"]


class Matcher(Protocol):
    """What turns titles into items; :class:`TitleMatcher` is the one that ships."""

    def match(
        self,
        title: str,
        *,
        type: ItemType,  # noqa: A002 - the field's own word
        creators: Sequence[str] = (),
        year: int | None = None,
        fuzzy: bool = True,
    ) -> Match | None:
        """Return the item of ``type`` that ``title`` means, or ``None``."""
        ...


class TitleMatcher:
    """Matches titles against a catalog; immutable, safe from several threads.

    A title is compared in normal form (case, accents, punctuation, articles, ``Alien, The``, ``(1979)``, II and 2). What is equal
    to a title or an alternative title wins; else the nearest spelling, if it is near enough, clearly nearer than the next, long
    enough, and holds the same numbers. Types never mix; creators, where both sides name some, must agree; a year may be off by one.
    Where two different items fit equally, none is returned.

    Args:
        items: The catalog.

    """

    def __init__(self, items: Iterable[Item]) -> None:
        self._items = {item.item_id: item for item in items}
        self._exact: dict[ItemType, dict[str, dict[str, None]]] = defaultdict(lambda: defaultdict(dict))
        self._alternative: dict[ItemType, dict[str, dict[str, None]]] = defaultdict(lambda: defaultdict(dict))
        for item_id, item in sorted(self._items.items()):
            self._exact[item.type][normalise_title(item.title)][item_id] = None
            for key in (key for title in (item.title, *item.alt_titles) for key in title_keys(title)):
                self._alternative[item.type][key][item_id] = None
        self._keys = {type_: list(keys) for type_, keys in self._alternative.items()}
        self._creators = {item_id: _creator_names(item.creators) for item_id, item in self._items.items()}
        self._cache: dict[tuple[object, ...], Match | None] = {}
        self._finder = MentionFinder(self._items.values())

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._items

    def __len__(self) -> int:
        return len(self._items)

    def match(
        self,
        title: str,
        *,
        type: ItemType,  # noqa: A002 - the field's own word
        creators: Sequence[str] = (),
        year: int | None = None,
        fuzzy: bool = True,
    ) -> Match | None:
        """Return the item of ``type`` that ``title`` means, or ``None``.

        Args:
            title: The title as written; an item id is taken as that item.
            type: The only type that is looked at.
            creators: Artists or directors; a track by somebody else is another track.
            year: Year of release; one written at the end of ``title`` in brackets counts too.
            fuzzy: Whether a near spelling will do.

        """
        key = (title, type, tuple(creators), year, fuzzy)
        if key not in self._cache:
            if len(self._cache) >= _CACHE_SIZE:
                self._cache = {}
            found = self._match(title, type, _creator_names(creators), year if year is not None else split_year(title)[1], fuzzy)
            self._cache[key] = found
            return found
        return self._cache[key]

    def mentions(self, text: str, types: Sequence[str] = ()) -> list[Mention]:
        """Return the titles that occur in a free text as whole words, in order of place, longest first, not overlapping.

        A title of one ordinary word ("Heat", "It", "Up") needs a cue: see :class:`adapters.mentions.MentionFinder`.
        ``types`` limits the types; empty means all.
        """
        return self._finder.find(text, types)

    def _match(self, title: str, type_: ItemType, creators: frozenset[str], year: int | None, fuzzy: bool) -> Match | None:
        named = self._items.get(title)
        if named is not None and named.type == type_:
            return Match(title, 1.0, "id")
        keys = title_keys(title) or (normalise_title(title),)
        # The whole title first, then, for the one asked for, the forms without brackets.
        for key in keys:
            for how, table, score in (("exact", self._exact, 1.0), ("alternative", self._alternative, 0.98)):
                fitting = self._fitting(table[type_].get(key, {}) if type_ in table else {}, creators, year)
                if fitting:
                    only = self._only(fitting, creators, year)
                    return None if only is None else Match(only, score, "exact" if how == "exact" else "alternative")
        return self._nearest(keys[0], type_, creators, year) if fuzzy else None

    def _nearest(self, key: str, type_: ItemType, creators: frozenset[str], year: int | None) -> Match | None:
        if len(key) < _FUZZY_MIN_CHARS:
            return None
        near = process.extract(
            key, self._keys.get(type_, []), scorer=fuzz.ratio, score_cutoff=_FUZZY_SCORE - _FUZZY_MARGIN, limit=8
        )
        best: dict[str, float] = {}
        for other, score, _ in near:
            if _numbers(other) == _numbers(key):
                for item_id in self._fitting(self._alternative[type_][other], creators, year):
                    best[item_id] = max(best.get(item_id, 0.0), score)
        if not best:
            return None
        top = max(best.values())
        if top < _FUZZY_SCORE:
            return None
        only = self._only([item_id for item_id, score in best.items() if score > top - _FUZZY_MARGIN], creators, year)
        return None if only is None else Match(only, round(top / 100, 4), "fuzzy")

    def _fitting(self, item_ids: Iterable[str], creators: frozenset[str], year: int | None) -> list[str]:
        """Return those items whose creators and year do not speak against them."""
        fitting = []
        for item_id in item_ids:
            known = self._items[item_id].year
            if year is not None and known is not None and abs(year - known) > 1:
                continue
            theirs = self._creators[item_id]
            if creators and theirs and not _agree(creators, theirs):
                continue
            fitting.append(item_id)
        return fitting

    def _only(self, item_ids: Sequence[str], creators: frozenset[str], year: int | None) -> str | None:
        """Return the one item that is meant; of entries for the same work the first by id, of different works none."""
        if creators:
            item_ids = [item_id for item_id in item_ids if self._creators[item_id]] or item_ids
        if year is not None:
            item_ids = [item_id for item_id in item_ids if self._items[item_id].year == year] or item_ids
        works = {
            (normalise_title(item.title), item.year, self._creators[item.item_id])
            for item in (self._items[item_id] for item_id in item_ids)
        }
        return min(item_ids) if len(works) == 1 else None


def find_item(
    matcher: Matcher,
    title: str,
    alternatives: Sequence[str],
    *,
    type: ItemType,  # noqa: A002 - the field's own word
    creators: Sequence[str],
    year: int | None,
) -> Match | None:
    """Return the item of a title, else of the first alternative reading that is exactly a title of the catalog."""
    found = matcher.match(title, type=type, creators=creators, year=year)
    for alternative in alternatives:
        if found is not None:
            break
        found = matcher.match(alternative, type=type, creators=creators, year=year, fuzzy=False)
    return found


def _creator_names(creators: Iterable[str]) -> frozenset[str]:
    return frozenset(name for name in map(normalise_title, creators) if name)


def _agree(one: frozenset[str], other: frozenset[str]) -> bool:
    """Return whether two sets of names share one: equal, near in spelling, or one holding the other ("A, B & C" and "B")."""
    if one & other:
        return True
    return any(fuzz.ratio(a, b) >= _CREATOR_SCORE or f" {a} " in f" {b} " or f" {b} " in f" {a} " for a in one for b in other)


def _numbers(key: str) -> list[str]:
    return sorted(word for word in key.split() if word.isdigit())
