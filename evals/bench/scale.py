"""Times ranking one user against ever more items, with the live retriever on a synthetic catalog."""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from evals.stages import peak_mb, reset_peak, resident_mb
from palate.domain import Interaction, Item, Profile, ProfileEntry, Request, Value
from palate.settings import Settings
from retrieval.base import CandidateSource, ItemTable
from retrieval.retriever import Retriever, RetrieverConfig

__all__ = ["GOAL_ITEMS", "GOAL_MS", "ScaleBenchConfig", "bench_scale", "plot_scale"]

Tell = Callable[[str], None]
GOAL_MS, GOAL_ITEMS = 20.0, 100_000
_GENRES = tuple(f"genre-{n}" for n in range(24))
_START = datetime(2024, 1, 1, tzinfo=UTC)
_SPACE, _DIM, _BATCH = "text-en", 384, 5000


class ScaleBenchConfig(Value):
    """``sizes`` of the catalog; ``people`` with ``events`` each to fit on; ``requests`` are timed, each of somebody else with a
    history of ``history`` events. Up to ``content_items``, vectors are put into a real Chroma index; beyond, putting them takes
    longer than all else, and ``content`` is left out and named.
    """

    sizes: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    people: int = Field(default=5000, ge=1)
    events: int = Field(default=40, ge=1)
    history: int = Field(default=50, ge=1)
    requests: int = Field(default=100, ge=5)
    content_items: int = Field(default=100_000, ge=0)
    sources: tuple[str, ...] = Field(default_factory=lambda: Settings.model_fields["sources"].default)
    seed: int = 0


@dataclass(frozen=True)
class _Events:
    """Synthetic interactions: popularity falls with the rank as in Zipf's law."""

    ids: Sequence[str]
    people: int
    events: int
    seed: int

    def interactions(self) -> Iterator[Interaction]:
        rng = np.random.default_rng(self.seed)
        start = _START.timestamp()
        for person in range(self.people):
            for step, row in enumerate(zipf_rows(len(self.ids), self.events, rng)):
                yield Interaction(f"p{person}", self.ids[row], "complete", None, start + 86_400.0 * step)


@dataclass(frozen=True)
class _Catalog:
    rows: ItemTable
    revision: int = 0

    def table(self) -> ItemTable:
        return self.rows


def bench_scale(config: ScaleBenchConfig | None = None, tell: Tell = lambda _: None) -> dict[str, Any]:
    """Return a row a size: percentiles of ranking and of a whole retrieval, which finds evidence too, and medians of its
    stages, in milliseconds, and memory in MiB.
    """
    config = config or ScaleBenchConfig()
    rows = []
    for size in config.sizes:
        tell(f"{size} items")
        with tempfile.TemporaryDirectory(prefix="palate-bench-") as temporary:
            rows.append(_measure(size, config, Path(temporary), tell))
        gc.collect()
    return {"config": config.model_dump(), "goal_ms": GOAL_MS, "goal_items": GOAL_ITEMS, "rows": rows}


def _measure(size: int, config: ScaleBenchConfig, folder: Path, tell: Tell) -> dict[str, Any]:
    gc.collect()
    before = resident_mb()
    reset_peak()
    table = ItemTable(synthetic_items(size, config.seed))
    items_mb = round(resident_mb() - before, 1)
    with_content = size <= config.content_items
    sources = _sources(config, table, folder if with_content else None, tell)
    retriever = Retriever(_Catalog(table), sources, RetrieverConfig())
    tell(f"{size} items: fit")
    start = time.perf_counter()
    retriever.fit(_Events(table.ids, config.people, config.events, config.seed))
    fit_seconds = time.perf_counter() - start
    gc.collect()
    resident = resident_mb()
    rng = np.random.default_rng(config.seed + 1)
    profiles = [_profile(table, n, config.history, rng) for n in range(config.requests + 5)]
    times: list[float] = []
    ranked: list[float] = []
    stages: dict[str, list[float]] = {}
    for profile in profiles:
        began = time.perf_counter()
        found = retriever.retrieve(Request(person_id=profile.person_id), profile)
        times.append(1000 * (time.perf_counter() - began))
        ranked.append(times[-1] - sum(spent for name, spent in found.timings.items() if name.endswith(".evidence")))
        for name, spent in found.timings.items():
            stages.setdefault(name, []).append(spent)
    times, ranked = times[5:], ranked[5:]
    return {
        "items": size,
        "sources": [source.name for source in sources],
        "left_out": [] if with_content else ["content"],
        "rank_p50": round(float(np.percentile(ranked, 50)), 2),
        "rank_p95": round(float(np.percentile(ranked, 95)), 2),
        "p50": round(float(np.percentile(times, 50)), 2),
        "p95": round(float(np.percentile(times, 95)), 2),
        "stages_ms": {name: round(float(np.median(spent)), 3) for name, spent in sorted(stages.items()) if name != "total"},
        "fit_seconds": round(fit_seconds, 1),
        "items_mb": items_mb,
        "resident_mb": round(resident - before, 1),
        "peak_mb": peak_mb(),
    }


