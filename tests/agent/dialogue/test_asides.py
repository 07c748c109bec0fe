from typing import NamedTuple

import pytest

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


@pytest.mark.parametrize(
    "text",
    [
        "thanks",
        "Thank you so much!",
        "ok",
        "great, I'll watch the first one",
        "perfect, thanks. bye",
        "no thanks",
        "nah I'm good",
        "No, thank you. We are fine",
        "谢谢",
        "好的，谢谢推荐！",
        "不用了，谢谢",
        "不用了",
        "算了",
        "不需要了",
        "再见",
    ],
)
def test_who_thanks_asks_for_nothing(text):
    assert is_thanks(text)


@pytest.mark.parametrize(
    "text",
    [
        "thanks, now something funny",
        "good movies",
        "not good",
        "no good",
        "nah",
        "hello",
        "你好",
        "谢谢，再来一个",
        "好看的电影",
        "",
        "!",
        "great war films",
    ],
)
def test_what_asks_is_no_thanks(text):
    assert not is_thanks(text)


@pytest.mark.parametrize(
    "text",
    [
        "hi",
        "Hello!",
        "hey there",
        "Good evening, Palate",
        "hi, how are you?",
        "hello hello",
        "Hellooo",
        "morning",
        "hiii 👋",
        "你好",
        "您好！",
        "你好吗",
        "你好，Palate",
        "hello 你好",
        "嗨",
        "早上好呀",
    ],
)
def test_a_greeting_asks_for_nothing(text):
    assert is_greeting(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "!",
        "high noon",
        "hi, something funny",
        "something funny, hi",
        "Hello, Dolly!",
        "hey jude",
        "hiking films",
        "how are you",
        "你好，来点音乐",
        "来点喜剧，你好",
        "来点喜剧 hello",
        "hi 来点喜剧 again",
        "早期的电影",
        "更早",
        "不要太早",
        "要很嗨",
        "你好坏",
    ],
)
def test_what_asks_is_no_greeting(text):
    assert not is_greeting(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Why not Scream?", "perhaps Scream?"),
        ("why don't you show me jazz", "perhaps   you show me jazz"),
        ("why not?", "why not?"),
        ("why wasn't Heat there?", "why wasn't Heat there?"),
    ],
)
def test_why_not_is_a_proposal_of_the_same_length(text, said):
    assert plainly(text) == said
    assert len(said) == len(text)


def test_a_title_is_no_greeting():
    assert not is_greeting("Hello", spans("Hello", "Hello"))


class Span(NamedTuple):
    item_id: str
    start: int
    end: int


def spans(text, *titles):
    return [Span(title, text.index(title), text.index(title) + len(title)) for title in titles if title in text]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("do you have Heat?", "Heat"),
        ("So, have you got heat", "heat"),
        ("有没有《异形》", "异形"),
        ("有异形吗？", "异形"),
        ("do you have it?", ""),
        ("do you have happy music?", ""),
        ("do you have anything like Heat?", ""),
        ("do you have something funnier than Heat", ""),
        ("有像《异形》的电影吗", ""),
        ("do you have something scary? I loved Heat", ""),
        ("do you have anything besides Heat?", ""),
        ("do you have a sequel to Heat?", ""),
        ("do you have the film Heat", "Heat"),
        ("有什么推荐吗？我喜欢《异形》", ""),
        ("有没有科幻片,我喜欢《异形》", ""),
        ("我有没有看过《异形》", ""),
        ("请问这里有没有电影《异形》", "异形"),
        ("do you have Heat and 异形", ""),
        ("Is Heat available?", "Heat"),
        ("is the film Heat in your catalogue", "Heat"),
        ("is Heat any good?", ""),
        ("I have seen Heat", ""),
    ],
)
def test_asking_after_a_title_is_not_asking_for_its_like(text, title):
    assert asked_after(text, spans(text, "Heat", "heat", "异形", "it", "happy")) == title


def test_a_title_is_no_thanks():
    assert is_thanks("See you later!")
    assert not is_thanks("See you later!", spans("See you later!", "See you later"))


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("something under two hours", True),
        ("I only have 90 minutes", True),
        ("a 2-hour film", True),
        ("something shorter please", True),
        ("not too long", True),
        ("90分钟以内的喜剧", True),
        ("两个小时左右", True),
        ("短一点的", True),
        ("别太长", True),
        ("a short film", False),
        ("long live the king", False),
        ("from 90 years ago", False),
        ("I saw it two hours ago", False),
        ("28 Days Later", False),
        ("长江", False),
        ("两小时前看过", False),
        ("我等了半小时", False),
        ("something funny, not too long ago", False),
        ("I have been searching for an hour", False),
        ("关于成长点滴的电影", False),
        ("长点见识的纪录片", False),
        ("I can't wait any longer", False),
        ("it's too long", True),
    ],
)
def test_wishes_for_a_running_time(text, limits):
    assert limits_length(text) is limits


