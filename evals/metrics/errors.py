"""Errors that no ranker may make, counted on whatever it returned.

As RecLM-eval counts them for language models that write lists (https://github.com/microsoft/RecAI/tree/main/RecLM-eval): items
that do not exist, items given twice, items copied from the history.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Sequence

from palate.domain import Value
from palate.errors import InvalidInput

__all__ = ["ListErrors", "count_errors"]


class ListErrors(Value):
    """Counts over all places that were filled.

    Attributes:
        lists: Lists looked at.
        places: Places filled.
        out_of_catalog: Places with something that is not in the catalog.
        duplicate: Places with what the same list has before.
        copied: Places with an item of the case's own history; of one given twice, each place.
        flawed_lists: Lists with any of the three.

    """

    lists: int
    places: int
    out_of_catalog: int
    duplicate: int
    copied: int
    flawed_lists: int

    def rates(self) -> dict[str, float]:
        """Return the three counts over ``places``, and ``flawed_lists`` over ``lists``; 0 where there is none."""
        places, lists = max(self.places, 1), max(self.lists, 1)
        return {
            "out_of_catalog": self.out_of_catalog / places,
            "duplicate": self.duplicate / places,
            "copied": self.copied / places,
            "flawed_lists": self.flawed_lists / lists,
        }


def count_errors(
    ranked: Sequence[Iterable[Hashable]], catalog: Collection[Hashable], histories: Sequence[Iterable[Hashable]]
) -> ListErrors:
    """Count errors in lists of ids or positions (``ranked.tolist()``); ``-1`` and ``None`` are empty places.

    Raises:
        InvalidInput: There are not as many histories as lists.

    """
    if len(ranked) != len(histories):
        raise InvalidInput(
            f"{len(histories)} histories do not fit {len(ranked)} lists.", remedy="Give one for each.", param="histories"
        )
    known = catalog if isinstance(catalog, set | frozenset | range | dict) else frozenset(catalog)
    places = outside = twice = copied = flawed = 0
    for listed, history in zip(ranked, histories, strict=True):
        filled = [item for item in listed if item is not None and item != -1]
        had = frozenset(history)
        wrong = (sum(i not in known for i in filled), len(filled) - len(set(filled)), sum(i in had for i in filled))
        places, outside, twice, copied = places + len(filled), outside + wrong[0], twice + wrong[1], copied + wrong[2]
        flawed += any(wrong)
    return ListErrors(lists=len(ranked), places=places, out_of_catalog=outside, duplicate=twice, copied=copied, flawed_lists=flawed)
