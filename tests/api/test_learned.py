"""The learned order, from the command to the slate."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from agent.llm.scripted import ScriptedLLM
from api.cli import app
from api.client import Client
from palate.domain import Account, Candidate, Request
from palate.errors import ServiceDown
from retrieval.profile import build_profile
from tests.api.conftest import event, make

pytest.importorskip("lightgbm")

PEOPLE = 40


def crowd(palate: Any) -> None:
    """Give forty people histories in which each film is followed by the one seven places on."""
    links = [(f"c{n}", Account(platform="movielens", user_id=f"c{n}")) for n in range(PEOPLE)]
    palate.history.link_all(links)
    palate.history.append(
        [event("movielens", f"c{n}", f"film-{(n + 7 * step) % 30}", f"c{n}-{step}") for n in range(PEOPLE) for step in range(8)]
    )


@contextmanager
def served_again(home: Path) -> Iterator[Any]:
    """Open the same data folder in a new process's stead."""
    with make(home) as palate:
        palate.open()
        assert palate.wait_ready(seconds=60), palate.readiness()
        yield palate


def fit(http: httpx.Client) -> dict[str, Any]:
    with Client(str(http.base_url), http.palate.lock.token) as client:  # type: ignore[attr-defined]
        report: dict[str, Any] = client.post("/v1/admin/fit", {})
    return report


def pool(palate: Any, person: str) -> list[Candidate]:
    """Return what would be ranked for a person now, best first."""
    profile = build_profile(person, palate.history.events(person))
    return list(palate.parts.retriever.retrieve(Request(person_id=person), profile).pool)


def ids(candidates: list[Candidate]) -> list[str]:
    return [candidate.item.item_id for candidate in candidates]


def learned(candidates: list[Candidate]) -> list[str]:
    return [c.item.item_id for c in candidates if any(hit.source == "fusion" for hit in c.hits)]


def test_fit_learns_an_order_that_new_events_move_and_that_outlives_the_process(tmp_path: Path, serve: Any) -> None:
    home = tmp_path / "home"
    with serve(home) as http:
        crowd(http.palate)
        http.palate.refit()
        before = pool(http.palate, "c1")
        assert learned(before) == []
        said = {source["name"]: source for source in fit(http)["sources"]}
        assert said["fusion"]["ready"] is True
        after = pool(http.palate, "c1")
        assert set(ids(after)) == set(ids(before))
        assert ids(after) != ids(before)
        assert learned(after)
        tracks = {i for i in learned(after) if i.startswith("track")}
        assert tracks == {"track-1", "track-2"}, "the tracks that anybody took"

        slate = http.post("/v1/recommendations", json={"person_id": "c1", "n": 5}).json()
        assert any(hit["source"] == "fusion" for item in slate["items"] for hit in item["sources"])
        assert learned(pool(http.palate, "newcomer")) == []

        seen = ids(after)[0]
        http.palate.history.append([event("movielens", "c1", seen, "one-more")])
        moved = pool(http.palate, "c1")
        assert seen not in ids(moved)
        assert ids(moved) != [i for i in ids(after) if i != seen]
        expected = ids(pool(http.palate, "c1"))
    with served_again(home) as palate:
        assert ids(pool(palate, "c1")) == expected
        assert learned(pool(palate, "c1"))


