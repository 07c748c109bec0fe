import asyncio

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from agent import ScriptedLLM
from agent.dialogue import ChatAgent
from palate.domain import Query
from palate.errors import InvalidInput, ServiceDown


def agent_of(world, llm=None, saver=None):
    return ChatAgent(world.recommender(llm), world, llm, checkpointer=saver or InMemorySaver())


async def say(agent, text, person="ann", conversation="c1", **more):
    events = [event async for event in agent.stream(person, conversation, text, **more)]
    slate = next((event.slate for event in events if event.kind == "slate"), None)
    return events, slate, "".join(event.data["delta"] for event in events if event.kind == "text")


def talk(world, *texts, llm=None, **more):
    async def all_of_it():
        agent = agent_of(world, llm)
        return [await say(agent, text, **more) for text in texts]

    return asyncio.run(all_of_it())


def test_a_message_goes_through_all_stages(world):
    ((events, slate, text),) = talk(world, "something like Alien but funny", n=4)
    assert [event.data["stage"] for event in events if event.kind == "status"] == ["understand", "retrieve", "rank", "respond"]
    assert [event.kind for event in events][-1] == "done"
    assert events[-1].data == {"conversation_id": "c1", "decision_id": slate.decision_id, "degraded": []}
    assert len(slate.items) == 4
    assert slate.items[0].title in text
    assert world.decisions.get(slate.decision_id).request.query.genres == ("Comedy",)


def test_follow_ups_refine(world):
    (_, first, _), (_, older, _), (_, other, _) = talk(world, "something funny", "something older", "no, not those", n=3)
    median = sorted(item.year for item in first.items)[1]
    assert all(item.year < median for item in older.items)
    assert all("Comedy" in item.genres for item in older.items)
    assert not {i.item_id for i in other.items} & {i.item_id for i in older.items}
    assert world.decisions.get(other.decision_id).request.query.genres == ("Comedy",)


@pytest.mark.parametrize(
    ("before", "after", "years"),
    [
        ("a comedy", "nothing made before 1995", (1995, None)),
        ("a comedy", "nothing from before 1990 please", (1990, None)),
        ("a comedy", "something that came out after 1990", (1991, None)),
        ("a comedy before 1980", "after 1960", (1961, 1979)),
        ("a comedy before 1980", "after 1990", (1991, None)),
        ("a comedy before 1980", "nothing from 1975", (None, 1979)),
    ],
)
def test_bounds_of_years_refine(world, before, after, years):
    _, (_, slate, _) = talk(world, before, after, n=3)
    query = world.decisions.get(slate.decision_id).request.query
    assert (query.text, query.genres) == ("a comedy", ("Comedy",))
    assert (query.year_min, query.year_max) == years


def test_a_title_that_was_refused_stays_so_until_it_is_wanted_or_all_starts_over(world):
    def shown(*texts):
        return ["Alien" in {item.title for item in slate.items} for _, slate, _ in talk(world, *texts, n=30) if slate]

    wish, other = "recommend me some scary movies", "recommend me horror movies please"
    assert shown(wish, other) == [True, True]
    assert shown(wish, "anything but Alien", "recommend me some jazz music", other) == [True, False, False, False]
    assert shown(wish, "anything but Alien", "start over, some scary movies", other)[1:] == [False, True, True]
    assert shown(wish, "anything but Alien", "do you have Alien?", other)[3]


@pytest.mark.parametrize(("text", "place"), [("why?", 0), ("why the second one?", 1), ("为什么推荐最后一个？", 2)])
def test_why_answers_from_the_record(world, text, place):
    (_, slate, _), (events, none, said) = talk(world, "something funny", text, n=3)
    item = slate.items[place]
    assert none is None
    assert said.startswith(item.title)
    assert all(reason.text in said for reason in item.reasons)
    assert events[-1].data["decision_id"] == slate.decision_id


def test_why_by_title(world):
    (_, slate, _), (_, _, said) = talk(world, "something like Alien but funny", "why Galaxy Quest?", n=6)
    assert "Galaxy Quest" in {item.title for item in slate.items}
    assert said.startswith("Galaxy Quest: ")
    (_, _, _), (_, _, said) = talk(world, "jazz", "why Casablanca?", n=2)
    assert said == "That was not among the last recommendations."
    (_, _, _), (_, _, said) = talk(world, "something funny", "why the 9th?", n=3)
    assert said == "That was not among the last recommendations."
    (_, slate, _), (_, _, said) = talk(world, "something funny", "why this? I watched it last night", n=3)
    assert said.startswith(slate.items[0].title)


