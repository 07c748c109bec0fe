"""Opens the SQLite files that hold the record."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DatabaseError

from palate.errors import Unavailable

__all__ = ["open_sqlite", "opening", "scrub"]


def open_sqlite(path: Path, *, survives_power_loss: bool = True) -> Engine:
    """Return an engine for the SQLite file ``path``, made with its folder where missing.

    Write-ahead logging with full synchronisation: what a commit acknowledged survives a killed process and a lost power supply.
    Without ``survives_power_loss`` a commit survives a killed process only, and is several times as quick.
    Writers wait up to ten seconds for each other. Foreign keys are enforced.
    Deleted rows are overwritten with zeros (see :func:`scrub`).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 10.0})

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
        cursor = connection.cursor()
        synchronous = f"synchronous={'FULL' if survives_power_loss else 'NORMAL'}"
        for pragma in ("journal_mode=WAL", synchronous, "foreign_keys=ON", "secure_delete=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine


@contextmanager
def opening(engine: Engine, store: str) -> Iterator[None]:
    """Make the tables of a store within this context: what the database raises says which store it is and what to do.

    Raises:
        Unavailable: The database is damaged or is not there.

    """
    try:
        yield
    except DatabaseError as error:
        raise Unavailable(
            f"The {store} store {engine.url.database!r} cannot be opened: {error.orig}.",
            remedy="Restore the file from a copy, or move it away to begin a new one.",
        ) from error


def scrub(engine: Engine) -> None:
    """Empty the write-ahead log of a SQLite engine, so that no bytes of erased rows are left; other engines are left alone.

    A reader in the middle of a long read keeps its part of the log until the next checkpoint.
    """
    if engine.dialect.name != "sqlite":
        return
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
