"""LoRA adapters on a vLLM server: posted at run time, swapped without losing a request, posted again after a restart."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePath

from pydantic import Field

from agent.llm.breaker import Late
from agent.llm.vllm_http import NotServed, Refused, VllmHttp
from palate.deadline import Deadline
from palate.domain import Value
from palate.errors import InvalidInput, MissingWeights, PalateError, ServiceDown

__all__ = ["VllmAdapters", "VllmAdaptersConfig"]

_log = logging.getLogger(__name__)
_FILES = ("adapter_config.json", "adapter_model.safetensors")
_TASK = re.compile(r"[A-Za-z0-9][A-Za-z0-9._]{0,62}")
_REMEDY = "Start the server with 'palate vllm up', on a host that sees this folder."


class VllmAdaptersConfig(Value):
    """``load_seconds`` bounds posting; after ``drain_seconds`` an old adapter is unloaded even if a request is still on it (vLLM
    lets it end). One that the server refused is posted again after ``retry_seconds`` at the earliest.
    """

    load_seconds: float = Field(default=60.0, gt=0.0)
    drain_seconds: float = Field(default=120.0, ge=0.0)
    drain_poll: float = Field(default=0.02, gt=0.0)
    retry_seconds: float = Field(default=10.0, ge=0.0)


@dataclass(slots=True)
class _Adapter:
    """One version. ``base`` is the model that its card names, empty without a card. ``users`` are the requests in flight on it;
    ``error`` says why the server does not have it.
    """

    name: str
    source: Path
    base: str = ""
    users: int = 0
    error: str = ""


class VllmAdapters:
    """The LoRA adapters that this client wants on a server, one a task.

    Each version is a folder as PEFT writes it (``adapter_config.json``, ``adapter_model.safetensors``). It is copied to
    ``room/<task>-<hash of its contents>`` and posted under that name: vLLM reuses cached prefixes of weights that it read from the
    same path before. One whose ``card.json`` names another base than the server's model is not posted. Safe to use from several
    event loops.

    Args:
        http: The server. Only administrators may post there; requests of users never choose an adapter.
        room: Folder for the copies, which the server must see under the same path; unset, there can be no adapters.
        config: Time limits.

    """

    def __init__(self, http: VllmHttp, room: Path | None, config: VllmAdaptersConfig | None = None) -> None:
        self.config = config or VllmAdaptersConfig()
        self._http, self._room = http, room
        self._current: dict[str, _Adapter] = {}
        self._lock = threading.Lock()
        self._seen, self._doubted, self._retry_at = -1, False, 0.0
        self._restoring: asyncio.Task[None] | None = None

    @property
    def names(self) -> dict[str, str]:
        """The adapter of each task, by the name that the server knows it under."""
        with self._lock:
            return {task: adapter.name for task, adapter in self._current.items()}

    @property
    def faults(self) -> dict[str, str]:
        """Why the server lacks the adapter of a task, as far as it was tried; empty when it has all."""
        with self._lock:
            return {task: adapter.error for task, adapter in self._current.items() if adapter.error}

    def want(self, folders: Mapping[str, Path]) -> None:
        """Take these for their tasks; they are posted before the next call.

        Raises:
            InvalidInput: A task cannot be part of a name.
            MissingWeights: A folder holds no LoRA adapter.

        """
        adapters = {task: self._adapter(task, folder) for task, folder in folders.items()}
        with self._lock:
            self._current.update(adapters)
            self._doubted = True

    async def swap(self, task: str, folder: Path) -> str:
        """Load another version for a task, send new requests to it, and unload the old one when its last request has ended.

        Where it cannot be loaded, the old one stays. Returns the new name.

        Raises:
            InvalidInput: The task cannot be part of a name, the adapter is of another base, or the server refuses it.
            MissingWeights: The folder holds no LoRA adapter.
            ServiceDown: The server does not answer, or cannot load it.
            DeadlineExceeded: It took longer than ``load_seconds``.

        """
        new = await asyncio.to_thread(self._adapter, task, folder)
        if new.base and (wrong := _wrong_base(new, await self.served(Deadline(self.config.load_seconds)))):
            raise InvalidInput(wrong, remedy="Train it anew on the model that is served.", param="base")
        await self._post(new, Deadline(self.config.load_seconds))
        with self._lock:
            old = self._current.get(task)
            if old is not None and old.name == new.name:
                old.error = ""
                return new.name
            self._current[task] = new
        _log.info("LoRA adapter of %s: %s in place of %s", task, new.name, old.name if old else "none")
        if old is not None:
            await self._retire(old)
        return new.name

    async def drop(self, task: str) -> None:
        """Send new requests of a task to the base model, and unload its adapter when its last request has ended."""
        with self._lock:
            old = self._current.pop(task, None)
        if old is not None:
            await self._retire(old)

    def doubt(self) -> None:
        """Take it that the server may have lost them: it is looked before the next call."""
        self._doubted = True

    async def ensure(self, deadline: Deadline) -> None:
        """Post what the server lacks, if it may have been restarted since it was looked last.

        The work goes on beyond ``deadline``, so that requests in a hurry bring the adapters back too.

        Raises:
            Late: It is not done in time.
            ServiceDown: The server does not answer. That it refuses one adapter is an error of that task alone.

        """
        with self._lock:
            again = any(a.error for a in self._current.values()) and time.monotonic() >= self._retry_at
            if not self._current or not (self._doubted or again or self._seen != self._http.outages):
                return
        seconds = self._http.check(deadline)
        task = self._restoring
        if task is None or task.done() or task.get_loop() is not asyncio.get_running_loop():
            task = self._restoring = asyncio.get_running_loop().create_task(self._restore())
            task.add_done_callback(lambda t: t.cancelled() or t.exception())
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if not done:
            raise Late(f"The LoRA adapters are being posted to {self._http.url}.", remedy="Give the request more time.")
        await task

    @contextmanager
    def use(self, task: str | None) -> Iterator[str | None]:
        """Hold the adapter of a task for one request and give its name; ``None`` where the task has none.

        Raises:
            ServiceDown: The server could not load it.

        """
        with self._lock:
            adapter = self._current.get(task) if task is not None else None
            if adapter is not None:
                adapter.users += 1
        try:
            if adapter is not None and adapter.error:
                raise NotServed(f"The LoRA adapter {adapter.name!r} is not on the server: {adapter.error}", remedy=_REMEDY)
            yield adapter.name if adapter is not None else None
        finally:
            if adapter is not None:
                with self._lock:
                    adapter.users -= 1

    async def served(self, deadline: Deadline) -> dict[str, dict[str, object]]:
        """Return what the server serves, adapters too, by name."""
        models = (await self._http.get("/v1/models", deadline)).get("data")
        if not isinstance(models, list) or not all(isinstance(m, dict) for m in models):
            raise self._http.nonsense("/v1/models", models)
        return {str(m.get("id")): m for m in models}

    async def close(self) -> None:
        """Stop posting; safe to call twice."""
        task, self._restoring = self._restoring, None
        if task is not None and task.get_loop() is asyncio.get_running_loop():
            task.cancel()
            with suppress(asyncio.CancelledError, PalateError):
                await task

    async def _restore(self) -> None:
        outages, self._doubted = self._http.outages, False
        deadline = Deadline(self.config.load_seconds)
        try:
            there = await self.served(deadline)
            with self._lock:
                adapters = list(self._current.values())
            for adapter in adapters:
                adapter.error = _wrong_base(adapter, there)
                if not adapter.error and adapter.name not in there:
                    adapter.error = await self._posted(adapter, deadline)
        except BaseException:
            self._doubted = True
            raise
        if any(adapter.error for adapter in adapters):
            self._retry_at = time.monotonic() + self.config.retry_seconds
        self._seen = outages

    async def _posted(self, adapter: _Adapter, deadline: Deadline) -> str:
        """Post an adapter; return what the server has against it, empty if nothing. It raises where there is no server."""
        outages = self._http.outages
        try:
            await self._post(adapter, deadline)
        except (InvalidInput, MissingWeights, ServiceDown) as error:
            if self._http.outages != outages:
                raise
            _log.warning("LoRA adapter %s: %s", adapter.name, error.message)
            return error.message
        _log.info("LoRA adapter %s is on %s", adapter.name, self._http.url)
        return ""

    async def _post(self, adapter: _Adapter, deadline: Deadline) -> None:
        path = await asyncio.to_thread(self._copy, adapter)
        try:
            await self._http.tell("/v1/load_lora_adapter", {"lora_name": adapter.name, "lora_path": str(path)}, deadline)
        except Refused as refused:
            if "already been loaded" not in refused.message:  # by another process of ours: the name holds the contents
                raise
        except NotServed as error:
            raise ServiceDown(f"The LoRA adapter {path} cannot be loaded: {error.message}", remedy=_REMEDY) from error

    async def _retire(self, old: _Adapter) -> None:
        end = Deadline(self.config.drain_seconds)
        while old.users and not end.expired:  # noqa: ASYNC110 - users may be on other event loops
            await asyncio.sleep(self.config.drain_poll)
        if old.name in self.names.values():  # it was swapped in again meanwhile
            return
        try:
            await self._http.tell("/v1/unload_lora_adapter", {"lora_name": old.name}, Deadline(self.config.load_seconds))
        except PalateError as error:
            _log.info("LoRA adapter %s was not unloaded: %s", old.name, error.message)
        await asyncio.to_thread(shutil.rmtree, self._place(old), ignore_errors=True)

    def _adapter(self, task: str, folder: Path) -> _Adapter:
        if not _TASK.fullmatch(task):
            raise InvalidInput(
                f"{task!r} cannot name a LoRA adapter.", remedy="Use letters, digits, '.' and '_', at most 63.", param="task"
            )
        digest = hashlib.sha256()
        for name in _FILES:
            if not (folder / name).is_file():
                raise MissingWeights(f"The LoRA adapter {folder} of {task!r} holds no {name}.", remedy="Give a folder of PEFT.")
            with (folder / name).open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return _Adapter(f"{task}-{digest.hexdigest()[:12]}", folder, _base(folder))

    def _place(self, adapter: _Adapter) -> Path:
        if self._room is None:
            raise InvalidInput("There is no folder for copies of LoRA adapters.", remedy="Give VllmLLM a 'room'.", param="room")
        return self._room.absolute() / adapter.name

    def _copy(self, adapter: _Adapter) -> Path:
        """Return the copy, made now if it is not there: whole or not at all."""
        place = self._place(adapter)
        if all((place / name).is_file() for name in _FILES):
            return place
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{adapter.name}-") as temporary:
            draft = Path(temporary) / "adapter"
            draft.mkdir()
            try:
                for name in _FILES:
                    shutil.copyfile(adapter.source / name, draft / name)
            except FileNotFoundError as error:
                raise MissingWeights(f"The LoRA adapter {adapter.source} is gone.", remedy="Give a folder of PEFT.") from error
            with suppress(OSError):  # another process was quicker
                draft.rename(place)
        return place


def _base(folder: Path) -> str:
    """Return the name of the base on an adapter's card; empty where it has none."""
    try:
        return str(json.loads((folder / "card.json").read_text(encoding="utf-8"))["base"]["name"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _wrong_base(adapter: _Adapter, there: Mapping[str, Mapping[str, object]]) -> str:
    """Return why an adapter does not go with the models that are served; empty where it may, or where names are not known.

    A server tells where its weights are, ``root``: a folder, or the name of a model on a hub. The folder that a GGUF file was
    written to has its name and a hash.
    """
    roots = [PurePath(str(model["root"])).name for model in there.values() if model.get("root") and not model.get("parent")]
    name = re.compile(rf"{re.escape(adapter.base)}(\.\w+)*(-[0-9a-f]{{12}}-hf)?", re.IGNORECASE)
    if not adapter.base or not roots or any(name.fullmatch(root) for root in roots):
        return ""
    return f"It was trained on {adapter.base!r}, and the server has {', '.join(map(repr, roots))}."
