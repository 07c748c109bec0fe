"""Finds titles that are mentioned in a sentence."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from adapters.titles import Token, normalise_title, title_keys, tokenise
from palate.domain import ITEM_TYPES, Item

__all__ = ["Mention", "MentionFinder"]

_ARTICLES = frozenset({"the", "a", "an"})
_FILLERS = _ARTICLES | frozenset({"film", "films", "movie", "movies", "song", "track", "piece", "album", "classic"})
_CUE_WORDS = "like similar resembles loved liked enjoyed love enjoy watched saw seen rewatch than 像 似 欢 爱 过 类 比"
_CUES = frozenset(_CUE_WORDS.split())
_LINKS = frozenset({"and", "or", "和", "与", "或", "跟"})
_AFTER = frozenset({"was", "is", "but", "meets", "and", "or", "with", "except", "但"})
# Words that carry a sentence: as a title they must be written as a title.
_COMMON_WORDS = """
    i it its me my you your he she her him his we us they them that this these those there here what who when where why how which
    up down in out on off over under at by for from of to with without about again before after during into through and or but not
    no yes so if as be is are was were am been do does did done have has had can could will would should may might must go gone
    going get got give want wanted need make made let say see look come more most much many some any all one two three other same
    such very too just only now then still ever never always new old good bad great best big small long short first last next every
    each both thing things time day night life man men woman women like love please something anything nothing someone funny fun
