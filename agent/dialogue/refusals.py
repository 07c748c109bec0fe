"""Words that a message does not want to find in an item: "without dogs", "nothing about Vietnam", 不要有狗的."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from agent.dialogue.lexicon import EMPTY_EN, EMPTY_ZH, MASK, TYPE_WORDS, either
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
    r"(?:no more|no|without|avoid(?:ing)?|anything but|hates?|dislikes?|can'?t stand|cannot stand|except(?: for)?|excluding|"
    r"tired of|sick of|fed up with|(?:don'?t|do not) (?:want|like)(?: to (?:see|watch|hear))?|not a fan of|stay away from|"
    r"not in the mood for|not interested in|(?:don'?t|do not) (?:recommend|suggest|show me|give me))"
)
_WHAT_ABOUT = r"(?:nothing|not|isn'?t|aren'?t)"
_CUE_EN = re.compile(
    rf"(?<![a-z'\"“‘])(?<!n't )(?<!not )(?:{_AT_ONCE}\s+(?:{_SOME}{HEADS_EN}\s+{ABOUT_EN}\s+)?|"
    rf"{_WHAT_ABOUT}\s+{_SOME}(?:{HEADS_EN}\s+)?{ABOUT_EN}\s+){_SOME}"
)
_LOOKBACK = 60  # characters before a cue that may say that it refuses nothing
# What stands before a cue that refuses nothing: "I have no …", "is there no …?", "I know nothing about …".
_NO_CUE = {
    "no": re.compile(
        r"\b(?:have|has|had|got|with me|there(?:'s| is| are| was)|is|are|was|(?<!\bi )(?:say|says|said)|if|why|or|whether)"
        r"\s+(?:there\s+)?$"
    ),
    "not": re.compile(r"\b(?:i'm|i am|we're|we are|why|or|if|he's|she's)\s+$"),
    "nothing": re.compile(r"\b(?:know|knows|knew|seen|found|have|has|got|was|there(?:'s| is)|is there|do|did)\s+$"),
    "except": re.compile(r"(?:\b(?:no|not|without|nothing)\b|n'?t\b)[^.;!?]*$"),
    "without": re.compile(r"\b(?:can't|cannot|couldn't|not|nothing|never|don't|or)\b[^,.;:!?]{0,20}$"),
}
# A story about somebody who lacks or hates it; "something like No Country for Old Men".
_TOLD = re.compile(
    r"\b(?:who|whose|where|people|those|he|she|they)\s+(?:\w+\s+){0,2}$|\b(?:about|stor(?:y|ies) of|set in)\s[^,.;:!?]*$"
)
_LIKE = re.compile(r"\b(?:like|similar to|called|titled)\s+$")
_SAID = re.compile(r"[\w'’]\s+$")
_TITLE = re.compile(r"(?:No|Nothing|Without|Not)\s+[A-Z]\w*\s+(?:(?:for|of|the|and|to|in|on|at|a|an|but|by)\s+)+[A-Z]")
_WORD_EN = re.compile(r"\s*([a-z0-9][a-z0-9'&.-]*[a-z0-9]|[a-z])")
_END_EN = re.compile(
    r"\s*(?:$|[,.;:!?()\n\"“”]|[-–—]\s|(?:please|pls|plz|in|on|for|at|to|of|from|by|with|that|which|who|because|since|as|"
    r"this|tonight|today|if|when|so|thanks|thx|ty|cheers|this time|but|and|or|nor|either|at all|again|anymore|any more|except|"
    r"besides|like|about|is|are|i|we|it|he|she|just|ok|okay|tho|though|lol|haha|whatsoever|obviously|preferably)\b)"
)
# A comma only in a list that ends with "or": "no dogs, cats are fine" wants cats.
_JOINT_EN = re.compile(
    r"\s*(?:,\s*(?:or|nor)\b|,(?=(?:[^,.;!?]{1,30},){0,5}[^,.;!?]{1,30},?\s(?:or|nor)\s)|\b(?:or|nor)\b|"
    r"\band\b(?!\s+(?:more|love|like|with|some|lots|plenty|want|need|give|show|maybe|only|just|make|keep|have|is|are|an?|the)\b)|/)\s*"
    rf"(?:(?:no|without|any)\s+)?{_SOME}"
)
_MOST_WORDS, _MOST_THINGS = 3, 8
# What leads to it and says nothing more: "I hate …", "that isn't about …".
_LEADS = re.compile(
    r"(?:(?:(?<![\w'])(?:(?:i|we)(?:'m|'re| am| are)?|that|which|who|really|just|also|and|but|or|with)|[,;])\s+|[我也但请])+$"
)
# Nouns that hold what is refused and are no part of it ("no Disney films"), and words that refuse no thing ("no idea").
_HOLDERS = frozenset(
    """
    actor actors actress band bands character characters content crap element elements episode episodes film films flick
    flicks genre genres item items kind mention movie movies music nonsense recommendation scene scenes series show shows
    singer singers song songs sort stuff theme themes thing things title titles track tracks type
    """.split()  # noqa: SIM905 (a list of words)
).union(word for words in TYPE_WORDS.values() for word in words)
_NO_THING = frozenset(
    """
    alone biggie black bro chance clean clue complaints complicated dark deal depressing doubt dude easy end ever everything
    exactly exception exceptions experience famous far fast fear fewer full further getting going hard heavy homework
    honestly hurry idea ideas interest interested joke kidding knowing known later less lie light limit limits long longer
    low luck man mate matter money necessarily need nice obvious offence offense open particular paying people person plain
    plans popular preference preferences pressure prob problem problems question questions rather reason reasons right rush
    sense serious seriously short silly simple slow special specific spoiler spoilers stress strong studying sure taste
    thinking thx time today tonight trouble tv ty typical until use usual wait way weird white wonder word words work
    worries worry yet
    """.split()  # noqa: SIM905 (a list of words)
)
_CUE_ZH = re.compile(
    r"(?:(?<![要想])不要|(?<!想)不想[看听]|(?<![看听要想])不[看听](?!会)|(?<![特分个区级])别(?:给我|再|推荐|放|来)+|讨厌|(?<![有是不])没有|除了|"
    r"(?<!喜)(?<!适合)不(?:太)?喜欢|(?<!爱)不爱[看听]|不含|不带|避开|排除)"
    r"(?:再|给我|推荐|任何|一切|所有|看|听)*(?P<about>(?:有关|关于|出现|包含|涉及|含有|带有|有|带|含|讲|跟|和|与)?)"
)
# "A man with no name" is somebody; "a film with no dogs" is a wish.
_OWNS = re.compile(
    r"\b(?:m[ae]n|wom[ae]n|boys?|girls?|guys?|kids?|child(?:ren)?|heroe?s?|heroine|detective|cop|priest|person|people|character|world|"
    r"town|city|family|somebody|someone)\s+with\s+$"
)
# A story about somebody who lacks it; what somebody has or is in the mood for.
_TOLD_ZH = re.compile(r"(?:关于|讲|讲述|一个|一群|适合|那些|对)[^,。;!?！？；]*$")
_STATES_ZH = re.compile(r"(?:我|我们|今天|今晚|现在|还|家里|都|也|暂时|最近|这里|你们?|是)$")
_THING_ZH = re.compile(
    r"(?P<thing>(?:(?!的)[\u3400-\u9fff·•・]){1,12}?|[a-z][a-z0-9 .'&-]*?)\s*"
    r"(?P<held>(?:有关|相关|出现|主题|题材)?(?:(?:主演|导演|参演|出演|演|唱|拍)(?=的|$))?的?"
    r"(?:电影|影片|片子|片|歌曲|歌|音乐|作品|内容|题材|元素|情节|镜头|画面|东西|剧情|故事)*(?:了|吧|啊|哦)*"
    r"(?:[以之]外)?(?:其[他它]|别)?的?(?:(?:都|全)(?:可以|行|好|要)?|可以|行)?)"
    r"(?=[^\w\u3400-\u9fff·•・]|$|还[有能可]|[和或及跟与](?=[\u3400-\u9fff" + MASK + "]))"
)
_HIDDEN_ZH = re.compile(MASK + r"+(?:的?(?:电影|影片|片子|片|音乐|歌))*")
_JOINT_ZH = re.compile(r"\s*(?:、|和|或者?|及|跟|与)\s*")
_IS_EMPTY_ZH = re.compile(rf"(?:{either(EMPTY_ZH)})+")
_NO_THING_ZH = re.compile(
    r"[太那么这么很再是像这我你他她它第老旧新长短别同重看听什任何了吗想要喜爱推一几两三些点更最比较过高低大小好坏无难容麻浪骗紧担客废急错]|"
    r".*(?:意思|时间|问题|关系|兴趣|想法|办法|必要|特别|其他|其它|别的|一样|一点|之前|以前|以后|之后|刚才|上面|前面|上次|满意|合适|头绪|心情|"
    r"灵感|主意|要求|偏好|限制|工作|朋友|空|年|岁|分钟|小时|吗|呢)|人.?$|[偏事钱命]$"
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is refused, and where: ``start`` to ``end`` is all that says so, ``what`` the place of the thing itself, ``None`` where
    that is masked.
    """

    start: int
    end: int
    what: tuple[int, int] | None