@pytest.mark.parametrize(
    ("text", "asked", "language", "end"),
    [
        ("who directed the second one?", (1,), "en", "The catalog says no more than that."),
        ("compare the first and the third", (0, 2), "en", "The catalog says no more than that."),
        ("第二部的导演是谁？", (1,), "zh", "目录里写到的就这些。"),
    ],
)
def test_what_an_item_is_is_answered_from_the_catalog(world, text, asked, language, end):
    (_, slate, _), (events, none, said), (_, older, _) = talk(
        world, "something funny", text, "something older", n=3, language=language
    )
    assert none is None
    assert said.endswith(end)
    for place, item in enumerate(slate.items):
        assert (item.title in said) == (place in asked)
        assert place not in asked or str(item.year) in said
    assert [event.data["stage"] for event in events if event.kind == "status"] == ["understand"]
    assert older is not None  # the conversation goes on from the slate


def test_what_an_item_is_is_asked_by_title_or_of_none_that_was_shown(world):
    (_, slate, _), (_, none, said) = talk(world, "something like Alien but funny", "who directed Galaxy Quest?", n=6)
    item = next(item for item in slate.items if item.title == "Galaxy Quest")
    assert none is None
    assert said.startswith(f"Galaxy Quest ({item.year}): ")
    (_, _, _), (_, none, said) = talk(world, "something funny", "tell me more about the 9th", n=3)
    assert (none, said) == (None, "That was not among the last recommendations.")
    ((_, first, _),) = talk(world, "who directed the first one?", n=3)
    assert first is not None  # nothing was shown that could be meant


def test_why_before_anything_was_recommended(world):
    ((_, slate, said),) = talk(world, "why?")
    assert slate is None
    assert "Nothing has been recommended" in said


@pytest.mark.parametrize(("text", "language", "said"), [("thanks!", "en", "Glad to help."), ("好的，谢谢", "zh", "不客气。")])
def test_who_thanks_keeps_the_slate(world, text, language, said):
    (_, first, _), (events, none, reply), (_, _, why), (_, older, _) = talk(
        world, "something funny", text, "why the second one?", "something older", n=3, language=language
    )
    assert none is None
    assert reply.startswith(said)
    assert events[-1].data["decision_id"] is None
    assert first.items[1].title in why
    assert world.decisions.get(older.decision_id).request.query.genres == ("Comedy",)


@pytest.mark.parametrize("text", ["why not a comedy from before 1990?", "why don't you show me comedies from before 1990"])
def test_why_not_proposes_and_asks_for_no_reasons(world, text):
    (_, _, _), (_, slate, _) = talk(world, "jazz", text, n=3)
    query = world.decisions.get(slate.decision_id).request.query
    assert (query.genres, query.year_max) == (("Comedy",), 1989)


@pytest.mark.parametrize(("text", "language", "said"), [("hi!", "en", "Hello! "), ("你好", "zh", "你好！")])
def test_a_greeting_is_answered_with_what_a_person_without_a_wish_gets(world, text, language, said):
    (_, slate, reply), (_, asked, _) = talk(world, text, "comedies", n=3, language=language)
    assert reply.startswith(said)
    assert world.decisions.get(slate.decision_id).request.query == Query()
    assert world.decisions.get(asked.decision_id).request.query.genres == ("Comedy",)


def test_what_is_removed_makes_way(world):
    (_, first, _), (_, second, _) = talk(world, "something funny", "remove the first one", n=3)
    gone, *kept = (item.item_id for item in first.items)
    assert gone not in {item.item_id for item in second.items}
    assert set(kept) <= {item.item_id for item in second.items}


def test_what_the_catalog_lacks_is_said(world):
    llm = ScriptedLLM(text=lambda prompt: "Try Alien.")
    ((_, slate, said),) = talk(world, "a podcast, please", llm=llm, n=3)
    assert said.startswith(f"There are no podcasts here. You might like: {slate.items[0].title}")
    ((_, slate, said),) = talk(world, "有播客吗", language="zh", n=3)
    assert said.startswith(f"这里没有播客。也许你会喜欢《{slate.items[0].title}》")
    ((_, slate, said),) = talk(world, "something funny under two hours", llm=llm, n=3)
    assert said.startswith(f"I cannot choose by running time. Here is what fits: {slate.items[0].title}")


