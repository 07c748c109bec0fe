"""Reads TensorFlow checkpoint bundles without TensorFlow.

A bundle is ``<prefix>.index``, a sorted string table whose values are small protocol buffers that say where each tensor lies, and
``<prefix>.data-00000-of-00001``, the tensors themselves. Format: ``tensorflow/core/util/tensor_bundle`` and LevelDB's
``doc/table_format.md``. Only what checkpoints of one shard with uncompressed blocks need is understood.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from palate.errors import MissingWeights
from retrieval.embedders.weights import REMEDY, require_file

__all__ = ["read_bundle"]

_FOOTER = 48
_MAGIC = 0xDB4775248B80FB57
_DT_FLOAT = 1


@dataclass(slots=True)
class _Entry:
    dtype: int = 0
    shape: tuple[int, ...] = ()
    offset: int = 0
    size: int = 0


def read_bundle(prefix: Path) -> dict[str, NDArray[np.float32]]:
    """Return the float32 tensors of the bundle ``<prefix>.index``, by variable name, without optimiser slots.

    For a prefix that is a folder, the files are ``<folder>/.index`` and ``<folder>/.data-00000-of-00001``.

    Raises:
        MissingWeights: A file is missing, truncated, or no bundle.

    """
    stem = f"{prefix}/" if prefix.is_dir() else str(prefix)
    index = require_file(Path(f"{stem}.index"))
    data = require_file(Path(f"{stem}.data-00000-of-00001"))
    try:
        entries = {key.decode(): _entry(value) for key, value in _table(index.read_bytes()) if key}
    except (IndexError, ValueError, struct.error) as error:
        raise MissingWeights(f"The checkpoint index {index} is damaged: {error}.", remedy=REMEDY) from error
    blob = data.read_bytes()
    tensors = {}
    for name, entry in entries.items():
        if entry.dtype != _DT_FLOAT or "/Adam" in name:
            continue
        if entry.offset + entry.size > len(blob) or entry.size != 4 * int(np.prod(entry.shape, dtype=np.int64)):
            raise MissingWeights(f"The weight file {data} is damaged: {name!r} ends behind its {len(blob)} bytes.", remedy=REMEDY)
        tensors[name] = np.frombuffer(blob, "<f4", entry.size // 4, entry.offset).reshape(entry.shape).astype(np.float32)
    return tensors


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _table(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    if len(data) < _FOOTER or struct.unpack("<Q", data[-8:])[0] != _MAGIC:
        raise ValueError("its last eight bytes are not a table's")
    footer = data[-_FOOTER:]
    _, at = _varint(footer, 0)
    _, at = _varint(footer, at)
    offset, at = _varint(footer, at)
    size, _ = _varint(footer, at)
    for _, handle in _block(data, offset, size):
        block_offset, at = _varint(handle, 0)
        block_size, _ = _varint(handle, at)
        yield from _block(data, block_offset, block_size)


def _block(data: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    if data[offset + size] != 0:
        raise ValueError("a block is compressed, which is not supported")
    block = data[offset : offset + size]
    restarts = struct.unpack("<I", block[-4:])[0]
    end, at, key = len(block) - 4 * (restarts + 1), 0, b""
    while at < end:
        shared, at = _varint(block, at)
        fresh, at = _varint(block, at)
        length, at = _varint(block, at)
        key = key[:shared] + block[at : at + fresh]
        at += fresh
        yield key, block[at : at + length]
        at += length


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == 0:
            number, at = _varint(data, at)
            yield tag >> 3, number
        elif kind == 2:
            length, at = _varint(data, at)
            yield tag >> 3, data[at : at + length]
            at += length
        elif kind == 5:
            at += 4
        elif kind == 1:
            at += 8
        else:
            raise ValueError(f"field of wire type {kind}")


def _entry(data: bytes) -> _Entry:
    entry = _Entry()
    for field, value in _fields(data):
        if field == 1 and isinstance(value, int):
            entry.dtype = value
        elif field == 2 and isinstance(value, bytes):
            dims = (dim for number, dim in _fields(value) if number == 2 and isinstance(dim, bytes))
            entry.shape = tuple(next((n for f, n in _fields(dim) if f == 1 and isinstance(n, int)), 0) for dim in dims)
        elif field == 4 and isinstance(value, int):
            entry.offset = value
        elif field == 5 and isinstance(value, int):
            entry.size = value
    return entry
