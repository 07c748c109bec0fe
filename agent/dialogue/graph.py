"""The conversation as a graph: understand, retrieve, rank, respond; or understand, and why, facts, thanked or introduced."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Protocol

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Durability
from typing_extensions import TypedDict

from agent.base import MentionSpan
from agent.dialogue.asides import (
    asked_after,
    asks_facts,
    asks_what_this_is,
    is_greeting,
    is_thanks,
    limits_length,
    missed_title,
    people_named,
    plainly,
    says_what,
)
from agent.dialogue.events import ChatEvent
from agent.dialogue.refine import Shown, asks_why, counts_a_place, places, refine
from agent.dialogue.reply import Opening, Replier, ReplyConfig, facts_reply, introduced_reply, notice, thanked_reply, why_reply
from agent.dialogue.wishes import WishReader, WishReaderConfig
from agent.llm.base import LLM
from agent.prompts.understand import Asked, Draft
from agent.recommender import Prepared, Recommender
from agent.why import Explanation
from palate.deadline import Deadline
from palate.domain import MAX_QUERY_CHARS, ItemType, Query, Request, Slate, Value
from palate.errors import InvalidInput, NotFound

__all__ = ["ChatAgent", "ChatConfig", "ChatState", "Language"]

Language = Literal["en", "zh"]
_MAX_EXCLUDED = 200
_MESSAGES = 20
_EVIDENCE = frozenset({"explain", "retrieve:lexical"})  # without these nobody knows what words were found
_ASIDES = ("why", "facts", "thanked", "introduced")  # answered without a slate


class Vocabulary(Protocol):
    """What words mean in the present catalog."""

    def understand(self, text: str) -> Query:
        """Return what a text asks for (see :class:`agent.dialogue.understand.Understander`)."""
        ...

    def lacking(self, text: str) -> tuple[ItemType, ...]:
        """Return the types that a text asks for in vain."""
        ...

    def carriers(self, genres: Sequence[str]) -> frozenset[ItemType]:
        """Return the types of which there are items with any of the genres."""
        ...

    def draft(self, text: str) -> Draft:
        """Return what rules make of a text, as an LLM reads it."""
        ...

    def corrected(self, text: str, asked: Asked) -> Query:
        """Return a text understood with the fields that an LLM corrected."""
        ...

    def refused(self, text: str) -> tuple[str, ...]:
        """Return the items that a text names and does not want."""
        ...

    def creators(self, text: str) -> tuple[str, ...]:
        """Return the creators that a text names."""
        ...

    def unmentioned(self, text: str) -> tuple[str, ...]:
        """Return the words that a text refuses and that no item has in its texts."""
        ...

    def mentions(self, text: str) -> Sequence[MentionSpan]:
        """Return the titles that occur in a text."""
        ...


class ChatConfig(Value):
    """``reply_ms`` of the deadline (at most a third of it) are kept for the reply."""

    reply_ms: float = 1000.0
    reply: ReplyConfig = ReplyConfig()
    wishes: WishReaderConfig = WishReaderConfig()


def _recent(left: list[AnyMessage], right: list[AnyMessage]) -> list[AnyMessage]:
    return [*left, *right][-_MESSAGES:]


class ChatState(TypedDict, total=False):
    """What is remembered of a conversation: plain values, and the last 20 messages of langchain-core.

    ``refused`` are the items that were refused by name, for any request, ``excluded`` what else is not to be shown for the present.
    """

    messages: Annotated[list[AnyMessage], _recent]
    intent: str
    query: dict[str, Any] | None
    shown: list[dict[str, Any]]
    excluded: list[str]
    refused: list[str]
    decision_id: str | None


@dataclass(slots=True)
class _Turn:
    """One message on its way; never kept."""

    text: str
    person_id: str
    n: int
    deadline: Deadline
    deadline_ms: int
    language: Language
    without_platforms: tuple[str, ...]
    seed: int
    request: Request | None = None
    prepared: Prepared | None = None
    slate: Slate | None = None
    decision_id: str | None = None
    degraded: tuple[str, ...] = field(default=())


class ChatAgent:
    """Talks: each message is answered by a slate and a sentence, by the reasons of an earlier slate or what the catalog says of it,
    or, where it only thanks or asks what this is, by a sentence.

    Args:
        recommender: Makes slates and tells why.
        vocabulary: Understands texts and finds titles.
        llm: Writes replies; ``None`` for plain sentences.
        reads: Tuned to read wishes; ``None`` for rules alone.
        checkpointer: Remembers conversations; unset, each message stands alone.
        config: How time is shared out.

    """

    def __init__(
        self,
        recommender: Recommender,
        vocabulary: Vocabulary,
        llm: LLM | None = None,
        *,
        reads: LLM | None = None,
        checkpointer: BaseCheckpointSaver[Any] | None = None,
        config: ChatConfig | None = None,
    ) -> None:
        self.config = config or ChatConfig()
        self._recommender, self._vocabulary = recommender, vocabulary
        self._replier = Replier(llm, vocabulary, self.config.reply)
        self._wishes = WishReader(vocabulary, reads, self.config.wishes)
        self._writes = llm is not None
        self._durability: Durability | None = "exit" if checkpointer is not None else None
        self.graph = self._build(checkpointer)

    async def stream(
        self,
        person_id: str,
        conversation_id: str | None,
        text: str,
        *,
        n: int = 6,
        deadline_ms: int = 3000,
        language: Language = "en",
        without_platforms: Sequence[str] = (),
        seed: int = 0,
    ) -> AsyncIterator[ChatEvent]:
        """Yield the answer to a message: ``status`` and ``slate`` as they come, ``text`` by sentence, ``done`` at last.

        A conversation belongs to its person: the same id under another person is another conversation. Without
        ``conversation_id`` a new one begins; ``done`` names it.

        Raises:
            InvalidInput: The message is empty or longer than 2,000 characters.
            PalateError: The answer could not be made at all.

        """
        if not text.strip() or len(text) > MAX_QUERY_CHARS:
            raise InvalidInput(
                f"The message has {len(text.strip()):,} characters; 1 to {MAX_QUERY_CHARS:,} are read.",
                remedy="Send a message of that length.",
                param="message",
            )
        conversation = conversation_id or uuid.uuid4().hex
        turn = _Turn(text, person_id, n, Deadline.after_ms(deadline_ms), deadline_ms, language, tuple(without_platforms), seed)
        # "|" occurs in no identifier, so that no two pairs of ids make the same thread.
        config: RunnableConfig = {"configurable": {"thread_id": f"{person_id}|{conversation}"}}
        steps = self.graph.astream(
            {"messages": [HumanMessage(text)]}, config, context=turn, stream_mode="custom", durability=self._durability
        )
        async for event in steps:
            yield event
        yield ChatEvent("done", {"conversation_id": conversation, "decision_id": turn.decision_id, "degraded": list(turn.degraded)})

    def _build(self, checkpointer: BaseCheckpointSaver[Any] | None) -> Any:
        graph = StateGraph(ChatState, context_schema=_Turn)
        graph.add_node("understand", self._understand)
        graph.add_node("retrieve", self._retrieve)
        graph.add_node("rank", self._rank)
        graph.add_node("respond", self._respond)
        graph.add_node("why", self._why)
        graph.add_node("facts", self._facts)
        graph.add_node("thanked", self._thanked)
        graph.add_node("introduced", self._introduced)
        graph.add_edge(START, "understand")
        graph.add_conditional_edges("understand", _next, ["retrieve", *_ASIDES])
        graph.add_edge("retrieve", "rank")
        graph.add_edge("rank", "respond")
        graph.add_edge("respond", END)
        for aside in _ASIDES:
            graph.add_edge(aside, END)
        return graph.compile(checkpointer=checkpointer)

    async def _understand(self, state: ChatState, runtime: Runtime[_Turn]) -> dict[str, Any]:
        turn = runtime.context
        runtime.stream_writer(ChatEvent("status", {"stage": "understand"}))
        said = plainly(turn.text)
        if asks_why(said):
            return {"intent": "why"}
        mentions = self._vocabulary.mentions(said)
        shown = _shown(state)
        if asks_facts(said, mentions) and any(item.title for item in shown) and (counts_a_place(said) or _named(shown, mentions)):
            return {"intent": "facts"}
        if asks_what_this_is(said, mentions):
            return {"intent": "introduced"}
        if is_thanks(said, mentions):
            return {"intent": "thanked"}
        remembered = state.get("query")
        refused = self._vocabulary.refused(said)
        refined = refine(
            None if remembered is None else Query.model_validate(remembered),
            await self._wishes.read(said, turn.deadline),
            said,
            shown,
            mentions,
            refused,
            self._vocabulary.carriers,
        )
        wanted = {mention.item_id for mention in mentions}.difference(refused)
        before = [] if refined.kind == "reset" else state.get("refused") or []
        still = list(dict.fromkeys((*(item for item in before if item not in wanted), *refused)))[-_MAX_EXCLUDED:]
        earlier = [item for item in state.get("excluded") or [] if item not in wanted] if refined.kind == "follow-up" else []
        excluded = [item for item in dict.fromkeys((*earlier, *refined.exclude)) if item not in still][-_MAX_EXCLUDED:]
        turn.request = Request(
            person_id=turn.person_id,
            query=refined.query,
            n=turn.n,
            deadline_ms=turn.deadline_ms,
            without_platforms=turn.without_platforms,
            exclude_item_ids=(*excluded, *still)[-_MAX_EXCLUDED:],
            seed=turn.seed,
            language=turn.language,
        )
        query = refined.query.model_dump(mode="json")
        return {"intent": "recommend", "query": query, "excluded": excluded, "refused": still}

    async def _retrieve(self, state: ChatState, runtime: Runtime[_Turn]) -> dict[str, Any]:
        turn = runtime.context
        runtime.stream_writer(ChatEvent("status", {"stage": "retrieve"}))
        if turn.request is not None:
            turn.prepared = await self._recommender.prepare(turn.request, self._for_slate(turn))
        return {}

    async def _rank(self, state: ChatState, runtime: Runtime[_Turn]) -> dict[str, Any]:
        turn = runtime.context
        runtime.stream_writer(ChatEvent("status", {"stage": "rank"}))
        if turn.prepared is None:
            return {}
        await self._recommender.rank(turn.prepared)
        turn.slate = slate = await self._recommender.finish(turn.prepared)
        turn.decision_id, turn.degraded = slate.decision_id, slate.degraded
        runtime.stream_writer(ChatEvent("slate", slate=slate))
        told = [Shown(item_id=i.item_id, title=i.title, year=i.year, genres=i.genres, creators=i.creators) for i in slate.items]
        shown = [item.model_dump(mode="json") for item in told]
        return {"shown": shown, "decision_id": slate.decision_id}

    async def _respond(self, state: ChatState, runtime: Runtime[_Turn]) -> dict[str, Any]:
        turn, write = runtime.context, runtime.stream_writer
        write(ChatEvent("status", {"stage": "respond"}))
        text, request = plainly(turn.text), turn.request
        mentions, lacking = self._vocabulary.mentions(text), self._vocabulary.lacking(text)
        there, missed = asked_after(text, mentions), missed_title(text, mentions)
        missed = "" if self._known(missed) else missed  # "do you have Comedies?"
        untold = request is not None and self._untold(request.query, turn)
        unknown = self._vocabulary.unmentioned(text)
        first = notice(
            lacking,
            there,
            turn.language,
            missed=missed,
            nobody=next((name for name in people_named(text, mentions) if not self._known(name)), ""),
            unknown=unknown,
            length=limits_length(text, mentions),
            untold=untold,
            greeted=is_greeting(text, mentions),
        )
        opening: Opening = "perhaps" if untold or unknown else "fits"
        if there and not lacking and request is not None and request.query.like_item_ids:
            opening = "alike"
        said = await self._replier.write(
            turn.text,
            turn.slate.items if turn.slate is not None else (),
            turn.language,
            turn.deadline,
            lambda delta: write(ChatEvent("text", {"delta": delta})),
            first=first,
            opening=opening,
        )
        return {"messages": [AIMessage(said)]}

    def _untold(self, query: Query, turn: _Turn) -> bool:
        """Return whether a request is in words that no item of its slate has, and in nothing else."""
        more = query.genres or query.like_item_ids or query.without_genres or query.without_creators
        if more or turn.slate is None or turn.prepared is None or not _EVIDENCE.isdisjoint(turn.degraded):
            return False
        served = {item.item_id for item in turn.slate.items}
        offered = (one for one in turn.prepared.found.candidates if one.item.item_id in served)
        said = [one for candidate in offered for one in candidate.evidence if one.kind == "query"]
        told = any(one.source != "lexical" or says_what(one.detail) for one in said)
        asks = served and not told and not self._vocabulary.creators(query.text)
        return bool(asks) and says_what(query.text, self._vocabulary.mentions(query.text))

    def _known(self, words: str) -> bool:
        """Return whether words name a creator, or ask for a genre, a type, years or the like of a title."""
        return bool(self._vocabulary.creators(words)) or self._vocabulary.understand(words) != Query(text=words)

    async def _why(self, state: ChatState, runtime: Runtime[_Turn]) -> dict[str, Any]:
        turn = runtime.context
        runtime.stream_writer(ChatEvent("status", {"stage": "why"}))
        said = await self._reasons(state, turn)
        runtime.stream_writer(ChatEvent("text", {"delta": said}))
        return {"messages": [AIMessage(said)]}

    async def _facts(self, state: ChatState, runtime: Runtime[_Turn]) -> dict[str, Any]:
        text, shown = runtime.context.text, _shown(state)
        at = places(text, len(shown)) or _named(shown, self._vocabulary.mentions(text))
        said = facts_reply([shown[place] for place in at], runtime.context.language)
        runtime.stream_writer(ChatEvent("text", {"delta": said}))
        return {"messages": [AIMessage(said)]}

    async def _thanked(self, state: ChatState, runtime: Runtime[_Turn]) -> dict[str, Any]:
        said = thanked_reply(runtime.context.language)
        runtime.stream_writer(ChatEvent("text", {"delta": said}))
        return {"messages": [AIMessage(said)]}

    async def _introduced(self, state: ChatState, runtime: Runtime[_Turn]) -> dict[str, Any]:
        said = introduced_reply(runtime.context.language)
        runtime.stream_writer(ChatEvent("text", {"delta": said}))
        return {"messages": [AIMessage(said)]}

    async def _reasons(self, state: ChatState, turn: _Turn) -> str:
        """Answer from the record of the last decision: about the item that is named or counted, else the first."""
        decision_id, shown = state.get("decision_id"), state.get("shown") or []
        if decision_id is None or not shown:
            return "还没有推荐过作品。" if turn.language == "zh" else "Nothing has been recommended in this conversation yet."
        turn.decision_id = decision_id
        place = next(iter(places(turn.text, len(shown))), None)
        named = [mention.item_id for mention in self._vocabulary.mentions(turn.text)]
        listed = [item["item_id"] for item in shown]
        wanted = listed[place] if place is not None else next((i for i in named if i in listed), None)
        explanation: Explanation | None = None
        if wanted is not None or not (named or counts_a_place(turn.text)):
            try:
                explanation = await self._recommender.why(decision_id, wanted or listed[0], turn.deadline, turn.language)
            except NotFound:  # erased since: there is nothing to read any more
                return "那份推荐的记录已经删除。" if turn.language == "zh" else "The record of that recommendation was erased."
        return why_reply(explanation, turn.language)

    def _for_slate(self, turn: _Turn) -> Deadline:
        kept = min(self.config.reply_ms, turn.deadline_ms / 3) / 1000 if self._writes and turn.deadline_ms >= 300 else 0.005
        return Deadline(max(0.0, turn.deadline.remaining() - kept))


def _next(state: ChatState) -> str:
    intent = state.get("intent", "")
    return intent if intent in _ASIDES else "retrieve"


def _shown(state: ChatState) -> list[Shown]:
    return [Shown.model_validate(item) for item in state.get("shown") or []]


def _named(shown: Sequence[Shown], mentions: Sequence[MentionSpan]) -> tuple[int, ...]:
    """Return the places in the last slate of the titles that a message holds."""
    named = {mention.item_id for mention in mentions}
    return tuple(at for at, item in enumerate(shown) if item.item_id in named)
