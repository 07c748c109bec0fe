import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from adapters import ExportRow, RowError, SpotifyAdapter
from palate.errors import BadExport
from palate.testing.platform_adapter import PlatformAdapterContract


def stream(i: int = 0, **changes: Any) -> dict[str, Any]:
    row = {
        "ts": f"2024-01-{i % 28 + 1:02d}T20:15:{i % 60:02d}Z",
        "ms_played": 200_000 + i,
        "master_metadata_track_name": f"Piece {i}",
        "master_metadata_album_artist_name": "Somebody",
        "spotify_track_uri": f"spotify:track:{i}",
        "episode_name": None,
        "episode_show_name": None,
        "reason_end": "trackdone",
        "skipped": False,
        "incognito_mode": False,
    }
    return row | changes


class TestExtended(PlatformAdapterContract):
    suffix = ".json"

    @pytest.fixture
    def adapter(self) -> SpotifyAdapter:
        return SpotifyAdapter()

    def row(self, i: int, bad: bool) -> dict[str, Any]:
        return stream(i, ms_played="long") if bad else stream(i)

    def write(self, path: Path, n: int, bad: int | None = None) -> str:
        path.write_text(json.dumps([self.row(i, i == bad) for i in range(n)], indent=1), encoding="utf-8")
        return "" if bad is None else f"{path.name}:[{bad}]"


class TestYear(TestExtended):
    def row(self, i: int, bad: bool) -> dict[str, Any]:
        end = "late" if bad else f"2024-01-{i % 28 + 1:02d} 20:{i % 60:02d}"
        return {"endTime": end, "artistName": "Somebody", "trackName": f"Piece {i}", "msPlayed": 200_000}


def parse(tmp_path: Path, *rows: Any) -> list[ExportRow | RowError]:
    path = tmp_path / "endsong_0.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    return list(SpotifyAdapter().parse(path))


def test_verbs(tmp_path: Path) -> None:
    rows = parse(
        tmp_path,
        stream(),
        stream(reason_end="endplay"),
        stream(ms_played=29_999),
        stream(skipped=True),
        stream(skipped=None, ms_played=30_000, reason_end="fwdbtn"),
    )
    assert [row.verb for row in rows if isinstance(row, ExportRow)] == ["complete", "play", "skip", "skip", "play"]


def test_podcasts_private_sessions_audiobooks_and_nameless_rows(tmp_path: Path) -> None:
    nameless = {"master_metadata_track_name": None, "master_metadata_album_artist_name": None}
    rows = parse(
        tmp_path,
        stream(**nameless, episode_name="Episode 1", episode_show_name="A Show"),
        stream(incognito_mode=True),
        stream(**nameless, audiobook_title="A Book"),
        stream(**nameless),
    )
    podcast, error = rows
    assert isinstance(podcast, ExportRow)
    assert (podcast.type, podcast.title, podcast.alternatives) == ("podcast", "Episode 1", ("A Show",))
    assert isinstance(error, RowError)
    assert error.location == "endsong_0.json:[3]"


@pytest.mark.parametrize("zipped", [False, True])
def test_a_folder_or_archive_holds_several_files(tmp_path: Path, zipped: bool) -> None:
    folder = tmp_path / "MyData"
    folder.mkdir()
    (folder / "Streaming_History_Audio_2023_0.json").write_text(json.dumps([stream(1)]))
    (folder / "Streaming_History_Audio_2024_1.json").write_text(json.dumps([stream(2), stream(3)]))
    (folder / "StreamingHistory0.json").write_text(json.dumps([stream(4)]))
    (folder / "Userdata.json").write_text("{}")
    path = folder
    if zipped:
        path = tmp_path / "my_spotify_data.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in folder.iterdir():
                archive.write(file, f"MyData/{file.name}")
    rows = list(SpotifyAdapter().parse(path))
    assert [row.title for row in rows if isinstance(row, ExportRow)] == ["Piece 1", "Piece 2", "Piece 3"]
    assert "Streaming_History_Audio_2024_1.json:[1]" in rows[-1].location


def test_a_folder_without_histories_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadExport, match=r"Streaming_History_\*\.json"):
        list(SpotifyAdapter().parse(tmp_path))


def test_rows_before_a_damaged_place_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "endsong_0.json"
    path.write_text(json.dumps([stream(1), stream(2), stream(3)])[:-40])
    rows = list(SpotifyAdapter().parse(path))
    assert [row.title for row in rows if isinstance(row, ExportRow)] == ["Piece 1", "Piece 2"]
    assert isinstance(rows[-1], RowError)
    assert rows[-1].location == "endsong_0.json:[2]"


def test_hostile_nesting_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "endsong_0.json"
    path.write_text("[" * 200_000)
    with pytest.raises(BadExport):
        list(SpotifyAdapter().parse(path))


def test_damaged_archives_raise_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("endsong_0.json", json.dumps([stream(i) for i in range(20)]))
    good = path.read_bytes()
    for place in range(4, len(good), 7):
        path.write_bytes(good[:place] + bytes([good[place] ^ 0xFF]) + good[place + 1 :])
        try:
            list(SpotifyAdapter().parse(path))
        except BadExport as error:
            assert error.remedy  # noqa: PT017
