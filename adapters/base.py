"""What a platform adapter is, and what the rows of an export become."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

from palate.domain import ItemType, UtcDatetime, Value, Verb

__all__ = ["ExportRow", "PlatformAdapter", "RowError"]


class ExportRow(Value):
    """One row of a platform's export, before its title is matched to the catalog.

    ``location`` is ``file:line`` (for JSON, ``file:[index]``). ``item_id`` is set only by sources that name catalog items.
    ``alternatives`` are further readings of the title (Netflix writes ``Show: Season: Episode``), most specific first.
    """

    title: str
    alternatives: tuple[str, ...] = ()
    type: ItemType
    verb: Verb
    at: UtcDatetime
    location: str
    creators: tuple[str, ...] = ()
    year: int | None = None
    value: float | None = None
    item_id: str | None = None
    user_id: str | None = None


class RowError(Value):
    """A row that cannot be used: where, which value, and what to do. The other rows go on."""

    location: str
    message: str
    value: str
    remedy: str


@runtime_checkable
class PlatformAdapter(Protocol):
    """Reads one platform's export. Must pass ``palate.testing.PlatformAdapterContract``."""

    name: str
    """The platform, in lower case."""
    description: str
    """Which file of which export this reads, for people."""

    def parse(self, path: Path) -> Iterator[ExportRow | RowError]:
        """Yield the rows of ``path`` in file order, lazily; a bad row is a :class:`RowError`.

        Raises:
            BadExport: The file is not this platform's export at all (the message says what was expected).

        """
        ...
