from pathlib import Path

import pytest

from adapters import ExportRow, MovieLensAdapter, RowError
from palate.testing.platform_adapter import PlatformAdapterContract


class TestRatingsCsv(PlatformAdapterContract):
    @pytest.fixture
    def adapter(self) -> MovieLensAdapter:
        return MovieLensAdapter()

    def write(self, path: Path, n: int, bad: int | None = None) -> str:
        lines = [f"{i % 7 + 1},{i + 1},{i % 10 / 2 + 0.5},{881250949 + i}" for i in range(n)]
        if bad is not None:
            lines[bad] = "1,2,9.5,881250949"
        path.write_text("userId,movieId,rating,timestamp\n" + "\n".join(lines) + "\n")
        return "" if bad is None else f"{path.name}:{bad + 2}"


class TestAtomicFile(TestRatingsCsv):
    suffix = ".inter"

    def write(self, path: Path, n: int, bad: int | None = None) -> str:
        lines = [f"{i % 7 + 1}\t{i + 1}\t{i % 5 + 1}\t{881250949 + i}" for i in range(n)]
        if bad is not None:
            lines[bad] = "1\t2\tfour\t881250949"
        path.write_text("user_id:token\titem_id:token\trating:float\ttimestamp:float\n" + "\n".join(lines) + "\n")
        return "" if bad is None else f"{path.name}:{bad + 2}"


class TestWithoutHeader(TestRatingsCsv):
    suffix = ".data"

    def write(self, path: Path, n: int, bad: int | None = None) -> str:
        lines = [f"{i % 7 + 1}\t{i + 1}\t{i % 5 + 1}\t{881250949 + i}" for i in range(n)]
        if bad is not None:
            lines[bad] = "1\t2\t3"
        path.write_text("\n".join(lines) + "\n")
        return "" if bad is None else f"{path.name}:{bad + 1}"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("ml-100k/ml-100k.inter", [0.0, 0.5, 1.0]),
        ("ml-latest-small/x.inter", [1 / 9, 5 / 9, 1.0]),
        ("ml-1m/r.inter", [0.0, 0.5, 1.0]),
    ],
)
def test_the_scale_comes_from_the_name(tmp_path: Path, name: str, values: list[float]) -> None:
    path = tmp_path / name
    path.parent.mkdir()
    lines = "".join(f"1\t2\t{rating}\t9e8\n" for rating in (1, 3, 5))
    path.write_text("user_id:token\titem_id:token\trating:float\ttimestamp:float\n" + lines)
    rows = list(MovieLensAdapter().parse(path))
    assert [row.value for row in rows if isinstance(row, ExportRow)] == pytest.approx(values)


@pytest.mark.parametrize("row", ["1,2,nan,1", "1,2,4,inf", "1,2,4,-5", "a b,2,4,1", ",2,4,1", "1,../x,4,1", "1,2,4,1e300"])
def test_rows_that_cannot_be(tmp_path: Path, row: str) -> None:
    path = tmp_path / "ratings.csv"
    path.write_text(f"userId,movieId,rating,timestamp\n1,2,4,1000000000\n{row}\n")
    good, bad = MovieLensAdapter().parse(path)
    assert isinstance(good, ExportRow)
    assert (good.user_id, good.item_id, good.verb) == ("1", "ml-2", "rate")
    assert isinstance(bad, RowError)
    assert bad.location == "ratings.csv:3"
