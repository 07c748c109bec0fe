"""The tables of the history store, for any database that SQLAlchemy Core speaks to, and the one way to write to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Double,
    Engine,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    insert,
    select,
    update,
)

from palate.domain import Identifier, Platform
from palate.errors import InvalidInput, Unavailable
from palate.sql import opening

__all__ = [
    "SCHEMA_VERSION",
    "Writing",
    "accounts",
    "checked_person",
    "checked_platform",
    "chunks",
    "consent",
    "events",
    "from_micros",
    "meta",
    "open_tables",
    "outbox",
    "to_micros",
    "unmatched",
    "writing",
]

SCHEMA_VERSION = 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PERSON: TypeAdapter[str] = TypeAdapter(Identifier)
_PLATFORM: TypeAdapter[str] = TypeAdapter(Platform)
_T = TypeVar("_T")

_metadata = MetaData()

events = Table(
    "events",
    _metadata,
    Column("event_id", String(128), primary_key=True),
    Column("platform", String(32), nullable=False),
    Column("user_id", String(128), nullable=False),
    Column("item_id", String(128), nullable=False),
    Column("verb", String(16), nullable=False),
    Column("at", BigInteger, nullable=False),  # microseconds since 1970: exact in every database
    Column("value", Double),
    Index("events_by_account", "platform", "user_id", "at"),
)
unmatched = Table(
    "unmatched",
    _metadata,
    Column("event_id", String(128), primary_key=True),
    Column("platform", String(32), nullable=False),
    Column("user_id", String(128), nullable=False),
    Column("body", Text, nullable=False),  # the UnmatchedEvent as JSON
    Column("at", BigInteger, nullable=False),
    Index("unmatched_by_account", "platform", "user_id", "at"),
)
accounts = Table(
    "accounts",
    _metadata,
    Column("platform", String(32), primary_key=True),
    Column("user_id", String(128), primary_key=True),
    Column("person_id", String(128), nullable=False, index=True),
)
consent = Table(
    "consent",
    _metadata,
    Column("person_id", String(128), primary_key=True),
    Column("platform", String(32), primary_key=True),
    Column("allowed", Boolean, nullable=False),
)
outbox = Table(
    "outbox",
    _metadata,
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("event_id", String(128), ForeignKey("events.event_id", ondelete="CASCADE"), nullable=False, unique=True),
    sqlite_autoincrement=True,  # a sequence number is never given twice, erased or not
)
meta = Table("meta", _metadata, Column("key", String(32), primary_key=True), Column("number", BigInteger, nullable=False))


def open_tables(engine: Engine) -> None:
    """Make the tables where they are missing.

    Raises:
        Unavailable: The database is damaged, is not there, or was written by a newer version.

    """
    with opening(engine, "history"):
        _metadata.create_all(engine)
        with engine.begin() as connection:
            known = {row.key: row.number for row in connection.execute(select(meta))}
            for key, number in (("schema", SCHEMA_VERSION), ("revision", 0)):
                if key not in known:
                    connection.execute(insert(meta).values(key=key, number=number))
    if known.get("schema", SCHEMA_VERSION) > SCHEMA_VERSION:
        raise Unavailable(
            f"The history store {engine.url.database!r} has schema {known['schema']}, this version knows {SCHEMA_VERSION}.",
            remedy="Use the version of Palate that wrote it, or a newer one.",
        )


class Writing:
    """A write transaction. Set ``changed`` when something was written that a reader can see."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.changed = False


@contextmanager
def writing(engine: Engine) -> Iterator[Writing]:
    """Open the one write transaction at a time; on leaving, count the revision up if something changed, and commit durably."""
    revision = meta.c.key == "revision"
    with engine.begin() as connection:
        # A write that changes nothing takes the lock first: what is read afterwards cannot go stale before it is written on.
        connection.execute(update(meta).where(revision).values(number=meta.c.number))
        transaction = Writing(connection)
        yield transaction
        if transaction.changed:
            connection.execute(update(meta).where(revision).values(number=meta.c.number + 1))


def checked_person(person_id: str) -> str:
    """Return ``person_id``, or raise :class:`InvalidInput` if it cannot name a person."""
    try:
        return _PERSON.validate_python(person_id)
    except ValidationError as error:
        raise InvalidInput(
            f"The person id {person_id[:200]!r} cannot be used.",
            remedy="Use 1 to 128 letters, digits and . _ : @ -, beginning with a letter or digit.",
            param="person_id",
        ) from error


def checked_platform(platform: str) -> str:
    """Return ``platform``, or raise :class:`InvalidInput` if it cannot name a platform."""
    try:
        return _PLATFORM.validate_python(platform)
    except ValidationError as error:
        raise InvalidInput(
            f"The platform {platform[:200]!r} cannot be used.", remedy="Use lower-case letters, digits, _ and -.", param="platform"
        ) from error


def to_micros(at: datetime) -> int:
    """Return microseconds since 1970, exactly."""
    return (at - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the aware UTC moment of microseconds since 1970, exactly."""
    return _EPOCH + timedelta(microseconds=micros)


def chunks(values: Iterable[_T], size: int = 500) -> Iterator[Sequence[_T]]:
    """Yield lists of up to ``size`` values: databases limit the parameters of a statement."""
    iterator = iter(values)
    while chunk := list(islice(iterator, size)):
        yield chunk
