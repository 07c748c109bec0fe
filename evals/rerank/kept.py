"""Cases with the candidates that retrieval found, kept as they come: a measurement that was stopped fits nothing twice."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

from evals.base import Dataset
from evals.cache import code_hash, items_hash
from evals.rerank.cases import Arena, RankCase
from palate.domain import Candidate, Item, Profile, Request, SourceHit

__all__ = ["KeptCases"]

Cases = dict[Arena, list[RankCase]]


class KeptCases:
    """Files ``cases-<hash>.json.gz`` in a folder, one for each fit. A file that cannot be read counts as not there.

    Args:
        folder: Where they are kept; ``None`` keeps nothing.
        dataset: What the cases are of.

    """

    def __init__(self, folder: Path | None, dataset: Dataset) -> None:
        self._folder, self._dataset, self._data = folder, dataset, ""

    def get(self, make: Callable[[], Cases], *parts: str) -> Cases:
        """Return what was made under the same ``parts`` of a key, of the same data by the same code; else make and keep it."""
        if self._folder is None:
            return make()
        self._data = self._data or _data_hash(self._dataset)
        digest = hashlib.sha256("\x1e".join([self._data, code_hash(), *parts]).encode()).hexdigest()[:32]
        path = self._folder / f"cases-{digest}.json.gz"
        if path.exists():
            try:
                return _read(path, {item.item_id: item for item in self._dataset.items})
            except (OSError, EOFError, ValueError, KeyError, TypeError):
                pass  # torn, or of another hand: made anew
        found = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        with gzip.open(part, "wt", compresslevel=3, encoding="utf-8") as file:
            json.dump({arena: [_said(case) for case in cases] for arena, cases in found.items()}, file)
        part.replace(path)
        return found


def _data_hash(dataset: Dataset) -> str:
    events = dataset.interactions
    digest = hashlib.sha256(f"{dataset.name} {items_hash(dataset)} {' '.join(dataset.user_ids)}".encode())
    for column in (events.users, events.items, events.values, events.at):
        digest.update(column.tobytes())
    return digest.hexdigest()


def _said(case: RankCase) -> dict[str, Any]:
    return {
        "case_id": case.case_id,
        "cluster": case.cluster,
        "request": case.request.model_dump(mode="json"),
        "profile": case.profile.model_dump(mode="json"),
        "history": list(case.history_items),
        "candidates": [[c.item.item_id, c.score, [[h.source, h.rank, h.score] for h in c.hits]] for c in case.candidates],
        "targets": sorted(case.targets),
        "group": dict(case.group),
        "orders": dict(case.orders),
    }


def _read(path: Path, items: Mapping[str, Item]) -> Cases:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        kept = json.load(file)
    return {arena: [_case(said, items) for said in kept[arena]] for arena in get_args(Arena) if arena in kept}


def _case(said: Mapping[str, Any], items: Mapping[str, Item]) -> RankCase:
    return RankCase(
        case_id=said["case_id"],
        cluster=said["cluster"],
        request=Request.model_validate_json(json.dumps(said["request"])),
        profile=Profile.model_validate_json(json.dumps(said["profile"])),
        history_items={item_id: items[item_id] for item_id in said["history"]},
        candidates=tuple(
            Candidate(
                item=items[item_id],
                score=score,
                hits=tuple(SourceHit(source=source, rank=rank, score=of_source) for source, rank, of_source in hits),
            )
            for item_id, score, hits in said["candidates"]
        ),
        targets=frozenset(said["targets"]),
        group=said["group"],
        orders={name: tuple(places) for name, places in said["orders"].items()},
    )
