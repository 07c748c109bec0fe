import asyncio

import pytest

from agent import ScriptedLLM
from agent.dialogue.wishes import WishReader
from agent.prompts.understand import Wish
from palate.deadline import Deadline
from palate.domain import Query
from palate.errors import InvalidInput, ServiceDown


def read(world, text, llm, seconds=10.0):
    return asyncio.run(WishReader(world, llm).read(text, Deadline(seconds)))


def test_a_wish_is_held_to_the_catalog(world):
    wish = Wish(likes=("Alien", "Zorblax Rising", "Fargo"), genres=("scary", "Polka"), types=("film", "opera"), year_max=1990)
    query = world.resolve(wish, "like Alien or Zorblax Rising")
    assert query.like_item_ids == (world.id_of("Alien"),)  # Fargo is there, but nobody named it
    assert (query.genres, query.types, query.year_max) == (("Horror",), ("movie",), 1990)


def test_a_title_in_a_near_spelling_is_found(world):
    assert world.resolve(Wish(likes=("Blade Runer",)), "like Blade Runer").like_item_ids == (world.id_of("Blade Runner"),)


@pytest.mark.parametrize("text", ["something like Alien but funny", "no horror from the 90s", "hello", "不要恐怖的科幻电影"])
def test_a_draft_that_is_not_changed_comes_to_what_the_rules_say(world, text):
    rules = world.understand(text)
    assert world.resolve(world.draft(text), text).model_copy(update={"text": rules.text}) == rules


def test_the_llm_sees_wish_and_draft_and_its_answer_counts(world):
    llm = ScriptedLLM(text=lambda prompt: '{"genres":["Drama"]}')
    assert read(world, "I need a good cry, no horror", llm).genres == ("Drama",)
    (prompt,) = llm.calls
    assert "I need a good cry" in prompt
    assert '{"without_genres":("Horror")}' in prompt or '{"without_genres":["Horror"]}' in prompt


@pytest.mark.parametrize(
    "llm",
    [
        None,
        ScriptedLLM(text=lambda prompt: "Sure! A comedy."),
        ScriptedLLM(text=lambda prompt: '{"genres":["Comedy"'),
        ScriptedLLM(fail=ServiceDown("It is down.", remedy="Start it.")),
        ScriptedLLM(fail=ZeroDivisionError()),
        ScriptedLLM(text=lambda prompt: '{"genres":["Comedy"]}', delay=5.0),
    ],
    ids=["none", "prose", "cut short", "down", "broken", "late"],
)
def test_the_rules_stand_where_the_llm_does_not(world, llm):
    assert read(world, "no horror", llm, seconds=2.0) == world.understand("no horror")


def test_nothing_is_asked_about_a_greeting_or_an_endless_text(world):
    llm = ScriptedLLM(text=lambda prompt: '{"genres":["Comedy"]}')
    assert read(world, "hello", llm) == Query()
    with pytest.raises(InvalidInput, match="2,001"):
        read(world, "a" * 2001, llm)
    assert llm.calls == []
