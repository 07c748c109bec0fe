"""Catalogs with the histories of their people, from data sets and dialogues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.datasets import load_dataset
from evals.datasets.dialogues import load_dialogues
from evals.models.world import EventsReader
from evals.rerank.conversation import Told
from palate.domain import InteractionReader, Item
from palate.errors import InvalidInput

__all__ = ["PeopleAndItems", "load_people"]


@dataclass(frozen=True)
class PeopleAndItems:
    """A catalog, and what its people liked; ``terms`` are those that the data comes under."""

    name: str
    items: Sequence[Item]
    interactions: InteractionReader
    terms: str


def load_people(name: str, root: Path | None) -> PeopleAndItems:
    """Return a data set, or dialogues (each a person who liked what was named), by name under ``root`` or by path.

    Raises:
        Unavailable: A name was given and ``root`` is unset.
        InvalidInput: There is nothing of that name, or in no known format.
        BadExport: A file cannot be read.

    """
    try:
        dialogues = load_dialogues(name, root)
    except InvalidInput:
        dataset = load_dataset(name, root)
        terms = str(dataset.facts.get("terms") or f"those of the data set {dataset.name}")
        return PeopleAndItems(dataset.name, dataset.items, EventsReader(dataset, dataset.interactions), terms[:500])
    return PeopleAndItems(dialogues.name, dialogues.items, Told(dialogues.train), f"those of the dialogues {dialogues.name}")
