"""Keeps LoRA adapters and says which one of a task runs."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout
from pydantic import ValidationError

from finetune.card import CARD_FILE, TASKS, AdapterCard, Task, Version
from finetune.files import MAX_SHIPPED_BYTES, check_contents, check_names, read_sealed, seal
from finetune.gate import Verdict
from palate.domain import UtcDatetime, Value, utc_now
from palate.errors import Busy, InvalidInput, MissingWeights, NotFound, Unavailable

__all__ = ["SHIPPED", "KeptAdapter", "LoraRegistry"]

SHIPPED = Path(__file__).parent / "shipped"
"""Adapters that come with the product, one a task in a folder of its name."""

_HISTORY = "history.json"
_ADDING = ".adding-"
_WAIT_SECONDS = 30.0
_VERSION = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True)
class KeptAdapter:
    """One line of :meth:`LoraRegistry.list`. ``card`` is ``None`` where the adapter is not whole; ``problem`` then says why."""

    task: Task
    version: str
    folder: Path
    shipped: bool
    promoted: bool
    card: AdapterCard | None
    problem: str | None = None


class _Step(Value):
    """``verdict`` is what let an adapter through; a rollback has no need of one."""

    action: Literal["promote", "rollback"]
    version: Version | None
    at: UtcDatetime
    verdict: Verdict | None = None


class _History(Value):
    """All steps that were ever taken for a task, oldest first; ``version`` is what ran after each."""

    steps: tuple[_Step, ...] = ()

    @property
    def stack(self) -> list[str]:
        """Return the versions that a rollback goes back through, the running one last."""
        stack: list[str] = []
        for step in self.steps:
            if step.action == "rollback":
                del stack[-1:]
            elif step.version is not None:
                stack.append(step.version)
        return stack


class LoraRegistry:
    """A folder of LoRA adapters, ``<task>/<version>/``, and beside them ``<task>/history.json``: what was promoted when.

    Every file is held to the hash that was recorded of it, whenever an adapter is read. An adapter arrives whole or not at all, and
    so does a step of the history. Several processes may use one registry: those that write wait for each other.

    Args:
        folder: ``lora`` under ``PALATE_HOME``; made at the first write.
        shipped: Adapters that came with the product, ``<task>/``: what is promoted where nothing else is. They need not be there.

    """

    def __init__(self, folder: Path, shipped: Path = SHIPPED) -> None:
        self._folder, self._shipped = folder, shipped

    def add(self, folder: Path, card: AdapterCard) -> str:
        """Copy an adapter into the registry and return its version; adding it again changes nothing, and mends a damaged copy.

        Raises:
            InvalidInput: The files are not those of a LoRA adapter, or not those that the card recorded.
            Busy: Another process writes and does not come to an end.
            MissingExtra: ``safetensors`` is not installed.

        """
        names = [path.name for path in check_names(folder)]
        home = self._folder / card.task
        with self._writing(card.task):
            for left in home.glob(f"{_ADDING}*"):  # by a process that was killed: who writes holds the lock
                shutil.rmtree(left)
            with tempfile.TemporaryDirectory(dir=home, prefix=_ADDING) as temporary:
                made = Path(temporary) / "adapter"
                made.mkdir()
                for name in names:
                    if name != CARD_FILE:
                        shutil.copyfile(folder / name, made / name)
                # What is looked at is the copy: the original may change meanwhile.
                check_contents(made, card)
                version = seal(made, card).version
                target = home / version
                if target.exists():
                    if _read(target, card.task, version, None)[0] is not None:
                        return version
                    target.replace(Path(temporary) / "damaged")
                made.replace(target)
        return version

    def promoted(self, task: Task) -> Path | None:
        """Return the folder of the adapter that runs, ``None`` where none does.

        Raises:
            MissingWeights: It is not whole.
            Unavailable: The history cannot be read.

        """
        version = self.running(task)
        return None if version is None else self.find(task, version)

    def running(self, task: Task) -> str | None:
        """Return the version that is promoted, ``None`` where none is and none was shipped.

        Raises:
            MissingWeights: It is the shipped one, and that is not whole.
            Unavailable: The history cannot be read.

        """
        stack = self._history(task).stack
        return stack[-1] if stack else self._floor(task)

    def find(self, task: Task, version: str) -> Path:
        """Return the folder of an adapter.

        Raises:
            NotFound: There is no such adapter.
            MissingWeights: It is not whole.

        """
        if not _VERSION.fullmatch(version):
            raise NotFound(f"{version!a} is no version.", remedy="'palate finetune list' shows them.", param="version")
        folder = self._folder / task / version
        if folder.is_dir():
            read_sealed(folder, task, version=version)
            return folder
        if self._floor(task) == version:
            return self._shipped / task
        kind = MissingWeights if version in self._history(task).stack else NotFound
        raise kind(
            f"There is no LoRA adapter {version} for {task!r}.",
            remedy="'palate finetune list' shows those there are; 'palate finetune rollback' leaves one that is gone.",
            param="version",
        )

    def promote(self, task: Task, version: str, verdict: Verdict) -> None:
        """Let an adapter run from the next start on.

        Raises:
            InvalidInput: The verdict is not that this version is better than the one that runs now.
            NotFound: There is no such adapter.
            MissingWeights: It is not whole.
            Busy: Another process writes and does not come to an end.

        """
        with self._writing(task):
            if verdict.decision != "better" or (verdict.task, verdict.candidate) != (task, version):
                raise InvalidInput(
                    f"The verdict on {verdict.candidate} ({verdict.decision}) does not let {version} through.",
                    remedy="Only an adapter that is better than the running one is promoted.",
                    param="verdict",
                )
            running = self.running(task)
            if verdict.running != running:
                message = f"{version} was compared with {verdict.running}, and now {running} runs."
                raise InvalidInput(message, remedy="Promote it again.", param="verdict")
            self.find(task, version)
            self._step(task, _Step(action="promote", version=version, at=utc_now(), verdict=verdict))

    def rollback(self, task: Task) -> str | None:
        """Go back to the adapter that ran before, at last to the shipped one or none, and return its version.

        Raises:
            InvalidInput: Nothing was promoted.
            Unavailable: The history cannot be read.
            Busy: Another process writes and does not come to an end.

        """
        with self._writing(task):
            stack = self._history(task).stack
            if not stack:
                raise InvalidInput(
                    f"No LoRA adapter for {task!r} was promoted; there is nothing to go back from.",
                    remedy="'palate finetune list' shows what runs.",
                    param="task",
                )
            version = stack[-2] if len(stack) > 1 else self._floor(task)
            self._step(task, _Step(action="rollback", version=version, at=utc_now()))
        return version

    def list(self) -> tuple[KeptAdapter, ...]:
        """Return all adapters, by task, the shipped one first, then by version; also those that are not whole.

        Raises:
            Unavailable: A history cannot be read.

        """
        return tuple(kept for task in TASKS for kept in self._kept(task))

    def _kept(self, task: Task) -> Iterator[KeptAdapter]:
        stack, shipped = self._history(task).stack, self._shipped / task
        running = stack[-1] if stack else None
        if shipped.is_dir():
            card, problem = _read(shipped, task, None, MAX_SHIPPED_BYTES)
            version = "" if card is None else card.version
            yield KeptAdapter(task, version, shipped, True, running in {None, version}, card, problem)
        home = self._folder / task
        for folder in sorted(home.iterdir()) if home.is_dir() else ():
            if _VERSION.fullmatch(folder.name):
                card, problem = _read(folder, task, folder.name, None)
                yield KeptAdapter(task, folder.name, folder, False, folder.name == running, card, problem)

    def _floor(self, task: Task) -> str | None:
        folder = self._shipped / task
        if not folder.is_dir():
            return None
        return read_sealed(folder, task, most_bytes=MAX_SHIPPED_BYTES, remedy="Install Palate anew.").version

    def _history(self, task: Task) -> _History:
        path = self._folder / task / _HISTORY
        try:
            return _History.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return _History()
        except (OSError, ValidationError) as error:
            raise Unavailable(
                f"{str(path)!a} is damaged: what was promoted is not known.",
                remedy="Move it away; then the shipped adapter runs, and others can be promoted anew.",
            ) from error

    def _step(self, task: Task, step: _Step) -> None:
        path, history = self._folder / task / _HISTORY, self._history(task)
        draft = path.with_suffix(".part")
        with draft.open("w", encoding="utf-8") as file:
            file.write(history.model_copy(update={"steps": (*history.steps, step)}).model_dump_json(indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)

    @contextmanager
    def _writing(self, task: Task) -> Iterator[None]:
        home = self._folder / task
        try:
            home.mkdir(parents=True, exist_ok=True)
            lock = FileLock(home / ".lock", timeout=_WAIT_SECONDS)
            with lock:
                yield
        except Timeout as error:
            raise Busy(
                f"Another process has been writing to {str(home)!a} for {_WAIT_SECONDS:.0f} s.", remedy="Wait for it, or end it."
            ) from error


def _read(folder: Path, task: Task, version: str | None, most_bytes: int | None) -> tuple[AdapterCard | None, str | None]:
    try:
        return read_sealed(folder, task, version=version, most_bytes=most_bytes), None
    except MissingWeights as error:
        return None, error.message