"""
_COMMON = frozenset(_COMMON_WORDS.split())
_OPEN_QUOTES = frozenset("\"'“‘«「『《〈")
_CLOSE_QUOTES = frozenset("\"'”’»」』》〉")
_SENTENCE_END = frozenset(".!?。！？\n")
_LONGEST = 24
_SHORT_HAN = 5  # characters; many titles of so many are everyday words
# What may stand around a short Chinese title that is meant: 有教父吗, 别再推荐教父了; and behind one: 变脸那样的.
_ASKED_ZH = re.compile(
    r"(?:请问|[你我]们?|这里|那|不|别|想|要|再|给|找|来)*(?:(?:看|听|放|推荐)[到过]?|有没有|有)(?:电影|影片)?\0"
    r"(?:这部|电影|影片|吗|嘛|么|没有|没|呢|吧|的|了)*|\0(?:这部|电影|影片)?(?:好看|好听|怎么样|如何|在吗|有吗).{0,4}"
)
_ALIKE_ZH = re.compile(
    r"[》”’]?\s*(?:[这那][样种类]|之类|差不多|一样(?=的?(?:电影|影片|片|剧|歌|音乐|[吗但又,，。!！?？]|$)))|"
    r"[》”’]?(?:风格|类型)的?(?:电影|影片|片|剧)"
)
_SEQUEL = re.compile(r"\d{1,2}(?!\d)")


@dataclass(frozen=True, slots=True)
class Mention:
    """The item whose title stands at ``text[start:end]``."""

    item_id: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Span:
    words: int
    first: int
    item_id: str


class MentionFinder:
    """Finds titles of a catalog in free text.

    A title of several telling words counts wherever it stands. A title of one word, of up to five Chinese characters, or of common
    words only needs a cue: it is quoted (《》 too), is the whole text, is capitalised within a sentence, or follows "like",
    "similar to", "loved", 像, 类似, or "and" after another mention; a Chinese one also where no more than 有…吗, 别再推荐… or …那样
    stands around it. Where all its words are common ("It", "Up", "Her"), "like" is not enough. A Chinese title before a number is
    another film's (终结者3).

    Of several items of one title the first by type, then with that main title, then the newest is taken.

    Args:
        items: The catalog.

    """

    def __init__(self, items: Iterable[Item]) -> None:
        self._by_words: dict[tuple[str, ...], list[Item]] = defaultdict(list)
        self._lengths: dict[str, set[int]] = defaultdict(set)
        for item in items:
            for title in (item.title, *item.alt_titles):
                for key in title_keys(title):
                    words = tuple(token.text for token in tokenise(key))
                    if words and len(words) <= _LONGEST and item not in self._by_words[words]:
                        self._by_words[words].append(item)
                        self._lengths[words[0]].add(len(words))
        for words, named in self._by_words.items():
            named.sort(key=lambda item: _preferred(item, words))

    def find(self, text: str, types: Sequence[str] = ()) -> list[Mention]:
        """Return the mentions in order of place; they do not overlap, and longer ones go first. ``types`` empty means all."""
        tokens = tokenise(text)
        spans = self._spans(tokens, types)
        capitals = not text.isupper()
        taken: set[int] = set()
        accepted: list[_Span] = []
        for linked in (False, True):  # the second round can follow "and" after a mention of the first
            for span in spans:
                places = range(span.first, span.first + span.words)
                if taken.isdisjoint(places) and self._counts(span, text, tokens, capitals, taken if linked else set()):
                    taken.update(places)
                    accepted.append(span)
        mentions = (Mention(s.item_id, tokens[s.first].start, tokens[s.first + s.words - 1].end) for s in accepted)
        return sorted(mentions, key=lambda mention: mention.start)

    def _spans(self, tokens: Sequence[Token], types: Sequence[str]) -> list[_Span]:
        spans = []
        for first, token in enumerate(tokens):
            for length in self._lengths.get(token.text, ()):
                if first + length > len(tokens):
                    continue
                named = self._by_words.get(tuple(t.text for t in tokens[first : first + length]), ())
                fitting = [item for item in named if not types or item.type in types]
                if fitting:
                    spans.append(_Span(length, first, fitting[0].item_id))
        return sorted(spans, key=lambda span: (-span.words, span.first))

    def _counts(self, span: _Span, text: str, tokens: Sequence[Token], capitals: bool, taken: set[int]) -> bool:
        """Return whether a span is a mention and not ordinary words."""
        words = [token.text for token in tokens[span.first : span.first + span.words]]
        telling = [word for word in words if word not in _COMMON and word not in _ARTICLES]
        han = all(len(word) == 1 and ord(word) > 0x2FFF for word in words)
        start, end = tokens[span.first].start, tokens[span.first + span.words - 1].end
        if han and _SEQUEL.match(text, end):
            return False  # 终结者3 is another film than 终结者
        if len(telling) > (_SHORT_HAN if han else 1):
            return True
        if _quoted(text, start, end) or not (text[:start] + text[end:]).strip(" .!?。！？"):
            return True
        if capitals and _titled(text, tokens, span, common=not telling):
            return True
        if han and (_ALIKE_ZH.match(text, end) or _ASKED_ZH.fullmatch(f"{text[:start]}\0{text[end:]}".strip(" ,.!?，。！？"))):
            return True
        return bool(telling) and _cued(tokens, span.first, taken)


def _preferred(item: Item, words: tuple[str, ...]) -> tuple[int, bool, int, str]:
    main = tuple(token.text for token in tokenise(normalise_title(item.title))) == words
    return ITEM_TYPES.index(item.type), not main, -(item.year or 0), item.item_id


def _quoted(text: str, start: int, end: int) -> bool:
    before = text[:start].rstrip()
    for article in ("the", "a", "an"):
        if before.lower().endswith(article) and before[: -len(article)][-1:] in _OPEN_QUOTES:
            before = before[: -len(article)]
    return before[-1:] in _OPEN_QUOTES and text[end:].lstrip(" .,!?")[:1] in _CLOSE_QUOTES


def _titled(text: str, tokens: Sequence[Token], span: _Span, *, common: bool) -> bool:
    """Return whether every word that may be is capitalised, and not only since a sentence begins there."""
    place = tokens[span.first : span.first + span.words]
    if not all(text[t.start].isupper() for t in place if t.text not in _COMMON or span.words == 1):
        return False
    if not any(text[t.start].isupper() for t in place) or (common and [t.text for t in place] == ["i"]):
        return False
    before = text[: place[0].start].rstrip(" \"'“‘(-")
    if before and before[-1] not in _SENTENCE_END:
        return True
    if common:
        return False
    following = tokens[span.first + span.words] if span.first + span.words < len(tokens) else None
    rest = text[place[-1].end :].lstrip()
    return following is None or following.text in _AFTER or rest[:1] in set(",;:.!?，。")


def _cued(tokens: Sequence[Token], first: int, taken: set[int]) -> bool:
    """Return whether a cue ("like", "similar to the film", 像) stands before, or a link to a mention."""
    place = first - 1
    while place >= 0 and tokens[place].text in _FILLERS:
        place -= 1
    if place < 0:
        return False
    word = tokens[place].text
    if word == "to":
        return place > 0 and tokens[place - 1].text in {"similar", "close", "akin"}
    return word in _CUES or (word in _LINKS and place - 1 in taken)