def refusals(text: str, masked: str) -> list[Refusal]:
    """Return the things that a message refuses by a word for them, in the order of the text, and what is masked and listed with
    such ("no vampires or horror").

    Args:
        text: The message.
        masked: The same folded, character for character, with ``MASK`` for what is understood otherwise: titles, genres, creators.
            A thing beside it is not refused by its own word ("no French [comedies]").

    """
    return sorted((*_english(text, masked), *_chinese(masked)), key=lambda found: found.start)


def _english(text: str, masked: str) -> Iterator[Refusal]:
    done = 0
    for cue in _CUE_EN.finditer(masked):
        if cue.start() < done or not _refuses(text, masked, cue):
            continue
        listed: list[Refusal] = []
        start, at = _led(masked, cue.start()), cue.end()
        while len(listed) < _MOST_THINGS and (thing := _thing_en(masked, at)) is not None:
            what, end = thing
            listed.append(Refusal(start, end, what))
            joint = _JOINT_EN.match(masked, end)
            if joint is None:
                break
            start, at = end, joint.end()
        done = listed[-1].end if listed else 0
        if any(one.what for one in listed):
            yield from listed


def _refuses(text: str, masked: str, cue: re.Match[str]) -> bool:
    """Return whether words that refuse do so: not in a title, in a story, or of what somebody has or knows."""
    before, said = masked[max(0, cue.start() - _LOOKBACK) : cue.start()], cue.group()
    states = _NO_CUE.get(said.split()[0])
    if (states and states.search(before)) or _LIKE.search(before) or (said.startswith("no ") and _OWNS.search(before)):
        return False
    if text[cue.start()].isupper() and (_SAID.search(before) or _TITLE.match(text, cue.start())):
        return False
    return said.startswith(("isn't", "aren't")) or not _TOLD.search(before)


