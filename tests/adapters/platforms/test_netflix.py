from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters import ExportRow, NetflixAdapter, RowError
from palate.testing.platform_adapter import PlatformAdapterContract

FULL = "Profile Name,Start Time,Duration,Attributes,Title,Supplemental Video Type,Device Type,Bookmark,Latest Bookmark,Country\n"


class TestShortForm(PlatformAdapterContract):
    @pytest.fixture
    def adapter(self) -> NetflixAdapter:
        return NetflixAdapter()

    def write(self, path: Path, n: int, bad: int | None = None) -> str:
        lines = [f'"Film {i}: A Story","{i % 12 + 1}/{i % 28 + 1}/24"' for i in range(n)]
        if bad is not None:
            lines[bad] = '"Film X","yesterday"'
        path.write_text("Title,Date\n" + "\n".join(lines) + "\n", encoding="utf-8")
        return "" if bad is None else f"{path.name}:{bad + 2}"


class TestFullForm(TestShortForm):
    def write(self, path: Path, n: int, bad: int | None = None) -> str:
        lines = [f"Ann,2024-01-{i % 28 + 1:02d} 20:15:{i % 60:02d},01:30:00,,Film {i},,TV,01:30:00,,DE" for i in range(n)]
        if bad is not None:
            lines[bad] = "Ann,2024-01-32 20:15:00,01:30:00,,Film X,,TV,,,DE"
        path.write_text(FULL + "\n".join(lines) + "\n", encoding="utf-8")
        return "" if bad is None else f"{path.name}:{bad + 2}"


def parse(tmp_path: Path, text: str, encoding: str = "utf-8", **config: Any) -> list[ExportRow | RowError]:
    path = tmp_path / "history.csv"
    path.write_bytes(text.encode(encoding))
    return list(NetflixAdapter(**config).parse(path))


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (["3/14/24", "3/4/24"], [(3, 14), (3, 4)]),
        (["14/03/2024", "3/4/2024"], [(3, 14), (4, 3)]),
        (["3/4/24", "5/6/24"], [(3, 4), (5, 6)]),
        (["03.04.24", "05.06.24"], [(4, 3), (6, 5)]),
        (["2024-03-14", "2024-03-04"], [(3, 14), (3, 4)]),
        (["2024/3/14", "2024/3/4"], [(3, 14), (3, 4)]),
    ],
)
def test_the_order_of_dates_is_found_over_the_file(tmp_path: Path, dates: list[str], expected: list[tuple[int, int]]) -> None:
    rows = parse(tmp_path, "Title,Date\n" + "".join(f"Heat,{date}\n" for date in dates))
    assert [row.at for row in rows if isinstance(row, ExportRow)] == [datetime(2024, m, d, tzinfo=UTC) for m, d in expected]


def test_episodes_have_alternatives_and_films_with_colons_have_none(tmp_path: Path) -> None:
    titles = ["Dark: Season 1: Secrets", "Star Wars: Episode V: The Empire Strikes Back", "Chernobyl: Limited Series: 1:23:45"]
    rows = parse(tmp_path, "Title,Date\n" + "".join(f'"{title}",1/2/24\n' for title in titles))
    assert [row.alternatives for row in rows if isinstance(row, ExportRow)] == [
        ("Dark: Season 1", "Dark"),
        (),
        ("Chernobyl: Limited Series", "Chernobyl"),
    ]


def test_trailers_and_previews_are_no_events_and_durations_make_verbs(tmp_path: Path) -> None:
    text = FULL + (
        "Ann,2024-01-01 20:00:00,01:45:00,,Heat,,TV,,,DE\n"
        "Ann,2024-01-01 20:00:00,00:30:00,,Alien,,TV,,,DE\n"
        "Ann,2024-01-01 20:00:00,00:01:00,,Jaws,,TV,,,DE\n"
        "Ann,2024-01-01 20:00:00,00:20:00,,Dark: Season 1: Secrets,,TV,,,DE\n"
        "Ann,2024-01-01 20:00:00,00:02:10,,Heat: Trailer,TRAILER,TV,,,DE\n"
        "Ann,2024-01-01 20:00:00,00:00:10,Autoplayed: user action: None; ,Up,,TV,,,DE\n"
        "Ben,2024-01-01 20:00:00,01:45:00,,Cars,,TV,,,DE\n"
    )
    rows = parse(tmp_path, text, profile="Ann")
    assert [(row.title, row.verb) for row in rows if isinstance(row, ExportRow)] == [
        ("Heat", "complete"),
        ("Alien", "play"),
        ("Jaws", "skip"),
        ("Dark: Season 1: Secrets", "complete"),
    ]
    assert len(parse(tmp_path, text)) == 5


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    rows = parse(tmp_path, "Title,Date\r\nAmélie,1/2/24\r\nLéon – der Profi,1/3/24\r\n", encoding)
    assert [row.title for row in rows if isinstance(row, ExportRow)] == ["Amélie", "Léon – der Profi"]


def test_an_unclosed_quote_costs_its_own_rows_only(tmp_path: Path) -> None:
    path = "Title,Date\n" + "Heat,1/2/24\n" * 3 + '"Alien,1/2/24\n' + "Jaws,1/2/24\n" * 20_000
    rows = parse(tmp_path, path)
    assert [row.title for row in rows[:3] if isinstance(row, ExportRow)] == ["Heat"] * 3
    error = rows[3]
    assert isinstance(error, RowError)
    assert error.location == "history.csv:5"
    assert len(rows) > 4
