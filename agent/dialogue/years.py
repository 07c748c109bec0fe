"""Reads years and decades out of a request, in English and Chinese."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["bounding_words", "read_years"]

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
_REFUSED_EN = (
    r"(?:(?<!why )\b(?:no|not|nothing|never|avoid|except|without)|n't)"
    r"(?:\s+(?:want|like|watch|see|hear|listen|play|show|give|recommend|suggest|me|to|be|is|are|was|were|that|which|any|anything"
    r"|something|more|an?|the|movies?|films?|songs?|tracks?|music|stuff|made|shot|filmed|recorded|released|came|come|out|from|in"
    r"|during|of))*"
)
# In 特别, 区别 and their like, 别 refuses nothing, nor does 要不要, which asks.
_REFUSED_ZH = (
    r"(?:(?<![特区分告类级性差离送识])别|(?<!要)不要|(?<!想)不想要?|(?<!欢)不喜欢|(?<!是)不是|(?<![要看])不看|(?<![要听])不听)"
    r"(?:再|给我|推荐|推|放|来|看|听)*(?:任何|什么|那些|这些|是)?"
)
_REFUSED = re.compile(rf"(?:{_REFUSED_EN}|{_REFUSED_ZH})\s*$", re.IGNORECASE)
_TIME, _JOINT_ZH = re.sub(r"\?P<\w+>", "?:", _WHEN), r"(?:、|或者?|和|跟|与)"
# What is refused may be what follows (不要恐怖片), so the refusal has to end there.
_REFUSED_AFTER = re.compile(
    rf"(?:\s*年?\s*{_JOINT_ZH}\s*{_TIME})*"
    r"\s*年?的?(?:老?电影|片子|影片|老?片|作品|音乐|老?歌曲?|东西)?(?:我|都|就|也|全)*"
    r"(?:(?:不要|不想|不用|别)(?:再|给我|推荐|推|放|来|看|听|要)*|不看|不听|不喜欢|免了|除外)"
    r"(?=[了吧啊啦哦呀哈]*\s*(?:[,，。.!！?？;；~～…]|谢谢|$))",
    re.ASCII,
)
# A time that is refused together with the one before it.
_LISTED = re.compile(rf"\s*(?:\b(?:or|nor|and)\b|/|{_JOINT_ZH})(?=\s*(?:(?:from|in|the) )*{_TIME})", re.IGNORECASE | re.ASCII)
_LOOKBACK = 200
_TURNED = {"before": "since", "after": "until", "since": "until", "until": "after"}


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

    What is refused is turned about: "nothing made before 1980" begins with 1980. A refused decade, or years between two, leave no
    bound, as what is before and after them is wanted alike.

    >>> read_years("a comedy from the 90s")
    (1990, 1999)
    >>> read_years("before 1980")
    (None, 1979)
    >>> read_years("九十年代的电影")
    (1990, 1999)
    >>> read_years("nothing from the 90s")
    (None, None)
    """
    found = _found(text)
    return (None, None) if found is None else found.years


def bounding_words(text: str) -> tuple[int, int]:
    """Return where the words of a text begin and end that only set a bound to years, "nothing before 1995": they are no words to
    look for. A year or a decade that is asked for itself ("of 1995") is one. Where there are none, (0, 0).

    >>> bounding_words("a comedy, nothing before 1995")
    (10, 29)
    >>> bounding_words("a comedy of 1995")
    (0, 0)
    """
    found = _found(text)
    return (0, 0) if found is None or found.rule == "in" else (found.start, found.end)


class _Found(NamedTuple):
    """Years, by which rule, and where the words stand that say so, with those that refuse."""

    years: tuple[int | None, int | None]
    rule: str
    start: int
    end: int


def _found(text: str) -> _Found | None:
    for rule, pattern in _RULES:
        found = pattern.search(text)
        while found is not None:
            span, start, end = _span(found), found.start(), found.end()
            before = _REFUSED.search(text, max(0, start - _LOOKBACK), start)
            after = None if before else _REFUSED_AFTER.match(text, end)
            refused = before or after
            if span is not None and (refused is None or rule in _TURNED):
                low, high = span
                years: dict[str, tuple[int | None, int | None]] = {
                    "before": (None, low - 1),
                    "until": (None, high),
                    "after": (high + 1, None),
                    "since": (low, None),
                }
                first, last = before.start() if before else start, after.end() if after else end
                return _Found(years.get(_TURNED[rule] if refused else rule, span), rule, first, last)
            if refused:
                listed = _LISTED.match(text, end)
                end = end if listed is None else listed.end()
                # No other rule may read it, and what refused it stands before the next that is listed.
                text = text[:start] + " " * (end - start) + text[end:]
            found = pattern.search(text, end)
    return None


def _span(match: re.Match[str]) -> tuple[int, int] | None:
    found = {name.split("_")[-1]: value for name, value in match.groupdict().items() if value}
    if "a" in found:
        low, high = sorted((int(found["a"]), int(found["b"])))
        return low, high
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
