"""The record of items, in SQLite or PostgreSQL."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from palate.domain import Item, Progress
from palate.errors import NotFound
from palate.sql import opening
from retrieval.base import ItemTable
from retrieval.catalog_io import CatalogReport, ItemRowError, read_items

__all__ = ["SqlCatalog"]

_T = TypeVar("_T")

_metadata = sa.MetaData()
# Ids sort by code point in both, as they do in Python.
_ID = sa.String(128).with_variant(sa.String(128, collation="C"), "postgresql")
_items = sa.Table(
    "items",
    _metadata,
    sa.Column("item_id", _ID, primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
)
_state = sa.Table(
    "catalog_state",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("revision", sa.BigInteger, nullable=False),
)

_PAGE = 500
_MAX_ERRORS = 100


class SqlCatalog:
    """Items by id, each kept as its JSON. Safe to use from several threads.

    Args:
        engine: Where the tables are; they are made when they are not there.

    Raises:
        Unavailable: The database is damaged or is not there.

    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._table: tuple[int, ItemTable] | None = None
        with opening(engine, "catalog"), engine.begin() as connection:
            _metadata.create_all(connection)
            connection.execute(self._insert(_state).values(id=1, revision=0).on_conflict_do_nothing())

    def put(self, items: Sequence[Item]) -> None:
        """Insert or replace items, durably on return. What is already there as given does not count as a change."""
        self._write(items)

    def remove(self, item_ids: Sequence[str]) -> int:
        """Remove items, durably on return, and return how many there were."""
        removed = 0
        with self._engine.begin() as connection:
            for ids in _pages(item_ids):
                removed += connection.execute(sa.delete(_items).where(_items.c.item_id.in_(ids))).rowcount
            if removed:
                self._bump(connection)
        return removed

    def get(self, item_id: str) -> Item:
        """Return an item.

        Raises:
            NotFound: There is none of that id.

        """
        found = self.get_many([item_id])
        if item_id not in found:
            raise NotFound(f"There is no item {item_id[:200]!r}.", remedy="Look its id up in the catalog.", param="item_id")
        return found[item_id]

    def get_many(self, item_ids: Sequence[str]) -> dict[str, Item]:
        """Return the items that exist, by id, in the order asked for."""
        bodies: dict[str, str] = {}
        with self._engine.connect() as connection:
            for ids in _pages(item_ids):
                bodies.update(self._bodies(connection, ids))
        return {item_id: Item.model_validate_json(bodies[item_id]) for item_id in item_ids if item_id in bodies}

    def all(self) -> Iterator[Item]:
        """Yield all items ordered by id, in pages: no transaction stays open while the caller works."""
        after = ""
        while True:
            query = sa.select(_items).where(_items.c.item_id > after).order_by(_items.c.item_id).limit(_PAGE)
            with self._engine.connect() as connection:
                rows = connection.execute(query).all()
            for row in rows:
                yield Item.model_validate_json(row.body)
            if len(rows) < _PAGE:
                return
            after = rows[-1].item_id

    def __len__(self) -> int:
        with self._engine.connect() as connection:
            return int(connection.execute(sa.select(sa.func.count()).select_from(_items)).scalar_one())

    def __contains__(self, item_id: object) -> bool:
        if not isinstance(item_id, str):
            return False
        with self._engine.connect() as connection:
            return bool(self._bodies(connection, [item_id]))

    @property
    def revision(self) -> int:
        """Return a number that grows with every change, over all processes."""
        with self._engine.connect() as connection:
            return int(connection.execute(sa.select(_state.c.revision).where(_state.c.id == 1)).scalar_one())

    def table(self) -> ItemTable:
        """Return the catalog as columns; the same object until the catalog changes."""
        revision = self.revision
        with self._lock:
            if self._table is None or self._table[0] != revision:
                self._table = (revision, ItemTable(self.all()))
            return self._table[1]

    def import_items(self, path: Path, progress: Progress | None = None) -> CatalogReport:
        """Take in the items of a file (see :func:`retrieval.catalog_io.read_items` for the formats), good rows whole.

        An item that was there before is replaced. Every 500 rows are durable at once, so that an import that was cut off has kept
        what it reported, and can be repeated. ``progress`` hears ``("catalog", rows, 0)`` each time, as how many there will
        be is not known, and ``("catalog", rows, rows)`` at the end.

        Raises:
            InvalidInput: The file cannot be read at all.
            BadExport: Its header is not one of items.

        """
        read = new = changed = rejected = 0
        errors: list[ItemRowError] = []
        for rows in _pages(read_items(path)):
            items = [row for row in rows if isinstance(row, Item)]
            faults = [row for row in rows if isinstance(row, ItemRowError)]
            added, replaced = self._write(items)
            read, rejected = read + len(rows), rejected + len(faults)
            new, changed = new + added, changed + replaced
            errors.extend(faults[: _MAX_ERRORS - len(errors)])
            if progress is not None:
                progress("catalog", read, 0)
        if progress is not None:
            progress("catalog", read, read)
        return CatalogReport(read=read, new=new, changed=changed, rejected=rejected, errors=tuple(errors))

    def _write(self, items: Sequence[Item]) -> tuple[int, int]:
        """Write what is new or changed, and return how many of each."""
        bodies = {item.item_id: item.model_dump_json() for item in items}
        new = changed = 0
        if not bodies:
            return new, changed
        with self._engine.begin() as connection:
            self._bump(connection)  # first: takes the write lock, so that what is read below stays so
            for ids in _pages(bodies):
                before = self._bodies(connection, ids)
                rows = [{"item_id": i, "body": bodies[i]} for i in ids if before.get(i) != bodies[i]]
                if rows:
                    insert = self._insert(_items)
                    update = insert.on_conflict_do_update(index_elements=["item_id"], set_={"body": insert.excluded.body})
                    connection.execute(update, rows)
                new += sum(i not in before for i in ids)
                changed += sum(row["item_id"] in before for row in rows)
            if not new + changed:
                connection.rollback()
        return new, changed

    def _insert(self, table: sa.Table) -> Any:
        return postgresql.insert(table) if self._engine.dialect.name == "postgresql" else sqlite.insert(table)

    @staticmethod
    def _bump(connection: sa.Connection) -> None:
        connection.execute(sa.update(_state).where(_state.c.id == 1).values(revision=_state.c.revision + 1))

    @staticmethod
    def _bodies(connection: sa.Connection, ids: Sequence[str]) -> dict[str, str]:
        rows = connection.execute(sa.select(_items).where(_items.c.item_id.in_(ids)))
        return {row.item_id: row.body for row in rows}


def _pages(values: Iterable[_T]) -> Iterator[list[_T]]:
    iterator = iter(values)
    while page := list(itertools.islice(iterator, _PAGE)):
        yield page
