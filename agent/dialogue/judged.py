"""Words for genres, types and people in a message, and whether they are wanted or refused."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from agent.dialogue.lexicon import FILLERS_EN, MASK, NEGATIONS_EN, NEGATIONS_ZH, REMOVALS_EN, REMOVALS_ZH, either
from agent.dialogue.refusals import ABOUT_EN, HEADS_EN, Refusal
from agent.dialogue.years import Years

__all__ = [
    "LOOKBACK",
    "REFUSED_PERSON",
    "Word",
    "blank",
    "judged",
    "less_things",
    "listed_with",
    "of_years",
    "pattern_of",
    "split",
    "words_in",
]

LOOKBACK = 100  # more than what refuses a word, or leads to a title, takes: to look at all before each word takes long
_FILLER = rf"(?:(?:{either(FILLERS_EN)})\s+){{0,3}}"
# 有没有 and 有无 ask, they refuse nothing.
_NOT_ZH = rf"(?:(?<!有)(?:没有|无)|{either((*(word for word in NEGATIONS_ZH if word not in {'没有', '无'}), *REMOVALS_ZH))})"
_NEGATED = re.compile(
    rf"(?<![a-z])(?:{either((*NEGATIONS_EN, *REMOVALS_EN))})\s+{_FILLER}"
    rf"(?:(?:to (?:see|watch|hear)\s+)?(?:{HEADS_EN}\s+)?{ABOUT_EN}\s+{_FILLER})?$|(?<![a-z])non-$|"
    r"(?:(?<![特分个区级])别|(?<!要)不要|(?<!想)不想|讨厌)(?:再|给我|推荐|放|来|看|听)+(?:任何|什么)?$|"
    rf"{_NOT_ZH}(?:太|那么|这么|很|要|是|任何|看|听|(?:(?:任何|看|听)?(?:有关|关于|带有|含有|有|带|含|讲)))?$"
)
# Where the refusal stands behind: 对恐怖片不感兴趣, "horror is not for me". It has to end there: 喜剧不要恐怖 refuses what follows.
_NEGATED_AFTER = re.compile(
    r"\s*(?:films?|movies?|stuff|music)?\s*(?:(?:is|are)(?:n't| not)(?: really)? (?:for (?:me|us)|(?:my|our) (?:thing|taste|style|"
    r"genre|cup of tea))|(?:does|do)(?:n't| not) (?:interest|appeal)|bores? (?:me|us))\b|"
    r"(?:电影|影片|片子|片|音乐|类型?|题材|主演|演|导演|的)*(?:我|我们|都|就|也|全|可|一概|真的|实在)*"
    r"(?:不要|不想看|不想听|不看|不听|不喜欢|不爱看|不爱听|不感兴趣|没有?兴趣|免了|就?算了|除外)"
    r"(?=的?[了吧啊啦哦呀哈]*\s*(?:[,，。.!！?？;；~～…]|都|谢谢|$))|(?:电影|影片|片子|片|音乐|的)*[以之]外"
)
REFUSED_PERSON = re.compile(
    rf"(?<![a-z])(?:{either((*NEGATIONS_EN, *REMOVALS_EN))})\s+{_FILLER}"
    r"(?:(?:films?|movies?|songs?|tracks?|music|ones?|anything|something|stuff|actors?|directors?)\s+)?"
    r"(?:(?:to )?(?:see|watch|hear|listen to|recommend|suggest|show me|give me)\s+)?"
    r"(?:(?:with|by|from|of|starring|featuring|(?:directed|made|written) by)\s+)?$|"
    rf"{_NOT_ZH}(?:再|给我|推荐|放|来|有|要|看|听|由|是|任何)*$"
)
_LISTED = re.compile(rf"^\s*(?P<join>,?\s*(?:or|nor|and)\s|/|、|和|或者?|与|,)\s*{_FILLER}$")


@dataclass(frozen=True, slots=True)
class Word:
    """Where a word stands, what it means in the catalog, and whether that is wanted."""

    start: int
    end: int
    means: tuple[str, ...]
    wanted: bool = True


def words_in(text: str, pattern: re.Pattern[str], means: Mapping[str, tuple[str, ...]]) -> list[Word]:
    """Return the words that a pattern of :func:`pattern_of` finds in a folded text, all of them wanted."""
    return [Word(m.start(), m.end(), means[m.group()]) for m in pattern.finditer(text)]


def judged(text: str, words: Sequence[Word], before: re.Pattern[str] = _NEGATED, *, behind: bool = True) -> list[Word]:
    """Mark the words that are refused: by what stands right ``before`` or, if that counts, ``behind`` them, or listed with one
    that is ("no horror, war or drama", "horror and war are not for me").
    """
    refused = [before.search(text, max(0, word.start - LOOKBACK), word.start) is not None for word in words]
    after = [behind and _NEGATED_AFTER.match(text, word.end) is not None for word in words]
    done = 0
    for place in range(len(words)):
        if place < done or not refused[place]:
            continue
        run: list[int] = []
        for later in range(place + 1, len(words)):
            joint = _LISTED.match(text[words[later - 1].end : words[later].start])
            if joint is None:
                break
            run.append(later)
            if joint["join"].strip() != ",":
                for listed in run:
                    refused[listed] = True
                done = later
    for place in range(len(words) - 2, -1, -1):
        joint = _LISTED.match(text[words[place].end : words[place + 1].start]) if after[place + 1] else None
        after[place] = after[place] or (joint is not None and joint["join"].strip() != ",")
    return [Word(w.start, w.end, w.means, not (no or not_so)) for w, no, not_so in zip(words, refused, after, strict=True)]


def split(words: Sequence[Word]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what is wanted and what is refused, each once, in order."""
    wanted = dict.fromkeys(m for word in words if word.wanted for m in word.means)
    unwanted = dict.fromkeys(m for word in words if not word.wanted for m in word.means)
    return tuple(wanted), tuple(unwanted)


