"""What a person allows: which platforms may be used for recommending."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Engine, and_, delete, exists, insert, select

from adapters.tables import accounts, checked_person, checked_platform, consent, events, writing

__all__ = ["Consents", "consented"]


class Consents:
    """Consent by person and platform. What was never said is allowed: the person linked the platform.

    Consent is applied when events are read, so withdrawing it works at once and giving it again brings the events back.

    Args:
        engine: A database that holds the tables (see :func:`adapters.tables.open_tables`).

    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def allow(self, person_id: str, platform: str, allowed: bool) -> None:
        """Allow a platform's events to be used for a person, or forbid it.

        Raises:
            InvalidInput: ``person_id`` or ``platform`` cannot be used.

        """
        values = {"person_id": checked_person(person_id), "platform": checked_platform(platform), "allowed": allowed}
        entry = and_(consent.c.person_id == person_id, consent.c.platform == platform)
        with writing(self._engine) as write:
            before = write.connection.scalar(select(consent.c.allowed).where(entry))
            if before is not allowed:
                write.connection.execute(delete(consent).where(entry))
                write.connection.execute(insert(consent).values(values))
                write.changed = True

    def consents(self, person_id: str) -> dict[str, bool]:
        """Return what a person said, by platform."""
        statement = (
            select(consent.c.platform, consent.c.allowed).where(consent.c.person_id == person_id).order_by(consent.c.platform)
        )
        with self._engine.connect() as connection:
            return {row.platform: row.allowed for row in connection.execute(statement)}


def consented() -> ColumnElement[bool]:
    """Return the condition that leaves out events of platforms which the account's person forbade."""
    return ~exists().where(
        and_(consent.c.person_id == accounts.c.person_id, consent.c.platform == events.c.platform, consent.c.allowed.is_(False))
    )