def _sources(config: ScaleBenchConfig, table: ItemTable, folder: Path | None, tell: Tell) -> list[CandidateSource]:
    from evals.models.registry import source_classes
    from retrieval.sources import ContentSource

    kinds = source_classes()
    made: list[CandidateSource] = []
    for name in config.sources:
        if name == "content":
            if folder is not None:
                made.append(ContentSource(_index(table, folder, config.seed, tell), {}))
        elif name in kinds:
            made.append(kinds[name]())
    return made


def _index(table: ItemTable, folder: Path, seed: int, tell: Tell) -> Any:
    from retrieval.index import ChromaIndex

    index = ChromaIndex(folder / "index")
    index.open_space(_SPACE, version="synthetic", dim=_DIM)
    rng = np.random.default_rng(seed + 2)
    for start in range(0, len(table), _BATCH):
        tell(f"{len(table)} items: vectors from {start}")
        ids = table.ids[start : start + _BATCH]
        vectors = rng.standard_normal((len(ids), _DIM), dtype=np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        index.upsert(_SPACE, ids, vectors, ["movie"] * len(ids))
    return index


def synthetic_items(size: int, seed: int) -> list[Item]:
    """Return ``size`` films with two genres and a year each."""
    rng = np.random.default_rng(seed)
    genres = rng.integers(0, len(_GENRES), size=(size, 2)).tolist()
    years = rng.integers(1950, 2025, size=size).tolist()
    template = Item(item_id="i", type="movie", title="Film")
    return [
        template.model_copy(
            update={
                "item_id": f"i{n:07d}",
                "title": f"Film {n}",
                "year": years[n],
                "genres": tuple(dict.fromkeys(_GENRES[g] for g in genres[n])),
            }
        )
        for n in range(size)
    ]


def zipf_rows(size: int, n: int, rng: np.random.Generator) -> list[int]:
    """Return up to ``n`` different rows of ``size``, drawn log-uniformly: the chance of a row falls as 1 / (row + 1)."""
    drawn = np.floor(np.exp(rng.random(n) * np.log(size + 1))).astype(np.int64) - 1
    return list(dict.fromkeys(np.clip(drawn, 0, size - 1).tolist()))


def _profile(table: ItemTable, number: int, history: int, rng: np.random.Generator) -> Profile:
    rows = zipf_rows(len(table), history, rng)
    entries = tuple(
        ProfileEntry(
            item_id=table.ids[row],
            platform="synthetic",
            verb="complete",
            at=_START + timedelta(days=400 - step),
            weight=1.0,
        )
        for step, row in enumerate(rows)
    )
    return Profile(person_id=f"new-{number}", entries=entries, seen=frozenset(entry.item_id for entry in entries))


def plot_scale(report: dict[str, Any], path: Path) -> None:
    """Draw time and memory over the number of items, all axes by their logarithm; memory is linear below 1 MiB, as what a
    process holds may also shrink while little is added.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    rows = report["rows"]
    sizes = [row["items"] for row in rows]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(13, 4.5), layout="constrained")
    # Sizes at which sources were left out are no continuation of the others: they get marks of their own.
    for partly, marks, said in ((False, ("o-", "o:"), ""), (True, ("s", "D"), ", no content")):
        chosen = [row for row in rows if bool(row["left_out"]) is partly]
        for (key, what), mark in zip((("rank_p50", "ranking"), ("p50", "with evidence")), marks, strict=True):
            if chosen:
                values = [row[key] for row in chosen]
                label = f"{what}{said}, p50"
                left.plot([row["items"] for row in chosen], values, mark, color="#1d2430", label=label, fillstyle="none")
    for name in sorted({name for row in rows for name in row["stages_ms"]}):
        points = [(row["items"], max(row["stages_ms"][name], 1e-3)) for row in rows if name in row["stages_ms"]]
        line = "o--" if name.endswith(".evidence") else "o-"
        left.plot(*zip(*points, strict=True), line, linewidth=1, markersize=3, label=name)
    left.plot([report["goal_items"]], [report["goal_ms"]], "r_", markersize=16, label=f"goal {report['goal_ms']:.0f} ms")
    left.set_ylabel("ms a request")
    left.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    right.plot(sizes, [row["resident_mb"] for row in rows], "o-", label="items and sources")
    right.plot(sizes, [row["items_mb"] for row in rows], "o-", label="items alone")
    right.set_ylabel("MiB resident")
    right.legend(fontsize=7)
    for axis in (left, right):
        axis.set_xscale("log")
        axis.set_xlabel("items")
    left.set_yscale("log")
    right.set_yscale("symlog", linthresh=1.0)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
