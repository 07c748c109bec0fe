"""What a row of an export must be like before it becomes an event, whoever wrote the platform adapter."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from pydantic import ValidationError

from adapters.base import ExportRow, RowError
from palate.domain import Account, Event, UnmatchedEvent, event_id_for

__all__ = ["check_row", "to_event", "to_unmatched"]

_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
_AHEAD = timedelta(days=2)  # dates without a time may be a day ahead of UTC
_LONGEST_TITLE = 500


def check_row(row: ExportRow, now: datetime) -> RowError | None:
    """Return what is wrong with a row, or ``None``: title, time (1990 to now) and value (0 to 1) must be believable."""
    if not row.title.strip():
        return _error(row, "the title is empty.", "", "Fill in the title or remove the row.")
    if len(row.title) > _LONGEST_TITLE:
        message = f"the title has {len(row.title)} characters, more than {_LONGEST_TITLE}."
        return _error(row, message, row.title, "Shorten it, or close an open quote in the rows before.")
    if not _EARLIEST <= row.at <= now + _AHEAD:
        shown = row.at.isoformat()
        return _error(row, f"the time {shown} is before 1990 or in the future.", shown, "Correct the time or remove the row.")
    if row.value is not None and not (math.isfinite(row.value) and 0.0 <= row.value <= 1.0):
        return _error(row, f"the value {row.value} is not from 0 to 1.", str(row.value), "Scale the value or leave it out.")
    return None


def _event_id(row: ExportRow, account: Account) -> str:
    # What the export says, not what it matched: a later catalog must not make a second event of it.
    what = "\x1e".join((row.type, row.item_id or row.title, *row.creators))
    return event_id_for(account.platform, account.user_id, what, row.verb, row.at)


def to_event(row: ExportRow, account: Account, item_id: str) -> Event | RowError:
    """Return a row as an event with ``item_id``; its event id depends on the export only."""
    try:
        return Event(
            event_id=_event_id(row, account),
            platform=account.platform,
            user_id=account.user_id,
            item_id=item_id,
            verb=row.verb,
            at=row.at,
            value=row.value,
        )
    except ValidationError as error:
        return _error(row, f"the item id cannot be used: {error.errors()[0]['msg']}.", item_id, "Correct the id.")


def to_unmatched(row: ExportRow, account: Account) -> UnmatchedEvent:
    """Return a row as an event that waits for a catalog which holds its title."""
    return UnmatchedEvent(
        event_id=_event_id(row, account),
        platform=account.platform,
        user_id=account.user_id,
        title=row.item_id or row.title,
        creators=row.creators,
        type=row.type,
        verb=row.verb,
        at=row.at,
        value=row.value,
        alternatives=row.alternatives,
        year=row.year,
    )


def _error(row: ExportRow, message: str, value: str, remedy: str) -> RowError:
    return RowError(location=row.location, message=message, value=value[:100], remedy=remedy)
