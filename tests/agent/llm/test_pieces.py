from hypothesis import given
from hypothesis import strategies as st

from agent.llm.pieces import TextPieces


def run(text, stop):
    data = text.encode()
    pieces = TextPieces(lambda ids: bytes(ids).decode(errors="replace"), stop)
    out = []
    for byte in data:
        out.append(pieces.push(byte))
        if pieces.done:
            break
    return [*out, pieces.flush()]


@given(st.text(alphabet="abc é电🎬", max_size=40), st.lists(st.text(alphabet="abc ", min_size=1, max_size=4), max_size=3))
def test_pieces_join_to_the_text_before_the_first_stop(text, stop):
    # The text ends as soon as it holds a whole stop text, even if a longer one had begun before.
    read = next((text[:n] for n in range(len(text) + 1) if any(s in text[:n] for s in stop)), text)
    ends = [read.find(s) for s in stop if s in read]
    assert "".join(run(text, stop)) == text[: min(ends, default=len(text))]


def test_no_half_character_is_given():
    assert all("\ufffd" not in piece for piece in run("a电影🎬b", ()))


def test_an_unfinished_character_at_the_end_is_dropped():
    pieces = TextPieces(lambda ids: bytes(ids).decode(errors="replace"))
    assert "".join([*(pieces.push(b) for b in "a电".encode()[:-1]), pieces.flush()]) == "a"