def _thing_en(masked: str, at: int) -> tuple[tuple[int, int] | None, int] | None:
    """Return where the thing stands that begins ``at``, ``None`` for one that is masked, and where its holder ends."""
    words: list[re.Match[str]] = []
    end = start = at
    while masked.startswith(MASK, end):
        end += 1
    hidden = end > start
    while not _END_EN.match(masked, end) and len(words) <= _MOST_WORDS + 1:
        word = _WORD_EN.match(masked, end)
        if word is None or word[1] in STOP_WORDS:
            return None
        words.append(word)
        end = word.end()
    if MASK in masked[end : end + 2]:
        return None
    things = list(words)
    while things and things[-1][1] in _HOLDERS:
        things.pop()
    if hidden:
        return None if things else (None, end)
    if not things or len(things) > _MOST_WORDS or any(word[1] in EMPTY_EN or word[1] in _NO_THING for word in things):
        return None
    if things[0][1][0].isdigit():  # "no 80s films": read as years, or not at all
        return None
    return (things[0].start(1), things[-1].end(1)), end


def _chinese(masked: str) -> Iterator[Refusal]:
    done = 0
    for cue in _CUE_ZH.finditer(masked):
        before = masked[max(0, cue.start() - _LOOKBACK) : cue.start()]
        lacks = cue.group().startswith("没有")
        if cue.start() < done or _TOLD_ZH.search(before) or (lacks and _STATES_ZH.search(before)):
            continue
        start, at = _led(masked, cue.start()), cue.end()
        for _ in range(_MOST_THINGS):
            hidden = _HIDDEN_ZH.match(masked, at)
            if hidden is not None and start > cue.start():  # a genre or a name in the list
                yield Refusal(start, hidden.end(), None)
                start, joint = hidden.end(), _JOINT_ZH.match(masked, hidden.end())
                if joint is None:
                    break
                done, at = hidden.end(), joint.end()
                continue
            thing = _THING_ZH.match(masked, at)
            if thing is None or MASK in masked[thing.end() : thing.end() + 1]:
                break
            what, told = thing["thing"], bool(cue["about"] or thing["held"])
            if (not told and (len(what) == 1 or lacks)) or _NO_THING_ZH.match(what) or _IS_EMPTY_ZH.fullmatch(what):
                break
            done = thing.end()
            yield Refusal(start, done, thing.span("thing"))
            joint = _JOINT_ZH.match(masked, done)
            if joint is None:
                break
            start, at = done, joint.end()


def _led(masked: str, start: int) -> int:
    """Return where the words begin that lead to what stands at ``start``."""
    leads = _LEADS.search(masked, max(0, start - _LOOKBACK), start)
    return start if leads is None else leads.start()
