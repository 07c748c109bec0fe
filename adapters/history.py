"""The record of what people watched, heard, read and bought, in one store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, and_, delete, insert, select, tuple_

from adapters.consent import Consents, consented
from adapters.identity import Identities
from adapters.matching import Matcher, find_item
from adapters.tables import accounts, chunks, consent, events, from_micros, meta, open_tables, outbox, to_micros, unmatched, writing
from palate.domain import Account, Event, Interaction, UnmatchedEvent
from palate.sql import open_sqlite, scrub

__all__ = ["HistoryStore", "open_history"]

_PAGE = 10_000
_OF_ACCOUNT = and_(accounts.c.platform == events.c.platform, accounts.c.user_id == events.c.user_id)


def open_history(path: Path | str) -> HistoryStore:
    """Return the history in the SQLite file ``path``, made where it is missing.

    Raises:
        Unavailable: The file is damaged or from a newer version.

    """
    return HistoryStore(open_sqlite(Path(path)))


class HistoryStore:
    """Events, identities and consent: the record. Must pass ``palate.testing.HistoryContract``.

    Events belong to accounts, accounts to persons; events of an account that nobody has linked are kept and belong to nobody yet.
    Every method is safe from several threads. A write is durable when it returns; it happens wholly or not at all.

    Args:
        engine: Where the tables are, or are made.

    Raises:
        Unavailable: The database is damaged, is not there, or was written by a newer version.

    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        open_tables(engine)
        self._identities = Identities(engine)
        self._consents = Consents(engine)

    # Writing

    def append(self, events_: Sequence[Event]) -> int:
        """Add events and return how many were new; an event id that is already here, or comes twice, counts once."""
        if not events_:
            return 0
        with writing(self._engine) as write:
            added = _append(write.connection, events_)
            write.changed = added > 0
            return added

    def append_unmatched(self, events_: Sequence[UnmatchedEvent]) -> int:
        """Keep events whose titles the catalog does not hold, and return how many were new; those already matched are not kept."""
        if not events_:
            return 0
        by_id = {event.event_id: event for event in events_}
        with writing(self._engine) as write:
            known = _known(write.connection, events.c.event_id, by_id) | _known(write.connection, unmatched.c.event_id, by_id)
            rows = [_unmatched_row(event) for event_id, event in by_id.items() if event_id not in known]
            if rows:
                write.connection.execute(insert(unmatched), rows)
                write.changed = True
            return len(rows)

    def rematch(self, matcher: Matcher) -> int:
        """Turn kept events whose titles are found now into events, and return how many; a transaction each few thousand."""
        with self._engine.connect() as connection:
            waiting = list(connection.scalars(select(unmatched.c.body).order_by(unmatched.c.at, unmatched.c.event_id)))
        found = (event for event in map(_matched_by(matcher), waiting) if event is not None)
        return sum(self.append(batch) for batch in chunks(found, 2000))

    def erase(self, person_id: str) -> int:
        """Remove a person with accounts, consent and every event, matched or not; return how many events went.

        On SQLite the bytes are overwritten, in the file and its log.
        """
        with writing(self._engine) as write:
            owned = select(accounts.c.platform, accounts.c.user_id).where(accounts.c.person_id == person_id)
            mine = [(row.platform, row.user_id) for row in write.connection.execute(owned)]
            removed = 0
            for some in chunks(mine):
                theirs = tuple_(events.c.platform, events.c.user_id).in_(some)
                ids = select(events.c.event_id).where(theirs)
                write.connection.execute(delete(outbox).where(outbox.c.event_id.in_(ids)))
                removed += write.connection.execute(delete(events).where(theirs)).rowcount
                waiting = tuple_(unmatched.c.platform, unmatched.c.user_id).in_(some)
                removed += write.connection.execute(delete(unmatched).where(waiting)).rowcount
            said = write.connection.execute(delete(consent).where(consent.c.person_id == person_id)).rowcount
            write.connection.execute(delete(accounts).where(accounts.c.person_id == person_id))
            write.changed = bool(mine) or said > 0
        scrub(self._engine)
        return removed

    # Reading

    def events(self, person_id: str, without_platforms: Sequence[str] = ()) -> list[Event]:
        """Return a person's events, newest first, those of forbidden and left-out platforms missing."""
        statement = select(events).join(accounts, _OF_ACCOUNT).where(accounts.c.person_id == person_id, consented())
        if without_platforms:
            statement = statement.where(events.c.platform.not_in(without_platforms))
        with self._engine.connect() as connection:
            rows = connection.execute(statement.order_by(events.c.at.desc(), events.c.event_id)).all()
        return [_event(row) for row in rows]

    def known(self, event_ids: Iterable[str]) -> dict[str, Account]:
        """Return which of these events the history holds already, and of which account, whatever was consented."""
        columns = (events.c.event_id, events.c.platform, events.c.user_id)
        with self._engine.connect() as connection:
            rows = [
                row for ids in chunks(event_ids) for row in connection.execute(select(*columns).where(events.c.event_id.in_(ids)))
            ]
        return {row.event_id: Account(platform=row.platform, user_id=row.user_id) for row in rows}

    def unmatched(self, person_id: str) -> list[UnmatchedEvent]:
        """Return a person's events that match no item of the catalog, newest first, whatever was consented."""
        same = and_(accounts.c.platform == unmatched.c.platform, accounts.c.user_id == unmatched.c.user_id)
        statement = select(unmatched.c.body).join(accounts, same).where(accounts.c.person_id == person_id)
        with self._engine.connect() as connection:
            bodies = connection.scalars(statement.order_by(unmatched.c.at.desc(), unmatched.c.event_id)).all()
        return [UnmatchedEvent.model_validate_json(body) for body in bodies]

    def interactions(self) -> Iterator[Interaction]:
        """Yield every consented event of every person, ordered by person, then time; streamed, never all in memory."""
        order = (accounts.c.person_id, events.c.at, events.c.event_id)
        columns = (accounts.c.person_id, events.c.item_id, events.c.verb, events.c.value, events.c.at)
        statement: Select[Any] = select(*columns).join_from(events, accounts, _OF_ACCOUNT).where(consented()).order_by(*order)
        with self._engine.connect() as connection:
            for page in connection.execution_options(yield_per=_PAGE).execute(statement).partitions():
                for person_id, item_id, verb, value, at in page:
                    yield Interaction(person_id, item_id, verb, value, at / 1e6)

    def appended(self, after: int = 0, n: int = 1000) -> list[tuple[int, str]]:
        """Return up to ``n`` (sequence, event id) pairs in the order in which events came in, from after sequence ``after`` on."""
        statement = select(outbox.c.sequence, outbox.c.event_id).where(outbox.c.sequence > after).order_by(outbox.c.sequence)
        with self._engine.connect() as connection:
            return [(row.sequence, row.event_id) for row in connection.execute(statement.limit(n))]

    @property
    def revision(self) -> int:
        """Return a number that grows with every change, whichever process made it."""
        with self._engine.connect() as connection:
            return connection.scalar(select(meta.c.number).where(meta.c.key == "revision")) or 0

    # Identity and consent

    def link(self, person_id: str, account: Account) -> bool:
        """Say that an account is a person's (see :meth:`adapters.identity.Identities.link`)."""
        return self._identities.link(person_id, account)

    def link_all(self, links: Sequence[tuple[str, Account]]) -> int:
        """Link several (person, account) pairs in one transaction (see :meth:`adapters.identity.Identities.link_all`)."""
        return self._identities.link_all(links)

    def accounts(self, person_id: str) -> list[Account]:
        """Return a person's accounts, ordered by platform and user id."""
        return self._identities.accounts(person_id)

    def person_of(self, account: Account) -> str | None:
        """Return whose account it is, or ``None``."""
        return self._identities.person_of(account)

    def persons(self) -> list[str]:
        """Return all persons who have an account, sorted."""
        return self._identities.persons()

    def allow(self, person_id: str, platform: str, allowed: bool) -> None:
        """Allow a platform's events to be used for a person, or forbid it (see :meth:`adapters.consent.Consents.allow`)."""
        self._consents.allow(person_id, platform, allowed)

    def consents(self, person_id: str) -> dict[str, bool]:
        """Return what a person said, by platform; what is missing is allowed."""
        return self._consents.consents(person_id)

    def close(self) -> None:
        """Release the database; safe to call twice."""
        self._engine.dispose()


