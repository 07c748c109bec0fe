import asyncio

import pytest

from agent import ScriptedLLM
from agent.dialogue.wishes import WishReader, WishReaderConfig, ask
from agent.prompts.understand import Asked, Draft, Wish, write_asked
from palate.deadline import Deadline
from palate.domain import Query
from palate.errors import InvalidInput, ServiceDown


def read(world, text, llm, seconds=10.0):
    return asyncio.run(WishReader(world, llm).read(text, Deadline(seconds)))


def test_what_an_llm_says_is_held_to_the_catalog(world):
    asked = Asked(genres=("scary", "Polka"), without_genres=("Comedy", "Opera"), types=("movie", "podcast"))
    query = world.corrected("like Alien from the 90s", asked)
    assert (query.genres, query.without_genres, query.types) == (("Horror",), ("Comedy",), ("movie",))


def test_titles_and_years_stay_with_the_rules(world):
    text = "like Alien from the 90s"
    rules = world.understand(text)
    assert rules.like_item_ids == (world.id_of("Alien"),)
    assert world.corrected(text, Asked()) == rules
    assert world.corrected(text, Asked(genres=("Drama",))) == rules.model_copy(update={"genres": ("Drama",)})


def test_a_wish_in_words_comes_to_items(world):
    wish = Wish(likes=("Blade Runer", "Zorblax Rising"), genres=("Comedy",), types=("movie",), year_max=1990)
    query = world.resolve(wish)
    assert query == Query(like_item_ids=(world.id_of("Blade Runner"),), genres=("Comedy",), types=("movie",), year_max=1990)


def test_a_thing_that_is_refused_refuses_no_genre_that_is_wanted(world):
    query = world.corrected("horror without zombies", Asked(genres=("Horror",), without_genres=("Horror",)))
    assert (query.genres, query.without_genres, query.without_words) == (("Horror",), (), ("zombies",))


@pytest.mark.parametrize("text", ["something like Alien but funny", "no horror from the 90s", "hello", "不要恐怖的科幻电影"])
def test_a_draft_that_is_not_changed_comes_to_what_the_rules_say(world, text):
    assert world.corrected(text, world.draft(text).asked) == world.understand(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Something like Alien but FUNNY", "something like X but funny"),
        ("Fargo and Alien are great", "X and X are great"),
        ("nothing like Alien", "nothing like X"),
        ("an alien film", "an alien film"),
        ("跟《Alien》一样恐怖", "跟《X》一样恐怖"),
    ],
)
def test_the_llm_sees_no_titles(world, text, shown):
    assert world.draft(text).text == shown


def sure(answer, lead=3.0):
    """Return an LLM that writes an answer and finds it, where it ends there, likelier than anything else."""
    return ScriptedLLM(text=lambda prompt: answer, likelihood=lambda prefix, text: lead if text == f"{answer}<|im_end|>" else 0.0)


def test_the_rules_stand_where_the_llm_is_unsure(world):
    text = "I need a good cry, no horror"
    margin = WishReaderConfig().margin
    assert read(world, text, sure("+Drama -Horror =any", margin - 0.1)) == world.understand(text)
    assert read(world, text, sure("+Drama -Horror =any", margin + 0.1)).genres == ("Drama",)


@pytest.mark.parametrize(("said", "drafted"), [(("movie",), ("movie", "track")), (("movie", "track"), ("movie",))])
def test_an_answer_that_begins_as_the_draft_does_leads_only_where_it_is_the_likelier_whole(said, drafted):
    """Each token costs a nat, and ending after one type costs ten."""

    def likelihood(prefix, text):
        return -float(len(text.split())) - (10.0 if text == "=movie<|im_end|>" else 0.0)

    answer, draft = write_asked(Asked(types=said)), Draft(text="a film or a song", asked=Asked(types=drafted))
    llm = ScriptedLLM(text=lambda prompt: answer, likelihood=likelihood)
    found = asyncio.run(ask(llm, draft, "Wish:\n", 32, Deadline(5)))
    assert found is not None
    assert (found.lead > 0) == (said == ("movie", "track"))


def test_the_llm_sees_wish_and_draft_and_its_answer_counts(world):
    llm = sure("+Drama -Horror =any")
    query = read(world, "I need a good cry, no horror", llm)
    assert (query.genres, query.without_genres) == (("Drama",), ("Horror",))
    prompt = llm.calls[0]
    assert "i need a good cry" in prompt
    assert "Draft: -Horror =any" in prompt


@pytest.mark.parametrize(
    "llm",
    [
        None,
        ScriptedLLM(text=lambda prompt: "Sure! A comedy."),
        ScriptedLLM(text=lambda prompt: "+Comedy -Hor"),
        ScriptedLLM(fail=ServiceDown("It is down.", remedy="Start it.")),
        ScriptedLLM(fail=ZeroDivisionError()),
        ScriptedLLM(text=lambda prompt: "+Comedy =any", delay=5.0),
    ],
    ids=["none", "prose", "cut short", "down", "broken", "late"],
)
def test_the_rules_stand_where_the_llm_does_not(world, llm):
    assert read(world, "no horror", llm, seconds=2.0) == world.understand("no horror")


def test_of_a_name_no_genre_is_made(world):
    text = "a film directed by Tom Nobody"
    assert read(world, text, sure(write_asked(Asked(genres=("Western",), types=("movie",))))) == world.understand(text)


def test_nothing_is_asked_about_a_greeting_or_an_endless_text(world):
    llm = ScriptedLLM(text=lambda prompt: "+Comedy =any")
    assert read(world, "hello", llm) == Query()
    with pytest.raises(InvalidInput, match="2,001"):
        read(world, "a" * 2001, llm)
    assert llm.calls == []
