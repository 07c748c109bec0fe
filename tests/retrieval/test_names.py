import pytest

from retrieval.names import CreatorNames

NAMES = CreatorNames(
    ["Natalie Portman", "Robert Downey Jr.", "Prince", "王家卫", "Ang Lee", "Lee", "Conan O'Brien", "李", "汤姆·汉克斯", "송 강호"]
)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("what else has natalie portman been in?", ("Natalie Portman",)),
        ("Natalie Portman's films, or Robert Downey Jr.'s", ("Natalie Portman", "Robert Downey Jr.")),
        ("the prince of tides", ()),
        ("Something by Prince", ("Prince",)),
        ("Ang Lee!", ("Ang Lee", "Lee")),
        ("想看王家卫的电影", ("王家卫",)),
        ("李小龙", ()),
        ("Conan O’Brien", ("Conan O'Brien",)),
        ("portman natalie", ()),
        ("不要汤姆·汉克斯的,也不要汤姆汉克斯", ("汤姆·汉克斯",)),
        ("송 강호 영화", ("송 강호",)),
        ("", ()),
    ],
)
def test_creators_are_found_by_their_whole_names(text, named):
    assert NAMES.named(text) == named


def test_two_creators_of_one_name_are_both_found():
    assert CreatorNames(["Steve McQueen", "steve mcqueen"]).named("Steve McQueen") == ("Steve McQueen", "steve mcqueen")


def test_a_name_that_is_no_word_is_never_found():
    assert CreatorNames(["", "!!!", "a b c d e f g"]).named("!!! a b c d e f g") == ()


def test_spans_say_where_a_name_stands():
    text = "Not Natalie Portman's, ok? 不要汤姆·汉克斯的"
    found = {text[span.start : span.end]: span.creator for span in NAMES.spans(text)}
    assert found == {"Natalie Portman's": "Natalie Portman", "汤姆·汉克斯": "汤姆·汉克斯"}
