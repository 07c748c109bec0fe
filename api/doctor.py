"""Checks every part and says what to do about each fault."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import anyio.to_thread
import httpx
from pydantic import BaseModel
from sqlalchemy import Engine, text

from agent.llm.base import LLM
from api.lazy import LazyEmbedder
from api.runtime import Palate
from api.tuned import judge_promoted
from palate.errors import PalateError
from palate.settings import Settings

__all__ = ["Check", "DoctorReport", "examine", "examine_folder"]

_EXTRAS = {"postgres": "psycopg", "kafka": "confluent_kafka", "ray": "ray"}
_PROBE_SECONDS = 1.0


class Check(BaseModel):
    """One part. A ``warning`` keeps nothing from working; a ``fault`` does, and has a remedy."""

    name: str
    status: Literal["ok", "warning", "fault"]
    message: str
    remedy: str = ""


class DoctorReport(BaseModel):
    """``ready`` when there is no fault."""

    ready: bool
    checks: list[Check]

    @classmethod
    def of(cls, checks: Sequence[Check]) -> DoctorReport:
        """Return the report over ``checks``."""
        return cls(ready=all(check.status != "fault" for check in checks), checks=list(checks))


def _tried(name: str, work: Callable[[], str]) -> Check:
    try:
        return Check(name=name, status="ok", message=work())
    except PalateError as error:
        return Check(name=name, status="fault", message=error.message, remedy=error.remedy)
    except Exception as error:  # noqa: BLE001 - a doctor reports, whatever it is
        return Check(name=name, status="fault", message=f"{type(error).__name__}: {error}", remedy="Run 'make setup' again.")


async def examine(palate: Palate) -> DoctorReport:
    """Return the state of a running recommender."""
    checks = await anyio.to_thread.run_sync(_parts_checks, palate)
    return DoctorReport.of([*checks, *await _llm_checks(palate), *await _optional_checks(palate.settings)])


async def examine_folder(settings: Settings) -> DoctorReport:
    """Return the state of a data folder that nobody owns; what cannot be opened is a fault."""
    from api.wiring import build, embedders

    try:
        palate = await anyio.to_thread.run_sync(build, settings)
    except PalateError as error:
        fault = Check(name="home", status="fault", message=error.message, remedy=error.remedy)
        weights = await anyio.to_thread.run_sync(_weights_checks, embedders(settings))
        return DoctorReport.of([fault, *weights, *await _optional_checks(settings)])
    try:
        return await examine(palate)
    finally:
        await anyio.to_thread.run_sync(palate.close)


def _parts_checks(palate: Palate) -> list[Check]:
    home = Check(name="home", status="ok", message=str(palate.settings.home))
    stores = [_tried(f"store {engine.url.database}", partial(_store, engine)) for engine in palate.parts.engines]
    return [home, *_weights_checks(palate.parts.embedders), *stores, _catalog(palate), *_index(palate)]


def _weights_checks(embedders: Sequence[LazyEmbedder]) -> list[Check]:
    return [_tried(f"weights {e.space}", partial(_weights, e)) for e in embedders]


def _weights(embedder: LazyEmbedder) -> str:
    return f"{embedder.version}, {embedder.dim} dimensions"


def _store(engine: Engine) -> str:
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            said = connection.execute(text("PRAGMA quick_check(1)")).scalar()
            if said != "ok":
                raise PalateError(f"The file is damaged: {said}.", remedy="Restore it from a backup.")
    return "sound"


def _catalog(palate: Palate) -> Check:
    items, people = len(palate.catalog), len(palate.history.persons())
    if not items:
        remedy = "Run 'palate demo --prepare-only' or 'palate catalog import FILE'."
        return Check(name="catalog", status="fault", message="There are no items.", remedy=remedy)
    return Check(name="catalog", status="ok", message=f"{items} items, {people} people")


def _index(palate: Palate) -> list[Check]:
    checks = []
    try:
        states = palate.parts.indexer.status()
    except PalateError as error:
        return [Check(name="index", status="fault", message=error.message, remedy=error.remedy)]
    for number, (space, state) in enumerate(states.items()):
        message = f"{state.done} of {state.total}"
        if state.errors:
            message += f", {len(state.errors)} unreadable, the first: {state.errors[0]}"
        complete = state.complete
        status: Any = "ok" if complete and not state.errors else "fault" if number == 0 and not complete else "warning"
        remedy = "" if complete else "Run 'palate index build', or let the server finish it."
        checks.append(Check(name=f"index {space}", status=status, message=message, remedy=remedy))
    return checks


async def _llm_checks(palate: Palate) -> list[Check]:
    if palate.llm is None:
        return [Check(name="llm", status="warning", message="No LLM is set.", remedy="Set PALATE_LLM=embedded, or vllm.")]
    tuned = [await _llm_check(f"llm {task}", llm) for task, llm in palate.parts.tuned.items()]
    return [await _llm_check("llm", palate.llm), *tuned, *await anyio.to_thread.run_sync(_left_out, palate.settings)]


async def _llm_check(name: str, llm: LLM) -> Check:
    try:
        facts = await llm.check()
    except PalateError as error:
        return Check(name=name, status="fault", message=error.message, remedy=error.remedy)
    return Check(name=name, status="ok", message=", ".join(f"{name} {value}" for name, value in facts.items()))


def _left_out(settings: Settings) -> list[Check]:
    """Return a warning for each promoted LoRA adapter that cannot be used: its task is done by the base model."""
    return [
        Check(name=f"adapter {task}", status="warning", message=f"Left out: {error.message}", remedy=error.remedy)
        for task, error in judge_promoted(settings)[1].items()
    ]


async def _optional_checks(settings: Settings) -> list[Check]:
    checks = []
    if settings.llm != "vllm":
        checks.append(await _vllm(settings))
    for extra, module in _EXTRAS.items():
        if importlib.util.find_spec(module) is None:
            remedy = f"Only where you want it: pip install 'palate[{extra}]'."
            checks.append(Check(name=extra, status="warning", message="not installed (optional)", remedy=remedy))
        else:
            checks.append(Check(name=extra, status="ok", message="installed"))
    return checks


async def _vllm(settings: Settings) -> Check:
    try:
        async with httpx.AsyncClient(timeout=_PROBE_SECONDS, trust_env=False) as http:
            up = (await http.get(f"{settings.vllm_url}/health")).is_success
    except (httpx.HTTPError, httpx.InvalidURL):
        up = False
    if up:
        return Check(name="vllm", status="ok", message=f"answers at {settings.vllm_url}")
    remedy = "Only where you want it: run 'palate vllm up', then set PALATE_LLM=vllm."
    return Check(name="vllm", status="warning", message=f"nothing at {settings.vllm_url} (optional)", remedy=remedy)