def _append(connection: Connection, events_: Sequence[Event]) -> int:
    by_id: dict[str, Event] = {}
    for event in events_:
        by_id.setdefault(event.event_id, event)
    known = _known(connection, events.c.event_id, by_id)
    rows = [_row(event) for event_id, event in by_id.items() if event_id not in known]
    if rows:
        connection.execute(insert(events), rows)
        connection.execute(insert(outbox), [{"event_id": row["event_id"]} for row in rows])
        for ids in chunks(row["event_id"] for row in rows):
            connection.execute(delete(unmatched).where(unmatched.c.event_id.in_(ids)))
    return len(rows)


def _known(connection: Connection, column: ColumnElement[str], ids: Iterable[str]) -> set[str]:
    return {found for some in chunks(ids) for found in connection.scalars(select(column).where(column.in_(some)))}


def _row(event: Event) -> dict[str, Any]:
    return {
        "event_id": event.event_id,
        "platform": event.platform,
        "user_id": event.user_id,
        "item_id": event.item_id,
        "verb": event.verb,
        "at": to_micros(event.at),
        "value": event.value,
    }


def _unmatched_row(event: UnmatchedEvent) -> dict[str, Any]:
    return {
        "event_id": event.event_id,
        "platform": event.platform,
        "user_id": event.user_id,
        "body": event.model_dump_json(),
        "at": to_micros(event.at),
    }


def _event(row: Any) -> Event:
    return Event(
        event_id=row.event_id,
        platform=row.platform,
        user_id=row.user_id,
        item_id=row.item_id,
        verb=row.verb,
        at=from_micros(row.at),
        value=row.value,
    )


def _matched_by(matcher: Matcher) -> Callable[[str], Event | None]:
    def to_event(body: str) -> Event | None:
        kept = UnmatchedEvent.model_validate_json(body)
        found = find_item(matcher, kept.title, kept.alternatives, type=kept.type, creators=kept.creators, year=kept.year)
        if found is None:
            return None
        return Event(
            event_id=kept.event_id,
            platform=kept.platform,
            user_id=kept.user_id,
            item_id=found.item_id,
            verb=kept.verb,
            at=kept.at,
            value=kept.value,
        )

    return to_event
