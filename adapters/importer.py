"""Brings an export into the history."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from pydantic import ValidationError

from adapters.base import ExportRow, PlatformAdapter, RowError
from adapters.history import HistoryStore
from adapters.matching import Matcher, find_item
from adapters.quality import check_row, to_event, to_unmatched
from adapters.tables import checked_person
from palate.domain import Account, Event, Progress, UnmatchedEvent, Value, utc_now
from palate.errors import InvalidInput, UnknownPlatform

__all__ = ["ImportReport", "Importer"]

_BATCH = 2000
_SHOWN_ERRORS = 50


class ImportReport(Value):
    """What became of the rows of an export: ``read == new + duplicates + unmatched + rejected``.

    Attributes:
        platform: The platform.
        read: Rows that the platform adapter gave, bad ones included.
        new: Rows that are events now and were not before.
        duplicates: Rows that the history held already, matched or waiting, or that the file repeats.
        unmatched: Rows newly kept to wait, since no item of the catalog has their title.
        rejected: Rows that cannot be used.
        errors: The first 50 of these, each with place, value and remedy.
        persons: How many persons the rows belong to.

    """

    platform: str
    read: int
    new: int
    duplicates: int
    unmatched: int
    rejected: int
    errors: tuple[RowError, ...]
    persons: int


class Importer:
    """Parses exports, matches titles, and adds events to the history.

    Rows are stored 2,000 a transaction. Event ids come from the rows, so an import that was cut off is finished by running it
    again, and an import repeated adds nothing.

    Args:
        history: Where events go.
        matcher: The catalog's titles.
        adapters: Platform adapters by name.

    """

    def __init__(self, history: HistoryStore, matcher: Matcher, adapters: Mapping[str, PlatformAdapter]) -> None:
        self._history = history
        self._matcher = matcher
        self._adapters = adapters

    def run(self, platform: str, path: Path, person_id: str | None, progress: Progress | None = None) -> ImportReport:
        """Import the export at ``path`` for ``person_id``.

        Without a person, each row must name its user (a bulk source), who becomes the person ``<platform>-<user_id>``. Where rows
        of one person's export name no user, the account's user id is the person id. ``progress`` hears ``("import", rows, 0)``
        after each batch, as how many there will be is not known, and ``("import", rows, rows)`` at the end.

        Raises:
            UnknownPlatform: No adapter of that name; the message names those there are.
            BadExport: The file is not that platform's export.
            InvalidInput: The person is missing, cannot be used, is given for a file of many users, or does not own the account.

        """
        adapter = self._adapters.get(platform)
        if adapter is None:
            known = ", ".join(sorted(self._adapters)) or "none"
            message = f"There is no platform {platform[:100]!r}."
            raise UnknownPlatform(message, remedy=f"Known platforms: {known}.", param="platform")
        if person_id is not None:
            checked_person(person_id)
        run = _Run(self._history, self._matcher, platform, person_id)
        rows = iter(adapter.parse(path))
        while batch := list(islice(rows, _BATCH)):
            run.store(batch)
            if progress is not None:
                progress("import", run.read, 0)
        if progress is not None:
            progress("import", run.read, run.read)
        return run.report()


class _Run:
    """One import under way."""

    def __init__(self, history: HistoryStore, matcher: Matcher, platform: str, person_id: str | None) -> None:
        self._history, self._matcher = history, matcher
        self._platform, self._person_id = platform, person_id
        self._accounts: dict[str, Account] = {}
        self._unlinked: list[tuple[str, Account]] = []
        self._errors: list[RowError] = []
        self._now = utc_now()
        self.read = self._new = self._waiting = self._rejected = 0

    def store(self, batch: list[ExportRow | RowError]) -> None:
        """Store a batch: the accounts first, then events, then what matches nothing."""
        events: list[Event] = []
        waiting: list[UnmatchedEvent] = []
        self.read += len(batch)
        for row in batch:
            result = row if isinstance(row, RowError) else self._convert(row)
            if isinstance(result, Event):
                events.append(result)
            elif isinstance(result, UnmatchedEvent):
                waiting.append(result)
            else:
                self._rejected += 1
                if len(self._errors) < _SHOWN_ERRORS:
                    self._errors.append(result)
        if self._unlinked:
            self._history.link_all(self._unlinked)
            self._unlinked = []
        self._new += self._history.append(events)
        self._waiting += self._history.append_unmatched(waiting)

    def _convert(self, row: ExportRow) -> Event | UnmatchedEvent | RowError:
        error = check_row(row, self._now)
        if error is not None:
            return error
        account = self._account(row)
        if isinstance(account, RowError):
            return account
        if row.item_id is not None:
            found = self._matcher.match(row.item_id, type=row.type, fuzzy=False)
        else:
            found = find_item(self._matcher, row.title, row.alternatives, type=row.type, creators=row.creators, year=row.year)
        return to_unmatched(row, account) if found is None else to_event(row, account, found.item_id)

    def _account(self, row: ExportRow) -> Account | RowError:
        user_id = row.user_id or self._person_id
        if user_id is None:
            raise InvalidInput(
                f"{row.location} names no user, and no person was given.", remedy="Say whose export this is.", param="person_id"
            )
        account = self._accounts.get(user_id)
        if account is not None:
            return account
        if self._person_id is not None and self._accounts:
            raise InvalidInput(
                f"{row.location} names the user {user_id!r}, another than the rows before; this export holds several users.",
                remedy=f"Import it without a person: each user becomes a person '{self._platform}-<user>'.",
                param="person_id",
            )
        try:
            account = Account(platform=self._platform, user_id=user_id)
        except ValidationError:
            message, remedy = f"the user {user_id[:100]!r} cannot be used.", "Use letters, digits and . _ : @ - only, at most 128."
            return RowError(location=row.location, message=message, value=user_id[:100], remedy=remedy)
        self._unlinked.append((self._person_id or f"{self._platform}-{user_id}", account))
        self._accounts[user_id] = account
        return account

    def report(self) -> ImportReport:
        """Return what became of the rows so far."""
        return ImportReport(
            platform=self._platform,
            read=self.read,
            new=self._new,
            duplicates=self.read - self._new - self._waiting - self._rejected,
            unmatched=self._waiting,
            rejected=self._rejected,
            errors=tuple(self._errors),
            persons=1 if self._person_id is not None else len(self._accounts),
        )
