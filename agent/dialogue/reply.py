"""The words that come with a slate: the LLM's where they hold, else a plain sentence."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import anyio
from pydantic import Field

from agent.base import MentionFinder
from agent.dialogue.introduction import check_reply
from agent.dialogue.refine import Shown
from agent.guard import quote
from agent.llm.base import LLM
from agent.names import find_names
from agent.prompts.respond import build_respond_prompt
from agent.why import Explanation
from agent.words import genre_name, listed, type_name
from palate.deadline import Deadline
from palate.domain import Item, ItemType, Recommendation, Value
from palate.errors import PalateError
from palate.prompting import GenerateConfig

__all__ = [
    "Opening",
    "Replier",
    "ReplyConfig",
    "facts_reply",
    "introduced_reply",
    "notice",
    "plain_reply",
    "thanked_reply",
    "why_reply",
]

_log = logging.getLogger(__name__)
_NAMED = 3
Opening = Literal["fits", "alike", "perhaps"]
_OPENINGS: Mapping[Opening, tuple[str, str]] = {
    "fits": ("Here is what fits", "为你挑了"),
    "alike": ("Like it", "和它相近的还有"),
    "perhaps": ("You might like", "也许你会喜欢"),
}
_END = re.compile(r"[.!?](?=\s)|[。！？]|\n")


class ReplyConfig(Value):
    """At most ``sentences`` of at most ``max_tokens`` tokens in all, about the first ``items``; with less than ``min_seconds`` left
    the plain sentence is said at once.
    """

    sentences: int = Field(default=2, ge=1)
    max_tokens: int = Field(default=48, ge=8)
    items: int = Field(default=4, ge=1)
    min_seconds: float = Field(default=0.5, ge=0.0)


class Replier:
    """Writes the reply to a request, sentence by checked sentence.

    Args:
        llm: Writes prose; ``None`` for the plain sentence only.
        titles: Finds catalog titles, so that none but those of the slate are named.
        config: How much is written.

    """

    def __init__(self, llm: LLM | None, titles: MentionFinder, config: ReplyConfig | None = None) -> None:
        self._llm, self._titles = llm, titles
        self.config = config or ReplyConfig()

    async def write(
        self,
        wish: str,
        items: Sequence[Recommendation],
        language: str,
        deadline: Deadline,
        emit: Callable[[str], None],
        *,
        first: str = "",
        opening: Opening = "fits",
    ) -> str:
        """Give each sentence to ``emit`` once it is checked, and return the whole. Writing ends at the first that does not hold.

        Where something has to be said ``first``, all is said plainly, with an ``opening`` that goes with it.
        """
        said: list[str] = []

        def say(sentence: str) -> None:
            delta = sentence if not said or language == "zh" else f" {sentence}"
            said.append(delta)
            emit(delta)

        if self._llm is not None and items and not first and deadline.allows(self.config.min_seconds):
            try:
                with anyio.move_on_after(deadline.remaining()):
                    await self._prose(self._llm, wish, items[: self.config.items], language, deadline, say)
            except PalateError as error:
                _log.info("plain reply: %s", error.message)
            except Exception:  # noqa: BLE001 - whatever a backend throws, the plain sentence is at hand
                _log.exception("plain reply: the LLM failed")
        if not said:
            if first:
                say(first)
            say(plain_reply(items, language, opening))
        return "".join(said)

    async def _prose(  # noqa: PLR0917 - private, and each is needed
        self,
        llm: LLM,
        wish: str,
        items: Sequence[Recommendation],
        language: str,
        deadline: Deadline,
        say: Callable[[str], None],
    ) -> None:
        prompt = build_respond_prompt(llm, wish, items, language)
        known = [_item(item) for item in items]
        buffer, count = "", 0
        stream = llm.stream(prompt, GenerateConfig(max_tokens=self.config.max_tokens), deadline)
        async for piece in stream:
            buffer += piece
            while (end := _END.search(buffer)) is not None and count < self.config.sentences:
                first, buffer = buffer[: end.end()], buffer[end.end() :]
                if not first.strip():
                    continue
                sentence = check_reply(first, known, self._titles, language=language, wish=wish)
                if sentence is None:
                    return
                say(sentence)
                told = {one.item.item_id for one in find_names(sentence, known)}
                known = [item for item in known if item.item_id not in told]  # each is named once in a reply, too
                count += 1
            if count >= self.config.sentences or len(buffer) > 400:
                return
        rest = check_reply(buffer, known, self._titles, language=language, wish=wish) if buffer.strip() else None
        if rest is not None:
            say(rest)


def notice(
    lacking: Sequence[ItemType],
    there: str,
    language: str,
    *,
    missed: str = "",
    nobody: str = "",
    unknown: Sequence[str] = (),
    length: bool = False,
    untold: bool = False,
    greeted: bool = False,
) -> str:
    """Return what has to be said first: hello; of the types that were asked for in vain, or of the title that was asked after and
    is ``there`` or was ``missed``; that no item names a person (``nobody``), or mentions what was refused (``unknown``); that
    nothing is chosen by its ``length``; that nothing offered says what was asked for (``untold``); or "".
    """
    chinese, said = language == "zh", list[str]()
    if greeted:
        said.append("你好！" if chinese else "Hello!")
    names = [type_name(kind, language) for kind in lacking]
    if names:
        no = f"There {'is' if names == ['music'] else 'are'} no {' or '.join(names)} here."
        said.append(f"这里没有{listed(names, 'zh')}。" if chinese else no)
    elif there:
        said.append(f"这里有《{quote(there)}》。" if chinese else f"Yes, {quote(there)} is here.")
    elif missed:
        said.append(f"这里没有找到《{quote(missed)}》。" if chinese else f"I find no title “{quote(missed)}” here.")
    if nobody:
        name = quote(nobody)
        said.append(f"这里没有作品注明{name}参与。" if chinese else f"No item here says that it is by or with “{name}”.")
    if unknown:
        refused = [f"“{quote(name)}”" for name in unknown]
        no = f"The texts here do not mention {' or '.join(refused)}, so I cannot leave that out."
        said.append(f"这里的资料没有提到{'、'.join(refused)}，所以没法避开。" if chinese else no)
    if length:
        said.append("这里没法按时长来挑。" if chinese else "I cannot choose by running time.")
    if untold and not said:
        no = "I found nothing to offer that says that in so many words, so I went by what comes near it and by your taste."
        said.append("没有找到直接提到这些的作品，我按相近程度和你的口味来挑。" if chinese else no)
    return ("" if chinese else " ").join(said)


def plain_reply(items: Sequence[Recommendation], language: str, opening: Opening = "fits") -> str:
    """Return a sentence that names the first of a slate's titles: they fit, are like one that was named before, or perhaps fit."""
    if not items:
        if language == "zh":
            return "目录里暂时没有符合这些条件的作品，放宽一点条件再试试吧。"
        return "Nothing in the catalog fits all of that. Try with fewer conditions."
    titles = [quote(item.title) for item in items[:_NAMED]]
    if language == "zh":
        more = "等作品" if len(items) > _NAMED else ""
        return f"{_OPENINGS[opening][1]}{listed([f'《{title}》' for title in titles], 'zh')}{more}。"
    more = f", and {len(items) - _NAMED} more" if len(items) > _NAMED else ""
    return f"{_OPENINGS[opening][0]}: {', '.join(titles) if more else listed(titles, 'en')}{more}."


