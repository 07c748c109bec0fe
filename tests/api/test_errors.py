"""What an error says: the field, and words of JSON, not of Python."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from palate.domain import MAX_QUERY_CHARS

SLATE = "/v1/recommendations"
PYTHON = re.compile(r"[Tt]uple|dict|instance|\bNone\b|\bTrue\b|\bFalse\b|parsing|EventBody")


def refused(http: httpx.Client, path: str, body: Any = None, content: bytes | None = None) -> tuple[str, str | None]:
    sent = {"json": body} if content is None else {"content": content, "headers": {"content-type": "application/json"}}
    answer = http.post(path, **sent)  # type: ignore[arg-type]
    assert answer.status_code == 422, answer.text
    error = answer.json()["error"]
    assert error["code"] == "invalid_input"
    assert not PYTHON.search(error["message"]), error["message"]
    return error["message"], error["param"]


@pytest.mark.parametrize(
    ("fields", "param", "said"),
    [
        ({"query": ["a"]}, "query", 'query: Input should be a string; got ["a"].'),
        ({"query": 5}, "query", "query: Input should be a string; got 5."),
        ({"query": "a" * (MAX_QUERY_CHARS + 1)}, "query", "at most 2000 characters"),
        ({"filters": {"types": "movie"}}, "filters.types", "should be a list"),
        ({"filters": {"genres": ["x"] * 51}}, "filters.genres", "List should have at most 50 items"),
        ({"filters": []}, "filters", "filters: Input should be a JSON object; got []."),
        ({"without_platforms": None}, "without_platforms", "without_platforms: Input should be a list; got null."),
        ({"n": True}, "n", "n: Input should be a whole number; got true."),
        ({"n": "5"}, "n", 'n: Input should be a whole number; got "5".'),
        ({"n": 2.5}, "n", "whole number"),
        ({"seed": "1"}, "seed", "whole number"),
        ({"deadline_ms": True}, "deadline_ms", "whole number"),
        ({"filters": {"year_min": "1990"}}, "filters.year_min", "whole number"),
        ({"include_seen": "yes"}, "include_seen", "true or false"),
        ({"nosuch": 1}, "nosuch", "nosuch is no field here"),
    ],
)
def test_a_field_is_named_and_what_is_wanted_said_in_words_of_json(
    http: httpx.Client, fields: dict[str, Any], param: str, said: str
) -> None:
    message, named = refused(http, SLATE, {"person_id": "ann", **fields})
    assert named == param
    assert said in message


@pytest.mark.parametrize("field", ["n", "stream"])
def test_a_chat_takes_no_other_type_for_a_number_or_a_flag(http: httpx.Client, field: str) -> None:
    assert refused(http, "/v1/chat", {"person_id": "ann", "message": "hi", field: "1"})[1] == field


def test_a_field_that_is_missing_is_named(http: httpx.Client) -> None:
    assert refused(http, SLATE, {}) == ("person_id is missing.", "person_id")


@pytest.mark.parametrize(("body", "shown"), [("str", '"str"'), (3, "3"), (True, "true")])
def test_events_say_that_one_or_a_list_is_wanted(http: httpx.Client, body: Any, shown: str) -> None:
    message, param = refused(http, "/v1/events", body)
    assert "an event (a JSON object) or a list of events" in message
    assert message.endswith(f"got {shown}.")
    assert param is None


def test_an_event_that_is_null_is_told_the_same(http: httpx.Client) -> None:
    message, param = refused(http, "/v1/events", content=b"null")
    assert "an event (a JSON object) or a list of events" in message
    assert param is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"a":', "not JSON: Expecting value, at character 6"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 50_000, "nested too deeply"),
        (b'{"a": "\xff"}', "not UTF-8, at byte 8"),
        (b'{"n": ' + b"9" * 5000 + b"}", "too many digits"),
        (b"[" * 500 + b"]" * 500, "must be a JSON object"),
    ],
)
def test_a_body_that_cannot_be_read_says_why_and_names_no_field(http: httpx.Client, content: bytes, said: str) -> None:
    message, param = refused(http, SLATE, content=content)
    assert said in message
    assert param is None


def test_a_value_nested_deeply_is_shown_short(http: httpx.Client) -> None:
    message, param = refused(http, SLATE, content=b'{"person_id": "ann", "query": ' + b"[" * 900 + b"]" * 900 + b"}")
    assert param == "query"
    assert len(message) < 300


@pytest.mark.parametrize("person_id", ["", "a b", "-a", "a" * 129])
def test_what_an_identifier_must_be_is_said_in_words(http, person_id):
    message, named = refused(http, SLATE, {"person_id": person_id})
    assert named == "person_id"
    assert message.startswith("person_id: Input should be 1 to 128 letters (A to Z, a to z), digits or ._:@-")
    assert "got" in message


@pytest.mark.parametrize(("path", "param"), [("/v1/items?title=a&limit=x", "limit"), ("/v1/people/a%20b/history", "person_id")])
def test_parameters_of_an_address_are_named_without_where_they_stand(http: httpx.Client, path: str, param: str) -> None:
    answer = http.get(path)
    assert answer.status_code == 422
    assert answer.json()["error"]["param"] == param
