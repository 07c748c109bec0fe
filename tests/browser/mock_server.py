"""Palate's HTTP API with canned answers, to look at the widget and to test it without models.

Run it: ``python tests/browser/mock_server.py --port 8400``. It writes its address to stdout as JSON.

Some persons are special: ``down`` (every call fails), ``starting`` (503 once, then fine), ``empty`` (no items), ``hostile`` (titles
and reasons are markup). The first opinion of Alien is refused; a message with "broken" breaks the stream off.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import time
import wave
import zlib
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
from PIL import Image, ImageDraw, ImageFont

STATIC = Path(__file__).parents[2] / "api" / "static"
CSP = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'self'"
KINDS = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html"}

FILMS = [
    ("ml-196", "Mars Attacks!", 1996, ["Action", "Comedy", "Sci-Fi", "War"]),
    ("ml-89", "Blade Runner", 1982, ["Film-Noir", "Sci-Fi"]),
    ("ml-183", "Alien", 1979, ["Action", "Horror", "Sci-Fi", "Thriller"]),
    ("ml-195", "The Terminator", 1984, ["Action", "Sci-Fi", "Thriller"]),
    ("ml-135", "2001: A Space Odyssey", 1968, ["Drama", "Mystery", "Sci-Fi", "Thriller"]),
    ("ml-7", "Twelve Monkeys", 1995, ["Drama", "Sci-Fi"]),
    ("ml-250", "The Fifth Element", 1997, ["Action", "Sci-Fi"]),
    ("ml-257", "Men in Black", 1997, ["Action", "Adventure", "Comedy", "Sci-Fi"]),
]
TRACKS = [
    ("pal-001", "Night Tram to the Harbour", "Glass Orchard", ["Ambient"]),
    ("pal-014", "Copper Circuit", "Kilo Parade", ["Techno"]),
    ("pal-031", "月下独奏", "听雨社", ["Piano"]),
    ("pal-044", "Slow Elevator", "The Velvet Ledger", ["Bossa Nova"]),
]
TITLES = {row[0]: row[1] for row in [*FILMS, *TRACKS]}
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
SCRIPT = "javascript:alert(1)"
WORDS = {
    "en": "Space, but not too serious: start with these and tell me what you think.",
    "zh": "科幻，但不太正经：从这几个开始。",
}


def _evidence(
    kind: str, weight: float, item: str | None, platform: str | None, detail: str = "", source: str = "ease"
) -> dict[str, Any]:
    return {"kind": kind, "source": source, "weight": weight, "item_id": item, "platform": platform, "detail": detail}


def _reasons(item_id: str, without: set[str], language: str) -> list[dict[str, Any]]:
    if item_id.startswith("pal-"):
        known = [("spotify", "pal-014", "Copper Circuit"), ("netflix", "ml-89", "Blade Runner")]
    else:
        known = [("netflix", "ml-183", "Alien"), ("spotify", "pal-001", "Night Tram to the Harbour")]
    used = [(platform, item, title) for platform, item, title in known if platform not in without]
    found = [
        _evidence("history", 0.41 - 0.17 * i, item, platform, source="ease" if i == 0 else "content")
        for i, (platform, item, _) in enumerate(used)
    ]
    shared = _evidence("attribute", 0.2, None, None, "Sci-Fi", "attributes")
    if language == "zh":
        first = f"因为你看过《{used[0][2]}》，口味相近的人也喜欢它。" if used else "很多人喜欢它。"
        second = "它和你的历史有共同的类型：科幻。"
    else:
        first = f"You kept coming back to {used[0][2]}, and this has the same cool unease." if used else "Many people like it."
        second = "It shares Sci-Fi with your history."
    return [
        {"text": first, "author": "llm", "evidence": found or [_evidence("popularity", 1.0, None, None, "412", "pop")]},
        {"text": second, "author": "template", "evidence": [shared, _evidence("history", -0.05, "ml-250", None)]},
    ]


def _item(row: tuple[Any, ...], rank: int, without: set[str], language: str) -> dict[str, Any]:
    film = row[0].startswith("ml-")
    number = int(row[0].split("-")[1])
    return {
        "item_id": row[0],
        "type": "movie" if film else "track",
        "title": row[1],
        "genres": row[3],
        "score": 1.0 - rank / 20,
        "rank": rank,
        "sources": [{"source": "ease", "rank": rank + 1, "score": 0.81}, {"source": "content", "rank": 4, "score": 0.52}],
        "reasons": _reasons(row[0], without, language),
        "year": row[2] if film else 2024,
        "creators": [] if film else [row[2]],
        "image": None if number % 9 == 0 else f"/media/covers/{row[0]}.png",
        "audio": None if film else f"/media/audio/{row[0]}.wav",
    }


def slate(body: dict[str, Any], query: str = "") -> dict[str, Any]:
    """Return a slate in the API's shape."""
    without = set(body.get("without_platforms", ()))
    funny = "funny" in query.lower() or "搞笑" in query
    films = [row for row in FILMS if "Comedy" in row[3]] if funny else FILMS[2:] if "spotify" in without else FILMS
    tracks = [] if funny else TRACKS
    rows = [row for pair in zip(films, [*tracks, *[None] * len(films)], strict=False) for row in pair if row]
    items = [_item(row, i + 1, without, body.get("language", "en")) for i, row in enumerate(rows[: body.get("n", 10)])]
    if body["person_id"] == "empty":
        items = []
    if body["person_id"] == "hostile":
        for item in items:
            item.update(title=HOSTILE, genres=[HOSTILE], creators=[HOSTILE], image=SCRIPT, audio=SCRIPT)
            item["reasons"][0]["text"] = HOSTILE
    return {
        "decision_id": f"dec-{zlib.crc32(repr((query, sorted(without))).encode())}",
        "items": items,
        "degraded": ["rerank", "retrieve:content"] if "quick" in query else [],
        "timings_ms": {"total": 642.5, "retrieve": 18.1, "rerank": 511.0, "explain": 96.2},
        "model": {"name": "SmolLM2-135M-Instruct"},
    }