def facts_reply(items: Sequence[Shown], language: str) -> str:
    """Return what the catalog says of items, and that it says no more; without any, that no such item was recommended."""
    if not items:
        return why_reply(None, language)
    chinese, said = language == "zh", list[str]()
    for item in items:
        title = quote(item.title)
        genres = [genre_name(genre, language) for genre in item.genres]
        makers = [quote(name) for name in item.creators]
        if chinese:
            year = f"（{item.year}年）" if item.year else ""
            parts = [f"类型：{'、'.join(genres)}" if genres else "", f"主创：{'、'.join(makers)}" if makers else ""]
            said.append(f"《{title}》{year}{'，'.join(part for part in parts if part)}。")
        else:
            year = f" ({item.year})" if item.year else ""
            parts = [", ".join(genres), f"by {listed(makers, 'en')}" if makers else ""]
            told = "; ".join(part for part in parts if part)
            said.append(f"{title}{year}{f': {told}' if told else ''}.")
    said.append("目录里写到的就这些。" if chinese else "The catalog says no more than that.")
    return ("" if chinese else " ").join(said)


def introduced_reply(language: str) -> str:
    """Return what is said to somebody who asks who answers here, and what can be asked."""
    if language == "zh":
        return (
            "我从这里的目录里为你推荐，依据你的记录和你说的要求。可以说类型、心情、年代、不想要的，或者一个你喜欢的作品；"
            "之后还可以说“老一点的”“不要第一个”或“为什么推荐第二个？”。"
        )
    return (
        "I recommend from the catalog here, by your history and by what you ask for. Name a genre, a mood, years, what you do not "
        "want, or a title that you like; then go on with “something older”, “not the first one” or “why the second one?”."
    )


def thanked_reply(language: str) -> str:
    """Return what is said to somebody who thanks, agrees or takes leave."""
    return "不客气。想换点别的，随时告诉我。" if language == "zh" else "Glad to help. Tell me whenever you want something else."


def why_reply(explanation: Explanation | None, language: str) -> str:
    """Return the reasons of a decision's item as a reply; ``None`` stands for an item that no slate held."""
    if explanation is None:
        return "上一份推荐里没有这个作品。" if language == "zh" else "That was not among the last recommendations."
    title = quote(explanation.title)
    reasons = [reason.text for reason in explanation.reasons]
    if language == "zh":
        return f"《{title}》：{''.join(reasons) or '没有单独的理由，是几种信号合在一起选出来的。'}"
    return f"{title}: {' '.join(reasons) or 'no single fact stands out; several weak signals together chose it.'}"


def _item(item: Recommendation) -> Item:
    return Item(item_id=item.item_id, type=item.type, title=item.title, year=item.year, genres=item.genres, creators=item.creators)
