"""Imports and index work through the process that owns the data folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.client import Client, RemoteError
from palate.domain import Item


def owner(http: httpx.Client) -> Client:
    return Client(str(http.base_url), http.palate.lock.token)  # type: ignore[attr-defined]


def test_an_import_is_in_the_next_slate(tmp_path: Path, serve: Any) -> None:
    export = tmp_path / "viewing.csv"
    export.write_text('Title,Date\n"Alien","3/14/24"\n"Reel Number 6","3/15/24"\n"Not In The Catalog","3/15/24"\n', "utf-8")
    with serve(tmp_path / "home") as http, owner(http) as client:
        report = client.post("/v1/admin/history:import", {"platform": "netflix", "path": str(export), "person_id": "bob"})
        assert (report["new"], report["unmatched"], report["rejected"]) == (2, 1, 0)
        again = client.post("/v1/admin/history:import", {"platform": "netflix", "path": str(export), "person_id": "bob"})
        assert (again["new"], again["duplicates"]) == (0, 3)
        slate = http.post("/v1/recommendations", json={"person_id": "bob"}).json()
        assert {"film-0", "film-6"}.isdisjoint(item["item_id"] for item in slate["items"])


def test_new_items_are_indexed_recommended_and_matched(tmp_path: Path, serve: Any) -> None:
    export = tmp_path / "viewing.csv"
    export.write_text('Title,Date\n"A Brand New Film","3/14/24"\n', "utf-8")
    more = tmp_path / "items.jsonl"
    item = {"item_id": "new-1", "type": "movie", "title": "A Brand New Film", "genres": ["Western"]}
    more.write_text(json.dumps(item) + "\nnot json\n", "utf-8")
    with serve(tmp_path / "home") as http, owner(http) as client:
        client.post("/v1/admin/history:import", {"platform": "netflix", "path": str(export), "person_id": "bob"})
        report = client.post("/v1/admin/catalog:import", {"path": str(more)})
        assert (report["new"], report["rejected"]) == (1, 1)
        assert http.post("/v1/recommendations", json={"person_id": "ann"}).status_code == 200  # goes on answering meanwhile
        assert http.palate.wait_ready(seconds=30)
        slate = http.post("/v1/recommendations", json={"person_id": "ann", "query": "a western"}).json()
        assert slate["items"][0]["item_id"] == "new-1"
        history = http.get("/v1/people/bob/history").json()
        assert [entry["item_id"] for entry in history["entries"]] == ["new-1"]


def test_what_waited_is_matched_though_an_import_reads_the_new_titles_first(tmp_path: Path, serve: Any) -> None:
    def export(name: str, title: str) -> Path:
        file = tmp_path / name
        file.write_text(f'Title,Date\n"{title}","3/14/24"\n', "utf-8")
        return file

    with serve(tmp_path / "home") as http:
        palate = http.palate
        palate.import_history("netflix", export("one.csv", "A Brand New Film"), "bob")
        palate.catalog.put([Item(item_id="new-1", type="movie", title="A Brand New Film")])
        palate.import_history("netflix", export("two.csv", "Alien"), "bob")
        palate.refit()
        assert {event.item_id for event in palate.history.events("bob")} == {"new-1", "film-0"}
        assert palate.history.unmatched("bob") == []


def test_the_index_is_built_anew(tmp_path: Path, serve: Any) -> None:
    with serve(tmp_path / "home") as http, owner(http) as client:
        state = client.post("/v1/admin/index", {"action": "rebuild"})
        assert state["parts"]["text-en"] == {"done": 40, "total": 40, "error": None}
        assert http.post("/v1/recommendations", json={"person_id": "ann", "query": "reel"}).json()["degraded"] == []


def test_bad_imports_say_what_is_wrong(tmp_path: Path, http: httpx.Client) -> None:
    rubbish = tmp_path / "rubbish.csv"
    rubbish.write_bytes(b"\x00\x01\x02 not an export")
    attempts = [
        ({"platform": "nowhere", "path": str(rubbish), "person_id": "bob"}, "unknown_platform"),
        ({"platform": "netflix", "path": str(rubbish), "person_id": "bob"}, "bad_export"),
        ({"platform": "netflix", "path": str(tmp_path / "missing.csv"), "person_id": "bob"}, "bad_export"),
    ]
    with owner(http) as client:
        for body, code in attempts:
            with pytest.raises(RemoteError) as caught:
                client.post("/v1/admin/history:import", body)
            assert caught.value.code == code


def test_doctor_reports_every_part(http: httpx.Client) -> None:
    with owner(http) as client:
        report = client.get("/v1/admin/doctor")
    states = {check["name"]: check["status"] for check in report["checks"]}
    assert report["ready"] is True
    assert states["llm"] == states["catalog"] == states["index text-en"] == states["weights text-en"] == "ok"
    assert states["vllm"] in {"ok", "warning"}
