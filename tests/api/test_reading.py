"""Items, media, people, health, pages and headers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest


def test_an_item_by_id(http: httpx.Client) -> None:
    item = http.get("/v1/items/film-0").json()
    assert (item["title"], item["type"], item["image"], item["audio"]) == ("Alien", "movie", "/media/covers/film-0.png", None)


def test_items_by_title_come_best_first(http: httpx.Client) -> None:
    found = http.get("/v1/items", params={"title": "reel number 1", "limit": 3}).json()["items"]
    assert [item["item_id"] for item in found] == ["film-1", "film-10", "film-11"]
    assert http.get("/v1/items", params={"title": "nothing like it"}).json()["items"] == []


def test_media_are_cached_and_come_in_ranges(http: httpx.Client) -> None:
    whole = http.get("/media/covers/film-0.png")
    assert (whole.status_code, whole.headers["content-type"]) == (200, "image/png")
    assert whole.headers["x-content-type-options"] == "nosniff"
    again = http.get("/media/covers/film-0.png", headers={"if-none-match": whole.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    part = http.get("/media/covers/film-0.png", headers={"range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, whole.content[:4])


def test_a_history_is_newest_first_with_titles(http: httpx.Client) -> None:
    answer = http.get("/v1/people/ann/history", params={"limit": 4}).json()
    assert answer["platforms"] == {"netflix": 3, "spotify": 2}
    assert len(answer["entries"]) == 4
    times = [entry["at"] for entry in answer["entries"]]
    assert times == sorted(times, reverse=True)
    assert all(entry["title"] for entry in answer["entries"])
    only = http.get("/v1/people/ann/history", params={"platform": "spotify"}).json()["entries"]
    assert {entry["platform"] for entry in only} == {"spotify"}
    assert http.get("/v1/people/stranger/history").json() == {"person_id": "stranger", "entries": [], "platforms": {}}


def test_a_history_of_a_platform_that_nobody_feeds_is_refused(http: httpx.Client) -> None:
    answer = http.get("/v1/people/ann/history", params={"platform": "hulu"})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["code"], error["param"]) == ("unknown_platform", "platform")
    assert "hulu" in error["message"]
    assert http.get("/v1/people/ann/history", params={"platform": "palate"}).json()["entries"] == []


@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/readyz", "/media/covers/film-0.png", "/v1/items/film-0", "/v1/people/ann/history", "/openapi.json"]
)
def test_head_answers_as_get_does_without_a_body(http: httpx.Client, path: str) -> None:
    head, get = http.head(path), http.get(path)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-type", "content-length", "etag", "cache-control"):
        assert head.headers.get(name) == get.headers.get(name)


def test_head_of_nothing_is_404(http: httpx.Client) -> None:
    assert http.head("/media/covers/none.png").status_code == 404
    assert http.head("/v1/recommendations").status_code == 405


def test_health_and_readiness(http: httpx.Client) -> None:
    assert http.get("/healthz").json()["status"] == "ok"
    ready = http.get("/readyz")
    assert ready.status_code == 200
    document = ready.json()
    assert document["ready"] is True
    assert document["parts"]["text-en"] == {"done": 40, "total": 40, "error": None}
    assert document["parts"]["llm"]["done"] == 1


def test_the_demo_page_and_the_widget_are_served(http: httpx.Client) -> None:
    page = http.get("/")
    assert page.status_code == 200
    assert "palate-chat" in page.text
    assert page.headers["content-security-policy"]
    script = http.get("/widget/palate-chat.js")
    assert script.status_code == 200
    assert http.get("/widget/palate-chat.js", headers={"if-none-match": script.headers["etag"]}).status_code == 304


def test_a_request_id_is_kept_or_given(http: httpx.Client) -> None:
    assert http.get("/healthz", headers={"x-request-id": "mine-1"}).headers["x-request-id"] == "mine-1"
    assert http.get("/healthz", headers={"x-request-id": "a b\tc"}).headers["x-request-id"] != "a b\tc"


def test_other_origins_are_let_in_only_where_set(http: httpx.Client, tmp_path: Path, serve: Any) -> None:
    headers = {"origin": "https://host.example"}
    assert "access-control-allow-origin" not in http.get("/healthz", headers=headers).headers
    with serve(tmp_path, cors_origins=("https://host.example",)) as open_to_one:
        allowed = open_to_one.get("/healthz", headers=headers).headers
        assert allowed["access-control-allow-origin"] == "https://host.example"
        other = open_to_one.get("/healthz", headers={"origin": "https://other.example"}).headers
        assert "access-control-allow-origin" not in other


@pytest.mark.parametrize("path", ["/v1/admin/doctor", "/v1/admin/index"])
def test_administration_wants_the_token(http: httpx.Client, path: str) -> None:
    token = http.palate.lock.token  # type: ignore[attr-defined]
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Bearer {token}", "x-forwarded-for": "10.0.0.1"}):
        answer = http.request("GET" if path.endswith("doctor") else "POST", path, headers=headers, json={})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"action": "burn"}'])
def test_a_body_for_administration_is_not_read_without_the_token(http: httpx.Client, content: bytes) -> None:
    headers = {"content-type": "application/json"}
    for path in ("/v1/admin/index", "/v1/admin/history:import", "/v1/admin/catalog:import", "/v1/admin/fit"):
        assert http.post(path, content=content, headers=headers).status_code == 403
    headers["authorization"] = f"Bearer {http.palate.lock.token}"  # type: ignore[attr-defined]
    assert http.post("/v1/admin/index", content=content, headers=headers).status_code == 422


def test_a_token_of_other_letters_is_refused_too(http: httpx.Client) -> None:
    answer = http.get("/v1/admin/doctor", headers={"authorization": "Bearer é".encode("latin-1")})
    assert answer.status_code == 403


def test_an_unexpected_failure_is_an_envelope_without_internals(
    tmp_path: Path, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(tmp_path) as http:

        def broken(*_args: object) -> None:
            raise RuntimeError("secret detail")

        monkeypatch.setattr(http.palate.catalog, "get", broken)
        answer = http.get("/v1/items/film-0")
        assert answer.status_code == 500
        assert answer.json()["error"]["code"] == "internal_error"
        assert "secret" not in answer.text
        assert answer.headers["x-request-id"] in answer.json()["error"]["message"]
        assert http.get("/healthz").status_code == 200
