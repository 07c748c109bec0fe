"""Whether a sentence of a reply does no more than hand titles over.

The rule is strict, as what a small model adds about a film is seldom so: a list of titles, each named once, neutral words of a
closed list around it, and what the record holds of every item that is named: genres, makers, years. A clause before it may say
again what was asked for, as far as the record does not speak against it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent.base import MentionFinder
from agent.dialogue.lexicon import GENRE_WORDS, TYPE_WORDS
from agent.guard import first_sentence, masked_names, titles_hold
from agent.names import MASK, find_names, replace_names
from agent.rules import clean
from agent.words import genre_name
from palate.domain import Item

__all__ = ["check_reply", "introduces"]

_LIST = {
    "en": re.compile(rf"{MASK}(?:(?:,? and|,? or|, ?(?:and then|or maybe)|,| &) {MASK})*"),
    "zh": re.compile(rf"《?{MASK}》?(?:[、，和与或及]+(?:以及|还有|或者)?《?{MASK}》?)*"),
}
_WORDS = (
    "a an the these those here here's are is be for to you your you'll you're with and or also too then next first now today",
    "tonight try start starting begin beginning go give pick picks take choice choices option options title titles suggestion",
    "suggestions recommendation recommendations good great nice place idea ideas one ones some few might may could would",
    "should can will want enjoy love fit fits suit suits match matches what that which asked wanted looking look something mood",
    "let's how about have there well perhaps maybe sure yes",
)
_VERBS = "try start begin go give pick take are is here's enjoy love fit fits suit suits match matches watch see listen hear play"
_SEEN = "film films movie movies watch watching see"
_HEARD = "music song songs track tracks piece pieces tune tunes listen listening hear play playing"
# 想看 is there, 好看 is not: that is praise.
_WORDS_ZH = (
    "为你 给你 推荐 挑选 挑了 挑 选了 选 这些 这几部 这部 这首 这几首 几部 几首 可以 试试 先从 从 开始 先 你 会 可能 也许 应该",
    "喜欢 的 了 和 与 或 以及 还有 作品 吧 请 今晚 今天 现在 想要 想 要 符合 适合 要求 是 都 也 就 来 一下 看看 欣赏",
)
_SEEN_ZH, _HEARD_ZH = "电影 影片 片子 片 看 想看", "音乐 曲子 歌曲 歌 听 听听 想听 乐曲"
_VERBS_ZH = re.compile(r"推荐|挑|选|试试|开始|喜欢|适合|符合|看|听|欣赏|来")
_LIKE = re.compile(r"\b(?:might|may|could|would|should|will|you'll|can)(?: also| both)? like\b")
_TOKEN = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
# A clause of its own: "For a quiet evening, try …".
_ECHO = {"en": re.compile(r"(?:for|if you|since you|as you|you) [^,]*,"), "zh": re.compile(r"[^，]*，")}
_LONGEST = 12
_AUDIO = frozenset({"track", "podcast"})


def check_reply(
    text: str, items: Sequence[Item], catalog_titles: MentionFinder, *, language: str = "en", wish: str = ""
) -> str | None:
    """Return the sentence that ``text`` begins with, cleaned, or ``None`` if it may not be shown.

    It may be shown if it introduces some of ``items`` and does nothing else (see :func:`introduces`); ``wish`` is what was asked
    for. Length, script, names and what no text may hold are those of :func:`agent.guard.check_reason`.
    """
    sentence = first_sentence(text, items, language)
    if sentence is None or not introduces(sentence, items, language=language, wish=wish):
        return None
    masked = masked_names(sentence, items)
    words = [genre_name(g, language) for i in items for g in i.genres] + [c for i in items for c in i.creators]
    fine = clean(masked, words, [str(i.year) for i in items if i.year], language)
    return sentence if fine and titles_hold(sentence, masked, items, catalog_titles) else None


def introduces(sentence: str, items: Sequence[Item], *, language: str, wish: str = "") -> bool:
    """Return whether a sentence hands over some of ``items`` and says nothing of them that their record does not hold.

    Args:
        sentence: What is to be said.
        items: The items that may be named.
        language: ``en`` or ``zh``.
        wish: What was asked for; a clause before the titles may say it again.

    """
    found = find_names(sentence, items)
    named = [one.item for one in found]
    if not named or MASK in sentence:
        return False
    text = replace_names(sentence, found, lambda _: MASK)
    groups = list(_LIST[language].finditer(text))
    if len(groups) != 1 or len({item.item_id for item in named}) < len(named):
        return False
    before, after = text[: groups[0].start()].casefold(), text[groups[0].end() :].casefold()
    echo = _ECHO[language].match(before)
    asked, before = ("", before) if echo is None else (echo.group(), before[echo.end() :])
    kept = _not_refuted(wish.casefold(), named)
    if language == "zh":
        known = {*_split(*_WORDS_ZH), *_facts(named, "zh"), *_of_medium(named, _SEEN_ZH, _HEARD_ZH)}
        runs = re.findall(r"[\u3400-\u9fff]+", kept)
        again = {run[i:j] for run in runs for i in range(len(run)) for j in range(i + 2, min(i + _LONGEST, len(run)) + 1)}
        return _spelt(asked, known | again) and _spelt(before + after, known) and _VERBS_ZH.search(before + after) is not None
    facts = {token for fact in _facts(named, "en") for token in _TOKEN.findall(fact)}
    known = _split(*_WORDS) | facts | _of_medium(named, _SEEN, _HEARD)
    said = _tokens(before) + _tokens(after)
    return set(_tokens(asked)) <= known | set(_tokens(kept)) and set(said) <= known and not _split(_VERBS).isdisjoint(said)


def _tokens(text: str) -> list[str]:
    """Return the words of an English text; "like" counts only where it is liking, not likeness."""
    return _TOKEN.findall(_LIKE.sub("enjoy", text.replace("’", "'")))


def _not_refuted(wish: str, named: Sequence[Item]) -> str:
    """Return a wish without its words for genres and types that not every item has."""
    genres = set.intersection(*({genre.casefold() for genre in item.genres} for item in named))
    unheld = [w for genre, words in GENRE_WORDS.items() if genre.casefold() not in genres for w in (genre, *words)]
    unheld += [w for kind, words in TYPE_WORDS.items() if {kind} != {item.type for item in named} for w in words]
    for word in sorted({w.casefold() for w in unheld}, key=len, reverse=True):
        wish = re.sub(rf"\b{re.escape(word)}\b" if word.isascii() else re.escape(word), " . ", wish)
    return wish


def _split(*lines: str) -> set[str]:
    return {word for line in lines for word in line.split()}


def _of_medium(named: Sequence[Item], seen: str, heard: str) -> set[str]:
    """Return the words of the medium that all named items have; of none where they differ."""
    audio = {item.type in _AUDIO for item in named}
    return set() if len(audio) > 1 else _split(heard if True in audio else seen)


def _facts(named: Sequence[Item], language: str) -> set[str]:
    """Return what the record holds of every item that is named, as it is said."""
    each = []
    for item in named:
        genres = {form for genre in item.genres for name in (genre, genre_name(genre, language)) for form in _forms(name)}
        each.append({word.casefold() for word in (*genres, *item.creators, *([str(item.year)] if item.year else []))})
    return set.intersection(*each)


def _forms(name: str) -> tuple[str, ...]:
    """Return a word, and more than one of it: "comedy", "comedies"."""
    return (name, f"{name}s", f"{name[:-1]}ies") if name[-1:] == "y" else (name, f"{name}s")


def _spelt(text: str, words: set[str]) -> bool:
    """Return whether a Chinese text can be cut into ``words``; signs between them do not matter."""
    for run in re.findall(r"[^\W_]+", text):
        reached = {0}
        for end in range(1, len(run) + 1):
            if any(start in reached and run[start:end] in words for start in range(end)):
                reached.add(end)
        if len(run) not in reached:
            return False
    return True
