from __future__ import annotations

import pytest

from adapters import TitleMatcher
from agent.dialogue.understand import Understander
from palate.domain import Item
from retrieval.base import ItemTable

FILMS = [
    Item(item_id="a", type="movie", title="Top Gun", genres=("Action", "Comedy", "Horror", "Romance"), creators=("Tom Cruise",)),
    Item(item_id="b", type="movie", title="Big", creators=("Robert De Niro", "成龙", "Queen")),
    Item(item_id="c", type="movie", title="Star Trek: The Wrath of Khan", description="A space crew and its dogs"),
]


@pytest.fixture(scope="module")
def understander():
    table = ItemTable(FILMS)
    return Understander(table, TitleMatcher(table.items))


@pytest.mark.parametrize(
    ("text", "words", "left"),
    [
        ("a film without dogs", ("dogs",), "a film"),
        ("no Disney please", ("Disney",), ""),
        ("comedies, no Christmas", ("Christmas",), "comedies"),
        ("nothing about vampires", ("vampires",), ""),
        ("nothing with vampires or werewolves", ("vampires", "werewolves"), ""),
        ("something about a space crew, no Star Trek please", ("Star Trek",), "something about a space crew please"),
        ("no more Star Trek", ("Star Trek",), ""),
        ("not with Jim Carrey", ("Jim Carrey",), ""),
        ("no Jean-Claude Van Damme", ("Jean-Claude Van Damme",), ""),
        ("no violence, please", ("violence",), ""),
        ("anything but country music", ("country",), ""),
        ("no Hong Kong movies", ("Hong Kong",), ""),
        ("no cats and dogs", ("cats", "dogs"), ""),
        ("no dogs and something funny", ("dogs",), "and something funny"),
        ("I hate musicals and sports", ("musicals", "sports"), ""),
        ("a thriller that isn't about cops", ("cops",), "a thriller"),
        ("don't recommend Marvel movies", ("Marvel",), ""),
        ("no movies with guns", ("guns",), ""),
        ("I'm tired of superheroes", ("superheroes",), ""),
        ("no Queen Mary please", ("Queen Mary",), ""),
        ("no dogs, nothing before 1990", ("dogs",), ""),
        ("submarines without dogs from before 1990", ("dogs",), "submarines"),
        ("nothing before 1990, and no cats or dogs please", ("cats", "dogs"), ""),
        ("不要迪士尼的,不要九十年代的", ("迪士尼",), ""),
        ("不要迪士尼的", ("迪士尼",), ""),
        ("不要有狗的电影", ("狗",), ""),
        ("我不想看漫威", ("漫威",), ""),
        ("别推荐漫威电影，来部喜剧", ("漫威",), "来部喜剧"),
        ("除了迪士尼都可以", ("迪士尼",), ""),
        ("不要Disney的", ("Disney",), ""),
        ("讨厌漫威和迪士尼", ("漫威", "迪士尼"), ""),
        ("不要李连杰主演的", ("李连杰",), ""),
    ],
)
def test_a_word_is_refused_and_not_looked_for(understander, text, words, left):
    query = understander.understand(text)
    assert query.without_words == words
    assert query.text == left


@pytest.mark.parametrize(
    "text",
    [
        "a drama without Robert De Niro",
        "不要成龙主演的",
        "why not Julia Roberts?",
        "Is there no Julia Roberts here?",
        "I don't hate Julia Roberts",
        "no idea what to watch",
        "no thanks",
        "I don't want to think",
        "I don't want anything heavy",
        "I don't like that",
        "no French comedies",
        "no black and white films",
        "No Doubt About It, a comedy",
        "something like No Country for Old Men",
        "something like “No Reservations”",
        "not too long",
        "I have no children",
        "no 80s films",
        "nothing from the nineties",
        "I'm not in the mood for the nineties",
        "except films from before the eighties",
        "no more of that",
        "not interested in romance",
        "without a doubt the best",
        "nothing special",
        "no horror movies",
        "I have never seen Jaws",
        "不要太长",
        "不要这个",
        "不要老电影",
        "没有看过的",
        "有没有迪士尼的",
        "没有意思",
        "不要浪费时间",
        "不要恐怖片",
        "这里没有迪士尼吗",
        "特别好看的",
        "换一个，不要重复",
    ],
)
def test_what_refuses_no_word(understander, text):
    assert understander.understand(text).without_words == ()


def test_what_nobody_says_cannot_be_left_out(understander):
    assert understander.unmentioned("no dogs, no Julia Roberts and no Disney") == ("Julia Roberts", "Disney")
    assert understander.unmentioned("something funny") == ()
