"""Messages that want no new slate, or a word before it: thanks and leave, and whether a title is there."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent.base import MentionSpan
from agent.dialogue.understand import fold

__all__ = ["asked_after", "is_thanks"]

_THANKS = re.compile(
    r"\b(?:thanks?|thx|cheers|bye|goodbye|ok|okay|great|perfect|cool|nice|awesome|lovely|wonderful|excellent|good)\b|"
    r"谢|再见|拜拜|好的|好吧|不错|太好|太棒|很好|辛苦|行|可以|嗯",
    re.ASCII,
)
_NO_MORE = re.compile(
    r"(?:\b(?:thanks?|thx|cheers|bye|goodbye|ok|okay|great|perfect|cool|nice|awesome|lovely|wonderful|excellent|good|you|so|very|"
    r"much|many|a lot|again|that's|that|is|was|it|all|for|now|choices?|picks?|ideas?|i'll|will|watch|listen to|take|try|those|"
    r"these|them|see|later|then|and|the|your|help|one|first|second|third|last)\b|谢谢|多谢|感谢|谢了|再见|拜拜|那|好的|好吧|好|不错|太好|太棒|很好|非常|辛苦|行|可以|嗯|"
    r"你|您|们|了|啦|啊|哦|吧|的|推荐|帮助|就这样|就这些|[^\w\u3400-\u9fff]|_)+",
    re.ASCII,
)
_AFTER = re.compile(
    r"^\W*(?:(?:so|and|but|ok|hey|hi)\W+)?(?:do you (?:also )?have|have you got|you got|can i (?:watch|see|hear|listen to|play))\b|"
    r"有没有|有.{1,60}[吗嘛么]",
    re.ASCII,
)
_ALIKE = re.compile(r"\b(?:like|similar|such as|than)\b|像|类似|差不多|比", re.ASCII)
_REST = re.compile(r"(?:吗|嘛|么|呢|电影|片子?|歌|曲子?|[^\w\u3400-\u9fff])*", re.ASCII)
_SHORT = 4


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


def asked_after(text: str, found: Sequence[MentionSpan]) -> str:
    """Return the title that a message only asks if it is there ("do you have …?", 有…吗), as it is written; else an empty text.

    Args:
        text: The message.
        found: The titles that occur in it.

    """
    folded = fold(text)
    if len(found) != 1 or not _AFTER.search(folded) or _ALIKE.search(folded):
        return ""
    title = text[found[0].start : found[0].end]
    plain = title.isascii() and title == title.lower() and len(title) < _SHORT  # "do you have it?"
    return "" if plain or _REST.fullmatch(folded[found[0].end :]) is None else title
