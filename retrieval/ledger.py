"""Remembers from which content each vector of the index was made, in a small SQLite file beside it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from palate.sql import open_sqlite

__all__ = ["Ledger"]

_metadata = sa.MetaData()
_indexed = sa.Table(
    "indexed",
    _metadata,
    sa.Column("space", sa.String, primary_key=True),
    sa.Column("item_id", sa.String, primary_key=True),
    sa.Column("hash", sa.String, nullable=False),
)
_PAGE = 500


class Ledger:
    """Content hashes by space and item. Derived, like the index: without it all is embedded once more."""

    def __init__(self, path: Path) -> None:
        self._engine = open_sqlite(path)
        _metadata.create_all(self._engine)

    def hashes(self, space: str) -> dict[str, str]:
        """Return the content hash by item id."""
        query = sa.select(_indexed.c.item_id, _indexed.c.hash).where(_indexed.c.space == space)
        with self._engine.connect() as connection:
            return {row.item_id: row.hash for row in connection.execute(query)}

    def write(self, space: str, hashes: Mapping[str, str]) -> None:
        """Put content hashes by item id."""
        rows = [{"space": space, "item_id": item_id, "hash": value} for item_id, value in hashes.items()]
        if rows:
            statement = insert(_indexed)
            update = statement.on_conflict_do_update(index_elements=["space", "item_id"], set_={"hash": statement.excluded.hash})
            with self._engine.begin() as connection:
                connection.execute(update, rows)

    def forget(self, item_ids: Sequence[str]) -> None:
        """Remove items from every space."""
        with self._engine.begin() as connection:
            for ids in _pages(item_ids):
                connection.execute(sa.delete(_indexed).where(_indexed.c.item_id.in_(ids)))

    def forget_space(self, space: str) -> None:
        """Remove all that is known of a space."""
        with self._engine.begin() as connection:
            connection.execute(sa.delete(_indexed).where(_indexed.c.space == space))

    def close(self) -> None:
        """Close the file."""
        self._engine.dispose()


def _pages(ids: Sequence[str]) -> Iterator[list[str]]:
    iterator = iter(ids)
    while page := list(itertools.islice(iterator, _PAGE)):
        yield page
