"""Reads export files row by row: encodings, byte-order marks, CSV, JSON arrays, folders and zip archives, within limits."""

from __future__ import annotations

import codecs
import csv
import io
import json
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

from adapters.base import RowError
from palate.errors import BadExport

__all__ = ["MAX_FILE_BYTES", "JsonRow", "Source", "detect_encoding", "find_sources", "read_csv", "read_json_array"]

MAX_FILE_BYTES = 512 * 1024 * 1024
"""Largest file, or member of an archive, that is read."""

_MAX_MEMBERS = 10_000
_CHUNK = 1 << 20
_BLANK = re.compile(r"[\s\x00]*")
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    NotImplementedError,  # an unknown compression
    RuntimeError,  # an encrypted member
    EOFError,
    ValueError,
    OSError,
)


@dataclass(frozen=True, slots=True)
class Source:
    """A file of an export, wherever it lies. ``name`` is for messages; ``read`` returns its bytes."""

    name: str
    read: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class JsonRow:
    """One element of a JSON array, and where it stood (``file:[index]``)."""

    location: str
    value: Any


def _check_readable(path: Path) -> None:
    """Raise :class:`BadExport` unless ``path`` is a file within the limit."""
    try:
        size = path.stat().st_size
        is_file = path.is_file()
    except (OSError, ValueError) as error:
        raise BadExport(f"cannot be read: {error}", location=str(path), remedy="Give the path of an export file.") from error
    if not is_file:
        raise BadExport("is not a file.", location=str(path), remedy="Give the path of one file of the export.")
    if size > MAX_FILE_BYTES:
        raise BadExport(f"has {size} bytes, more than {MAX_FILE_BYTES}.", location=path.name, remedy="Split the file.")


def detect_encoding(chunks: Iterator[bytes]) -> str:
    """Return the encoding of a text: by byte-order mark, else UTF-16 by its zero bytes, UTF-8 if it is valid, cp1252 if not."""
    head = next(chunks, b"")
    marked = _marked_encoding(head[:2000])
    if marked is not None:
        return marked
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(head)
        for chunk in chunks:
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _marked_encoding(head: bytes) -> str | None:
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if len(head) >= 4 and head[1::2].count(0) > len(head) // 4:
        return "utf-16-le"
    if len(head) >= 4 and head[::2].count(0) > len(head) // 4:
        return "utf-16-be"
    return None


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def read_csv(path: Path, *, delimiter: str = ",") -> Generator[tuple[str, list[str] | RowError], None, None]:
    """Yield ``(file:line, cells)`` of a CSV file, blank lines left out; a row the CSV reader refuses is a :class:`RowError`.

    The line is the one on which the row begins. Undecodable bytes become U+FFFD. The file is open until the last row was read, or
    the generator is closed.

    Raises:
        BadExport: The file cannot be read or is too large.

    """
    _check_readable(path)
    encoding = detect_encoding(_chunks(path))
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter)
        while True:
            location = f"{path.name}:{reader.line_num + 1}"
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield location, RowError(location=location, message=str(error), value="", remedy="Close the quotes of this row.")
                continue
            if any(cell.strip() for cell in cells):
                yield location, cells


def read_json_array(source: Source) -> Iterator[JsonRow | RowError]:
    """Yield the elements of a file that holds one JSON array; what follows a damaged place is one :class:`RowError`.

    Raises:
        BadExport: The file cannot be read, or holds no array.

    """
    data = source.read()
    text = data.decode(detect_encoding(iter((data,))), errors="replace")
    del data
    decoder = json.JSONDecoder()
    position = _skip_blank(text, 0)
    if text[position : position + 1] != "[":
        raise BadExport("is not a JSON array.", location=f"{source.name}:1", remedy="Give a file as the platform delivered it.")
    position = _skip_blank(text, position + 1)
    index = 0
    while text[position : position + 1] != "]":
        location = f"{source.name}:[{index}]"
        try:
            value, end = decoder.raw_decode(text, position)
            end = _skip_blank(text, end)
            if text[end : end + 1] not in {",", "]"}:
                raise ValueError(f"',' or ']' expected, {text[end : end + 1]!r} found")
        except (ValueError, RecursionError) as error:
            yield _damaged(source, text, position, index, error)
            return
        yield JsonRow(location, value)
        position = _skip_blank(text, end + 1) if text[end] == "," else end
        index += 1


def _skip_blank(text: str, position: int) -> int:
    match = _BLANK.match(text, position)
    return match.end() if match else position


def _damaged(source: Source, text: str, position: int, index: int, error: Exception) -> RowError:
    line = text.count("\n", 0, position) + 1
    remedy = "Download the export again: the file ends early or was changed; rows from here on were not read."
    if index == 0:
        raise BadExport(f"is damaged JSON: {error}", location=f"{source.name}:{line}", remedy=remedy) from error
    message = f"damaged JSON at line {line}: {error}"
    return RowError(location=f"{source.name}:[{index}]", message=message, value=text[position : position + 40], remedy=remedy)


def find_sources(path: Path, patterns: Sequence[str]) -> list[Source]:
    """Return the files of an export, ordered by name: a file itself; of a folder or zip archive the names matching ``patterns``.

    Raises:
        BadExport: ``path`` does not exist, the archive is damaged, or nothing in it matches.

    """
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file() and _matches(file.name, patterns))
        found = [Source(str(file.relative_to(path)), _reader(file)) for file in files]
    else:
        _check_readable(path)
        with path.open("rb") as file:
            zipped = file.read(4) == b"PK\x03\x04"
        if not zipped:
            return [Source(path.name, _reader(path))]
        found = _zip_sources(path, patterns)
    if not found:
        expected = " or ".join(patterns)
        raise BadExport("holds no file of this export.", location=str(path), remedy=f"Expected files named {expected}.")
    return found


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch(name.lower(), pattern.lower()) for pattern in patterns)


def _reader(path: Path) -> Callable[[], bytes]:
    def read() -> bytes:
        _check_readable(path)
        return path.read_bytes()

    return read


def _zip_sources(path: Path, patterns: Sequence[str]) -> list[Source]:
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except _ZIP_ERRORS as error:
        raise BadExport(f"is a damaged zip archive: {error}", location=path.name, remedy="Download it again.") from error
    if len(infos) > _MAX_MEMBERS:
        raise BadExport(f"holds {len(infos)} files, more than {_MAX_MEMBERS}.", location=path.name, remedy="Unpack it first.")
    wanted = (info for info in infos if not info.is_dir() and _matches(PurePosixPath(info.filename).name, patterns))
    return [_zip_source(path, info) for info in sorted(wanted, key=lambda info: info.filename)]


def _zip_source(path: Path, info: zipfile.ZipInfo) -> Source:
    name = f"{path.name}/{info.filename}"

    def read() -> bytes:
        try:
            with zipfile.ZipFile(path) as archive, archive.open(info) as member:
                buffer = io.BytesIO()
                # The size in the header may lie: count what comes out.
                while chunk := member.read(_CHUNK):
                    buffer.write(chunk)
                    if buffer.tell() > MAX_FILE_BYTES:
                        raise BadExport(f"unpacks to more than {MAX_FILE_BYTES} bytes.", location=name, remedy="Unpack it first.")
                return buffer.getvalue()
        except _ZIP_ERRORS as error:
            raise BadExport(f"cannot be unpacked: {error}", location=name, remedy="Download the archive again.") from error

    return Source(name, read)
