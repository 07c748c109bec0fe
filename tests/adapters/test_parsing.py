from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import RowError, parsing
from adapters.parsing import detect_encoding, find_sources, read_csv, read_json_array
from palate.errors import BadExport


def test_locations_are_the_lines_where_rows_begin(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('a,b\n"two\nlines",c\n\n  ,\nd,e\n')
    assert list(read_csv(path)) == [("a.csv:1", ["a", "b"]), ("a.csv:2", ["two\nlines", "c"]), ("a.csv:6", ["d", "e"])]


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"", "utf-8"),
        (b"plain", "utf-8"),
        ("é".encode(), "utf-8"),
        (b"\xef\xbb\xbfx", "utf-8-sig"),
        ("x,y".encode("utf-16"), "utf-16"),
        ("x,y,z".encode("utf-16-le"), "utf-16-le"),
        ("x,y,z".encode("utf-16-be"), "utf-16-be"),
        (b"caf\xe9", "cp1252"),
        (b"x\xc3", "cp1252"),
    ],
)
def test_encodings(data: bytes, encoding: str) -> None:
    assert detect_encoding(iter([data])) == encoding


def test_a_character_may_lie_across_chunks() -> None:
    data = "日本".encode()
    assert detect_encoding(data[i : i + 1] for i in range(len(data))) == "utf-8"


@given(st.binary(max_size=200))
def test_every_encoding_found_can_be_read(data: bytes) -> None:
    assert isinstance(data.decode(detect_encoding(iter([data])), errors="replace"), str)


def test_limits_name_the_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" * 10)
    monkeypatch.setattr(parsing, "MAX_FILE_BYTES", 20)
    with pytest.raises(BadExport, match="40 bytes, more than 20"):
        list(read_csv(path))


def test_an_archive_that_unpacks_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import zipfile

    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.json", b" " * 5_000_000)
    monkeypatch.setattr(parsing, "MAX_FILE_BYTES", 100_000)
    (source,) = find_sources(path, ["*.json"])
    with pytest.raises(BadExport, match="unpacks to more than"):
        source.read()


@pytest.mark.parametrize(("text", "n"), [("[]", 0), (" [ 1 , 2\n]", 2), ("[{}]trailing", 1), ('["a", [1, 2]]', 2)])
def test_json_arrays(tmp_path: Path, text: str, n: int) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    (source,) = find_sources(path, ["*.json"])
    assert [row.location for row in read_json_array(source)] == [f"a.json:[{i}]" for i in range(n)]


def test_a_damaged_element_names_index_and_line(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("[1,\n2,\nx]")
    (source,) = find_sources(path, ["*.json"])
    *good, bad = read_json_array(source)
    assert len(good) == 2
    assert isinstance(bad, RowError)
    assert bad.location == "a.json:[2]"
    assert "line 3" in bad.message
