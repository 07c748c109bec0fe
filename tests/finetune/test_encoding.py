import pytest
from pydantic import ValidationError
from tokenizers import Tokenizer

from finetune.encoding import encode
from finetune.examples import RankExample, TextExample
from palate.errors import InvalidInput


@pytest.fixture
def tokenizer(base):
    return Tokenizer.from_file(str(base / "tokenizer.json"))


def test_of_a_text_only_the_completion_is_learned(tokenizer):
    found = encode(tokenizer, TextExample(prompt="Say: ", completion="Hi"), 100)
    assert (len(found.ids), found.places, found.gains) == (7, (5, 6), None)


def test_of_a_ranking_the_tokens_at_the_spots_are_learned(tokenizer):
    found = encode(tokenizer, RankExample(text="A [y]\nB [y]", spots=(3, 9), gains=(0.0, 1.0)), 100)
    assert found.places == (3, 9)
    assert found.ids[3] == found.ids[9]
    assert found.gains == (0.0, 1.0)


def test_too_long_an_example_is_refused_with_its_length(tokenizer):
    with pytest.raises(InvalidInput, match="7 tokens; 6"):
        encode(tokenizer, TextExample(prompt="Say: ", completion="Hi"), 6)


@pytest.mark.parametrize(
    "wrong",
    [
        {"spots": (3, 9), "gains": (1.0,)},
        {"spots": (3, 9), "gains": (0.0, 0.0)},
        {"spots": (9, 3), "gains": (1.0, 0.0)},
        {"spots": (0, 3), "gains": (1.0, 0.0)},
        {"spots": (3, 99), "gains": (1.0, 0.0)},
        {"spots": (3, 9), "gains": (1.0, -1.0)},
    ],
)
def test_examples_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValidationError):
        RankExample(text="A [y]\nB [y]", **wrong)