def test_who_asks_after_a_title_is_told_that_it_is_there(world):
    ((_, slate, said),) = talk(world, "do you have Blade Runner?", person="cat", n=3)
    assert said.startswith(f"Yes, Blade Runner is here. Like it: {slate.items[0].title}")
    ((_, slate, said),) = talk(world, "有没有Blade Runner", language="zh", n=3)
    assert said.startswith(f"这里有《Blade Runner》。和它相近的还有《{slate.items[0].title}》")
    ((_, slate, said),) = talk(world, "do you have The Matrix?", n=3)
    assert said.startswith(f"I find no title “The Matrix” here. You might like: {slate.items[0].title}")
    ((_, _, said),) = talk(world, "something funny, a film with Tom Nobody", n=3)
    assert said.startswith("No item here says that it is by or with “Tom Nobody”. Here is what fits: ")
    ((_, _, said),) = talk(world, "something funny, but no Tom Nobody", n=3)
    assert said.startswith("The texts here do not mention “Tom Nobody”, so I cannot leave that out. You might like: ")
    ((_, _, said),) = talk(world, "something funny, no Tom Nobody or Julia Nobody", n=3)
    assert said.startswith("The texts here do not mention “Tom Nobody” or “Julia Nobody”, so I cannot leave that out. ")
    ((_, _, said),) = talk(world, "why not Julia Nobody? A comedy", n=3)
    assert "leave out" not in said
    ((_, _, said),) = talk(world, "something like No Hard Feelings", n=3)
    assert said.startswith("I find no title “No Hard Feelings” here. You might like: ")
    ((_, _, said),) = talk(world, "no Science Fiction please", n=3)
    assert said.startswith("Here is what fits")
    ((_, _, said),) = talk(world, "汤姆·无名演的喜剧", language="zh", n=3)
    assert said.startswith("这里没有作品注明汤姆·无名参与。为你挑了")
    ((_, _, said),) = talk(world, "films with Science Fiction", n=3)
    assert said.startswith("Here is what fits")
    ((_, _, said),) = talk(world, "do you have Comedy?", n=3)
    assert said.startswith("Here is what fits")
    ((_, _, said),) = talk(world, "do you have anything like Blade Runner?", n=3)
    assert said.startswith("Here is what fits")


def test_what_is_refused_by_a_word_stays_out(world):
    first, second, third, fourth = talk(
        world, "something funny", "no Galaxy please", "something else", "a film with galaxies", n=20
    )
    titles = [{item.title for item in slate.items} for _, slate, _ in (first, second, third, fourth)]
    assert "Galaxy Quest" in titles[0]
    assert not any("Galaxy" in title for title in titles[1] | titles[2])
    assert "Galaxy Quest" in titles[3]
    assert "leave out" not in second[2]


def test_refused_years_stay_out_until_they_are_asked_for(world):
    said = ("something funny from the 90s", "nothing from the 90s", "a film with a galaxy", "a comedy film from 1999")
    slates = [slate.items for _, slate, _ in talk(world, *said, n=20)]
    nineties = [[item.title for item in items if item.year and 1990 <= item.year <= 1999] for items in slates]
    assert nineties[0]
    assert nineties[3]
    assert nineties[1:3] == [[], []]
    assert "Annie Hall" in {item.title for item in slates[1]}


def test_what_no_item_says_is_told(world):
    llm = ScriptedLLM(text=lambda prompt: "Try Alien.")
    ((_, slate, said),) = talk(world, "uplifting stories of friendship", llm=llm, n=3)
    assert said.startswith("I found nothing to offer that says that in so many words, so I went by what comes near it and by your ")
    assert " You might like: " in said
    assert slate.items
    ((_, _, said),) = talk(world, "关于友谊的故事", language="zh", n=3)
    assert said.startswith("没有找到直接提到这些的作品，我按相近程度和你的口味来挑。也许你会喜欢《")
    for text in ("something funny", "what should I watch tonight?", "Blade Runner", "a film with a galaxy"):
        ((_, _, said),) = talk(world, text, n=3)
        assert "so many words" not in said, text


def test_who_asks_what_this_is_is_told(world):
    ((_, slate, said),) = talk(world, "who are you?")
    assert slate is None
    assert said.startswith("I recommend from the catalog here")
    ((_, _, said),) = talk(world, "你能做什么", language="zh")
    assert said.startswith("我从这里的目录里为你推荐")


def test_a_conversation_belongs_to_its_person(world):
    async def two():
        agent = agent_of(world)
        await say(agent, "something funny")
        return await say(agent, "why?", person="bob")

    assert "Nothing has been recommended" in asyncio.run(two())[2]