def explanation(body: dict[str, Any]) -> dict[str, Any]:
    """Return an explanation in the API's shape."""
    item = body["item_id"]
    return {
        "decision_id": body["decision_id"],
        "item_id": item,
        "title": TITLES[item],
        "reasons": _reasons(item, set(), body.get("language") or "en"),
        "sources": [{"source": "ease", "rank": 2, "score": 0.81}, {"source": "content", "rank": 4, "score": 0.52}],
        "scores": {"retriever": 0.731, "llm": -1.92},
        "rank": 2,
        "rank_without_llm": 5,
        "prompt_hash": "9f2c4be01d77aa53",
        "model": {"name": "SmolLM2-135M-Instruct"},
    }


def cover(item_id: str) -> bytes:
    """Return a picture: a poster for films, a square for music."""
    film = item_id.startswith("ml-")
    width, height = (320, 480) if film else (400, 400)
    seed = sum(map(ord, item_id)) * 37
    ramp = np.linspace(0, 1, height)[:, None, None]
    start, end = np.array([seed % 200, 40, 90 + seed % 90]), np.array([30, seed % 110, 140])
    image = Image.fromarray(np.broadcast_to(start + (end - start) * ramp, (height, width, 3)).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    draw.ellipse((width * 0.25, height * 0.15, width * 0.75, height * 0.15 + width * 0.5), fill=(240, 190, 120))
    title = TITLES[item_id]
    if title.isascii():
        draw.text((20, height * 0.72), title[:20], font=ImageFont.load_default(30), fill="white")
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def sound(item_id: str) -> bytes:
    """Return three seconds of a tone as WAV."""
    t = np.arange(3 * 16_000) / 16_000
    tone = np.sin(2 * np.pi * (220 + sum(map(ord, item_id)) % 300) * t) * np.exp(-t / 2) * 12_000
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(tone.astype("<i2").tobytes())
    return out.getvalue()


class State:
    """What the server remembers: events, and how often something was asked."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.asked: Counter[str] = Counter()


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    state = State()

    def log_message(self, *_: Any) -> None:
        """Stay quiet."""

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.send_header("content-security-policy", CSP)
        self.end_headers()
        self.wfile.write(body)

    def _json(self, value: Any, status: int = 200) -> None:
        self._send(status, "application/json", json.dumps(value).encode())

    def _fail(self, status: int, code: str, message: str) -> None:
        self._json({"error": {"message": message, "type": "error", "code": code, "param": None}}, status)

    def do_GET(self) -> None:
        """Answer pages, media, items, histories and readiness."""
        path = unquote(urlsplit(self.path).path)
        name = Path(path).name
        if path == "/":
            self._send(200, "text/html; charset=utf-8", (STATIC / "demo.html").read_bytes())
        elif path.startswith("/widget/") and (STATIC / name).is_file():
            self._send(200, KINDS[Path(name).suffix], (STATIC / name).read_bytes())
        elif path.startswith("/media/covers/"):
            self._send(200, "image/png", cover(Path(name).stem))
        elif path.startswith("/media/audio/"):
            self._send(200, "audio/wav", sound(Path(name).stem))
        elif path == "/readyz":
            self.state.asked["ready"] += 1
            done = min(1742, 500 + 400 * self.state.asked["ready"])
            counts = {"text-en": (1742, 1742), "image": (done, 1742), "audio": (done // 29, 60)}
            parts = {name: {"done": n, "total": total, "error": None} for name, (n, total) in counts.items()}
            self._json({"ready": True, "parts": parts})
        elif path.startswith("/v1/items/") and name in TITLES:
            self._json({"item_id": name, "title": TITLES[name], "type": "movie" if name.startswith("ml") else "track"})
        elif path.endswith("/history"):
            self._json(self._history(path.split("/")[3]))
        else:
            self._fail(404, "not_found", f"There is nothing at {path!r}.")

    def _history(self, person: str) -> dict[str, Any]:
        rows = [(row[0], row[1], "movie", "netflix") for row in FILMS] + [(row[0], row[1], "track", "spotify") for row in TRACKS]
        fixed = {"verb": "play", "value": None}
        entries = [
            {
                **fixed,
                "item_id": i,
                "title": title,
                "type": kind,
                "platform": platform,
                "at": f"2026-0{1 + n % 8}-1{n % 9}T20:00:00Z",
            }
            for n, (i, title, kind, platform) in enumerate(rows)
        ]
        said = [e for e in self.state.events if e["person_id"] == person]
        entries += [{**fixed, **e, "title": TITLES[e["item_id"]], "type": "movie", "at": "2026-11-24T10:00:00Z"} for e in said]
        return {"person_id": person, "entries": entries, "platforms": dict(Counter(e["platform"] for e in entries))}

    def do_POST(self) -> None:
        """Answer recommendations, explanations, events and chat."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        person = body.get("person_id", "")
        self.state.asked[person] += 1
        if person == "down":
            self._fail(500, "internal_error", "Something went wrong here.")
        elif person == "starting" and self.state.asked[person] <= 1:
            self._fail(503, "unavailable", "The index is being built.")
        elif self.path == "/v1/recommendations":
            time.sleep(0.3)
            self._json(slate(body, body.get("query", "")))
        elif self.path == "/v1/explanations":
            self._json(explanation(body))
        elif self.path == "/v1/events":
            self._event(body)
        elif self.path == "/v1/chat":
            self._chat(body)
        else:
            self._fail(404, "not_found", f"There is nothing at {self.path!r}.")

    def _event(self, body: dict[str, Any]) -> None:
        refused = body["item_id"] == "ml-183" and not self.state.asked["refused"]
        if refused:
            self.state.asked["refused"] += 1
            self._fail(503, "unavailable", "The store is busy.")
            return
        self.state.events.append(body)
        result = {"event_id": "e", "status": "accepted", "reason": None}
        self._json({"accepted": 1, "duplicates": 0, "rejected": 0, "results": [result]}, 202)

    def _chat(self, body: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True

        def event(name: str, data: dict[str, Any]) -> None:
            self.wfile.write(f"event: {name}\ndata: {json.dumps(data)}\n\n".encode())
            self.wfile.flush()
            time.sleep(0.05)

        try:
            self._talk(body, event)
        except (BrokenPipeError, ConnectionResetError):
            return

    @staticmethod
    def _talk(body: dict[str, Any], event: Any) -> None:
        for stage in ("understand", "retrieve", "rank"):
            event("status", {"stage": stage})
        if "broken" in body["message"]:
            event("error", {"error": {"message": "The model gave up.", "type": "error", "code": "service_down", "param": None}})
            return
        made = slate(body, body["message"])
        event("slate", {"slate": made})
        event("status", {"stage": "respond"})
        pause = 0.5 if "slowly" in body["message"] else 0.0
        words = WORDS[body.get("language", "en")]
        for i in range(0, len(words), 6):
            time.sleep(pause)
            event("text", {"delta": words[i : i + 6]})
        event("done", {"conversation_id": "talk-1", "decision_id": made["decision_id"], "degraded": made["degraded"]})


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    server = ThreadingHTTPServer(("127.0.0.1", parser.parse_args().port), Handler)
    sys.stdout.write(json.dumps({"url": f"http://127.0.0.1:{server.server_port}"}) + "\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
