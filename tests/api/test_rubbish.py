"""Whatever is sent, the answer is the envelope, and the server stays up."""

from __future__ import annotations

import socket
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

POSTS = ["/v1/recommendations", "/v1/explanations", "/v1/chat", "/v1/events", "/v1/admin/history:import", "/v1/admin/index"]
BODIES: list[bytes] = [
    b"",
    b"{",
    b"null",
    b"[]",
    b"3",
    b'"text"',
    b"\xff\xfe\x00",
    b'{"person_id": NaN, "n": Infinity}',
    b'{"person_id": "ann", "n": "many", "message": 3, "decision_id": [], "item_id": {}}',
    b'{"person_id": "ann", "message": "x", "n": NaN}',
    b'{"person_id": "\\ud800", "message": "\\ud800", "\\ud800": "\\udfff"}',
    b'{"person_id": "../../etc/passwd", "message": "x"}',
    b'{"person_id": "ann", "message": "hi", "deadline_ms": -1}',
    b'{"person_id": "ann", "message": "hi", "deadline_ms": 1e400}',
    b'{"n": ' + b"9" * 5000 + b"}",
    b"[" * 100_000,
    b'{"a":' * 50_000,
]


def check(answer: httpx.Response) -> None:
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.text[:300])
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "code", "param"}
    assert error["message"]
    assert error["code"]
    assert answer.headers["x-request-id"]


def headers(http: httpx.Client, content_type: str = "application/json") -> dict[str, str]:
    """Return headers with the token: without it no body for administration is read."""
    return {"content-type": content_type, "authorization": f"Bearer {http.palate.lock.token}"}  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_rubbish_is_answered_with_the_envelope(http: httpx.Client, path: str, body: bytes) -> None:
    answer = http.post(path, content=body, headers=headers(http))
    if path == "/v1/events" and body == b"[]":
        assert answer.status_code == 202
        return
    check(answer)


@pytest.mark.parametrize("path", POSTS)
def test_a_body_of_another_type_is_refused(http: httpx.Client, path: str) -> None:
    check(http.post(path, content=b"person_id=ann", headers=headers(http, "application/x-www-form-urlencoded")))
    check(http.post(path, content=b'{"person_id": "ann"}', headers=headers(http, "text/plain")))


@pytest.mark.parametrize("path", POSTS)
def test_a_body_too_large_is_refused(http: httpx.Client, path: str) -> None:
    answer = http.post(path, content=b" " * 1_000_001, headers=headers(http))
    check(answer)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")


def test_a_body_that_hides_its_length_is_cut_off(http: httpx.Client) -> None:
    answer = http.post("/v1/events", content=(b" " * 10_000 for _ in range(200)), headers={"content-type": "application/json"})
    check(answer)
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/v1/items/no-such",
        "/v1/items/" + "x" * 3000,
        "/v1/items/%00",
        "/v1/items?title=",
        "/v1/items?title=a&limit=0",
        "/v1/items?limit=nan",
        "/v1/people/%2e%2e/history",
        "/v1/people/ann/history?limit=-1",
        "/media/",
        "/media/covers/none.png",
        "/media/../owner.json",
        "/media/%2e%2e/owner.json",
        "/media/..%2f..%2fetc%2fpasswd",
        "/media/%2fetc%2fpasswd",
        "/media/covers/%00.png",
        "/widget/../app.py",
        "/widget/%2e%2e/app.py",
        "/widget/none.js",
        "/v1/recommendations",
    ],
)
def test_bad_addresses_are_answered_with_the_envelope(http: httpx.Client, path: str) -> None:
    check(http.get(path))


def test_a_path_that_leads_outside_gives_nothing_away_even_unnormalised(http: httpx.Client) -> None:
    host, port = http.base_url.host, http.base_url.port
    with socket.create_connection((host, port), timeout=5) as raw:
        raw.sendall(f"GET /media/../../owner.json HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: raw.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 404")
    assert b"token" not in answer


def test_bytes_that_are_no_http_do_not_take_the_server_down(http: httpx.Client) -> None:
    with socket.create_connection((http.base_url.host, http.base_url.port), timeout=5) as raw:
        raw.sendall(b"\x00\xff rubbish\r\n\r\n")
        raw.recv(1000)
    assert http.get("/healthz").status_code == 200


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=10,
)
FIELDS = [
    "person_id",
    "query",
    "n",
    "filters",
    "without_platforms",
    "deadline_ms",
    "message",
    "seed",
    "language",
    "item_id",
    "verb",
]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(POSTS[:4]), body=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=6) | JSON)
def test_any_json_gets_a_proper_answer(http: httpx.Client, path: str, body: Any) -> None:
    answer = http.post(path, json=body)
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        check(answer)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.text(max_size=200))
def test_any_query_gets_a_slate(http: httpx.Client, query: str) -> None:
    answer = http.post("/v1/recommendations", json={"person_id": "ann", "query": query, "n": 3})
    assert answer.status_code == 200, answer.text
