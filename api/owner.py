"""One process owns the data folder: a lock file holds the claim, ``owner.json`` says who it is and where it listens."""

from __future__ import annotations

import json
import os
import secrets
from datetime import datetime
from pathlib import Path
from types import TracebackType

import httpx
from filelock import FileLock, Timeout
from pydantic import ValidationError

from palate.domain import UtcDatetime, Value, utc_now
from palate.errors import Busy

__all__ = ["HomeLock", "Owner", "find_owner"]

_LOCK = "owner.lock"
_RECORD = "owner.json"
_PROBE_SECONDS = 5.0


class Owner(Value):
    """The process that owns a data folder. ``url`` is ``None`` until it listens.

    ``token`` is what administration over loopback has to show: only who may read the folder knows it.
    """

    pid: int
    started: UtcDatetime
    token: str
    url: str | None = None


def _read(home: Path) -> Owner | None:
    try:
        return Owner.model_validate_json((home / _RECORD).read_text("utf-8"))
    except (OSError, ValidationError, UnicodeDecodeError):
        return None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def find_owner(home: Path) -> Owner | None:
    """Return the live process that serves ``home``, or ``None``.

    A record whose process is gone, or whose URL does not answer ``/healthz`` with that process's id, is passed over.
    """
    owner = _read(home)
    if owner is None or owner.url is None or not _alive(owner.pid):
        return None
    try:
        # Loopback must not go through a proxy that the environment names.
        answer = httpx.get(f"{owner.url}/healthz", timeout=_PROBE_SECONDS, trust_env=False)
        said = answer.json()
    except (httpx.HTTPError, ValueError):
        return None
    return owner if answer.status_code == httpx.codes.OK and said.get("pid") == owner.pid else None


class HomeLock:
    """The claim to a data folder, held from :meth:`acquire` to :meth:`release`. The system drops it when the process dies.

    Args:
        home: The data folder; made where missing.

    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._lock = FileLock(home / _LOCK, thread_local=False)
        self.token = secrets.token_urlsafe(24)
        self._started: datetime | None = None

    @property
    def held(self) -> bool:
        """Return whether this object holds the folder."""
        return self._started is not None

    def acquire(self) -> None:
        """Claim the folder.

        Raises:
            Busy: Another process, or another object of this one, holds it; names its process id and URL.

        """
        self._home.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise self._busy() from None
        self._started = utc_now()
        self._write(None)

    def announce(self, url: str) -> None:
        """Record that the owner now listens at ``url``."""
        self._write(url)

    def release(self) -> None:
        """Give the folder up; safe to call twice."""
        if self._started is None:
            return
        self._started = None
        (self._home / _RECORD).unlink(missing_ok=True)
        self._lock.release()

    def __enter__(self) -> HomeLock:
        self.acquire()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()

    def _busy(self) -> Busy:
        owner = _read(self._home)
        if owner is None:
            return Busy(f"{self._home} is owned by another process.", remedy="Stop that process, or set PALATE_HOME elsewhere.")
        where = f" at {owner.url}" if owner.url else ""
        return Busy(
            f"{self._home} is owned by process {owner.pid}{where}.",
            remedy="Use that server, stop it, or set PALATE_HOME to another folder.",
        )

    def _write(self, url: str | None) -> None:
        assert self._started is not None  # noqa: S101
        owner = Owner(pid=os.getpid(), started=self._started, token=self.token, url=url)
        draft = self._home / f"{_RECORD}.{os.getpid()}"
        # Made readable for its user alone: it holds the token.
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(owner.model_dump(mode="json"), file)
        draft.replace(self._home / _RECORD)
