"""What every history store must hold to."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from palate.domain import Account, Event, UnmatchedEvent
from palate.errors import InvalidInput

__all__ = ["HistoryContract"]

_START = datetime(2024, 1, 1, 12, 0, 0, 123457, tzinfo=UTC)

# Appends batches of 20 and says so after each, until it is killed.
_WRITER = """
import importlib, sys
from palate.testing.history import HistoryContract
module, function = sys.argv[1].split(":")
history = getattr(importlib.import_module(module), function)(sys.argv[2])
for batch in range(10_000):
    history.append([HistoryContract.event(i) for i in range(20 * batch, 20 * batch + 20)])
    print(batch, flush=True)
"""


class HistoryContract:
    """Subclass it and say in ``opener`` which function (``module:name``) opens a store at a place; another process calls it too."""

    opener: ClassVar[str]

    @pytest.fixture
    def place(self, tmp_path: Path) -> str:
        return str(tmp_path / "history.db")

    @pytest.fixture
    def history(self, place: str) -> Iterator[Any]:
        store = self.open(place)
        store.link("ann", Account(platform="netflix", user_id="ann-n"))
        store.link("ann", Account(platform="spotify", user_id="ann-s"))
        store.link("bob", Account(platform="netflix", user_id="bob-n"))
        yield store
        store.close()

    def open(self, place: str) -> Any:
        """Return the store at ``place``."""
        module, function = self.opener.split(":")
        return getattr(importlib.import_module(module), function)(place)

    @staticmethod
    def event(i: int, platform: str = "netflix", user_id: str = "ann-n", **changes: Any) -> Event:
        """Return event number ``i``: later for greater numbers."""
        values = {
            "event_id": f"{platform}-{user_id}-{i}",
            "platform": platform,
            "user_id": user_id,
            "item_id": f"item-{i}",
            "verb": "play",
            "at": _START + timedelta(minutes=i),
        }
        return Event.model_validate(values | changes)

    @staticmethod
    def waiting(i: int, user_id: str = "ann-n", **changes: Any) -> UnmatchedEvent:
        """Return the unmatched event number ``i``."""
        values = {
            "event_id": f"waiting-{user_id}-{i}",
            "platform": "netflix",
            "user_id": user_id,
            "title": f"Title {i}",
            "type": "movie",
            "verb": "play",
            "at": _START + timedelta(minutes=i),
        }
        return UnmatchedEvent.model_validate(values | changes)

    def test_an_event_comes_back_as_it_was(self, history: Any) -> None:
        event = self.event(1, verb="rate", value=0.1 + 0.2)
        assert history.append([event]) == 1
        assert history.events("ann") == [event]

    def test_twice_delivered_is_once_counted(self, history: Any) -> None:
        batch = [self.event(i) for i in range(600)]
        assert history.append([*batch, *batch[:5]]) == 600
        revision = history.revision
        assert history.append(batch) == 0
        assert history.append([]) == 0
        assert history.revision == revision
        assert history.append([*batch, self.event(600)]) == 1
        assert len(history.events("ann")) == 601

    def test_threads_do_not_count_twice(self, history: Any) -> None:
        counts: list[int] = []
        batch = [self.event(i) for i in range(200)]
        threads = [threading.Thread(target=lambda: counts.append(history.append(batch))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(counts) == [0, 0, 0, 200]

    def test_events_are_newest_first(self, history: Any) -> None:
        history.append([self.event(2), self.event(5), self.event(1, "spotify", "ann-s"), self.event(3, user_id="bob-n")])
        assert [event.item_id for event in history.events("ann")] == ["item-5", "item-2", "item-1"]
        assert history.events("nobody") == []

    def test_interactions_go_by_person_then_time(self, history: Any) -> None:
        history.append([self.event(3, user_id="bob-n"), self.event(2), self.event(1, "spotify", "ann-s")])
        history.append([self.event(4, verb="rate", value=0.5)])
        found = [(i.person_id, i.item_id, i.verb, i.value) for i in history.interactions()]
        assert found == [
            ("ann", "item-1", "play", None),
            ("ann", "item-2", "play", None),
            ("ann", "item-4", "rate", 0.5),
            ("bob", "item-3", "play", None),
        ]
        first = next(iter(history.interactions()))
        assert first.at == pytest.approx((_START + timedelta(minutes=1)).timestamp(), abs=1e-6)

    def test_events_of_an_unlinked_account_wait_for_their_person(self, history: Any) -> None:
        history.append([self.event(1, user_id="cleo-n")])
        assert list(history.interactions()) == []
        history.link("cleo", Account(platform="netflix", user_id="cleo-n"))
        assert [event.item_id for event in history.events("cleo")] == ["item-1"]

    def test_consent_is_applied_on_read(self, history: Any) -> None:
        history.append([self.event(1), self.event(2, "spotify", "ann-s"), self.event(3, user_id="bob-n")])
        history.allow("ann", "spotify", False)
        assert {event.platform for event in history.events("ann")} == {"netflix"}
        assert [i.person_id for i in history.interactions()] == ["ann", "bob"]
        assert history.consents("ann") == {"spotify": False}
        history.allow("ann", "spotify", True)
        assert {event.platform for event in history.events("ann")} == {"netflix", "spotify"}
        assert history.consents("bob") == {}

    def test_platforms_can_be_left_out(self, history: Any) -> None:
        history.append([self.event(1), self.event(2, "spotify", "ann-s")])
        assert [event.platform for event in history.events("ann", without_platforms=("spotify",))] == ["netflix"]

    def test_an_account_has_one_person(self, history: Any) -> None:
        account = Account(platform="netflix", user_id="ann-n")
        assert history.link("ann", account) is False
        with pytest.raises(InvalidInput) as caught:
            history.link("bob", account)
        assert "ann" in str(caught.value)
        assert "bob" in str(caught.value)
        assert history.person_of(account) == "ann"
        assert history.person_of(Account(platform="netflix", user_id="unknown")) is None
        assert history.persons() == ["ann", "bob"]
        assert [a.platform for a in history.accounts("ann")] == ["netflix", "spotify"]

    @pytest.mark.parametrize("person", ["", " ", "a b", "x" * 200, "-a", "a\nb"])
    def test_a_person_must_have_a_usable_id(self, history: Any, person: str) -> None:
        with pytest.raises(InvalidInput):
            history.link(person, Account(platform="netflix", user_id="new"))
        with pytest.raises(InvalidInput):
            history.allow(person, "netflix", False)

    def test_unmatched_events_are_kept_until_matched(self, history: Any) -> None:
        waiting = self.waiting(1, creators=("Somebody",), alternatives=("Other",), year=1999)
        assert history.append_unmatched([waiting, waiting]) == 1
        assert history.append_unmatched([waiting]) == 0
        assert history.unmatched("ann") == [waiting]
        assert history.append([self.event(1, event_id=waiting.event_id)]) == 1
        assert history.unmatched("ann") == []
        assert history.append_unmatched([waiting]) == 0

    def test_erased_is_gone(self, history: Any, place: str) -> None:
        history.append([self.event(i) for i in range(50)] + [self.event(1, user_id="bob-n")])
        history.append_unmatched([self.waiting(1), self.waiting(2, user_id="bob-n")])
        history.allow("ann", "netflix", False)
        before = history.revision
        assert history.erase("ann") == 51
        assert history.revision > before
        assert history.events("ann") == []
        assert history.unmatched("ann") == []
        assert history.accounts("ann") == []
        assert history.consents("ann") == {}
        assert history.persons() == ["bob"]
        assert len(history.events("bob")) == len(history.unmatched("bob")) == 1
        assert all("ann-n" not in event_id for _, event_id in history.appended())
        assert history.erase("ann") == 0
        for file in Path(place).parent.glob(f"{Path(place).name}*"):
            assert b"ann-n" not in file.read_bytes(), f"{file.name} still holds bytes of the erased person"

    def test_the_outbox_names_events_in_the_order_of_arrival(self, history: Any) -> None:
        history.append([self.event(5)])
        history.append([self.event(1), self.event(5), self.event(3)])
        entries = history.appended()
        assert [event_id for _, event_id in entries] == ["netflix-ann-n-5", "netflix-ann-n-1", "netflix-ann-n-3"]
        assert history.appended(after=entries[0][0], n=1) == entries[1:2]
        history.erase("ann")
        history.append([self.event(9, user_id="bob-n")])
        assert history.appended()[0][0] > entries[-1][0]

    def test_every_change_raises_the_revision(self, history: Any) -> None:
        seen = [history.revision]
        changes: tuple[Callable[[], object], ...] = (
            lambda: history.append([self.event(1)]),
            lambda: history.append_unmatched([self.waiting(1)]),
            lambda: history.allow("ann", "netflix", False),
            lambda: history.link("ann", Account(platform="books", user_id="a")),
            lambda: history.erase("ann"),
        )
        for change in changes:
            change()
            seen.append(history.revision)
        assert seen == sorted(set(seen))

    def test_it_is_there_after_reopening(self, history: Any, place: str) -> None:
        history.append([self.event(1)])
        revision = history.revision
        history.close()
        history.close()
        again = self.open(place)
        assert [event.item_id for event in again.events("ann")] == ["item-1"]
        assert again.revision == revision
        again.close()

    def test_an_acknowledged_event_survives_kill_9(self, history: Any, place: str) -> None:
        command = [sys.executable, "-c", _WRITER, self.opener, place]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:  # noqa: S603
            assert writer.stdout is not None
            acknowledged = -1
            for line in writer.stdout:
                acknowledged = int(line)
                if acknowledged >= 5:
                    os.kill(writer.pid, signal.SIGKILL)
                    break
            acknowledged = max([acknowledged, *(int(line) for line in writer.stdout if line.strip())])
        assert writer.returncode == -signal.SIGKILL
        again = self.open(place)
        stored = {event.event_id for event in again.events("ann")}
        assert {self.event(i).event_id for i in range(20 * (acknowledged + 1))} <= stored
        assert len(stored) % 20 == 0, "a batch was stored in part"
        assert sorted(event_id for _, event_id in again.appended(n=len(stored) + 1)) == sorted(stored)
        assert again.append([self.event(i) for i in range(len(stored) + 20)]) == 20
        again.close()
