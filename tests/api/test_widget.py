"""The built widget and the demo page: there, in step with their sources, and in need of nothing from elsewhere."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from api.runtime import FUSION, LANGUAGE_MODEL, SOURCES, TITLES
from api.wiring import embedders
from finetune.card import TASKS
from palate.settings import Settings

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "api" / "static"
WIDGET = ROOT / "widget"
PAGES = sorted(path.name for path in STATIC.iterdir())

# Names of XML vocabularies look like addresses; nothing is loaded from them.
NAMESPACES = {"http://www.w3.org/2000/svg"}


def source_hash() -> str:
    """Return the hash that widget/scripts/build.mjs puts into the banner."""
    sources = [p for p in (WIDGET / "src").rglob("*") if p.is_file()] + [WIDGET / "package.json", WIDGET / "scripts" / "build.mjs"]
    digest = hashlib.sha256()
    for name, path in sorted((path.relative_to(WIDGET).as_posix(), path) for path in sources):
        digest.update(f"{name}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def test_built_file_is_in_step_with_its_sources():
    banner = (STATIC / "palate-chat.js").read_text(encoding="utf-8").split("*/", 1)[0]
    found = re.search(r"sha256:([0-9a-f]{64})", banner)
    assert found
    assert found[1] == source_hash(), (
        "widget/src changed: run 'npm ci && npm run build' in widget/ and commit api/static/palate-chat.js."
    )


def test_built_file_is_small_and_names_its_licence_and_version():
    built = (STATIC / "palate-chat.js").read_bytes()
    version = json.loads((WIDGET / "package.json").read_text())["version"]
    assert 10_000 < len(built) < 60_000
    assert f"palate-chat {version} | Apache-2.0".encode() in built[:120]
    assert b"sourceMappingURL" not in built


@pytest.mark.parametrize("name", PAGES)
def test_nothing_comes_from_other_hosts(name):
    text = (STATIC / name).read_text(encoding="utf-8")
    assert set(re.findall(r"""(?:https?:)?//[a-z0-9-]+(?:\.[a-z0-9-]+)+[^\s"'`<>)]*""", text)) <= NAMESPACES
    assert "@import" not in text


@pytest.mark.parametrize("name", PAGES)
def test_data_never_becomes_markup_or_code(name):
    text = (STATIC / name).read_text(encoding="utf-8")
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "srcdoc"):
        assert way not in text


def test_page_embeds_the_widget_with_two_lines_and_no_inline_script():
    page = (STATIC / "demo.html").read_text(encoding="utf-8")
    lines = [line.strip() for line in page.splitlines()]
    script = lines.index('<script type="module" src="/widget/palate-chat.js"></script>')
    assert lines[script + 1] == '<palate-chat person="demo-1"></palate-chat>'
    for attributes, content in re.findall(r"<script([^>]*)>(.*?)</script>", page, re.DOTALL):
        assert "src=" in attributes
        assert not content.strip()
    assert "<style" not in page
    assert not re.search(r"\s(style|on\w+)=", page)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_page_has_a_name_for_every_part_that_can_be_waited_for(language):
    script = (STATIC / "demo.js").read_text(encoding="utf-8")
    texts = re.search(rf"^  {language}: {{(.*?)^  }},", script, re.DOTALL | re.MULTILINE)[1]
    named = dict(re.findall(r'"?(\w[\w -]*)"?: "([^"]+)"', re.search(r"parts: {(.*?)}", texts)[1]))
    spaces = [embedder.space for embedder in embedders(Settings())]
    parts = {*spaces, SOURCES, FUSION, TITLES, LANGUAGE_MODEL, *(f"{LANGUAGE_MODEL} {task}" for task in TASKS)}
    assert set(named) == parts
    assert len(set(named.values())) == len(parts)


def test_page_names_only_files_that_are_served():
    page = (STATIC / "demo.html").read_text(encoding="utf-8")
    named = set(re.findall(r'(?:src|href)="/widget/([^"]+)"', page))
    assert named
    assert named <= set(PAGES)


def test_lock_names_no_registry_and_pins_exactly():
    lock = (WIDGET / "package-lock.json").read_text()
    assert "resolved" not in lock
    assert "http" not in lock
    packages = json.loads(lock)["packages"]
    pinned = json.loads((WIDGET / "package.json").read_text())["devDependencies"]
    for name, version in pinned.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
        assert packages[f"node_modules/{name}"]["version"] == version
    assert all("integrity" in package for path, package in packages.items() if path)
