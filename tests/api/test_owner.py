from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from api.owner import HomeLock, find_owner
from api.wiring import build
from palate.errors import Busy, Unavailable
from palate.settings import Settings


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    with HomeLock(tmp_path) as first:
        first.announce("http://127.0.0.1:1")
        with pytest.raises(Busy, match=rf"process {os.getpid()} at http://127.0.0.1:1") as caught:
            HomeLock(tmp_path).acquire()
        assert "PALATE_HOME" in caught.value.remedy
    with HomeLock(tmp_path):
        pass
    assert not (tmp_path / "owner.json").exists()


def test_the_token_is_for_its_user_alone(tmp_path: Path) -> None:
    with HomeLock(tmp_path) as lock:
        record = tmp_path / "owner.json"
        assert json.loads(record.read_text())["token"] == lock.token
        assert stat.S_IMODE(record.stat().st_mode) == 0o600


def test_a_dead_process_owns_nothing(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    record = {"pid": gone.pid, "started": "2024-01-01T00:00:00Z", "token": "t", "url": "http://127.0.0.1:9"}
    (tmp_path / "owner.json").write_text(json.dumps(record))
    assert find_owner(tmp_path) is None
    with HomeLock(tmp_path):
        pass


def test_a_killed_holder_lets_go(tmp_path: Path) -> None:
    code = """if True:
        import sys, time
        from pathlib import Path
        from api.owner import HomeLock
        lock = HomeLock(Path(sys.argv[1]))
        lock.acquire()
        print("held", flush=True)
        time.sleep(60)
    """
    holder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(Busy, match=str(holder.pid)):
        HomeLock(tmp_path).acquire()
    holder.kill()
    holder.wait()
    holder.stdout.close()
    with HomeLock(tmp_path):
        pass


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": "x"}', "\x00"])
def test_a_damaged_record_names_nobody(tmp_path: Path, content: str) -> None:
    (tmp_path / "owner.json").write_text(content)
    assert find_owner(tmp_path) is None


def test_an_address_that_another_process_answers_at_is_no_owner(tmp_path: Path) -> None:
    record = {"pid": os.getpid(), "started": "2024-01-01T00:00:00Z", "token": "t", "url": "http://127.0.0.1:9"}
    (tmp_path / "owner.json").write_text(json.dumps(record))
    assert find_owner(tmp_path) is None


@pytest.mark.parametrize("store", ["catalog", "history", "decisions", "conversations"])
def test_a_damaged_store_is_named_with_what_to_do(tmp_path: Path, store: str) -> None:
    (tmp_path / f"{store}.db").write_bytes(b"not a database" * 100)
    with pytest.raises(Unavailable, match=rf"{store}.*Restore the file"):
        build(Settings(home=tmp_path, llm="none"), models=[])
