"""Reads years and decades out of a request, in English and Chinese."""

from __future__ import annotations

import re

__all__ = ["read_years"]

_FIRST, _LAST = 1850, 2100
_TENS_EN = ("twenties", "thirties", "forties", "fifties", "sixties", "seventies", "eighties", "nineties")
_TENS_ZH = ("二十", "三十", "四十", "五十", "六十", "七十", "八十", "九十")
_WORDS = {word: 1920 + 10 * place for words in (_TENS_EN, _TENS_ZH) for place, word in enumerate(words)}
_WHEN = (
    r"(?:(?P<year>(?:18|19|20)\d\d)(?!\d|['’]?s\b|年代)"
    r"|(?:(?P<part>early|mid|late)[ -])?(?P<decade>(?:18|19|20)?\d0)(?:['’]?s\b|年代)"
    r"|(?:(?P<wordpart>early|mid|late)[ -])?(?P<word>twenties|thirties|forties|fifties|sixties|seventies|eighties|nineties)\b"
    r"|(?P<han>[二三四五六七八九]十)年代)"
)
_BEFORE = r"(?:before|prior to|older than|earlier than|pre)[ -]?(?:the )?(?:year )?"
_UNTIL = r"(?:until|up to|no later than|by)\s+(?:the )?"
_AFTER = r"(?:after|newer than|later than|post)[ -]?(?:the )?(?:year )?"
_SINCE = r"(?:since|starting(?: from| in)?|no earlier than)\s+(?:the )?"
_YEAR = r"(?:18|19|20)\d\d"
_REFUSED = re.compile(
    r"(?:\b(?:no|not|nothing|never)|n't)"
    r"(?: (?:any|anything|be|show|give|me|movies?|films?|songs?|music|made|shot|filmed|released|from))* ?$"
    r"|(?:别|别推|别给我|别放|不要|不想看|不想听|不看|不听)$",
    re.IGNORECASE,
)
_TURNED = {"before": "since", "after": "until", "since": "until", "until": "after"}
_REFUSED_AFTER = re.compile(r"\s*的?(?:老?电影|片子|影片|作品|音乐|歌曲?)?(?:都|就|也)?(?:不要|不看|不听|不想看|别|免了|除外)")


def _when(prefix: str) -> str:
    """Return the pattern of a time with group names of its own: a pattern may hold a name only once."""
    return _WHEN.replace("?P<", f"?P<{prefix}_")


def _rule(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.ASCII)


_RULES = (
    ("between", _rule(rf"(?:between |from )?(?P<a>{_YEAR})\s*年?\s*(?:-|–|—|to|and|until|到|至)\s*(?P<b>{_YEAR})")),
    ("before", _rule(rf"\b{_BEFORE}{_WHEN}|{_when('zh')}\s*年?(?:以前|之前|前)")),
    ("until", _rule(rf"\b{_UNTIL}{_WHEN}")),
    ("after", _rule(rf"\b{_AFTER}{_WHEN}")),
    ("since", _rule(rf"\b{_SINCE}{_WHEN}|{_when('zh')}\s*年?(?:以后|之后|以来|后)|\bfrom {_when('on')} on")),
    ("in", _rule(rf"(?<![\d\w-]){_WHEN}")),
)


def read_years(text: str) -> tuple[int | None, int | None]:
    """Return the first and the last year that a text asks for, each ``None`` where it sets no bound.

    What is refused is turned about: "nothing made before 1980" begins with 1980.

    >>> read_years("a comedy from the 90s")
    (1990, 1999)
    >>> read_years("before 1980")
    (None, 1979)
    >>> read_years("九十年代的电影")
    (1990, 1999)
    """
    for rule, pattern in _RULES:
        found = pattern.search(text)
        if found is None:
            continue
        if rule == "between":
            low, high = sorted((int(found["a"]), int(found["b"])))
        else:
            span = _span({name.split("_")[-1]: value for name, value in found.groupdict().items() if value})
            if span is None:
                continue
            low, high = span
        refused = _REFUSED.search(text[: found.start()]) or _REFUSED_AFTER.match(text, found.end())
        return {
            "before": (None, low - 1),
            "until": (None, high),
            "after": (high + 1, None),
            "since": (low, None),
        }.get(_TURNED.get(rule, rule) if refused else rule, (low, high))
    return None, None


def _span(found: dict[str, str]) -> tuple[int, int] | None:
    if "year" in found:
        year = int(found["year"])
        return (year, year) if _FIRST <= year <= _LAST else None
    name = found.get("word", found.get("han", "")).lower()
    start = _WORDS[name] if name else _decade(found["decade"])
    part = found.get("part", found.get("wordpart", "")).lower()
    return {"early": (start, start + 4), "mid": (start + 3, start + 6), "late": (start + 5, start + 9)}.get(
        part, (start, start + 9)
    )


def _decade(digits: str) -> int:
    value = int(digits)
    if value >= 1000:
        return value
    return 1900 + value if value >= 20 else 2000 + value
