from __future__ import annotations

import pytest

from api.protocol import Language, language_of


@pytest.mark.parametrize(
    ("words", "given", "expected"),
    [
        ("something funny", None, "en"),
        ("想看点好笑的", None, "zh"),
        ("有没有像 Alien 那样但好笑的电影？", None, "zh"),
        ("more films like 花样年华 by Wong Kar-wai please, but none of the sad ones", None, "en"),
        ("", None, "en"),
        ("1990 🙂", None, "en"),
        ("想看点好笑的", "en", "en"),
        ("something funny", "zh", "zh"),
    ],
)
def test_the_language_of_an_answer_is_that_of_the_words_unless_given(words: str, given: Language | None, expected: str) -> None:
    assert language_of(words, given) == expected