@pytest.mark.parametrize(
    ("text", "missed"),
    [
        ("do you have The Matrix?", "The Matrix"),
        ("So do you have Lord of the Rings", "Lord of the Rings"),
        ("有没有《泰坦尼克号》？", "泰坦尼克号"),
        ("有《泰坦尼克号》吗", "泰坦尼克号"),
        ("do you have anything like The Matrix?", "The Matrix"),
        ("something like Spaceballs but darker", "Spaceballs"),
        ("hi, films like Hello Dolly", "Hello Dolly"),
        ("films like Lord of the Rings and The Hobbit", "Lord of the Rings and The Hobbit"),
        ("movies similar to “Spaceballs” and new", "Spaceballs"),
        ("类似《不存在的电影》的片子", "不存在的电影"),
        ("和《不存在的电影》", ""),
        ("something like Heat", ""),
        ("more like the first one", ""),
        ("something like that", ""),
        ("I like Spaceballs", ""),
        ("do you have Heat?", ""),
        ("do you have something by Prince?", ""),
        ("do you have podcasts", ""),
        ("有没有恐怖片", ""),
    ],
)
def test_a_title_that_is_not_there_is_told(text, missed):
    assert missed_title(text, spans(text, "Heat")) == missed


@pytest.mark.parametrize(
    ("text", "people"),
    [
        ("films with Tom Hanks", ["Tom Hanks"]),
        ("a film by Studio Ghibli please", ["Studio Ghibli"]),
        ("movies starring Samuel L. Jackson", ["Samuel L. Jackson"]),
        ("anything with Jean-Claude Van Damme in it", ["Jean-Claude Van Damme"]),
        ("music by Ludwig van Beethoven", ["Ludwig van Beethoven"]),
        ("nothing with Jim Carrey, please", ["Jim Carrey"]),
        ("想看汤姆·汉克斯演的电影", ["汤姆·汉克斯"]),
        ("讨厌亚当·桑德勒", ["亚当·桑德勒"]),
        ("不要爱德华·诺顿", ["爱德华·诺顿"]),
        ("我爱汤姆·汉克斯", ["汤姆·汉克斯"]),
        ("我超爱汤姆·汉克斯", ["汤姆·汉克斯"]),
        ("很爱汤姆·汉克斯", ["汤姆·汉克斯"]),
        ("推荐汤姆·汉克斯和梅格·瑞恩的电影", ["汤姆·汉克斯", "梅格·瑞恩"]),
        ("something with Aliens", []),
        ("有汤姆·汉克斯吗？", ["汤姆·汉克斯"]),
        ("来几部汤姆·汉克斯参演的", ["汤姆·汉克斯"]),
        ("关于史蒂夫·乔布斯的电影", []),
        ("films with Middle East themes", []),
        ("something with New York vibes", []),
        ("tell me about Hong Kong", []),
        ("a night with Harry Potter", []),
        ("I watch with My Wife", []),
        ("films with lots of snow", []),
        ("something with Blade Runner in it", []),
        ("来点安静的", []),
    ],
)
def test_people_are_found_where_makers_are_named(text, people):
    assert people_named(text, spans(text, "Blade Runner")) == people


@pytest.mark.parametrize(
    "text",
    [
        "who directed the first one?",
        "Tell me more about the third one",
        "what is the second about?",
        "what's Alien about?",
        "who's in it",
        "compare the first and the second",
        "第一部的导演是谁？",
        "第二个讲的是什么",
        "介绍一下第三部",
        "给我讲讲第二部",
        "I'd like to know more about the first one",
        "who directed the first one? looks like fun",
        "第一部讲什么？画面好像很美",
        "who directed Some Like It Hot?",
    ],
)
def test_what_an_item_is_is_asked(text):
    assert asks_facts(text, spans(text, "Some Like It Hot"))


@pytest.mark.parametrize(
    "text",
    [
        "tell me about films like Scream",
        "tell me about something similar to Scream",
        "介绍一下像《Scream》那样的",
        "more info on films like Scream",
        "describe films like the first one",
        "来点像第一部的，哪年的都行",
        "a film about the first man on the moon",
        "给我介绍几部喜剧",
        "比较搞笑的",
        "更长的",
    ],
)
def test_a_wish_asks_for_no_facts(text):
    assert not asks_facts(text)


@pytest.mark.parametrize(
    "text",
    [
        "help",
        "ok, help",
        "Who are you?",
        "hi, what can you do?",
        "how does this work",
        "are you a bot?",
        "你是谁",
        "你好，你能做什么？",
        "怎么用",
        "帮助",
    ],
)
def test_who_answers_is_asked(text):
    assert asks_what_this_is(text)


@pytest.mark.parametrize(
    ("text", "title"),
    [("Help!", "Help!"), ("help me find a comedy", ""), ("what is this film about", ""), ("你能推荐一部喜剧吗", "")],
)
def test_a_wish_does_not_ask_who_answers(text, title):
    assert not asks_what_this_is(text, spans(text, title) if title else [])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("uplifting stories about friendship", True),
        ("asdf qwer", True),
        ("关于友谊的故事", True),
        ("what should I watch tonight?", False),
        ("surprise me", False),
        ("recommend something popular", False),
        ("something from the nineties", False),
        ("can you help me find something to watch", False),
        ("八十年代的老片", False),
        ("帮我选一部", False),
        ("Blade Runner", False),
        ("今晚看什么好", False),
        ("随便推荐一部经典电影", False),
        ("", False),
    ],
)
def test_words_to_look_for(text, says):
    assert says_what(text, spans(text, "Blade Runner") if "Blade" in text else []) is says
