"""Reading a person's history."""

from __future__ import annotations

from collections import Counter

from api.people.protocol import HistoryEntry, HistoryOut
from api.runtime import Palate

__all__ = ["history_of"]


def history_of(palate: Palate, person_id: str, platform: str | None, limit: int) -> HistoryOut:
    """Return the newest ``limit`` events of a person, of one platform where named. Somebody unknown has none.

    Raises:
        UnknownPlatform: There is no such platform.

    """
    if platform is not None:
        palate.check_platforms([platform], param="platform")
    events = palate.history.events(person_id)
    chosen = [event for event in events if platform in {None, event.platform}][:limit]
    items = palate.catalog.get_many(list({event.item_id for event in chosen}))
    entries = [
        HistoryEntry(
            item_id=event.item_id,
            title=items[event.item_id].title,
            type=items[event.item_id].type,
            platform=event.platform,
            verb=event.verb,
            at=event.at,
            value=event.value,
        )
        for event in chosen
        if event.item_id in items
    ]
    return HistoryOut(person_id=person_id, entries=entries, platforms=dict(Counter(event.platform for event in events)))
