"""Whose accounts are whose: a person is a user across platforms."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Engine, and_, insert, select

from adapters.tables import accounts, checked_person, writing
from palate.domain import Account
from palate.errors import InvalidInput

__all__ = ["Identities"]


class Identities:
    """Persons and their accounts. An account belongs to one person at most.

    Args:
        engine: A database that holds the tables (see :func:`adapters.tables.open_tables`).

    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def link(self, person_id: str, account: Account) -> bool:
        """Say that an account is a person's; return whether that is new.

        Raises:
            InvalidInput: The account is another person's, or ``person_id`` cannot be used.

        """
        return self.link_all([(person_id, account)]) > 0

    def link_all(self, links: Sequence[tuple[str, Account]]) -> int:
        """Link several (person, account) pairs in one transaction, all or none; return how many are new.

        Raises:
            InvalidInput: An account is another person's, or a person id cannot be used.

        """
        added = 0
        with writing(self._engine) as write:
            for person_id, account in links:
                checked_person(person_id)
                owner = write.connection.scalar(select(accounts.c.person_id).where(_is(account)))
                if owner is None:
                    values = {"person_id": person_id, "platform": account.platform, "user_id": account.user_id}
                    write.connection.execute(insert(accounts).values(values))
                    added += 1
                elif owner != person_id:
                    raise InvalidInput(
                        f"The account {account.user_id!r} on {account.platform} belongs to {owner!r}, not to {person_id!r}.",
                        remedy=f"Use the person {owner!r}, or erase it first.",
                        param="account",
                    )
            write.changed = added > 0
        return added

    def accounts(self, person_id: str) -> list[Account]:
        """Return a person's accounts, ordered by platform and user id."""
        statement = (
            select(accounts.c.platform, accounts.c.user_id)
            .where(accounts.c.person_id == person_id)
            .order_by(accounts.c.platform, accounts.c.user_id)
        )
        with self._engine.connect() as connection:
            return [Account(platform=row.platform, user_id=row.user_id) for row in connection.execute(statement)]

    def person_of(self, account: Account) -> str | None:
        """Return whose account it is, or ``None``."""
        with self._engine.connect() as connection:
            return connection.scalar(select(accounts.c.person_id).where(_is(account)))

    def persons(self) -> list[str]:
        """Return all persons who have an account, sorted."""
        with self._engine.connect() as connection:
            return list(connection.scalars(select(accounts.c.person_id).distinct().order_by(accounts.c.person_id)))


def _is(account: Account) -> ColumnElement[bool]:
    return and_(accounts.c.platform == account.platform, accounts.c.user_id == account.user_id)