@pytest.mark.parametrize("name", ["fusion.npz", "fusion-0.txt"])
def test_a_damaged_learned_order_is_logged_and_the_fused_one_stands(
    tmp_path: Path, serve: Any, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    home = tmp_path / "home"
    with serve(home) as http:
        crowd(http.palate)
        fit(http)
        file = http.palate.settings.models / "fusion" / name
        file.write_bytes(file.read_bytes()[:100])
    with caplog.at_level(logging.WARNING), served_again(home) as palate:
        assert learned(pool(palate, "c1")) == []
        assert pool(palate, "c1")
    assert "The learned order is not used" in caplog.text


def test_too_few_histories_leave_the_fused_order(tmp_path: Path, serve: Any) -> None:
    with serve(tmp_path / "home") as http:
        crowd(http.palate)
        fit(http)
        assert learned(pool(http.palate, "c1"))
        for n in range(PEOPLE):
            http.palate.history.erase(f"c{n}")
        for n in range(1, 12):
            http.palate.history.erase(f"p{n}")
        said = fit(http)["sources"][-1]
        assert (said["name"], said["ready"]) == ("fusion", False)
        assert not (http.palate.settings.models / "fusion").exists()
        assert learned(pool(http.palate, "p0")) == []


def test_erasing_a_person_takes_the_learned_order_away(tmp_path: Path, serve: Any) -> None:
    with serve(tmp_path / "home") as http:
        crowd(http.palate)
        fit(http)
        assert learned(pool(http.palate, "c1"))
        http.palate.history.erase("c2")
        http.palate.refit()
        assert learned(pool(http.palate, "c1")) == []
        assert not (http.palate.settings.models / "fusion").exists()


def test_consent_that_was_withdrawn_meanwhile_is_seen_at_the_next_start(tmp_path: Path, serve: Any) -> None:
    home = tmp_path / "home"
    with serve(home) as http:
        crowd(http.palate)
        fit(http)
        http.palate.history.allow("c2", "movielens", allowed=False)
    with served_again(home) as palate:
        assert learned(pool(palate, "c1")) == []
        assert not (palate.settings.models / "fusion").exists()


def test_several_fits_at_once_all_end_well(tmp_path: Path, serve: Any) -> None:
    with serve(tmp_path / "home") as http:
        crowd(http.palate)
        with ThreadPoolExecutor(3) as threads:
            reports = list(threads.map(lambda _: fit(http), range(3)))
        assert [report["failed"] for report in reports] == [{}, {}, {}]
        assert [path.name for path in http.palate.settings.models.iterdir() if path.name.startswith("fusion")] == ["fusion"]
        assert learned(pool(http.palate, "c1"))


def test_a_training_that_fails_is_said_and_the_old_order_stays(tmp_path: Path, serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(tmp_path / "home") as http:
        crowd(http.palate)
        fit(http)
        before = ids(pool(http.palate, "c1"))

        def fail(*_given: Any) -> None:
            raise MemoryError("no memory")

        monkeypatch.setattr("retrieval.learned.LearnedFusion.fit", fail)
        report = fit(http)
        assert "no memory" in report["failed"]["fusion"]
        assert "fusion" not in {source["name"] for source in report["sources"]}
        assert ids(pool(http.palate, "c1")) == before


def test_fit_lets_the_llm_read_titles_where_cold_items_are_asked_for(tmp_path: Path, serve: Any) -> None:
    llm = ScriptedLLM(likelihood=lambda _, text: -float(len(text)))
    with serve(tmp_path / "home", llm=llm, sources=("pop", "content", "cold")) as http:
        crowd(http.palate)
        http.palate.refit()
        assert not any(call.startswith("The most famous") for call in llm.calls)
        said = {source["name"]: source for source in fit(http)["sources"]}
        items = len(http.palate.catalog.table())
        assert said["cold"]["titles_read"] == items
        assert sum(call.startswith("The most famous") for call in llm.calls) == 2 * items + 4  # by which the LLM is known again
        fit(http)
        assert sum(call.startswith("The most famous") for call in llm.calls) == 2 * items + 8
        cold = {c.item.item_id for c in pool(http.palate, "c1") if any(hit.source == "cold" for hit in c.hits)}
        assert cold
        assert not cold & {f"film-{n}" for n in range(30)}  # somebody took each of these


def test_without_the_source_of_new_items_no_title_is_read(tmp_path: Path, serve: Any) -> None:
    llm = ScriptedLLM()
    with serve(tmp_path / "home", llm=llm, sources=("pop", "content")) as http:
        crowd(http.palate)
        assert fit(http)["failed"] == {}
    assert not any(call.startswith("The most famous") for call in llm.calls)


def test_an_llm_that_cannot_read_is_said_and_the_sources_are_fitted(tmp_path: Path, serve: Any) -> None:
    def fails(_prefix: str, _text: str) -> float:
        raise ServiceDown("The script is over.", remedy="Write another.")

    with serve(tmp_path / "home", llm=ScriptedLLM(likelihood=fails), sources=("pop", "cold")) as http:
        report = fit(http)
        said = CliRunner().invoke(app, ["fit"], env={"PALATE_HOME": str(http.palate.settings.home)})
    assert said.exit_code == 0, said.stderr  # all else was fitted
    assert "titles: could not be read: The script is over." in said.stderr
    assert report["failed"] == {"titles": "The script is over. Write another."}
    assert {source["name"] for source in report["sources"]} >= {"pop", "cold"}
