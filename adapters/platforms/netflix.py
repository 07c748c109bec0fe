"""Netflix: the viewing history that the account page offers, and the one in the full copy of one's data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from adapters.base import ExportRow, RowError
from adapters.parsing import read_csv
from palate.domain import Verb
from palate.errors import BadExport

__all__ = ["NetflixAdapter"]

_SHORT = frozenset({"title", "date"})
_FULL = frozenset({"profile name", "start time", "duration", "title"})
_DATE = re.compile(r"^(\d{1,4})([./-])(\d{1,2})\2(\d{1,4})$")
_SEASON = re.compile(
    r"^(?:(?:season|series|part|volume|book|chapter|staffel|saison|temporada|stagione)\s+\S+|limited series|第\s*\S+\s*季)$",
    re.IGNORECASE,
)
_ABANDONED = 120
_COMPLETE_EPISODE = 15 * 60
_COMPLETE_FILM = 60 * 60
_WAYS = ("month/day/year", "day/month/year")


class NetflixAdapter:
    """Reads Netflix's viewing history CSV.

    *Short form* (``NetflixViewingHistory.csv``: Title, Date): every row is a ``play``, at midnight UTC of its date. Dates follow
    the locale of the account, so the order of day and month is found over the whole file: one number above 12 decides; with nothing
    to decide, the month comes first, and the day where dots separate. Year-first dates need no decision.

    *Full form* (``ViewingActivity.csv``): trailers, recaps and previews that played by themselves are not events. Netflix does
    not say how long a title is: 60 minutes (15 for an episode) count as ``complete``, less than 2 as ``skip``, else ``play``.

    Args:
        profile: Import only this profile's rows of the full form; ``None`` for all.

    """

    name = "netflix"
    description = "Netflix viewing history: NetflixViewingHistory.csv, or ViewingActivity.csv of the full copy of your data."

    def __init__(self, profile: str | None = None) -> None:
        self.profile = profile

    def parse(self, path: Path) -> Iterator[ExportRow | RowError]:
        """Yield viewings in file order. The short form is read twice, first for the order of its dates.

        Raises:
            BadExport: The header is not that of a Netflix viewing history.

        """
        with closing(read_csv(path)) as rows:
            _, header = next(rows, ("", []))
        names = [] if isinstance(header, RowError) else [name.strip().lower() for name in header]
        full = set(names) >= _FULL
        if not full and not set(names) >= _SHORT:
            raise BadExport(
                f"the header is {str(names)[:200]}.",
                location=f"{path.name}:1",
                remedy="Expected the columns Title, Date (viewing history) or Profile Name, Start Time, Duration, Title …",
            )
        day_first = None if full else _day_first(path, names)
        with closing(read_csv(path)) as rows:
            next(rows)
            for location, cells in rows:
                if isinstance(cells, RowError):
                    yield cells
                    continue
                if len(cells) < len(names):
                    yield RowError(
                        location=location,
                        message=f"{len(cells)} cells where the header has {len(names)}.",
                        value=",".join(cells)[:100],
                        remedy="Complete or remove the row.",
                    )
                    continue
                row = dict(zip(names, (cell.strip() for cell in cells), strict=False))
                result = self._full(row, location) if day_first is None else _short(row, location, day_first)
                if result is not None:
                    yield result

    def _full(self, row: Mapping[str, str], location: str) -> ExportRow | RowError | None:
        if row.get("supplemental video type") or "autoplayed: user action: none" in row.get("attributes", "").lower():
            return None
        if self.profile is not None and row["profile name"] != self.profile:
            return None
        try:
            at = datetime.strptime(row["start time"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        except ValueError:
            return _bad(location, "Start Time", row["start time"], "Write the time as 2024-03-14 20:15:00 (UTC).")
        seconds = _duration(row["duration"])
        if seconds is None:
            return _bad(location, "Duration", row["duration"], "Write the duration as 01:23:45.")
        return _viewing(row["title"], at, location, seconds)


def _short(row: Mapping[str, str], location: str, day_first: bool) -> ExportRow | RowError:
    at = _date(row["date"], day_first)
    if at is None:
        return _bad(location, "Date", row["date"], f"Write the date as {_WAYS[day_first]}, like the others, or as 2024-03-14.")
    return _viewing(row["title"], at, location, None)


def _viewing(title: str, at: datetime, location: str, seconds: int | None) -> ExportRow | RowError:
    if not title:
        return _bad(location, "Title", title, "Fill in the title or remove the row.")
    alternatives = _alternatives(title)
    verb: Verb = "play"
    if seconds is not None and seconds < _ABANDONED:
        verb = "skip"
    elif seconds is not None and seconds >= (_COMPLETE_EPISODE if alternatives else _COMPLETE_FILM):
        verb = "complete"
    return ExportRow(title=title, alternatives=alternatives, type="movie", verb=verb, at=at, location=location)


def _bad(location: str, column: str, value: str, remedy: str) -> RowError:
    return RowError(location=location, message=f"{column} {value[:100]!r} cannot be used.", value=value[:100], remedy=remedy)


def _alternatives(title: str) -> tuple[str, ...]:
    """Return the season and the show of an episode's title, nothing for a film's (which may hold a colon too)."""
    parts = re.split(r"\s*[:：]\s+|：", title)
    for position, part in enumerate(parts):
        if position and _SEASON.match(part):
            show = ": ".join(parts[:position])
            return (f"{show}: {part}", show)
    return ()


def _day_first(path: Path, names: list[str]) -> bool:
    """Return whether the dates of a short form write the day before the month."""
    column = names.index("date")
    month_votes = day_votes = dots = slashes = 0
    with closing(read_csv(path)) as rows:
        next(rows)
        for _, cells in rows:
            match = None if isinstance(cells, RowError) or len(cells) <= column else _DATE.match(cells[column].strip())
            if match is None or len(match[1]) > 2:
                continue
            day_votes += int(match[1]) > 12
            month_votes += int(match[3]) > 12
            dots += match[2] == "."
            slashes += match[2] != "."
    if day_votes == month_votes == 0:
        return dots > slashes
    return day_votes > month_votes


def _date(text: str, day_first: bool) -> datetime | None:
    match = _DATE.match(text)
    if match is None:
        return None
    first, second, third = int(match[1]), int(match[3]), int(match[4])
    if len(match[1]) == 4:
        year, month, day = first, second, third
    elif day_first:
        day, month, year = first, second, third
    else:
        month, day, year = first, second, third
    try:
        return datetime(year + 2000 if year < 100 else year, month, day, tzinfo=UTC)
    except ValueError:
        return None


def _duration(text: str) -> int | None:
    match = re.match(r"^(\d{1,3}):([0-5]?\d):([0-5]?\d)$", text)
    return None if match is None else int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3])
