"""Words that a message does not want to find in an item: "without dogs", "nothing about Vietnam", 不要有狗的."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agent.dialogue.lexicon import EMPTY_EN, EMPTY_ZH, TYPE_WORDS, either
from retrieval.lexical import STOP_WORDS

__all__ = ["ABOUT_EN", "HEADS_EN", "Refusal", "refusals"]

HEADS_EN = (
    r"(?:films?|movies?|songs?|tracks?|music|albums?|podcasts?|courses?|articles?|news|products?|ones?|anything|something|stuff|"
    r"titles?|shows?|stor(?:y|ies)|content)"
)
ABOUT_EN = (
    r"(?:about|with|by|from|featuring|starring|involving|containing|including|mentioning|related to|set (?:in|on|at)|directed by|"
    r"made by|that (?:has|have|had|involves?|features?|contains?|mentions?|is about|are about))"
)
_SOME = r"(?:(?:any|the|a|an|all|too many|so many|more)\s+)?"
# What these refuse follows at once, or behind what it is about; after the others it is always said what about.
_AT_ONCE = (
    r"(?:no more|no|without|avoid(?:ing)?|anything but|hates?|dislikes?|can't stand|cannot stand|except(?: for)?|excluding|"
    r"tired of|sick of|fed up with|(?:don't|do not) (?:want|like)(?: to (?:see|watch|hear))?|not a fan of|stay away from|"
    r"not in the mood for|not interested in|(?:don't|do not) (?:recommend|suggest|show me|give me))"
)
_WHAT_ABOUT = r"(?:nothing|not|isn't|aren't)"
_CUE_EN = re.compile(
    rf"(?<![a-z'\"“‘])(?<!n't )(?<!not )(?:{_AT_ONCE}\s+(?:{_SOME}{HEADS_EN}\s+{ABOUT_EN}\s+)?|"
    rf"{_WHAT_ABOUT}\s+{_SOME}(?:{HEADS_EN}\s+)?{ABOUT_EN}\s+){_SOME}"
)
# "I have no children", "is there no dog in it?": nothing is refused.
_STATES = re.compile(
    r"\b(?:have|has|had|got|with me|there(?:'s| is| are| was)|is|are|was|"
    r"say|says|said|if|why|or|whether)\s+(?:there\s+)?$"
)
_WORD_EN = re.compile(r"\s*([a-z0-9][a-z0-9'&.-]*[a-z0-9]|[a-z])")
_END_EN = re.compile(
    r"\s*(?:$|[,.;:!?()\n\"“”]|[-–—]\s|(?:please|in|on|for|at|to|of|from|by|with|that|which|who|because|since|as|this|tonight|today|"
    r"if|when|so|thanks|this time|but|and|or|nor|either|at all|again|anymore|any more|like|about|is|are|i|we|it|he|she|just)\b)"
)
_JOINT_EN = re.compile(rf"\s*(?:,\s*(?:or|nor|and)?|\bor\b|\bnor\b|\band\b|/)\s*(?:(?:no|without|any)\s+)?{_SOME}")
# What leads to it and says nothing more: "I hate …", "that isn't about …".
_LEADS = re.compile(
    r"(?:(?:(?<![\w'])(?:(?:i|we)(?:'m|'re| am| are)?|that|which|who|really|just|also|and|but|or)|[,;])\s+|[我也但请])+$"
)
_SAID = re.compile(r"[\w'’]\s+$")  # "something like No Country for Old Men" refuses nothing
_MOST_WORDS = 3
# Nouns that hold what is refused and are no part of it ("no Disney films"), and words that refuse no thing ("no idea").
_HOLDERS = frozenset(
    """
    actor actors actress band bands character characters content crap element elements ending endings episode episodes flick flicks
    genre genres item items kind mention movie movies film films music nonsense plot plots recommendation scene scenes series show
    shows singer singers song songs sort story stories storyline stuff theme themes thing things title titles track tracks type
    """.split()  # noqa: SIM905 (a list of words)
).union(word for words in TYPE_WORDS.values() for word in words)
_NO_THING = frozenset(
    """
    black chance clean clue complaints complicated dark depressing doubt easy end ever everything exactly exception
    exceptions famous far fast fear fewer full further getting going hard heavy hurry idea ideas interest interested joke
    knowing known later less lie limit limits long longer low luck matter money necessarily need nice obvious offence
    offense open other-than particular paying people person plain plans popular preference preferences pressure problem
    problems question questions rather reason reasons right rush sense serious short silly simple slow special specific
    spoiler spoilers stress strong sure taste thinking time today tonight trouble typical until use usual way weird white
    wonder word words worries worry yet
    """.split()  # noqa: SIM905 (a list of words)
)
_CUE_ZH = re.compile(
    r"(?:(?<![要想])不要|不想[看听]|不[看听]|(?<![特分个])别(?:给我|再|推荐|放|来)+|讨厌|(?<!有)没有|除了|不(?:太)?喜欢|不爱[看听]|不含|不带|避开|排除|"
    r"不感兴趣的?是)(?:再|给我|推荐|任何|一切|所有|看|听)*(?P<about>(?:有关|关于|出现|包含|涉及|含有|带有|有|带|含|讲|跟|和|与)?)"
)
_THING_ZH = re.compile(
    r"(?P<thing>[\u3400-\u9fff]{1,8}?|[a-z][a-z0-9 .'&-]*?)\s*(?P<held>(?:有关|相关|出现|主题|题材)?的?"
    r"(?:主演|导演|参演|出演|演|唱|拍)?的?(?:电影|影片|片子|片|歌曲|歌|音乐|作品|内容|题材|元素|情节|镜头|画面|东西|剧情|故事)*(?:了|吧|啊|哦)*"
    r"(?:[以之]外)?(?:其[他它]|别)?的?(?:都|全)?(?:可以|行|好|要)?)(?=[^\w\u3400-\u9fff]|$|[和或及跟与](?=[\u3400-\u9fff]))"
)
_JOINT_ZH = re.compile(r"\s*(?:、|和|或者?|及|跟|与|,)\s*")
_IS_EMPTY_ZH = re.compile(rf"(?:{either(EMPTY_ZH)})+")
_NO_THING_ZH = re.compile(
    r"[太那么这么很再是像这我你他她它第老旧新长短别同重看听什任何了吗想要喜爱推一几两三些点更最比较过高低大小好坏无难容麻浪骗紧担客废急错]|"
    r".*(?:意思|时间|问题|关系|兴趣|想法|办法|必要|特别|其他|其它|别的|一样|一点|之前|以前|以后|之后|年|岁|分钟|小时|吗|呢)"
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is refused, and where: ``start`` to ``end`` is all that says so, ``what`` the place of the thing itself."""

    start: int
    end: int
    what: tuple[int, int]


