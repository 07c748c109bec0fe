"""Reads years and decades out of a request, in English and Chinese."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

__all__ = ["Years", "read_years", "wants_years"]

_FIRST, _LAST = 1850, 2100
_TENS_EN = ("twenties", "thirties", "forties", "fifties", "sixties", "seventies", "eighties", "nineties")
_TENS_ZH = ("二十", "三十", "四十", "五十", "六十", "七十", "八十", "九十")
_WORDS = {word: 1920 + 10 * place for words in (_TENS_EN, _TENS_ZH) for place, word in enumerate(words)}
_YEAR, _NO_DECADE = r"(?:18|19|20)\d\d", r"(?!\d|['’]?s\b|年代)"
_WHEN = (
    rf"(?:(?P<year>{_YEAR}){_NO_DECADE}"
    r"|(?:(?P<part>early|mid|late)[ -])?(?P<decade>(?:18|19|20)?\d0)(?:['’]?s\b|年代)"
    r"|(?:(?P<wordpart>early|mid|late)[ -])?(?P<word>twenties|thirties|forties|fifties|sixties|seventies|eighties|nineties)\b"
    r"|(?P<han>[二三四五六七八九]十)年代)"
)
_THINGS = r"ones?|movies?|films?|songs?|tracks?|music|stuff"
_THAN = rf"(?: (?:{_THINGS}))? than"
_BEFORE = rf"(?:before|prior to|(?:older|earlier|less (?:recent|modern)){_THAN}|pre)[ -]?(?:the )?(?:year )?"
_UNTIL = r"(?:until|up to|no later than)\s+(?:the )?(?:year )?"
_AFTER = rf"(?:after|(?:newer|later|younger|more (?:recent|modern)){_THAN}|post)[ -]?(?:the )?(?:year )?"
_SINCE = r"(?:since|starting(?: from| in)?|no earlier than)\s+(?:the )?(?:year )?"
_MADE = r"made|shot|filmed|recorded|released|produced|published|written|(?:came|comes?|coming) out|dating|dated"
_MADE_ZH = r"(?:拍摄?|上映|发行|出版?|推出|制作|录制|发布)"
# "Is there nothing newer?", "why not that" and 要不要 ask, "there's nothing like the 80s" praises: they refuse nothing; nor does 别
# in 特别, 区别 and their like.
_NO_EN = (
    r"(?:(?!(?<=there's )nothing like\b)(?!(?<=there is )nothing like\b)"
    r"(?<!why )(?<!is there )(?<!are there )(?<!you have )\b(?:no|not|nothing|never|none|less|fewer|avoid|except|excluding"
    r"|without|skip|hate|remove|drop|anything but|other than|apart from|tired of|sick of|fed up with)"
    r"|(?<![a-z])[a-z]*n't|\b(?:dont|doesnt|didnt|isnt|arent|cant|wont))"
)
_REFUSED_EN = (
    rf"{_NO_EN}"
    r"(?:\s+(?:want|like|watch|see|hear|listen|play|show|give|recommend|suggest|me|to|be|is|are|was|were|that|which|any|anything"
    r"|something|more|an?|the|those|mood for|interested|into|fan|keen on|stand"
    rf"|{_THINGS}|{_MADE}|from|in|during|of))*"
)
_NO_ZH = (
    r"(?:(?<![特区分个告类级性差离送识])别|(?<!要)不要|(?<!想)不想要?|(?<!欢)不喜欢|(?<!是)不是|(?<![要看])不看|(?<![要听])不听"
    r"|(?<!不)讨厌|除了|去掉|删掉|别要)"
)
_REFUSED_ZH = rf"{_NO_ZH}(?:再|给我|推荐|推|放|来|看|听)*(?:任何|什么|那些|这些|是)?"
_NO, _REFUSED = (re.compile(p, re.IGNORECASE) for p in (rf"(?={_NO_EN}|{_NO_ZH})", rf"(?:{_REFUSED_EN}|{_REFUSED_ZH})\s*$"))
_TIME, _JOINT_ZH = re.sub(r"\?P<\w+>", "?:", _WHEN), r"(?:、|或者?|和|跟|与)"
_BEFORE_ZH, _SINCE_ZH = "(?:以前|之前|前)", "(?:以后|之后|以来|后)"
# What is refused may be what follows (不要恐怖片), so the refusal has to end there. A list that is read ahead is short: each of its
# times is tried by itself, and all of that together has to take no more than milliseconds.
_MOST = 8
_REFUSED_AFTER = re.compile(
    rf"(?:\s*(?:(?:年的?|的)\s*)?{_JOINT_ZH}\s*{_TIME}(?:\s*年?(?:{_BEFORE_ZH}|{_SINCE_ZH}))?){{0,{_MOST}}}"
    rf"\s*年?(?:[以之]外|(?:{_MADE_ZH}(?=的))?的?(?:老?电影|片子|影片|老?片|作品|音乐|老?歌曲?|东西)?(?:我|都|就|也|全)*"
    r"(?:(?:不要|不想|不用|别)(?:再|给我|推荐|推|放|来|看|听|要)*|不看|不听|不喜欢|免了|除外)"
    r"(?=[了吧啊啦哦呀哈]*\s*(?:[,，。.!！?？;；~～…]|谢谢|$)))",
    re.ASCII,
)
# Between two times that are refused together; commas only in a list that ends with "or".
_OF = r"(?:from |in )?(?:the )?"
_LISTED = re.compile(
    rf"\s*(?:(?:,\s*)?(?:\b(?:or|nor)\b(?:\s+any(?:thing)?\b)?|\band\b)|/|{_JOINT_ZH}"
    rf"|,(?=(?:\s*{_OF}{_TIME}\s*,){{0,{_MOST}}}\s*{_OF}{_TIME}\s*(?:,\s*)?(?:or|nor|and)\s+{_OF}{_TIME}))"
    rf"\s*(?:\b(?:from|in|the|that|which|was|were|{_MADE})\s+)*",
    re.IGNORECASE | re.ASCII,
)
_OR = re.compile(r"\s*(?:,\s*)?(?:\bor\b|或者?)", re.IGNORECASE)
# Words that belong to what bounds years, before and behind it: "that was made", 拍的.
_LEAD = re.compile(
    r"(?:(?:\b(?:i|that|which)\s+)?(?:\b(?:do|does|did|was|were|is|are|has|have|been)\s+)*"
    rf"(?:\b(?:{_MADE})\s+)?(?:\b(?:from|in|of|during)\s+)*|[在从自])$",
    re.IGNORECASE,
)
_TAIL = re.compile(rf"年?(?:{_MADE_ZH}(?=的))?的?")
_JOINTS = re.compile(r"(?:[\s,，、;；]|\b(?:and|but|or|nor)\b|和|跟|与|或者?|但是?|而且?|并且?|且)*", re.IGNORECASE)
_LOOKBACK = 200
_GONE = "\ufffc"
_TURNED = {"before": "since", "after": "until", "since": "until", "until": "after"}
_WAYS = ({"before", "until"}, {"after", "since"})
_Bound = tuple[int | None, int | None]
_NONE: _Bound = (None, None)


class Years(NamedTuple):
    """The first and the last year that a text asks for, each ``None`` where it sets no bound; the first and the last of the years
    that it wants to be ``without``; and where words of it begin and end that only bound or refuse years ("nothing before 1995"),
    and so are no words to look for.
    """

    first: int | None
    last: int | None
    without: tuple[tuple[int, int], ...]
    spans: tuple[tuple[int, int], ...]


class _Time(NamedTuple):
    """Years, by which rule, and where the words stand that say so."""

    rule: str
    low: int
    high: int
    start: int
    end: int


def _when(prefix: str) -> str:
    """Return the pattern of a time with group names of its own: a pattern may hold a name only once."""
    return _WHEN.replace("?P<", f"?P<{prefix}_")


def _rule(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.ASCII)


_RULES = (
    ("between", _rule(rf"(?:between |from |since )?(?P<a>{_YEAR})\s*(?:年\s*)?(?:-|–|—|to|and|until|到|至)\s*(?P<b>{_YEAR})")),
    ("before", _rule(rf"\b{_BEFORE}{_WHEN}|{_when('zh')}\s*年?{_BEFORE_ZH}")),
    # "By the 80s", "by The 1975" say of whom.
    ("until", _rule(rf"\b{_UNTIL}{_WHEN}|\bby\s+(?:the year )?(?P<by_year>{_YEAR}){_NO_DECADE}")),
    ("after", _rule(rf"\b{_AFTER}{_WHEN}")),
    ("since", _rule(rf"\b{_SINCE}{_WHEN}|{_when('zh')}\s*年?{_SINCE_ZH}|\bfrom (?:the )?(?:year )?{_when('on')} on(?:wards?)?\b")),
    ("in", _rule(rf"(?<![\d\w-])(?!(?<=\bby the ){_YEAR}{_NO_DECADE}){_WHEN}")),
)


def read_years(text: str) -> Years:
    """Return what a text says of years.

    What is refused is turned about: "nothing made before 1980" begins with 1980. A refused decade, or years between two, leave no
    bound, as what is before and after them is wanted alike, and are to be left out. Of bounds that cannot both hold the later one
    counts, and none where either will do. A year or a decade that is asked for itself counts where nothing else bounds the years,
    and is a word to look for.

    >>> read_years("a comedy from the 90s")
    Years(first=1990, last=1999, without=(), spans=())
    >>> read_years("a comedy, nothing before 1980")
    Years(first=1980, last=None, without=(), spans=((10, 29),))
    >>> read_years("after 1960 and before 1970")
    Years(first=1961, last=1969, without=(), spans=((0, 26),))
    >>> read_years("九十年代的电影")
    Years(first=1990, last=1999, without=(), spans=())
    >>> read_years("nothing from the 90s")
    Years(first=None, last=None, without=((1990, 1999),), spans=((0, 20),))
    """
    spans, without = list[tuple[int, int]](), list[tuple[int, int]]()
    asked: _Bound | None = None
    bound: _Bound | None = None
    last = None
    for time, span in _judged(text):
        if span is None and time.rule == "in":
            asked = asked or (time.low, time.high)
            continue
        spans.append(span or (time.start, time.end))
        if span is None or time.rule in _TURNED:
            either = last is not None and _OR.match(text, last.end) is not None
            bound, last = _both(bound or _NONE, _bound(time, turned=span is not None), either=either), time
        else:
            without.append((time.low, time.high))
    return Years(
        *(bound or asked or _NONE), tuple(dict.fromkeys(without)), _joined(text, [_whole(text, *s) for s in _joined(text, spans)])
    )


def wants_years(text: str) -> bool:
    """Return whether a text asks for years; "nothing before 1980" refuses some and no more."""
    return any(span is None for _, span in _judged(text))


def _judged(text: str) -> Iterator[tuple[_Time, tuple[int, int] | None]]:
    """Yield the times that a text holds, in order, and from where to where each is refused; ``None`` where it is wanted."""
    refused, times = None, _times(text)
    nos = [found.start() for found in _NO.finditer(text)] if times else []  # looked for once, not anew before each time
    for time in times:
        span = _refused(text, time, refused, nos)
        refused = None if span is None else time
        yield time, span


def _times(text: str) -> list[_Time]:
    """Return the times that a text holds, in order. What one rule reads no later one may read again."""
    times = list[_Time]()
    for rule, pattern in _RULES:
        for found in pattern.finditer(text):
            span = _span(found)
            if span is not None:
                times.append(_Time(rule, *span, found.start(), found.end()))
                text = text[: found.start()] + _GONE * (found.end() - found.start()) + text[found.end() :]
    return sorted(times, key=lambda time: time.start)


def _refused(text: str, time: _Time, last: _Time | None, nos: Sequence[int]) -> tuple[int, int] | None:
    """Return from where to where a time is refused, with the words that do so, which begin at one of ``nos``, or that list it with
    the ``last`` one, if that is refused; ``None`` where it is wanted.
    """
    for start in nos[bisect_left(nos, time.start - _LOOKBACK) : bisect_left(nos, time.start)]:
        if _REFUSED.match(text, start, time.start):
            return start, time.end
    # "Not before 1990 and before 2000" refuses the first alone.
    if last is not None and not any({last.rule, time.rule} <= way for way in _WAYS):
        listed = _LISTED.match(text, last.end)
        if listed is not None and listed.end() == time.start:
            return last.end, time.end
    after = _REFUSED_AFTER.match(text, time.end)
    return None if after is None else (time.start, after.end())


def _bound(time: _Time, *, turned: bool) -> _Bound:
    bounds: dict[str, _Bound] = {
        "before": (None, time.low - 1),
        "until": (None, time.high),
        "after": (time.high + 1, None),
        "since": (time.low, None),
    }
    return bounds.get(_TURNED[time.rule] if turned else time.rule, (time.low, time.high))


def _both(one: _Bound, other: _Bound, *, either: bool) -> _Bound:
    """Return the years within two bounds. Where there are none, the ``other`` counts, or neither if ``either`` will do."""
    low = max((bound[0] for bound in (one, other) if bound[0] is not None), default=None)
    high = min((bound[1] for bound in (one, other) if bound[1] is not None), default=None)
    if low is None or high is None or low <= high:
        return low, high
    return _NONE if either else other


def _whole(text: str, start: int, end: int) -> tuple[int, int]:
    """Return a span with the words around it that belong to it."""
    lead, tail = _LEAD.search(text, max(0, start - _LOOKBACK), start), _TAIL.match(text, end)
    return lead.start() if lead else start, tail.end() if tail else end


def _joined(text: str, spans: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return spans in order, those in one that overlap or have no more than "and" or the like between them."""
    joined = list[tuple[int, int]]()
    for start, end in sorted(spans):
        if joined and (start <= joined[-1][1] or _JOINTS.fullmatch(text, joined[-1][1], start)):
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)


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
