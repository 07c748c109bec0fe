"""What every platform adapter must hold to."""

from __future__ import annotations

import gc
import re
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from palate.domain import ITEM_TYPES, VERBS
from palate.errors import BadExport

__all__ = ["PlatformAdapterContract"]


class PlatformAdapterContract:
    """Subclass it, give the fixture ``adapter`` and the method ``write``.

    A row that the adapter gives is known by its ``verb`` (an ``ExportRow``), a refused one by its ``remedy`` (a ``RowError``).
    """

    suffix = ".csv"
    """How the platform's files end."""
    fuzz_cases = 60
    """How many damaged files are tried."""

    @pytest.fixture
    def adapter(self) -> Any:
        raise NotImplementedError("Give a fixture 'adapter' that returns the platform adapter under test.")

    def write(self, path: Path, n: int, bad: int | None = None) -> str:
        """Write an export of ``n`` events to ``path``, row ``bad`` unusable; return that row's location, or ``""``."""
        raise NotImplementedError("Give a method 'write' that makes exports.")

    def test_it_has_a_name_and_a_description(self, adapter: Any) -> None:
        assert re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,31}", adapter.name)
        assert adapter.description.strip()

    def test_every_row_is_read(self, adapter: Any, tmp_path: Path) -> None:
        path = tmp_path / f"good{self.suffix}"
        self.write(path, 7)
        rows = list(adapter.parse(path))
        assert len(rows) == 7
        for row in rows:
            assert row.verb in VERBS
            assert row.type in ITEM_TYPES
            assert row.title
            assert row.location.startswith(f"{path.name}:")
            assert row.at.utcoffset() == timedelta(0)
            assert row.value is None or 0.0 <= row.value <= 1.0
        assert len({row.location for row in rows}) == 7

    def test_reading_twice_gives_the_same(self, adapter: Any, tmp_path: Path) -> None:
        path = tmp_path / f"good{self.suffix}"
        self.write(path, 5)
        assert list(adapter.parse(path)) == list(adapter.parse(path))

    def test_rows_come_lazily(self, adapter: Any, tmp_path: Path) -> None:
        path = tmp_path / f"long{self.suffix}"
        self.write(path, 2000)
        rows = adapter.parse(path)
        assert iter(rows) is rows
        first = next(rows)
        alive = sum(type(thing) is type(first) for thing in gc.get_objects())
        assert alive < 1000, f"{alive} rows exist after the first was asked for"
        assert sum(1 for _ in rows) == 1999

    def test_a_bad_row_is_named_and_the_others_survive(self, adapter: Any, tmp_path: Path) -> None:
        path = tmp_path / f"bad{self.suffix}"
        location = self.write(path, 6, bad=2)
        rows = list(adapter.parse(path))
        refused = [row for row in rows if hasattr(row, "remedy")]
        assert [row.location for row in refused] == [location]
        assert refused[0].message
        assert refused[0].remedy
        assert len(rows) - len(refused) == 5

    @pytest.mark.parametrize(
        "content",
        [b"", b"\x89PNG\r\n\x1a\n\x00\x00", b"one,two\n1,2\n", b"[1, 2]", b"{}", b"\xff\xfe", b"PK\x03\x04zip"],
    )
    def test_another_file_is_refused_as_a_whole(self, adapter: Any, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / f"wrong{self.suffix}"
        path.write_bytes(content)
        with pytest.raises(BadExport) as caught:
            list(adapter.parse(path))
        assert path.name in caught.value.location
        assert caught.value.remedy
        assert path not in _open_files()  # though ``caught`` holds the frames in which it was read

    def test_a_missing_file_is_refused(self, adapter: Any, tmp_path: Path) -> None:
        with pytest.raises(BadExport) as caught:
            list(adapter.parse(tmp_path / f"absent{self.suffix}"))
        assert "absent" in str(caught.value)

    def test_damaged_bytes_raise_nothing_else(self, adapter: Any, tmp_path: Path) -> None:
        path = tmp_path / f"fuzz{self.suffix}"
        self.write(path, 12)
        good = np.frombuffer(path.read_bytes(), dtype=np.uint8)
        rng = np.random.default_rng(0)
        survived = 0
        for _ in range(self.fuzz_cases):
            data = good.copy()
            places = rng.integers(0, len(data), size=int(rng.integers(1, 12)))
            data[places] = rng.integers(0, 256, size=len(places))
            if rng.random() < 0.3:
                data = data[: int(rng.integers(0, len(data)))]
            path.write_bytes(data.tobytes())
            try:
                survived += sum(1 for _ in adapter.parse(path))
            except BadExport:
                continue
        assert survived > 0


def _open_files() -> set[Path]:
    """Return the files that this process holds open; none where the system does not tell."""
    found = set()
    for handle in Path("/proc/self/fd").glob("*"):
        with suppress(OSError):  # closed meanwhile
            found.add(handle.readlink())
    return found
