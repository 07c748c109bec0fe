"""MIND, clicks on news: ``behaviors.tsv`` and, if it is there, ``news.tsv``.

Wu et al. (2020), MIND: A Large-scale Dataset for News Recommendation, https://aclanthology.org/2020.acl-main.331; format:
https://github.com/msnews/msnews.github.io/blob/master/assets/doc/introduction.md. A user's events are the clicks of the history,
which have an order but no time and are put a second apart before the user's first impression, and the clicked news of each
impression. News that was shown and not clicked is no event, nor is that of impressions without labels (MIND's own test part).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from evals.base import Dataset
from evals.datasets.rows import Rows, bad, lines, make_item
from palate.domain import Item

__all__ = ["load", "recognises"]

_TIME = "%m/%d/%Y %I:%M:%S %p"
_SHOWN = re.compile(r"(?P<news>\S+?)(?:-(?P<clicked>\d+))?")
_BEHAVIOR = "Expected 5 columns between tabs: impression, user, time as '11/11/2019 9:05:58 AM', history, and 'N1-1 N2-0'."
_NEWS = "Expected columns between tabs: news, category, subcategory, title, and if there abstract, url and two of entities."
_FEWEST = 4


def recognises(folder: Path) -> bool:
    """Return whether ``behaviors.tsv`` is there."""
    return (folder / "behaviors.tsv").is_file()


def load(folder: Path, name: str) -> Dataset:
    """Read clicks and news; category and subcategory are the genres, the abstract is the description.

    Raises:
        BadExport: A line cannot be read; the message names it.

    """
    behaviors, news = folder / "behaviors.tsv", folder / "news.tsv"
    items = _items(news) if news.is_file() else {}
    histories: dict[str, list[str]] = {}
    first: dict[str, float] = {}
    clicks: list[tuple[str, str, float]] = []
    for line, text in lines(behaviors):
        fields = text.split("\t")
        if len(fields) < 5 or not fields[1].strip():
            raise bad(behaviors, line, f"{text[:60]!a} is no impression.", _BEHAVIOR)
        user, at, history = fields[1].strip(), _time(fields[2], behaviors, line), fields[3].split()
        first[user] = min(at, first.get(user, at))
        histories[user] = max(histories.get(user, []), history, key=len)
        for shown in fields[4].split():
            found = _SHOWN.fullmatch(shown)
            if found is None or found["clicked"] not in {None, "0", "1"}:
                raise bad(behaviors, line, f"{shown!a} does not say whether it was clicked.", _BEHAVIOR)
            if found["clicked"] == "1":
                clicks.append((user, found["news"], at))
    rows = Rows()
    for user, read in histories.items():
        for place, key in enumerate(read):
            rows.add(user, key, at=first[user] - (len(read) - place))
    for user, key, at in clicks:
        rows.add(user, key, at=at)
    return rows.dataset(name, items, source=behaviors, item_type="article", facts={"format": "mind"})


def _time(text: str, path: Path, line: int) -> float:
    try:
        return datetime.strptime(text.strip(), _TIME).replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise bad(path, line, f"{text[:40]!a} is not a time.", _BEHAVIOR) from None


def _items(path: Path) -> dict[str, Item]:
    items = {}
    for line, text in lines(path):
        fields = text.split("\t")
        if len(fields) < _FEWEST or not fields[0].strip():
            raise bad(path, line, f"{text[:60]!a} is no news.", _NEWS)
        key, category, subcategory, title, abstract = (field.strip() for field in [*fields, ""][:5])
        genres = tuple(dict.fromkeys(genre for genre in (category, subcategory) if genre))
        items[key] = make_item(key, "article", title, genres=genres, description=abstract)
    return items
