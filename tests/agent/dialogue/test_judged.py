from __future__ import annotations

import pytest

from agent.dialogue.judged import blank, judged, pattern_of, split, words_in
from agent.dialogue.lexicon import MASK

MEANS = {"horror": ("Horror",), "war": ("War",), "funny": ("Comedy",), "恐怖": ("Horror",), "喜剧": ("Comedy",)}
PATTERN = pattern_of(MEANS)


@pytest.mark.parametrize(
    ("text", "wanted", "refused"),
    [
        ("funny", ("Comedy",), ()),
        ("warm", (), ()),
        ("no horror, funny", ("Comedy",), ("Horror",)),
        ("no horror or war", (), ("Horror", "War")),
        ("nothing about war", (), ("War",)),
        ("horror and war are not for me", (), ("Horror", "War")),
        ("别再给我推荐恐怖片", (), ("Horror",)),
        ("特别推荐恐怖片", ("Horror",), ()),
        ("恐怖片就不要了，喜剧吧", ("Comedy",), ("Horror",)),
    ],
)
def test_words_are_wanted_or_refused(text, wanted, refused):
    assert split(judged(text, words_in(text, PATTERN, MEANS))) == (wanted, refused)


def test_words_are_masked_where_they_stand():
    text = "a war film"
    assert blank(text, words_in(text, PATTERN, MEANS)) == f"a {MASK * 3} film"
    assert words_in("nothing here", pattern_of({}), {}) == []
