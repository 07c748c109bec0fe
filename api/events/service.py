"""From event bodies to the history, each with its own result."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from api.errors import describe_problems
from api.events.protocol import MAX_EVENTS, EventBody, EventResult, EventsAnswer
from api.runtime import Palate
from palate.domain import Account, Event, utc_now
from palate.errors import InvalidInput

__all__ = ["take_events"]

_AHEAD = timedelta(days=1)  # clocks differ


def take_events(palate: Palate, body: dict[str, Any] | list[Any]) -> EventsAnswer:
    """Add what can be used to the history, durably, and say of each event what became of it.

    Raises:
        RequestValidationError: A single event is malformed, or a rating without its value.
        InvalidInput: There are more than 1,000.

    """
    if isinstance(body, dict):
        try:
            return _take(palate, [EventBody.model_validate(body)])
        except ValidationError as error:
            raise RequestValidationError([{**problem, "loc": ("body", *problem["loc"])} for problem in error.errors()]) from error
    if len(body) > MAX_EVENTS:
        raise InvalidInput(f"{len(body)} events came at once.", remedy=f"Send at most {MAX_EVENTS} in one request.")
    return _take(palate, [_parsed(entry) for entry in body])


def _parsed(entry: Any) -> EventBody | EventResult:
    try:
        return EventBody.model_validate(entry)
    except ValidationError as error:
        given = entry.get("event_id") if isinstance(entry, dict) else None
        event_id = given if isinstance(given, str) else None
        return EventResult(event_id=event_id, status="rejected", reason=describe_problems(error.errors(), whole="The event")[0])


def _take(palate: Palate, entries: Sequence[EventBody | EventResult]) -> EventsAnswer:
    bodies = [entry for entry in entries if isinstance(entry, EventBody)]
    items = palate.catalog.get_many(list({body.item_id for body in bodies}))
    with palate.taking_events:  # so that of two equal events at once one is the duplicate
        accounts = _Accounts(palate)
        made = [_event(palate, entry, items, accounts) if isinstance(entry, EventBody) else entry for entry in entries]
        events = [event for event in made if isinstance(event, Event)]
        known = palate.history.known([event.event_id for event in events])
        if accounts.new:
            palate.history.link_all(accounts.new)
        palate.history.append(events)  # of one id the first counts, as below
    results: list[EventResult] = []
    for entry in made:
        if isinstance(entry, EventResult):
            results.append(entry)
            continue
        account = Account(platform=entry.platform, user_id=entry.user_id)
        if entry.event_id not in known:
            known[entry.event_id] = account
            results.append(EventResult(event_id=entry.event_id, status="accepted"))
        elif known[entry.event_id] == account:
            results.append(EventResult(event_id=entry.event_id, status="duplicate"))
        else:
            reason = f"event_id {entry.event_id!r} is an event of another account. Send one that no other person or platform uses."
            results.append(EventResult(event_id=entry.event_id, status="rejected", reason=reason))
    count = {status: sum(result.status == status for result in results) for status in ("accepted", "duplicate", "rejected")}
    return EventsAnswer(accepted=count["accepted"], duplicates=count["duplicate"], rejected=count["rejected"], results=results)


class _Accounts:
    """Finds each person's account on each platform, and notes those that are new."""

    def __init__(self, palate: Palate) -> None:
        self._history = palate.history
        self._found: dict[tuple[str, str], Account] = {}
        self.new: list[tuple[str, Account]] = []

    def of(self, person_id: str, platform: str) -> Account:
        key = (person_id, platform)
        if key not in self._found:
            for account in self._history.accounts(person_id):
                self._found.setdefault((person_id, account.platform), account)
        if key not in self._found:
            account = Account(platform=platform, user_id=person_id)
            owner = self._history.person_of(account)
            if owner is not None:
                raise InvalidInput(
                    f"The account {person_id!r} on {platform} belongs to {owner!r}.",
                    remedy=f"Send it for {owner!r}.",
                    param="person_id",
                )
            self._found[key] = account
            self.new.append((person_id, account))
        return self._found[key]


def _event(palate: Palate, body: EventBody, items: Any, accounts: _Accounts) -> Event | EventResult:
    def rejected(reason: str) -> EventResult:
        return EventResult(event_id=body.event_id, status="rejected", reason=reason)

    if body.item_id not in items:
        return rejected(f"There is no item {body.item_id!r}. Import it into the catalog first.")
    now: datetime = utc_now()
    if body.at is not None and body.at > now + _AHEAD:
        return rejected(f"at: {body.at.isoformat()} is in the future. Send the time of the event.")
    try:
        palate.check_platforms([body.platform], param="platform")
        account = accounts.of(body.person_id, body.platform)
    except InvalidInput as error:
        return rejected(str(error))
    return Event(
        event_id=body.event_id or uuid.uuid4().hex,
        platform=account.platform,
        user_id=account.user_id,
        item_id=body.item_id,
        verb=body.verb,
        at=body.at or now,
        value=body.value,
    )
