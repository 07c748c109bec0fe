"""What an item says in words, the text that is embedded and searched; and what of a request is looked for in it."""

from __future__ import annotations

import re

from palate.domain import Item, Query

__all__ = ["MAX_TEXT_CHARS", "item_text", "wanted_words"]

MAX_TEXT_CHARS = 2000
_MAX_DESCRIPTION = 1200
_MAX_LIST = 12
_COMPARED = r"nothing|not|made|shot|released|before|after|since|until|up to|prior to|(?:older|newer|earlier|later) than|the year"
_BOUND = re.compile(
    rf"(?:\b(?:{_COMPARED})\s+)*(?<![\d-])(?P<year>(?:18|19|20)\d\d)(?!\d|['’]?s\b|年代)(?:\s*年?(?:以前|之前|前|以后|之后|以来|后))?",
    re.IGNORECASE | re.ASCII,
)


def item_text(item: Item) -> str:
    """Return title, other titles, year, type, genres, creators, attributes and description, in this order, as one text.

    It has at most ``MAX_TEXT_CHARS`` characters: embedders read 256 to 512 tokens, and the start counts most.
    """
    parts = [f"{item.title} ({item.year})" if item.year else item.title]
    if item.alt_titles:
        parts.append("Also known as " + "; ".join(item.alt_titles[:_MAX_LIST]))
    genres = ", ".join(item.genres[:_MAX_LIST])
    parts.append(f"{genres} {item.type}" if genres else item.type)
    if item.creators:
        parts.append("By " + ", ".join(item.creators[:_MAX_LIST]))
    parts.extend(f"{key}: {value}" for key, value in sorted(item.attributes.items())[:_MAX_LIST])
    if item.description:
        parts.append(item.description[:_MAX_DESCRIPTION])
    text = " ".join(". ".join(part.strip() for part in parts).split())
    return text[:MAX_TEXT_CHARS]


def wanted_words(query: Query) -> str:
    """Return the text of a query less the years that only bound it: what is asked for "before 1995" need not say 1995.

    >>> wanted_words(Query(text="a comedy, nothing before 1995", genres=("Comedy",), year_min=1995))
    'a comedy,'
    >>> wanted_words(Query(text="like Blade Runner 2049"))
    'like Blade Runner 2049'
    """
    bounds = [year for year in (query.year_min, query.year_max) if year is not None]
    if not bounds:
        return query.text
    # "Before 1995" ends with 1994, "after 1995" begins with 1996.
    near = {year + step for year in bounds for step in (-1, 0, 1)}
    left = _BOUND.sub(lambda m: " " if int(m["year"]) in near else m.group(), query.text)
    return " ".join(left.split())
