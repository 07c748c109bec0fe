from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import IntegrityError

from palate.errors import Unavailable
from palate.sql import open_sqlite, opening, scrub


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_sqlite(tmp_path / "deep" / "er" / "a.db")
    yield engine
    engine.dispose()


def test_commits_are_durable_and_foreign_keys_hold(engine: Engine) -> None:
    with engine.begin() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        }
        assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}
        connection.exec_driver_sql("CREATE TABLE a (id INTEGER PRIMARY KEY)")
        connection.exec_driver_sql("CREATE TABLE b (a INTEGER REFERENCES a (id))")
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO b VALUES (7)")


def test_scrubbed_rows_leave_no_bytes(engine: Engine, tmp_path: Path) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE a (text TEXT)")
        connection.exec_driver_sql("INSERT INTO a VALUES ('a very private thing')")
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM a")
    files = [file for file in tmp_path.rglob("a.db*") if file.is_file()]
    assert any(b"private thing" in file.read_bytes() for file in files)
    scrub(engine)
    assert not any(b"private thing" in file.read_bytes() for file in files)


def test_other_databases_are_left_alone() -> None:
    engine = create_engine("sqlite://")
    said: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *given: said.append(given[2]))
    scrub(engine)
    assert said == ["PRAGMA wal_checkpoint(TRUNCATE)"]
    engine.dialect.name = "other"
    scrub(engine)
    assert len(said) == 1
    engine.dispose()


def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"no database" * 500)
    engine = open_sqlite(tmp_path / "a.db")
    with pytest.raises(Unavailable, match=r"The catalog store '.*a\.db' cannot be opened: .* Restore"), opening(engine, "catalog"):
        engine.connect()
