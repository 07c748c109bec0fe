from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest


def post(http: httpx.Client, body: Any) -> dict[str, Any]:
    answer = http.post("/v1/events", json=body)
    assert answer.status_code == 202, answer.text
    document: dict[str, Any] = answer.json()
    return document


def like(person: str, item: str = "film-4", **more: Any) -> dict[str, Any]:
    return {"person_id": person, "platform": "palate", "item_id": item, "verb": "like", **more}


def slate_ids(http: httpx.Client, person: str) -> list[str]:
    answer = http.post("/v1/recommendations", json={"person_id": person, "n": 8}).json()
    return [item["item_id"] for item in answer["items"]]


def test_feedback_changes_the_next_slate(http: httpx.Client) -> None:
    before = slate_ids(http, "feedback-1")
    post(http, [like("feedback-1", "track-3"), {**like("feedback-1", before[0]), "verb": "dislike"}])
    after = slate_ids(http, "feedback-1")
    assert before[0] not in after
    tracks = [sum(item.startswith("track-") for item in slate) for slate in (before, after)]
    assert tracks[1] > tracks[0]
    assert "track-3" not in after


def test_an_event_twice_counts_once(http: httpx.Client) -> None:
    event = like("twice", event_id="twice-1")
    assert post(http, event)["results"] == [{"event_id": "twice-1", "status": "accepted", "reason": None}]
    assert post(http, event)["duplicates"] == 1
    assert post(http, [like("twice", event_id="twice-2")] * 3)["duplicates"] == 2
    assert http.get("/v1/people/twice/history").json()["platforms"] == {"palate": 2}


def test_good_events_are_kept_and_bad_ones_are_named_in_their_places(http: httpx.Client) -> None:
    future = (datetime.now(UTC) + timedelta(days=400)).isoformat()
    answer = post(
        http,
        [
            like("mixed"),
            like("mixed", "film-unknown"),
            like("mixed", verb="adore"),
            {**like("mixed"), "platform": "nowhere"},
            like("mixed", at="2024-01-01T00:00:00"),
            like("mixed", at=future),
            like("mixed", at="0001-01-01T00:00:00+14:00"),
            like("mixed", value=7),
            "rubbish",
            None,
            like("mixed", "film-5", event_id="mixed-last"),
        ],
    )
    assert (answer["accepted"], answer["rejected"], answer["duplicates"]) == (2, 9, 0)
    assert [result["status"] for result in answer["results"]] == ["accepted", *["rejected"] * 9, "accepted"]
    reasons = [result["reason"] for result in answer["results"][1:-1]]
    expected = ["film-unknown", "verb", "nowhere", "time zone", "future", "out of range", "value", "rubbish", "null"]
    assert all(word in reason for word, reason in zip(expected, reasons, strict=True)), reasons
    assert [entry["item_id"] for entry in http.get("/v1/people/mixed/history").json()["entries"]] == ["film-5", "film-4"]


def test_a_single_malformed_event_is_refused(http: httpx.Client) -> None:
    answer = http.post("/v1/events", json={"person_id": "x", "platform": "palate", "item_id": "film-1"})
    assert answer.status_code == 422
    assert answer.json()["error"]["param"] == "verb"


def test_a_rating_needs_its_value(http: httpx.Client) -> None:
    answer = http.post("/v1/events", json=like("rater", verb="rate"))
    assert (answer.status_code, answer.json()["error"]["param"]) == (422, "value")
    assert "rating, a number from 0 to 1" in answer.json()["error"]["message"]
    several = post(http, [like("rater", verb="rate"), like("rater", verb="rate", value=None), like("rater", verb="rate", value=0)])
    assert [result["status"] for result in several["results"]] == ["rejected", "rejected", "accepted"]
    assert several["results"][0]["reason"].startswith("value: ")


@pytest.mark.parametrize("value", ["0.5", True])
def test_a_value_is_a_number(http: httpx.Client, value: Any) -> None:
    answer = http.post("/v1/events", json=like("rater", value=value))
    assert (answer.status_code, answer.json()["error"]["param"]) == (422, "value")


def test_at_most_a_thousand_come_at_once(http: httpx.Client) -> None:
    full = post(http, [like("many", f"film-{n % 30}") for n in range(1000)])
    assert full["accepted"] == 1000
    answer = http.post("/v1/events", json=[like("many")] * 1001)
    assert answer.status_code == 400
    assert "1001" in answer.json()["error"]["message"]
    assert post(http, [])["results"] == []


def test_events_go_to_the_account_that_the_person_has(http: httpx.Client) -> None:
    palate = http.palate  # type: ignore[attr-defined]
    post(http, {**like("ann-twin"), "platform": "netflix"})
    assert [account.user_id for account in palate.history.accounts("ann-twin")] == ["ann-twin"]
    from palate.domain import Account

    palate.history.link("owner-1", Account(platform="netflix", user_id="taken"))
    answer = post(http, {**like("taken"), "platform": "netflix"})
    assert answer["rejected"] == 1
    assert "owner-1" in answer["results"][0]["reason"]


def test_what_was_acknowledged_is_there_after_closing(tmp_path: Path, serve: Any) -> None:
    with serve(tmp_path) as http:
        post(http, like("keeper", event_id="kept-1"))
    with serve(tmp_path) as http:
        assert post(http, like("keeper", event_id="kept-1"))["duplicates"] == 1


def test_an_event_id_of_another_person_is_no_duplicate(http: httpx.Client) -> None:
    post(http, like("own-1", event_id="own-e1"))
    answer = post(http, [like("own-2", event_id="own-e1"), like("own-2", event_id="own-e2"), like("own-3", event_id="own-e2")])
    assert [result["status"] for result in answer["results"]] == ["rejected", "accepted", "rejected"]
    assert (answer["accepted"], answer["duplicates"], answer["rejected"]) == (1, 0, 2)
    assert "another account" in answer["results"][0]["reason"]
