"""Spotify: the streaming history of the account data, extended or of the last year."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from adapters.base import ExportRow, RowError
from adapters.parsing import find_sources, read_json_array
from palate.domain import Verb
from palate.errors import BadExport

__all__ = ["SpotifyAdapter"]

_EXTENDED = ("Streaming_History_*.json", "endsong*.json")
_YEAR = ("StreamingHistory*.json",)
_SKIPPED_BELOW_MS = 30_000
_EXPECTED = "Expected objects with ts and ms_played (extended streaming history) or endTime and msPlayed (account data)."
_SHORT_TIME = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?$")


class SpotifyAdapter:
    """Reads Spotify's streaming history: a JSON file, or the folder or zip archive that holds several.

    Less than 30 seconds, or marked as skipped, is a ``skip``; played to its end is ``complete``; anything else is a ``play``.
    Podcast episodes become items of type ``podcast`` with the show as alternative. Rows played in a private session, and
    audiobooks, are not events. Where a folder holds both forms, the extended one is read: the other repeats a part of it.
    """

    name = "spotify"
    description = "Spotify extended streaming history (Streaming_History_Audio_*.json, endsong_*.json) or StreamingHistory*.json."

    def parse(self, path: Path) -> Iterator[ExportRow | RowError]:
        """Yield streams in file order, files by name; one file is in memory at a time.

        Raises:
            BadExport: A file is not JSON of a streaming history, or the folder holds none.

        """
        sources = find_sources(path, (*_EXTENDED, *_YEAR))
        extended = [source for source in sources if not Path(source.name).name.lower().startswith("streaminghistory")]
        for source in extended or sources:
            recognised = False
            for element in read_json_array(source):
                if isinstance(element, RowError):
                    yield element
                    continue
                row, location = element.value, element.location
                if isinstance(row, dict) and ("ts" in row or "endTime" in row):
                    recognised = True
                    if not _no_event(row):
                        yield _extended(row, location) if "ts" in row else _year(row, location)
                elif not recognised:
                    raise BadExport(f"holds {str(row)[:80]!r}.", location=location, remedy=_EXPECTED)
                else:
                    yield _bad(location, "element", row, _EXPECTED)


def _no_event(row: Mapping[str, Any]) -> bool:
    """Return whether a row was played in a private session or is an audiobook's."""
    return row.get("incognito_mode") is True or any(value for key, value in row.items() if key.startswith("audiobook"))


def _extended(row: Mapping[str, Any], location: str) -> ExportRow | RowError:
    at = _time(row.get("ts"))
    if at is None:
        return _bad(location, "ts", row.get("ts"), "Write the time as 2024-03-14T20:15:00Z.")
    played = _milliseconds(row.get("ms_played"))
    if played is None:
        return _bad(location, "ms_played", row.get("ms_played"), "Give the milliseconds as a whole number from 0.")
    track, episode = _text(row, "master_metadata_track_name"), _text(row, "episode_name")
    verb = _verb(played, skipped=row.get("skipped") is True, done=row.get("reason_end") == "trackdone")
    if track:
        creator = _text(row, "master_metadata_album_artist_name")
        creators = (creator,) if creator else ()
        return ExportRow(title=track, type="track", verb=verb, at=at, location=location, creators=creators)
    if episode:
        return _podcast(episode, _text(row, "episode_show_name"), verb, at, location)
    return _bad(location, "master_metadata_track_name", None, "Remove the row: it names neither a track nor an episode.")


def _year(row: Mapping[str, Any], location: str) -> ExportRow | RowError:
    at = _time(row.get("endTime"))
    if at is None:
        return _bad(location, "endTime", row.get("endTime"), "Write the time as 2024-03-14 20:15 (UTC).")
    played = _milliseconds(row.get("msPlayed"))
    if played is None:
        return _bad(location, "msPlayed", row.get("msPlayed"), "Give the milliseconds as a whole number from 0.")
    verb = _verb(played, skipped=False, done=False)
    if episode := _text(row, "episodeName"):
        return _podcast(episode, _text(row, "podcastName"), verb, at, location)
    title, creator = _text(row, "trackName"), _text(row, "artistName")
    if not title:
        return _bad(location, "trackName", row.get("trackName"), "Fill in the title or remove the row.")
    return ExportRow(title=title, type="track", verb=verb, at=at, location=location, creators=(creator,) if creator else ())


def _podcast(episode: str, show: str, verb: Verb, at: datetime, location: str) -> ExportRow:
    shows = (show,) if show else ()
    return ExportRow(title=episode, alternatives=shows, type="podcast", verb=verb, at=at, location=location, creators=shows)


def _verb(played: int, *, skipped: bool, done: bool) -> Verb:
    if played < _SKIPPED_BELOW_MS or skipped:
        return "skip"
    return "complete" if done else "play"


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    return value.strip() if isinstance(value, str) else ""


def _milliseconds(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _time(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    zoned = value.endswith(("Z", "+00:00"))
    if not zoned and not _SHORT_TIME.match(value):
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _bad(location: str, field: str, value: Any, remedy: str) -> RowError:
    shown = str(value)[:100]
    return RowError(location=location, message=f"{field} {shown!r} cannot be used.", value=shown, remedy=remedy)