def blank(text: str, words: Sequence[Word]) -> str:
    """Return a text with words masked."""
    for word in words:
        text = text[: word.start] + MASK * (word.end - word.start) + text[word.end :]
    return text


def pattern_of(words: Mapping[str, object]) -> re.Pattern[str]:
    """Return a pattern of words in a folded text: English ones whole, the longest Chinese ones first."""
    latin = [word for word in words if word.isascii()]
    parts = ([rf"(?<![a-z0-9])(?:{either(latin)})(?![a-z0-9])"] if latin else []) + [
        re.escape(w) for w in sorted(words, key=len)[::-1] if not w.isascii()
    ]
    return re.compile("|".join(parts) if parts else r"(?!)")


def of_years(masked: str, genres: Sequence[Word], years: Years) -> list[Word]:
    """Return the genre words that stand right behind refused years, and with them are what is refused: "no 80s horror"."""
    ends = [end for _, end in years.spans] if years.without else []
    return [word for word in genres if any(not masked[end : word.start].strip(" 的") and end <= word.start for end in ends)]


def less_things(genres: Sequence[Word], things: Sequence[tuple[int, int]]) -> list[Word]:
    """Return genre words, those that stand for refused things refused, and left out where another word wants the genre: "horror
    without zombies".
    """
    inside = [any(start <= word.start < end for start, end in things) for word in genres]
    wanted = {kind for word, thing in zip(genres, inside, strict=True) if word.wanted and not thing for kind in word.means}
    return [
        replace(word, wanted=word.wanted and not thing)
        for word, thing in zip(genres, inside, strict=True)
        if not (thing and wanted.intersection(word.means))
    ]


def listed_with(words: Sequence[Word], refused: Sequence[Refusal]) -> list[Word]:
    """Mark the words that are listed with refused ones: "no vampires or horror"."""
    listed = [(one.start, one.end) for one in refused if one.what is None]
    return [replace(w, wanted=w.wanted and not any(start <= w.start < end for start, end in listed)) for w in words]
