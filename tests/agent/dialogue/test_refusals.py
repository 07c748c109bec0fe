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
        ("no dogs, cats are fine", ("dogs",), "cats are fine"),
        ("no dogs and more cats", ("dogs",), "and more cats"),
        ("I hate dogs and love cats", ("dogs",), "and love cats"),
        ("nothing about politics, light and warm", ("politics",), "light and warm"),
        ("no guns, set in Paris", ("guns",), "set in Paris"),
        ("no dogs, cats or birds", ("dogs", "cats", "birds"), ""),
        ("no Disney, thx", ("Disney",), ""),
        ("without a happy ending", ("happy ending",), ""),
        ("no violence, sex, or drugs", ("violence", "sex", "drugs"), ""),
        ("a comedy with no animals and a happy ending", ("animals",), "a comedy and a happy ending"),
        ("no sports except boxing", ("sports",), "except boxing"),
        ("i dont like dogs", ("dogs",), ""),
        ("I said no dogs", ("dogs",), "I said"),
        ("不要汤姆·汉克斯演的", ("汤姆·汉克斯",), ""),
        ("a horror film without zombies", ("zombies",), "a horror film"),
        ("不要有僵尸的", ("僵尸",), ""),
        ("no ghosts", ("ghosts",), ""),
        ("不要狗的，猫的可以", ("狗",), "猫的可以"),
        ("除了漫威还有什么好看的", ("漫威",), "还有什么好看的"),
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
        "a movie about a world without men",
        "a comedy about a priest who hates dogs",
        "films for people who hate sports",
        "I know nothing about jazz, teach me",
        "Is there nothing about cats?",
        "I have seen nothing with Tom Hanks",
        "I can't do without drums",
        "No Country for Old Men",
        "something like no country for old men",
        "no wait, something with cats",
        "I don't want to watch alone",
        "讲一个没有记忆的人的故事",
        "不看会后悔的电影",
        "适合不喜欢运动的人",
        "没有头绪，推荐点电影",
        "没有满意的",
        "我没有女朋友，看什么好",
        "没有偏好",
        "想不想看漫威",
        "你喜不喜欢漫威",
        "是不是没有漫威",
        "不想听人唱歌",
        "a man with no name",
        "不要钱的电影",
        "想看不带特效的老片",
        "特别好看的",
        "换一个，不要重复",
    ],
)
def test_what_refuses_no_word(understander, text):
    assert understander.understand(text).without_words == ()


def test_what_nobody_says_cannot_be_left_out(understander):
    assert understander.unmentioned("no dogs, no Julia Roberts and no Disney") == ("Julia Roberts", "Disney")
    assert understander.unmentioned("something funny") == ()


@pytest.mark.parametrize(
    ("text", "words", "genres", "creators"),
    [
        ("no vampires or horror", ("vampires",), ("Horror",), ()),
        ("no horror or vampires", ("vampires",), ("Horror",), ()),
        ("no gore, horror or vampires", ("gore", "vampires"), ("Horror",), ()),
        ("不要吸血鬼、狼人和恐怖的", ("吸血鬼", "狼人"), ("Horror",), ()),
        ("no Julia Roberts or Tom Cruise", ("Julia Roberts",), (), ("Tom Cruise",)),
    ],
)
def test_what_is_listed_with_a_refused_word_is_refused_too(understander, text, words, genres, creators):
    query = understander.understand(text)
    assert (query.without_words, query.without_genres, query.without_creators) == (words, genres, creators)
    assert query.genres == ()
    assert query.text == ""


@pytest.mark.parametrize(
    "text", ["I know nothing about horror", "Is there nothing about love?", "I've got nothing with horror in it"]
)
def test_who_has_nothing_refuses_nothing(understander, text):
    assert understander.understand(text).without_genres == ()


def test_a_subject_that_is_refused_is_not_its_whole_genre(understander):
    query = understander.understand("a horror film without zombies")
    assert (query.genres, query.without_genres, query.without_words) == (("Horror",), (), ("zombies",))
    query = understander.understand("no zombies")
    assert (query.genres, query.without_genres, query.without_words) == ((), ("Horror",), ("zombies",))
    assert understander.understand("zombies").genres == ("Horror",)