def refusals(text: str, masked: str, mask: str) -> list[Refusal]:
    """Return the things that a message refuses by a word for them, in the order of the text.

    Args:
        text: The message.
        masked: The same folded, character for character, with what is understood otherwise (titles, genres, creators) masked.
        mask: The character that stands for that. A thing beside it is not refused by its own word ("no French [comedies]").

    """
    return sorted((*_english(text, masked, mask), *_chinese(masked, mask)), key=lambda found: found.start)


def _led(before: str) -> int:
    leads = _LEADS.search(before)
    return len(before) if leads is None else leads.start()


def _english(text: str, masked: str, mask: str) -> list[Refusal]:
    found: list[Refusal] = []
    for cue in _CUE_EN.finditer(masked):
        before = masked[: cue.start()]
        if (cue.group().startswith("no ") and _STATES.search(before)) or (text[cue.start()].isupper() and _SAID.search(before)):
            continue
        start, at = _led(before), cue.end()
        while (thing := _thing_en(masked, at, mask)) is not None:
            what, end = thing
            found.append(Refusal(start, end, what))
            joint = _JOINT_EN.match(masked, end)
            if joint is None:
                break
            start, at = end, joint.end()
    return found


def _thing_en(masked: str, at: int, mask: str) -> tuple[tuple[int, int], int] | None:
    """Return where the thing stands that begins ``at``, and where its holder ends."""
    words: list[re.Match[str]] = []
    end = at
    while not _END_EN.match(masked, end) and len(words) <= _MOST_WORDS + 1:
        word = _WORD_EN.match(masked, end)
        if word is None or word[1] in STOP_WORDS:
            return None
        words.append(word)
        end = word.end()
    if mask in masked[end : end + 2]:
        return None
    things = list(words)
    while things and things[-1][1] in _HOLDERS:
        things.pop()
    if not things or len(things) > _MOST_WORDS or any(word[1] in EMPTY_EN or word[1] in _NO_THING for word in things):
        return None
    if things[0][1][0].isdigit():  # "no 80s films": read as years, or not at all
        return None
    return (things[0].start(1), things[-1].end(1)), end


def _chinese(masked: str, mask: str) -> list[Refusal]:
    found: list[Refusal] = []
    for cue in _CUE_ZH.finditer(masked):
        start, at = _led(masked[: cue.start()]), cue.end()
        while (thing := _THING_ZH.match(masked, at)) is not None:
            what = thing["thing"]
            one = len(what) == 1 and not (cue["about"] or thing["held"])
            if one or _NO_THING_ZH.match(what) or _IS_EMPTY_ZH.fullmatch(what) or mask in masked[thing.end() : thing.end() + 1]:
                break
            found.append(Refusal(start, thing.end(), thing.span("thing")))
            joint = _JOINT_ZH.match(masked, thing.end())
            if joint is None:
                break
            start, at = thing.end(), joint.end()
    return found
