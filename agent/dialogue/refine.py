"""What a message means after an earlier one: a new request, a change of the last one, or a question about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from statistics import median_low
from typing import Literal

from agent.base import MentionSpan
from agent.dialogue.lexicon import (
    EMPTY_EN,
    EMPTY_ZH,
    FILLERS_EN,
    GENRE_WORDS,
    GREETING,
    MOODS,
    NEGATIONS_EN,
    NEGATIONS_ZH,
    REMOVALS_EN,
    REMOVALS_ZH,
    either,
    whole,
)
from agent.dialogue.standing import less_things, less_wanted_years, lifted, names, still_refusing, united
from agent.dialogue.understand import fold
from palate.domain import MAX_QUERY_CHARS, ItemType, Query, Value

__all__ = ["Refined", "Shown", "asks_why", "counts_a_place", "hidden", "places", "refine", "says_more"]


_WHY = re.compile(
    r"^\W*(?:but |and |so |ok,? )?(?:why|how come|what makes you)\b|[为為]什[么麼]|[为為]何|[为為]啥|什[么麼]理由", re.ASCII
)
_NOT_ANY = r"\b(?:don['’]?t|do not) (?:like|want|care for) any(?: of (?:them|these|those))?\W*$"
_FOLLOWS = re.compile(
    r"^\W*(?:(?:ok|okay|yes|yeah|well|hmm|sure|great|nice|good)\W+)?(?:no|not|nope|nah|but|and|also|instead|only|just|more|less|another|"
    r"others?|again|older|newer|make it|with|without|"
    r"(?:something|anything|ones?|maybe|how about|what about)\b.*\b(?:else|older|newer|more|less|\w+er)\b|how about|what about)\b|"
    r"\b(?:instead|that one|this one|those|these|something else|more like (?:that|this|it)|already (?:seen|heard))\b|"
    rf"\bseen (?:it|that)\b|\bnone of (?:them|it)\b|{_NOT_ANY}|"
    r"^(?:这几[个部首])?我?都不|^(?:再|还要|还有|换|不要|更|但|另外|其他|别的|只要)|老一点|旧一点|新一点|这个|那个|这些|那些|看过了|听过了|换一",
    re.ASCII,
)
_MARKS = r"[^\w\u3400-\u9fff]*"  # with re.ASCII, \W takes Chinese, too
# A message that is nothing but a comparison: "a bit darker please", 短一点的.
_COMPARES = re.compile(
    r"\W*(?:(?:ok|but|and|even|a bit|a little|much|slightly|still|way|make (?:it|them))\W+)*(?:(?:short|long|dark|light|bright|"
    r"scari|funni|slow|fast|quiet|loud|calm|weird|happi|sadd|smart|mild|gentl|soft|sweet|cheap|deep|old|new|young|bett)er)"
    r"(?: (?:please|ones?|films?|movies?|songs?|music|tracks?|stuff|than (?:that|this|those|these)))*\W*|"
    rf"{_MARKS}(?:再|更|要)?(?:[短长快慢老旧新]|轻松|搞笑|紧张|温馨|黑暗)(?:一?点)?的?(?:吧|呢|片子?|电影)?{_MARKS}",
    re.ASCII,
)
_REFUSES = re.compile(r"^\W*(?:nothing|avoid|fewer)\b|^别", re.ASCII)
_EXCLUDES = re.compile(
    r"\bnot (?:that|this|it|those|these|the)\b|\b(?:none|not any) of (?:those|these|them)\b|"
    rf"{_NOT_ANY}|^\W*(?:no|nope|nah)\W*$|"
    r"\b(?:something|anything) else\b|\b(?:another|others?)\b|"
    r"^\W*more\W*$|\bmore (?:like|please)\b|"
    r"^(?:这些|那些|这几[个部首])?我?都不(?:太?喜欢|想[看听要]|要|行)[^\w\u3400-\u9fff]*$|"
    r"\balready (?:seen|heard|know)\b|\bseen (?:it|that|them|those|the)\b|不要(?:这|那)|换一|换个|别的|其他|看过了|听过了",
    re.ASCII,
)
_CARDINALS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NUMBERS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_ORDINALS = (
    *(
        (n, rf"\b{word}\b|\b{n}(?:st|nd|rd|th)\b|第{han}|第\s*{n}(?!\d)|#{n}\b|\b(?:number|no\.) ?(?:{n}|{cardinal})\b")
        for n, (word, cardinal, han) in enumerate(zip(_NUMBERS, _CARDINALS, "一二三四五六七八九十", strict=True), start=1)
    ),
    (-1, r"\blast (?:one|film|movie|song|track)\b|最后"),
)
_NTH, _NAMED = rf"(?:{'|'.join(_NUMBERS)}|\d+(?:st|nd|rd|th))", r"(?: (?:one|film|movie|song|track))"
_NTH_ZH = r"第\s*[\d一二三四五六七八九十]+"
_NUMBERED = rf"(?:#|\b(?:number|no\.) ?)(?:\d+|{'|'.join(_CARDINALS)})"
_ANY_PLACE = rf"(?:(?:{_NTH}|last){_NAMED}?|{_NUMBERED})"
# "remove Heat", "I have seen the second one", 去掉第一个, "skip those".
_REMOVES = re.compile(
    rf"\b(?:{either(REMOVALS_EN)}|(?:i've|i have|already)(?: already)? (?:seen|heard))\b|{either(REMOVALS_ZH)}|"
    rf"\b(?:hate|dislike|(?:don['’]?t|do not) (?:like|want)|can['’]?t stand)(?= (?:the )?{_ANY_PLACE}\W*$)|"
    r"(?:(?:看|听)过了?|不(?:太|怎么)?(?:喜欢|爱看|爱听|想看|想听|要)|讨厌)第",
    re.ASCII,
)
_NOT = re.compile(r"(?:n't|\bnot|\bnever|没有?|不要|别)\W*(?:\w+\W+){0,2}$", re.ASCII)
_THEM = re.compile(r"\b(?:it|that|this|them|these|those|all(?=\W*$|\W+of\b))\b|[这那]|全部|它", re.ASCII)
_ALL_BUT = re.compile(r"除了|\b(?:all|everything) (?:but|except)\b")
_REPLACES = re.compile(r"\binstead\b|\brather\b|换成|改成|改为")
_RESETS = re.compile(
    r"\b(?:start (?:over|again)|from scratch|forget (?:that|it|all)|new topic|reset|anything goes)\b|"
    r"重新开始|重来|从头|什么都(?:行|可以)"
)
_OLDER = re.compile(r"\b(?:older|earlier)\b|老一点|旧一点|更老|更早")
_NEWER = re.compile(r"\b(?:newer|more recent|more modern|later)\b|新一点|更新的|更近")
_COUNTS = re.compile(rf"\b{_ANY_PLACE}\W*$|第\s*\d+", re.ASCII)
# Where "why" points: behind the number the message ends, or what is counted follows.
_COUNTED = re.compile(rf"(?:\b{_NTH}|{_NUMBERED})(?:{_NAMED}\b|\W*$)|{_NTH_ZH}(?:[个個部首条條]|[?？。!！\s]*$)", re.ASCII)
# "More like the first one", 像第二个那样的: at the end, as titles count, too ("like The Third Man").
_LIKE_PLACE = re.compile(
    rf"(?<!would )(?<!'d )(?<!\bi )(?<!we )(?<!you )(?<!looks )(?:\blike|\bsimilar to) (?:the )?{_ANY_PLACE}(?:,? please)?\W*$|"
    rf"(?:像|类似){_NTH_ZH}[个個部首条條]",
    re.ASCII,
)
# "The second one is great, more like that".
_LIKE_THAT = re.compile(r"\b(?:more|something|anything) (?:like|similar to) (?:that|this|it)(?: one)?(?:,? please)?\W*$", re.ASCII)
_UNLIKE_PLACE = re.compile(rf"(?:n't|\b(?:not?|nothing|no more|less|fewer|un)|不){_MARKS}(?:\w+ )?$", re.ASCII)
_FIRST_FEW = re.compile(r"\bfirst (?P<en>two|three|four|five)\b|前(?P<zh>[两二三四五])")
_FEW = {"two": 2, "three": 3, "four": 4, "five": 5, "两": 2, "二": 2, "三": 3, "四": 4, "五": 5}
_FEW_WORDS, _FEW_LETTERS = 8, 48  # of a message that only refuses something, and so changes the last request
_REFUSED = re.compile(
    rf"(?:{either((*NEGATIONS_EN, *REMOVALS_EN))})\s+(?:(?:{either(FILLERS_EN)})\s+)*[^\W\d_]+|"
    rf"(?:{either((*NEGATIONS_ZH, *REMOVALS_ZH))})[^,。;!?！？；]*",
    re.ASCII,
)
_WORD = re.compile(r"[a-z][a-z'-]{2,}")
_MOOD = re.compile(whole(MOODS))
_GENRE = re.compile(whole(word.casefold() for genre, words in GENRE_WORDS.items() for word in (genre, *words)))
_HAN = re.compile(r"[\u3400-\u9fff]")
_EMPTY_ZH = re.compile(either(EMPTY_ZH))
# Counts nothing of a slate.
_NO_PLACE = re.compile(r"\b(?:first|second|third) (?:world war|time|date|chance|hand|life)\b|第[一二三]次")


class Shown(Value):
    """An item of the last slate, and what the catalog says of it; without a ``title`` where an older version kept it."""

    item_id: str
    title: str = ""
    year: int | None = None
    genres: tuple[str, ...] = ()
    creators: tuple[str, ...] = ()


class Refined(Value):
    """What is looked for, and which items are not to be shown again.

    A ``follow-up`` changes what was asked for, and what was not to be shown stays so. A ``new`` request keeps of that only what was
    refused by name; a ``reset`` keeps nothing.
    """

    query: Query
    exclude: tuple[str, ...] = ()
    kind: Literal["new", "follow-up", "reset"] = "new"


def asks_why(text: str) -> bool:
    """Return whether a message asks for reasons."""
    return _WHY.search(fold(text)) is not None


def places(text: str, n: int) -> tuple[int, ...]:
    """Return the places, from 0, that a message counts in a list of ``n`` ("the second one", 第二个), the foremost first."""
    return _ordinals(fold(text), n)


def counts_a_place(text: str) -> bool:
    """Return whether a message counts a place ("the ninth one", 第九个), be there so many or not."""
    return _COUNTED.search(_NO_PLACE.sub(" ", fold(text))) is not None


def _ordinals(folded: str, n: int) -> tuple[int, ...]:
    """Return all places that a folded text counts, from 0: "the first and the third", 前两个."""
    text = _NO_PLACE.sub(" ", folded)
    if (few := _FIRST_FEW.search(text)) is not None:
        return tuple(range(min(n, _FEW[few["en"] or few["zh"]])))
    places = [number - 1 if number > 0 else n - 1 for number, pattern in _ORDINALS if re.search(pattern, text, re.ASCII)]
    return tuple(dict.fromkeys(place for place in places if 0 <= place < n))


def refine(  # noqa: PLR0917 - what a message is read against
    previous: Query | None,
    new: Query,
    text: str,
    shown: Sequence[Shown],
    found: Sequence[MentionSpan] = (),
    refused: Sequence[str] = (),
    carriers: Callable[[Sequence[str]], frozenset[ItemType]] = lambda _: frozenset(),
) -> Refined:
    """Return the query that ``text`` comes to after ``previous``.

    Args:
        previous: What was asked for before; ``None`` at the beginning.
        new: What ``text`` means by itself.
        text: The message.
        shown: The last slate, in order.
        found: The titles that occur in it.
        refused: The items among them that it does not want.
        carriers: Tells of which types there are items with any of some genres.

    A genre that nothing of the type has that was asked for ("some jazz", after films) begins a new request; a mood ("something
    romantic", after jazz) does not. A follow-up adds genres and examples, takes refused ones away, keeps types and years that it
    does not change, and may be relative ("something older": than the middle one of the slate). "Instead" replaces all but refusals.
    "Not that one", "another" leave out what was shown: the item that is named or counted, else all of the last slate; "more like
    the first one" wants its like. Genres, creators, words and years that were refused stay refused in new requests, too, until they
    are wanted by name or all starts over; genres also until something is to be like an example.

    """
    folded = fold(text)
    if _RESETS.search(folded) or previous is None:
        return Refined(query=new, exclude=tuple(refused), kind="reset" if _RESETS.search(folded) else "new")
    back = lifted(previous, new, folded)
    if back != previous:
        return Refined(query=back, exclude=tuple(refused), kind="follow-up")
    new = less_things(previous, new)
    follows, plain = _is_follow_up(folded, new, refused), hidden(folded, found)
    previous = less_wanted_years(previous, new, plain)
    if _of_another_type(previous, new, carriers):
        if not (follows and _is_mood(plain, new.genres)):
            return Refined(query=still_refusing(previous, new, folded), exclude=tuple(refused))
        new = new.model_copy(update={"genres": ()})
    pointed = _pointed_at(plain, new, shown, found)
    verb, like_place = _removes(folded), _LIKE_PLACE.search(plain) or (_LIKE_THAT.search(plain) if pointed else None)
    removed = _removed(folded, pointed, shown, verb) if verb else ()
    likes = new.like_item_ids
    if like_place and pointed and not _UNLIKE_PLACE.search(plain[: like_place.start()]):
        likes = united(likes, pointed)
        exclude = (
            tuple(i for i in _ids(shown) if i not in pointed) if verb or _EXCLUDES.search(f"{plain[: like_place.start()]}x") else ()
        )
    elif removed or like_place or follows or (verb and _COUNTS.search(plain)):
        others = like_place or _EXCLUDES.search(folded) or _of_other_years(folded, new)
        exclude = removed or ((pointed or _ids(shown)) if others else ())
    else:
        return Refined(query=still_refusing(previous, new, folded), exclude=tuple(refused))
    exclude = united(exclude, refused)
    if _REPLACES.search(folded) and (new.genres or likes):
        replaced = new.model_copy(update={"like_item_ids": likes})
        return Refined(query=still_refusing(previous, replaced, folded), exclude=exclude, kind="follow-up")
    query = _followed(previous, new, folded, shown, found, likes)
    return Refined(query=still_refusing(previous, query, folded, new.genres), exclude=exclude, kind="follow-up")


def _followed(  # noqa: PLR0917 - private, and each is needed
    previous: Query, new: Query, folded: str, shown: Sequence[Shown], found: Sequence[MentionSpan], likes: Sequence[str]
) -> Query:
    """Return the last request with what a follow-up changes; refusals are not carried on yet."""
    low, high = _years(folded, previous, new, shown)
    refuses = new.without_genres or new.without_creators or new.without_words
    brings = bool(new.genres or new.like_item_ids or refuses or says_more(folded, found))
    words = f"{previous.text}; {new.text}".strip("; ") if brings else previous.text
    return new.model_copy(
        update={
            "text": words[-MAX_QUERY_CHARS:],
            "like_item_ids": united(previous.like_item_ids, likes),
            "genres": united(previous.genres, new.genres, new.without_genres),
            "types": new.types or previous.types,
            "year_min": low,
            "year_max": high,
        }
    )


def hidden(folded: str, found: Sequence[MentionSpan]) -> str:
    """Return a text with a stand-in for titles, which may hold numbers and all kinds of words."""
    for one in found:
        folded = folded[: one.start] + "x" * (one.end - one.start) + folded[one.end :]
    return folded


def _of_another_type(previous: Query, new: Query, carriers: Callable[[Sequence[str]], frozenset[ItemType]]) -> bool:
    before, now = frozenset(previous.types) or carriers(previous.genres), carriers(new.genres)
    return not new.types and bool(before) and bool(now) and before.isdisjoint(now)


def _is_mood(plain: str, genres: Sequence[str]) -> bool:
    """Return whether a text asks for genres by words alone that say how something feels."""
    named = any(names(genre, plain) for genre in genres) or _GENRE.search(_MOOD.sub(" ", plain))
    return _MOOD.search(plain) is not None and not named


def _is_follow_up(folded: str, new: Query, refused: Sequence[str]) -> bool:
    if _FOLLOWS.search(folded) or _COMPARES.fullmatch(folded) or _only_bounds_years(folded, new):
        return True
    n = len(folded.split())
    refuses = new.without_genres or new.without_creators or new.without_words or refused or _REFUSES.search(folded)
    if refuses and n <= _FEW_WORDS and len(folded) <= _FEW_LETTERS and not _asks(new):
        return True
    short = n <= 3 and len(folded) <= 24
    return short and not new.like_item_ids and not new.types and new.model_copy(update={"text": ""}) != Query()


def _only_bounds_years(folded: str, new: Query) -> bool:
    """Return whether a message sets or refuses years and no more; "no films from the 90s" is no request for films."""
    if not folded.strip() or GREETING.fullmatch(folded):  # this makes an empty query, too
        return False
    refuses = new.without_years or _REFUSED.search(folded)
    aside = {"year_min": None, "year_max": None, "without_years": ()} | ({"types": ()} if refuses else {})
    return new.model_copy(update=aside) == Query()


def _asks(query: Query) -> bool:
    return bool(query.genres or query.like_item_ids or query.types or query.year_min or query.year_max)


def says_more(folded: str, found: Sequence[MentionSpan]) -> bool:
    """Return whether a text says something that is to be searched for: "with dinosaurs", not "another one" or "less gore"."""
    said = _REFUSED.sub(" ", re.sub("不错|特别|非常", " ", hidden(folded, found)))
    return (
        any(word not in EMPTY_EN and word.strip("x") for word in _WORD.findall(said))
        or len(_EMPTY_ZH.sub("", "".join(_HAN.findall(said)))) > 1
    )


def _pointed_at(plain: str, new: Query, shown: Sequence[Shown], found: Sequence[MentionSpan]) -> tuple[str, ...]:
    """Return what a message names of the slate and does not want the like of, else counts; or, "all but" that, the others."""
    named = {one.item_id for one in found}
    meant = [at for at, item in enumerate(shown) if item.item_id in named and item.item_id not in new.like_item_ids]
    meant = meant or list(_ordinals(plain, len(shown)))
    if meant and _ALL_BUT.search(plain):
        meant = [at for at in range(len(shown)) if at not in meant]
    return tuple(shown[at].item_id for at in meant)


def _removes(folded: str) -> str:
    """Return the word by which a message takes something away; "" where it does not."""
    verb = _REMOVES.search(folded)
    return "" if verb is None or _NOT.search(folded[: verb.start()]) else verb.group()


def _removed(folded: str, pointed: tuple[str, ...], shown: Sequence[Shown], verb: str) -> tuple[str, ...]:
    """Return what a message takes away: what it points at, or all ("skip those")."""
    return pointed or (_ids(shown) if _THEM.search(folded) and not verb.endswith(("seen", "heard")) else ())


def _ids(shown: Sequence[Shown]) -> tuple[str, ...]:
    return tuple(item.item_id for item in shown)


def _of_other_years(folded: str, new: Query) -> bool:
    """Return whether a message wants older or newer items than those shown, and names no years."""
    return new.year_min is None and new.year_max is None and (_OLDER.search(folded) or _NEWER.search(folded)) is not None


def _years(folded: str, previous: Query, new: Query, shown: Sequence[Shown]) -> tuple[int | None, int | None]:
    if new.year_min is not None or new.year_max is not None:
        low = previous.year_min if new.year_min is None else new.year_min
        high = previous.year_max if new.year_max is None else new.year_max
        room = low is None or high is None or low <= high
        return (low, high) if room else (new.year_min, new.year_max)
    years = [item.year for item in shown if item.year]
    if years and _OLDER.search(folded):
        return None, min(median_low(years) - 1, previous.year_max or 9999)
    if years and _NEWER.search(folded):
        return max(median_low(years) + 1, previous.year_min or 0), None
    low, high = previous.year_min, previous.year_max
    if new.without_years and low is not None and high is not None:
        refused = (*previous.without_years, *new.without_years)
        if all(any(first <= year <= last for first, last in refused) for year in range(low, high + 1)):
            return None, None  # "90s", and then "nothing from the 90s", is no wish for nothing
    return low, high
