"""Reads MovieLens films from RecBole's atomic ``.item`` files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from palate.domain import Item
from palate.errors import BadExport
from retrieval.catalog_io import ItemRowError, validation_message

__all__ = ["read_movielens_items", "split_title"]

_HEADER = ("item_id:token", "movie_title:token_seq", "release_year:token", "class:token_seq")
_ARTICLES = "The|An|A|La|Las|Les|Le|Los|Lo|L'|El|Il|I|Der|Die|Das|Den|Det|De|Een|Ein|Eine|Un|Una|Une|O|Os|As|Gli"
_TRAILING_ARTICLE = re.compile(rf"^(?P<rest>.+), (?P<article>{_ARTICLES})$")
_ALTERNATIVE = re.compile(r"^(?P<title>.*\S)\s*\((?P<alternative>[^()]+)\)$")
_VIDEO_YEAR = re.compile(r"^(?P<title>.*\S)\s*\((?P<year>\d{4})\)$")  # "Title (1995) (V)" was split one parenthesis late
_UNKNOWN = frozenset({"unknown", "unkonwn"})  # the second is how the data set spells it


def read_movielens_items(path: Path) -> Iterator[Item | ItemRowError]:
    """Yield the films of ``path`` in file order as items ``ml-<id>`` of origin ``movielens``; a bad row is an error, others go on.

    A title such as ``Usual Suspects, The`` becomes ``The Usual Suspects``, and what stands in parentheses becomes another title.
    The one film that the data set itself calls unknown is an error: nobody can be recommended it.

    Raises:
        BadExport: The file is no RecBole item file of films.

    """
    with path.open("rb") as file:
        header = tuple(file.readline().decode("utf-8", "replace").rstrip("\r\n").split("\t"))
        if header != _HEADER:
            found = "\t".join(header)[:200]
            raise BadExport(
                f"The header is {found!r}.",
                location=f"{path.name}:1",
                remedy=f"It must be the columns {', '.join(_HEADER)}, tab-separated.",
            )
        for number, raw in enumerate(file, start=2):
            yield _row(raw, f"{path.name}:{number}")


def _row(raw: bytes, location: str) -> Item | ItemRowError:
    try:
        line = raw.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        return ItemRowError(
            location=location, message="The row is not UTF-8.", value=repr(raw[:80]), remedy="Save the file as UTF-8."
        )
    fields = line.split("\t")
    if len(fields) != len(_HEADER):
        return ItemRowError(
            location=location, message=f"The row has {len(fields)} columns.", value=line[:80], remedy="Give four, tab-separated."
        )
    number, written, year, genres = (field.strip() for field in fields)
    if written.casefold() in _UNKNOWN:
        return ItemRowError(
            location=location, message="The film has no title.", value=written, remedy="Nothing can be done; it is left out."
        )
    if year == "V" and (video := _VIDEO_YEAR.match(written)):
        written, year = video["title"], video["year"]
    title, alternatives = split_title(written)
    try:
        return Item(
            item_id=f"ml-{number}",
            type="movie",
            title=title,
            alt_titles=alternatives,
            year=None if year.casefold() in _UNKNOWN or not year else int(year),
            genres=tuple(genre for genre in genres.split() if genre.casefold() not in _UNKNOWN),
            origin="movielens",
        )
    except ValidationError as error:
        message, value, remedy = validation_message(error)
        return ItemRowError(location=location, message=message, value=value, remedy=remedy)
    except ValueError:
        return ItemRowError(location=location, message="The year is not a number.", value=year, remedy="Give a year, e.g. 1995.")


def split_title(written: str) -> tuple[str, tuple[str, ...]]:
    """Return the title as people say it, and further titles.

    >>> split_title("Hate (Haine, La)")
    ('Hate', ('La Haine',))
    >>> split_title("Usual Suspects, The")
    ('The Usual Suspects', ())
    """
    title = written
    alternatives: list[str] = []
    while match := _ALTERNATIVE.match(title):
        alternatives.insert(0, _article_first(match["alternative"].strip()))
        title = match["title"]
    title = _article_first(title)
    return title, tuple(dict.fromkeys(other for other in alternatives if other != title))


def _article_first(title: str) -> str:
    match = _TRAILING_ARTICLE.match(title)
    if match is None:
        return title
    joint = "" if match["article"].endswith("'") else " "
    return f"{match['article']}{joint}{match['rest']}"
