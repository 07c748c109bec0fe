from hypothesis import given
from hypothesis import strategies as st

from palate.domain import Item
from retrieval.texts import MAX_TEXT_CHARS, item_text


def test_it_holds_all_that_an_item_says():
    item = Item(
        item_id="a", type="track", title="Blue Hour", alt_titles=("Heure bleue",), year=2001, genres=("Jazz", "Ambient"),
        creators=("Ann",), description="Slow piano.", attributes={"mood": "calm"},
    )  # fmt: skip
    expected = "Blue Hour (2001). Also known as Heure bleue. Jazz, Ambient track. By Ann. mood: calm. Slow piano."
    assert item_text(item) == expected


def test_a_bare_item():
    assert item_text(Item(item_id="a", type="movie", title="Alien")) == "Alien. movie"


@given(
    title=st.text(min_size=1, max_size=500),
    words=st.lists(st.text(max_size=400), max_size=40),
    description=st.text(max_size=5000),
)
def test_it_is_bounded_and_of_one_line(title, words, description):
    item = Item(item_id="a", type="movie", title=title, alt_titles=tuple(words), creators=tuple(words), description=description)
    text = item_text(item)
    assert len(text) <= MAX_TEXT_CHARS
    assert "\n" not in text
