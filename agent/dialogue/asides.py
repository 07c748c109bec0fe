"""Messages that want no new slate, or a word before it: thanks, questions about items, whether a title is there, people."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent.base import MentionSpan
from agent.dialogue.lexicon import GREETING
from agent.dialogue.refine import hidden, says_more
from agent.dialogue.understand import fold

__all__ = [
    "asked_after",
    "asks_facts",
    "asks_what_this_is",
    "is_greeting",
    "is_thanks",
    "limits_length",
    "missed_title",
    "people_named",
    "plainly",
    "says_what",
]

_THANKS = re.compile(
    r"\b(?:thanks?|thx|cheers|bye|goodbye|ok|okay|great|perfect|cool|nice|awesome|lovely|wonderful|excellent|good|see you)\b|"
    r"谢|再见|拜拜|好的|好吧|不错|太好|太棒|很好|辛苦|行|可以|嗯|不用|不需要|算了",
    re.ASCII,
)
_NO_MORE = re.compile(
    r"(?:\b(?:(?:no|nah|nope)\W+(?=(?:thanks?|thx|thank|i'm|i am|we're|we are)\b)|"
    r"(?:i'm|i am|we're|we are) (?=good|ok|okay|fine|all)|"
    r"fine|thanks(?: again)?|thank|thx|cheers|bye|goodbye|ok|okay|great|perfect|cool|nice|awesome|lovely|wonderful|excellent|"
    r"good|you|so|very|much|many|a lot|(?:that|this|it|those|these)(?:'s| is| are)?(?: it| all)?|all|for|now|choices?|"
    r"picks?|ideas?|(?:i'll |i will )(?:watch|take|try|go with|listen to) "
    r"(?:that|this|it|those|them|the (?:first|second|third|last)(?: one)?)|"
    r"see you(?: again| later)?|later|then|and|the|your|help)\b|"
    r"(?:谢谢|多谢|感谢)(?:你|您|你们)?的?推荐|推荐(?:得|的)?(?:很|真|非常)?(?:好|不错|棒)|谢谢|多谢|感谢|谢了|不用谢?|不需要|算了|再见|拜拜|那|好的|好吧|好|不错|"
    r"太好|太棒|很好|非常|辛苦|行|可以|嗯|你|您|们|了|啦|啊|哦|吧|的|帮助|就这样|就这些|[^\w?？\u3400-\u9fff]|_)+",
    re.ASCII,
)
_FACTS = re.compile(
    r"\b(?:who (?:directed|directs|made|wrote|sings|sang|composed|plays|played|stars|acts)|"
    r"who(?:'s| is) (?:in|the (?:director|singer|artist|maker))|"
    r"tell me (?:a bit |a little |some )?(?:more |something )?about|know more about|more (?:information|info|details) (?:on|about)|"
    r"(?:what|which) (?:year|genres?)|when (?:was|is|were|did)|how (?:long|old) (?:is|are)|"
    r"describe|compare|difference between)\b|\bwhat(?:'s| is| are) [^.!?]*\babout\W*$|"
    r"(?:导演|主演|歌手|作者)是谁|谁(?:导演|导|拍|演|主演|唱|写|作曲)|哪一?年|[讲说](?:的是)?什么|(?:(?:介绍|比较)一?下?|讲讲|说说)(?=[第这《])|"
    r"什么(?:类型|内容|故事)|多长|区别",
    re.ASCII,
)
# "Tell me about films like Scream" asks for films; "I'd like to know more about the first one" does not.
_ALIKE = re.compile(
    r"(?<!would )(?<!'d )(?<!\bi )(?<!we )(?<!you )(?<!looks )(?<!look )(?<!sounds )\b(?:like|similar to)\b|(?<!好)像|类似"
)
_WHAT_THIS_IS = re.compile(
    r"\W*(?:(?:hi|hello|hey|so|ok|okay|sorry|please|and)\W+)*(?:who(?:'s| are| is) (?:you|this)|"
    r"what(?:'s| are| is) (?:you|this)(?: thing)?|"
    r"what (?:can|do|could) you (?:actually )?do(?: for me)?|how (?:do|does|can) (?:you|this|it|i use (?:this|it|you)) ?(?:work)?|"
    r"what can i (?:ask|say|do)(?: (?:you|here|to you))?|help(?: me)?|i need help|"
    r"are you (?:an? )?(?:real|human|person|bot|robot|ai|machine|chatbot|llm|chatgpt)(?: person| human)?)"
    r"(?:\W+(?:please|here|then|exactly))*\W*|"
    r"[^\w\u3400-\u9fff]*(?:(?:你好|请问|那)[^\w\u3400-\u9fff]*)*(?:你是(?:谁|什么|机器人|真人|人|AI|ai)吗?|(?:你|这个?)(?:能|会|可以)?(?:帮我)?(?:做|干)(?:些|点)?(?:什么|啥)|"
    r"(?:这个?|你)?(?:怎么|如何)(?:使?用|玩)(?:你|它)?|帮助|帮帮我|这(?:里|个)?是(?:什么|干什么的|做什么的))[呢啊呀的]?[^\w\u3400-\u9fff]*",
    re.ASCII,
)
# What is asked for by everybody, or on any evening.
_OPEN = re.compile(
    r"\b(?:tonight|today|tomorrow|(?:this |the )?(?:weekend|evening|morning|afternoon|night)|surprise|whatever|should|enjoy|"
    r"popular|famous|favou?rites?|classics?|top|rated|best-known|underrated|hidden gems?|masterpieces?|interesting|entertaining|"
    r"myself|mood|feel|feeling|free|spend|hours?|minutes?|nice|amazing|awesome|brilliant|worth|watching|listening|hearing|seeing|catalog(?:ue)?|"
    r"here|people|everyone|everybody|friends?|suggesting|recommending|taste|history|based|choose|pick|decide|random|more|"
    r"released|made|came|out|years?|decades?|century|era|titles?|content|early|mid|late|"
    r"(?:twen|thir|for|fif|six|seven|eigh|nine)ties|play|put|help|albums?|tunes?|flicks?|cinema|find|choosing|picking)\b|"
    r"今晚|今天|明天|周末|晚上|早上|下午|随便|随机|惊喜|热门|经典|有名|著名|好看|好听|精彩|口味|喜欢|适合|值得|大家|朋友|一起|时候|心情|"
    r"不知道|评分|高分|[一二三四五六七八九]?十?年代|上世纪|作品|目录|这里|[帮选挑]|继续|上次|刚才|[老新]片",
    re.ASCII,
)
_WHY_NOT = re.compile(r"\bwhy (?:not(?= \w)|don['’]?t(?= (?:you|we)\b))", re.IGNORECASE | re.ASCII)
_AFTER = re.compile(
    r"\W*(?:(?:so|and|but|ok|okay|hey|hi|hello)\W+)?"
    r"(?:do you (?:also )?have|have you got|you got|can i (?:watch|see|hear|listen to|play))\W+"
    r"(?:(?:the|a|an|film|movie|called)\W+)*|[^\w\u3400-\u9fff]*(?:请问|你们?|这里|那|还)*(?P<zh>有没有|有)(?:电影|影片|这部|一部|叫|[^\w\u3400-\u9fff])*",
    re.ASCII,
)
_REST = re.compile(r"(?:吗|嘛|么|没有|没|呢|电影|片子?|歌|曲子?|[^\w\u3400-\u9fff])*", re.ASCII)
_IS = re.compile(r"\W*(?:(?:so|and|but|ok|okay|hey|hi|hello)\W+)?(?:is|are)\W+(?:(?:the|film|movie|song|called)\W+)*", re.ASCII)
_IS_THERE = re.compile(
    r"\W*(?:(?:also )?available|(?:on|in) here|there|here|in (?:the|your) (?:catalog(?:ue)?|library))\W*", re.ASCII
)
_MISSED = re.compile(
    r"\W*(?:(?:[Ss]o|[Aa]nd|[Oo]k|[Hh]ey|[Hh]i|[Hh]ello)\W+)?(?:[Dd]o you (?:also )?have|[Hh]ave you got)\s+"
    r"[\"“']?(?P<en>(?:[Tt]he )?(?:[A-Z0-9][\w'’:.-]*)"
    r"(?:\s+(?:[A-Z0-9&][\w'’:.-]*|of|the|and|in|to|a|an|for|on|with|from))*)[\"”']?\s*\??\s*|"
    r"\s*(?:请问|你们?|这里)*有(?:没有)?(?:电影|影片|歌曲?)?《(?P<zh>[^》]+)》(?:吗|嘛|么|没有|没)?\s*[?？。]*\s*"
)
_MISSED_EXAMPLE = re.compile(
    r"\b(?:[Ss]omething|[Aa]nything|[Mm]ore|[Ff]ilms?|[Mm]ovies?|[Ss]ongs?|[Mm]usic|[Tt]racks?|[Ss]tuff|[Oo]nes?) "
    r"(?:like|similar to) [\"“']?"
    r"(?P<en>(?:[Tt]he )?[A-Z0-9][\w'’:.-]*(?: (?:[A-Z0-9&][\w'’:.-]*|of|the|and|in|to|a|an|for|on|with|from))*)[\"”']?"
    r"(?=\W*$|[,;!?]| (?:but|and|with|without|from|in|that|please|only)\b)|"
    r"(?:像|类似)于?(?:电影|影片|歌曲?)?《(?P<zh>[^》]+)》"
)
# Two capitalised words at least, as "with Aliens" names nobody; in Chinese the dots within a foreign name.
_NAME_EN = r"[A-Z][\w'’-]*\.?(?: (?:[A-Z]\.|[A-Z][\w'’-]+|de|van|von|der|da|del|la|le|di))*? [A-Z][\w'’-]+"
_NAME_ZH = r"[\u3400-\u9fff]{1,8}(?:[·•・][\u3400-\u9fff]{1,6}?)+"
_PERSON = re.compile(
    r"\b(?:(?:films?|movies?|songs?|tracks?|music|albums?|ones?|stuff|something|anything|nothing|actors?) (?:with|by|featuring)|"
    r"starring|featuring|(?:directed|written|made|sung|composed) by) (?!(?:My|Our|Your|The|An?|New|Some|No|All|Big) )"
    rf"(?P<en>{_NAME_EN})(?![\w'’-])"
    r"(?=\W*$|[,.;:!?)]|\s+(?:and|or|but|in|please|from|that|who|as|is|are)\b)|"
    rf"(?P<zh>{_NAME_ZH})"
    r"(?=主演|导演|执导|参演|出演|饰演|演|拍|唱|的|和|与|那|吗|呢|最|[,，。!！?？\s]|$)"
)
_BEFORE_NAME = re.compile(
    r"[\u3400-\u9fff]*(?:[我最喜热很超也都特真更好太别挺]爱|[看听由有要和与欢荐我给点找部首个是像了厌放除绝含])(?=[\u3400-\u9fff]+[·•・])"
)
_ABOUT_ZH = re.compile(r"[\u3400-\u9fff]*(?:关于|讲述?|有关|传记)[\u3400-\u9fff]+[·•・]")
_SHORT = 4
_TIME_EN = r"(?:\d+(?:[.,]\d)?|an?|one|two|three|ten|half an|ninety|sixty)(?: and a half)?[ -]?(?:h|hrs?|hours?|mins?|minutes?)\b"
_LENGTH = re.compile(
    rf"\b(?:under|less than|within|at most|at least|no (?:longer|more) than|up to|(?:short|long)er than|max(?:imum)?|"
    rf"(?:only )?have(?: only| got)?|around|about|over|more than) {_TIME_EN}(?! ago)|"
    r"\b\d+[- ](?:minute|min|hour) (?:films?|movies?|songs?|tracks?|episodes?|ones?)\b|"
    r"^\W*(?:(?:ok|but|and|even|something|anything|a bit|a little|much|make it|still)\W+)*(?:short|long)er(?: please)?\W*$|"
    r"\b(?:short|long)er (?:films?|movies?|ones?|songs?|tracks?|episodes?)\b|\btoo (?:long|short)\b(?! ago)|"
    r"(?:\d+|[一两二三半])个?半?(?:小时|分钟|钟头)(?:以内|之内|以下|以上|左右|内|的)|(?:不超过|不到|少于|最多|只有).{0,4}(?:小时|分钟|钟头)|"
    r"(?<!成)[短长]一?点(?=[的儿吧]|[^\w\u3400-\u9fff]*$)|(?:不要|别|不)太[长短]",
    re.ASCII,
)


def is_thanks(text: str, found: Sequence[MentionSpan] = ()) -> bool:
    """Return whether a message only thanks, agrees or takes leave, and asks for nothing.

    Args:
        text: The message.
        found: The titles that occur in it; one may be made of such words alone.

    """
    folded = fold(text)
    if any(_REST.fullmatch(folded[: title.start] + folded[title.end :]) for title in found):
        return False
    return _THANKS.search(folded) is not None and _NO_MORE.fullmatch(folded) is not None


def asks_facts(text: str, found: Sequence[MentionSpan] = ()) -> bool:
    """Return whether a message asks what an item is: "who directed …", "tell me more about …", …的导演是谁.

    Args:
        text: The message.
        found: The titles that occur in it; one may be "Some Like It Hot".

    """
    folded = hidden(fold(text), found)
    return _FACTS.search(folded) is not None and _ALIKE.search(folded) is None


def asks_what_this_is(text: str, found: Sequence[MentionSpan] = ()) -> bool:
    """Return whether a message only asks who answers here and what can be asked ("help", 你是谁); ``found`` are the titles that
    occur in it: one is asked for.
    """
    return not found and _WHAT_THIS_IS.fullmatch(fold(text)) is not None


def says_what(text: str, found: Sequence[MentionSpan] = ()) -> bool:
    """Return whether a text has words to look for beside its titles, ``found``: "about friendship", not "what should I watch"."""
    plain = hidden(fold(text), found)
    return says_more(_OPEN.sub(" ", plain), ())


def is_greeting(text: str, found: Sequence[MentionSpan] = ()) -> bool:
    """Return whether a message only greets; ``found`` are the titles that occur in it: one is asked for."""
    return not found and GREETING.fullmatch(fold(text)) is not None


def plainly(text: str) -> str:
    """Return a message with "why not …" and "why don't you …" said as the proposals they are, in as many characters."""
    return _WHY_NOT.sub(lambda match: "perhaps".ljust(len(match[0])), text)


def asked_after(text: str, found: Sequence[MentionSpan]) -> str:
    """Return the title that a message only asks if it is there ("do you have …?", 有…吗), as it is written; else an empty text.

    Args:
        text: The message.
        found: The titles that occur in it.

    """
    if len(found) != 1:
        return ""
    folded, start, end = fold(text), found[0].start, found[0].end
    asked, rest, title = _AFTER.fullmatch(folded[:start]), folded[end:], text[start:end]
    if _IS.fullmatch(folded[:start]) and _IS_THERE.fullmatch(rest):
        return title
    if asked is None or _REST.fullmatch(rest) is None or (asked["zh"] == "有" and not re.search("吗|嘛|么|没", rest)):
        return ""
    plain = title.isascii() and title == title.lower() and len(title) < _SHORT  # "do you have it?"
    return "" if plain else title


def limits_length(text: str, found: Sequence[MentionSpan] = ()) -> bool:
    """Return whether a message wants items of some running time ("under two hours", 短一点的), which no catalog tells.

    Args:
        text: The message.
        found: The titles that occur in it; one may name a time.

    """
    return _LENGTH.search(hidden(fold(text), found)) is not None


def missed_title(text: str, found: Sequence[MentionSpan]) -> str:
    """Return the title that a message asks after ("do you have The Matrix?", 有没有《…》？) or wants the like of ("something like
    Spaceballs", 像《…》), where it holds none of the catalog's.

    Args:
        text: The message.
        found: The titles that occur in it.

    """
    asked = _MISSED.fullmatch(text) or _MISSED_EXAMPLE.search(text)
    return "" if found or asked is None else (asked["en"] or asked["zh"])


def people_named(text: str, found: Sequence[MentionSpan]) -> list[str]:
    """Return what stands where a maker or an actor is named ("with Tom Hanks", 想看汤姆·汉克斯的), as it is written.

    Args:
        text: The message.
        found: The titles that occur in it, which are no people.

    """
    spans = list[tuple[int, int]]()
    for match in _PERSON.finditer(text):
        start, end = match.span("en" if match["en"] else "zh")
        before = None if match["en"] else _BEFORE_NAME.match(text, start, end)
        if match["en"] or not _ABOUT_ZH.match(text, start, end):
            spans.append((before.end() if before else start, end))
    apart = [(start, end) for start, end in spans if all(end <= one.start or one.end <= start for one in found)]
    return [text[start:end].removesuffix("'s") for start, end in apart]
