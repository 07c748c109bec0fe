"""What a person's events come to: the profile that every later stage reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from pydantic import Field

from palate.domain import Event, Profile, ProfileEntry, Value, preference

__all__ = ["ProfileConfig", "build_profile"]

_NO_CONTACT = frozenset({"impression", "search"})
_VERDICTS = frozenset({"like", "dislike", "rate"})
_DAY = 86_400.0


class ProfileConfig(Value):
    """How events become weights.

    ``half_life_days`` halves an event's weight for every so many days before the newest event of its platform. ``cap`` bounds what
    repeating one thing can come to. ``balance`` evens out platforms: 0 leaves them, 1 gives each the same total weight.
    """

    half_life_days: float = Field(default=365.0, gt=0)
    cap: float = Field(default=3.0, gt=0)
    balance: float = Field(default=0.5, ge=0.0, le=1.0)


def build_profile(person_id: str, events: Sequence[Event], config: ProfileConfig | None = None) -> Profile:
    """Return the profile of a person from their events, in whatever order these come.

    For each item on each platform the events' preferences are summed, each halved with its age. A verdict (like, dislike, rating)
    overrules what earlier events with that item said to the contrary, on all platforms. Events delivered twice count once.
    """
    config = config or ProfileConfig()
    unique = sorted({event.event_id: event for event in events}.values(), key=lambda e: (e.at, e.event_id))
    contacts = [event for event in unique if event.verb not in _NO_CONTACT]
    newest: dict[str, datetime] = {event.platform: event.at for event in unique}
    groups: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for event in _standing(contacts):
        groups[event.item_id, event.platform].append(event)
    entries = [_entry(group, newest, config) for group in groups.values()]
    scale = _platform_scales(entries, config.balance)
    balanced = (entry.model_copy(update={"weight": entry.weight * scale[entry.platform]}) for entry in entries)
    return Profile(
        person_id=person_id,
        entries=tuple(sorted(balanced, key=lambda e: (-e.at.timestamp(), e.item_id, e.platform))),
        seen=frozenset(event.item_id for event in contacts),
    )


def _standing(contacts: Iterable[Event]) -> list[Event]:
    """Leave out what a later verdict on the same item contradicts. ``contacts`` are oldest first."""
    by_item: dict[str, list[Event]] = defaultdict(list)
    for event in contacts:
        said = preference(event.verb, event.value)
        if event.verb in _VERDICTS and said != 0.0:
            by_item[event.item_id] = [e for e in by_item[event.item_id] if preference(e.verb, e.value) * said >= 0.0]
        by_item[event.item_id].append(event)
    return [event for kept in by_item.values() for event in kept]


def _entry(group: Sequence[Event], newest: dict[str, datetime], config: ProfileConfig) -> ProfileEntry:
    last = group[-1]
    total = 0.0
    for event in group:
        days = (newest[event.platform] - event.at).total_seconds() / _DAY
        total += preference(event.verb, event.value) * 0.5 ** (days / config.half_life_days)
    return ProfileEntry(
        item_id=last.item_id,
        platform=last.platform,
        verb=last.verb,
        at=last.at,
        value=last.value,
        weight=max(-config.cap, min(config.cap, total)),
    )


def _platform_scales(entries: Iterable[ProfileEntry], balance: float) -> dict[str, float]:
    mass: dict[str, float] = defaultdict(float)
    for entry in entries:
        mass[entry.platform] += abs(entry.weight)
    present = [m for m in mass.values() if m > 0]
    mean = sum(present) / len(present) if present else 1.0
    return {platform: (mean / m) ** balance if m > 0 else 1.0 for platform, m in mass.items()}