def test_it_is_remembered_in_sqlite_as_plain_values(world, tmp_path):
    async def restart():
        path = str(tmp_path / "conversations.db")
        async with AsyncSqliteSaver.from_conn_string(path) as saver:
            _, slate, _ = await say(agent_of(world, saver=saver), "something funny", n=2)
        async with AsyncSqliteSaver.from_conn_string(path) as saver:
            agent = agent_of(world, saver=saver)
            _, _, said = await say(agent, "why?")
            state = await agent.graph.aget_state({"configurable": {"thread_id": "ann|c1"}})
            return slate, said, state.values

    slate, said, values = asyncio.run(restart())
    assert said.startswith(slate.items[0].title)
    assert [m.type for m in values["messages"]] == ["human", "ai", "human", "ai"]
    assert values["query"]["genres"] == ["Comedy"]


@pytest.mark.parametrize(
    ("prose", "kept"),
    [
        ("For something funny, try Young Frankenstein.", True),
        ("Young Frankenstein should make you laugh.", False),
        ("Zorblax Rising should make you laugh.", False),
        ("Casablanca should make you laugh.", False),
        ("I am a language model.", False),
        ('{"items": []}', False),
    ],
)
def test_the_reply_is_checked(world, prose, kept):
    llm = ScriptedLLM(text=lambda prompt: prose)
    ((_, slate, said),) = talk(world, "something like Alien but funny", llm=llm, n=4)
    assert "Young Frankenstein" in {item.title for item in slate.items}
    assert (said == prose) is kept
    assert kept or said.startswith("Here is what fits: ")


def test_a_reply_is_streamed_by_sentence_and_ends_where_it_does_not_hold(world):
    llm = ScriptedLLM(text=lambda prompt: "Young Frankenstein is a good start. Zorblax comes next.")
    ((events, _, said),) = talk(world, "something like Alien but funny", llm=llm, n=4)
    assert said == "Young Frankenstein is a good start."
    assert len([event for event in events if event.kind == "text"]) == 1


def test_a_reply_names_each_title_once(world):
    llm = ScriptedLLM(text=lambda prompt: "Try Young Frankenstein. Young Frankenstein is a good start.")
    ((_, _, said),) = talk(world, "something like Alien but funny", llm=llm, n=4)
    assert said == "Try Young Frankenstein."


@pytest.mark.parametrize("llm", [ScriptedLLM(fail=ServiceDown("down")), ScriptedLLM(delay=5.0), ScriptedLLM(fail=KeyError("bug"))])
def test_without_a_working_llm_it_answers_plainly(world, llm):
    ((events, slate, said),) = talk(world, "something funny", llm=llm, deadline_ms=2500)
    assert said.startswith("Here is what fits: ")
    assert slate.items
    assert events[-1].data["degraded"] == ["rerank"]


def test_nothing_fits(world):
    ((_, slate, said),) = talk(world, "films before 1900")
    assert slate.items == ()
    assert said == "Nothing in the catalog fits all of that. Try with fewer conditions."


def test_it_speaks_chinese(world):
    ((_, slate, said),) = talk(world, "类似《Alien》但是搞笑的", language="zh", n=2)
    assert said == f"为你挑了《{slate.items[0].title}》和《{slate.items[1].title}》。"
    assert all("\u4e00" <= r.text[0] <= "\u9fff" for item in slate.items for r in item.reasons)


def test_a_platform_can_be_left_out(world):
    ((_, slate, _),) = talk(world, "anything", without_platforms=("spotify",))
    assert "spotify" not in world.decisions.get(slate.decision_id).model_dump_json(exclude={"request"})


@pytest.mark.parametrize("text", ["", "  \n", "a" * 2001])
def test_an_empty_or_huge_message_is_refused(world, text):
    with pytest.raises(InvalidInput, match="characters"):
        talk(world, text)


def test_without_an_id_a_new_conversation_begins(world):
    ((events, _, _),) = talk(world, "something funny", conversation=None)
    assert len(events[-1].data["conversation_id"]) == 32


def test_a_long_conversation_keeps_only_its_last_messages(world):
    async def long():
        agent = agent_of(world)
        for place in range(12):
            await say(agent, f"why {place}")
        return (await agent.graph.aget_state({"configurable": {"thread_id": "ann|c1"}})).values["messages"]

    messages = asyncio.run(long())
    assert len(messages) == 20
    assert messages[-2].text == "why 11"


def test_without_a_checkpointer_each_message_stands_alone(world):
    async def two():
        agent = ChatAgent(world.recommender(), world)
        await say(agent, "something funny")
        return await say(agent, "why?")

    assert "Nothing has been recommended" in asyncio.run(two())[2]
