import numpy as np
import pytest

from agent.llm.spots import Mark, log_softmax, mark_at, spot_places
from palate.errors import InvalidInput

OFFSETS = [(0, 1), (1, 4), (4, 4), (4, 6)]


def test_places_are_those_of_the_first_token_with_text():
    assert spot_places("abcdef", OFFSETS, [1, 4]) == [1, 3]


@pytest.mark.parametrize("spot", [0, 2, 6])
def test_a_spot_without_a_token_of_its_own_is_refused(spot):
    with pytest.raises(InvalidInput, match=f"begins at {spot}"):
        spot_places("abcdef", OFFSETS, [spot])


def test_scores_are_log_probabilities_among_themselves():
    scores = log_softmax(np.array([-3.0, -1.0, -800.0], dtype=np.float32))
    assert scores.dtype == np.float32
    assert np.exp(scores.astype(np.float64)).sum() == pytest.approx(1.0)
    assert list(np.argsort(-scores)) == [1, 0, 2]


@pytest.mark.parametrize(
    ("text", "spots", "mark"),
    [
        ("a [yes]\nb! [yes]", [3, 12], Mark(" [", "yes", (0, 1), 2)),
        ("a [yes] [yes]\nb [yes]", [9, 17], Mark(" [", "yes", (1, 2), 3)),
        ("[yes] [yesno] x [yes]", [17], Mark(" [", "yes", (0,), 1)),
        ("good yes, bad yes", [4, 13], Mark("", " yes", (0, 1), 2)),
    ],
)
def test_the_mark_is_read_from_the_text(text, spots, mark):
    assert mark_at(text, spots) == mark


@pytest.mark.parametrize(("text", "spots"), [("a [yes] b [no]", [3, 11]), ("a [yes] b (yes)", [3, 11]), ("a []", [3])])
def test_marks_that_differ_are_refused(text, spots):
    with pytest.raises(InvalidInput, match="stand before"):
        mark_at(text, spots)
