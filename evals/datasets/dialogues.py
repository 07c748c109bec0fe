"""Recommendation turns of dialogues, in the two shapes that He et al. published.

He et al. (2023), Large Language Models as Zero-Shot Conversational Recommenders, https://arxiv.org/abs/2308.10053. A folder holds
JSON lines of turns with ``context``, ``entity`` and ``rec``; the catalog in ``entity2id.json`` and ``item_ids.json``; and facts of
films by name in ``id2info.json`` (OpenDialKG) or ``dbpedia_id2info.json`` (ReDial).
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from evals.datasets.rows import bad, lines
from palate.domain import Item
from palate.errors import InvalidInput, Unavailable

__all__ = ["Dialogues", "Turn", "is_dialogues", "load_dialogues"]

_PARTS = {"id2info.json": ("train.jsonl", "valid.jsonl"), "dbpedia_id2info.json": ("valid_data_processed.jsonl", "test.jsonl")}
_TERMS = {"opendialkg": "CC BY-NC 4.0 (no commercial use), https://github.com/facebookresearch/opendialkg"}
_RESOURCE = re.compile(r"^<http://dbpedia\.org/resource/(.+)>$")
_YEAR = re.compile(r"\s*\((\d{4})\)\s*$")
_KIND = re.compile(r"\s*\((?:(\d{4})[_ ])?(?:[A-Za-z_ ]*)(?:film|series|miniseries|franchise|TV)[A-Za-z_ ]*\)$")
_ACTORS = 8


@dataclass(frozen=True)
class Turn:
    """One turn in which something was recommended.

    ``context`` is what was said before, oldest first; ``mentions`` are the names linked in it, in order, each once; ``mentioned``
    are those that are items; ``targets`` are the items recommended, less those mentioned already.
    """

    dialogue: str
    number: int
    context: tuple[str, ...]
    mentions: tuple[str, ...]
    mentioned: tuple[str, ...]
    targets: tuple[str, ...]


@dataclass(frozen=True)
class Dialogues:
    """A catalog and recommendation turns: ``train`` to learn and tune from, ``held`` to measure on once."""

    name: str
    items: tuple[Item, ...]
    train: tuple[Turn, ...]
    held: tuple[Turn, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)


def load_dialogues(name_or_path: str | Path, root: Path | None = None) -> Dialogues:
    """Return the dialogues of a folder, given by path or by its name under ``root`` (``PALATE_DATASETS``).

    Turns without a target that is new to the dialogue are left out, as are names that are no items, and training turns of
    dialogues that also have held ones.

    Raises:
        Unavailable: A name was given and ``root`` is unset.
        InvalidInput: There is no such folder, or it holds no dialogues.
        BadExport: A file cannot be read; the message names file and line.

    """
    folder = _folder(name_or_path, root)
    if not folder.is_dir():
        if root is None:
            raise Unavailable(
                f"The dialogues {str(name_or_path)!a} are looked for under PALATE_DATASETS, which is unset.",
                remedy="Set it, or give the path of a folder.",
                param="dataset",
            )
        raise InvalidInput(f"There is no folder {str(name_or_path)!a}.", remedy="Give a folder of dialogues.", param="dataset")
    for info, parts in _PARTS.items():
        if (folder / info).is_file() and all((folder / part).is_file() for part in parts):
            return _load(folder, info, parts)
    expected = "; ".join(", ".join((*parts, info)) for info, parts in _PARTS.items())
    raise InvalidInput(f"{str(folder)!a} holds no dialogues.", remedy=f"Expected in it: {expected}.", param="dataset")


def is_dialogues(name_or_path: str | Path, root: Path | None = None) -> bool:
    """Return whether a folder, given as for :func:`load_dialogues`, holds dialogues."""
    folder = _folder(name_or_path, root)
    return any((folder / info).is_file() for info in _PARTS)


def _folder(name_or_path: str | Path, root: Path | None) -> Path:
    folder = Path(name_or_path).expanduser()
    return root / str(name_or_path) if not folder.is_dir() and root is not None else folder


def _load(folder: Path, info: str, parts: tuple[str, str]) -> Dialogues:
    entities, item_ids = _json(folder / "entity2id.json"), _json(folder / "item_ids.json")
    names = {int(number): name for name, number in entities.items()}
    facts = {_key(about["name"]): about for about in _json(folder / info).values()}
    items = {f"film-{number}": _item(f"film-{number}", names[number], facts) for number in sorted(set(item_ids)) if number in names}
    by_name: dict[str, str] = {}
    for item_id, item in items.items():
        by_name.setdefault(_key(item.title), item_id)
        if item.year:
            by_name[_key(f"{item.title} ({item.year})")] = item_id
    by_number = {number: f"film-{number}" for number in names}

    def read(path: Path) -> tuple[Turn, ...]:
        found = []
        for number, row in _rows(path):
            try:
                turn = _turn(row, items, by_name, by_number, names)
            except (KeyError, TypeError, ValueError) as error:
                raise bad(path, number, f"The turn lacks or has an odd {error}.", "Expected context, entity and rec.") from error
            if turn.targets:
                found.append(turn)
        return tuple(found)

    everything, held = (read(folder / part) for part in parts)
    # A later turn of the same dialogue quotes what an earlier one was to guess.
    kept_out = {turn.dialogue for turn in held}
    train = tuple(turn for turn in everything if turn.dialogue not in kept_out)
    shared = len(everything) - len(train)
    counts = {"items": len(items), "train_turns": len(train), "held_turns": len(held), "left_out_turns": shared}
    name = folder.resolve().name
    said = {**counts, "format": "he2023"} | ({"terms": _TERMS[name]} if name in _TERMS else {})
    return Dialogues(name, tuple(items.values()), train, held, said)


def _turn(
    row: Mapping[str, Any],
    items: Mapping[str, Item],
    by_name: Mapping[str, str],
    by_number: Mapping[int, str],
    names: Mapping[int, str],
) -> Turn:
    # Where both are there, "entity" also holds what the answer will name.
    said: Sequence[Any] = row.get("prev_entity", row["entity"])

    def item_of(one: Any) -> str | None:
        found = by_number.get(one) if isinstance(one, int) else by_name.get(_key(str(one)))
        return found if found in items else None

    def name_of(one: Any) -> str:
        return _title(names[one])[0] if isinstance(one, int) and one in names else str(one)

    mentioned = _once(item for one in said if (item := item_of(one)) is not None)
    targets = _once(item for one in row["rec"] if (item := item_of(one)) is not None)
    return Turn(
        dialogue=str(row["dialog_id"]),
        number=int(row["turn_id"]),
        context=tuple(text for text in map(str, row["context"]) if text.strip()),
        mentions=_once(map(name_of, said)),
        mentioned=mentioned,
        targets=tuple(item for item in targets if item not in mentioned),
    )


def _item(item_id: str, name: str, facts: Mapping[str, Mapping[str, Any]]) -> Item:
    title, year = _title(name)
    about = facts.get(_key(f"{title} ({year})")) or facts.get(_key(title)) or {}
    title, said = _title(about.get("name", title))
    written = str(about.get("year", ""))
    year = year or said or (int(written) if written.isdecimal() and len(written) == 4 else None)
    actors = _once([*about.get("star", ()), *about.get("actor", ())])[:_ACTORS]
    creators = _once([*about.get("director", ()), *about.get("writer", ()), *actors])
    return Item(
        item_id=item_id,
        type="movie",
        title=title[:500] or name[:500],
        year=year,
        genres=_once(about.get("genre", ())),
        creators=creators,
        description=str(about.get("plot", "")),
        origin="dialogues",
    )


def _title(name: str) -> tuple[str, int | None]:
    """Return a title and its year from a plain name, "Name (1984)", or a DBpedia resource."""
    year = None
    if resource := _RESOURCE.match(name):
        name = unquote(resource[1]).replace("_", " ")
        if kind := _KIND.search(name):
            year, name = int(kind[1]) if kind[1] else None, name[: kind.start()]
    if found := _YEAR.search(name):
        year, name = int(found[1]), name[: found.start()]
    return name.strip(), year


def _key(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _once(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise InvalidInput(f"{str(path)!a} is missing.", remedy="Give the whole folder.", param="dataset") from error
    except ValueError as error:
        raise bad(path, 1, "It is no JSON.", "Get the file again.") from error


def _rows(path: Path) -> Iterable[tuple[int, Mapping[str, Any]]]:
    for number, text in lines(path):
        try:
            row = json.loads(text)
        except ValueError as error:
            raise bad(path, number, "The line is no JSON.", "Expected an object a line.") from error
        if not isinstance(row, dict):
            raise bad(path, number, "The line is no object.", "Expected an object a line.")
        yield number, row
