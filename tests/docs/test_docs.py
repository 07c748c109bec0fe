"""Holds the documentation to the code."""

from __future__ import annotations

import asyncio
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from agent.dialogue.wishes import Answer, WishReaderConfig, ask
from agent.prompts.understand import build_understand_prompt, write_asked
from api.app import create_app
from api.cli import app as cli
from api.demo.world import catalog_items
from api.reference import PAGES
from api.text_tasks import TextWorld, tuned_llm
from api.vocabulary import Vocabulary
from evals.models import Rows
from palate.deadline import Deadline
from palate.settings import Settings
from retrieval.base import ItemTable

ROOT = Path(__file__).resolve().parents[2]
DOCS = sorted((ROOT / "docs").rglob("*.md"))
PAGES_OF_THE_HOUSE = [*sorted(ROOT.glob("*.md")), *DOCS, ROOT / "widget/README.md", ROOT / "api/demo/README.md"]
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)

page = pytest.mark.parametrize("path", PAGES_OF_THE_HOUSE, ids=lambda path: str(path.relative_to(ROOT)))


def blocks(text: str, *languages: str) -> list[str]:
    return [body for language, body in FENCE.findall(text) if language in languages]


def anchors(path: Path) -> set[str]:
    headings = HEADING.findall(FENCE.sub("", path.read_text("utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def shown_wish() -> tuple[str, str, str]:
    """Return wish, draft and answer of the page on text tasks, the wish with a title of the demo."""
    page = (ROOT / "docs/how-to/fine-tune-text.md").read_text("utf-8")
    (block,) = (block for block in blocks(page, "") if block.startswith("Wish: "))
    wish, draft, answer = block.splitlines()
    return wish.removeprefix("Wish: ").replace("X", "Star Wars"), draft.removeprefix("Draft: "), answer


def test_the_rules_err_on_the_wish_that_a_page_shows() -> None:
    vocabulary = Vocabulary()
    vocabulary.renew(ItemTable(catalog_items()))
    text, draft, answer = shown_wish()
    found = vocabulary.draft(text)
    assert found.text == text.replace("Star Wars", "X")
    assert write_asked(found.asked) == draft != answer


@pytest.mark.slow
def test_the_llm_corrects_the_wish_that_a_page_shows(tmp_path: Path) -> None:
    world = TextWorld(Settings(home=tmp_path))
    text, _, answer = shown_wish()
    draft, llm = world.vocabulary().draft(text), tuned_llm(Settings(home=tmp_path), "understand", None)

    async def asked() -> Answer | None:
        try:
            return await ask(llm, draft, build_understand_prompt(llm, draft), 32, Deadline(None))
        finally:
            await llm.close()

    found = asyncio.run(asked())
    assert found is not None
    assert write_asked(found.asked) == answer
    assert found.lead > WishReaderConfig().margin


@pytest.mark.parametrize("name", PAGES)
def test_a_page_made_from_the_code_is_up_to_date(name: str) -> None:
    found = (ROOT / "docs/reference" / name).read_text("utf-8")
    assert found == PAGES[name](), "Run: python -m api.reference"


def test_the_settings_reference_holds_every_setting_and_no_other() -> None:
    rows = re.findall(
        r"^\| `PALATE_(\w+)` \| (.+?) \| (.+) \|$", (ROOT / "docs/reference/settings.md").read_text("utf-8"), re.MULTILINE
    )
    assert [name.lower() for name, _, _ in rows] == list(Settings.model_fields)
    described = {name.lower(): text for name, _, text in rows}
    assert all(described[name] == field.description for name, field in Settings.model_fields.items())


@page
def test_settings_that_a_page_names_exist(path: Path) -> None:
    named = set(re.findall(r"\bPALATE_[A-Z_]+\b", path.read_text("utf-8")))
    assert named <= {f"PALATE_{name.upper()}" for name in Settings.model_fields}


def commands_in(text: str) -> Iterator[list[str]]:
    """Yield the arguments of each ``palate …`` command of a page's shell blocks."""
    for block in blocks(text, "sh", "shell", "bash", "console"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line.strip().removeprefix("$ "), comments=True)
            while words and re.match(r"^[A-Z_]+=", words[0]):
                words = words[1:]
            if words and Path(words[0]).name == "palate":
                yield words[1 : next((i for i, word in enumerate(words) if word in {">", "|", "&"}), None)]


def parse(words: list[str]) -> str:
    """Parse a command line without running it and return the command's name; raises what would be shown for a wrong one."""
    group: Any = typer.main.get_command(cli)
    context = group.make_context("palate", list(words), resilient_parsing=False)
    while hasattr(group, "commands"):
        name, group, rest = group.resolve_command(context, [*context._protected_args, *context.args])
        assert group is not None
        context = group.make_context(name, rest, parent=context)
    return str(context.info_name)


@page
def test_commands_parse(path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for words in commands_in(path.read_text("utf-8")):
        for word in words:
            if re.fullmatch(r"[\w.]+\.(csv|jsonl|json|txt)", word):
                (tmp_path / word).touch()
        assert parse(words) in words


def test_a_wrong_command_does_not_parse() -> None:
    for words in (["recommend"], ["recommend", "demo-1", "--nosuch"], ["index", "burn"], ["recommend", "demo-1", "--n", "many"]):
        with pytest.raises(Exception) as caught:  # noqa: PT011 - of whichever module the command line is made with
            parse(words)
        assert type(caught.value).__name__ in {"MissingParameter", "NoSuchOption", "NoSuchCommand", "UsageError", "BadParameter"}


def test_the_readme_and_the_tutorial_hold_commands() -> None:
    for path in (ROOT / "README.md", ROOT / "docs/tutorials/first-recommendation.md"):
        assert len(list(commands_in(path.read_text("utf-8")))) >= 4


@page
def test_links_lead_somewhere(path: Path) -> None:
    for link in LINK.findall(FENCE.sub("", path.read_text("utf-8"))):
        if re.match(r"^[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        file = (path.parent / target).resolve() if target else path
        assert file.exists(), f"{link} leads nowhere"
        assert file.is_relative_to(ROOT)
        assert not anchor or anchor in anchors(file), f"{link}: no such heading"


def test_every_page_can_be_reached_from_the_index() -> None:
    seen: set[Path] = set()
    waiting = [ROOT / "docs/index.md"]
    while waiting:
        path = waiting.pop()
        if path not in seen and path.suffix == ".md" and path.is_file():
            seen.add(path)
            links = LINK.findall(FENCE.sub("", path.read_text("utf-8")))
            waiting += [(path.parent / link.partition("#")[0]).resolve() for link in links if ":" not in link]
    listed = re.findall(r"^- \[?(\d{4})", (ROOT / "docs/decisions/README.md").read_text("utf-8"), re.MULTILINE)
    missing = {path for path in set(DOCS) - seen if path.name[:4] not in listed}
    assert not missing


@page
def test_make_targets_exist(path: Path) -> None:
    text = path.read_text("utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):(?!=)", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)[^`]*`", text))
    named |= {name for block in blocks(text, "sh") for name in re.findall(r"^make ([a-z-]+)", block, re.MULTILINE)}
    assert named <= targets


def test_the_http_reference_holds_every_path_and_no_other() -> None:
    app = create_app(SimpleNamespace(settings=Settings(demo=True)))  # type: ignore[arg-type]
    offered = {
        (method.upper(), re.sub(r":path}", "}", path)) for path, methods in app.openapi()["paths"].items() for method in methods
    }
    text = (ROOT / "docs/reference/http-api.md").read_text("utf-8")
    documented = {(method, path.rstrip(".,")) for method, path in re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/[^`]*)`", text)}
    pages = {("GET", "/openapi.json"), ("GET", "/"), ("GET", "/widget/palate-chat.js")}
    assert pages <= documented
    assert documented - pages == offered


def fields(schema: dict[str, Any], components: dict[str, Any]) -> set[str]:
    for part in (schema, *schema.get("anyOf", ())):
        if "$ref" in part:
            return set(components[part["$ref"].rsplit("/", 1)[1]]["properties"])
    return set()


def test_the_http_reference_names_every_field_of_a_body() -> None:
    schema = create_app(SimpleNamespace(settings=Settings())).openapi()  # type: ignore[arg-type]
    sections = dict(
        re.findall(
            r"^## `(\S+ \S+)`\n(.*?)(?=^## |\Z)", (ROOT / "docs/reference/http-api.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
        )
    )
    checked = 0
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            section = sections.get(f"{method.upper()} {path}")
            body = operation.get("requestBody")
            if section is None or body is None:
                continue
            for name in fields(body["content"]["application/json"]["schema"], schema["components"]["schemas"]):
                checked += 1
                assert f"`{name}`" in section, f"{method} {path}: {name}"
    assert checked >= 20


def test_the_widget_reference_holds_what_the_source_holds() -> None:
    source = (ROOT / "widget/src/element.ts").read_text("utf-8")
    text = (ROOT / "docs/reference/widget.md").read_text("utf-8")
    attributes = set(re.findall(r'getAttribute\("([\w-]+)"\)', source))
    events = set(re.findall(r'emit\("([\w-]+)"', source))
    assert {"person", "api"} <= attributes
    assert "palate-select" in events
    assert all(f"| `{name}` |" in text for name in attributes | events)


@pytest.mark.parametrize("name", ["write-a-platform-adapter", "add-a-candidate-source"])
def test_the_plugin_of_a_guide_passes_its_contract(name: str, tmp_path: Path) -> None:
    for block in blocks((ROOT / f"docs/how-to/{name}.md").read_text("utf-8"), "python"):
        file = re.match(r"# (\w+\.py)\n", block)
        assert file is not None
        (tmp_path / file[1]).write_text(block, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:randomly",
        "-c",
        "/dev/null",
        str(tmp_path),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\d{2} passed", done.stdout)


@page
def test_no_page_names_a_machine(path: Path) -> None:
    text = path.read_text("utf-8")
    for word in (r"/(work|tmp|root|home)/", r"\bpypi\b", r"pythonhosted", r"registry\.npmjs", r"huggingface\.co", r"files\.python"):
        assert not re.search(word, text, re.IGNORECASE), word


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_pages_are_short(path: Path) -> None:
    if path.name not in PAGES:
        assert len(path.read_text("utf-8").splitlines()) <= (120 if path.parent.name == "reference" else 100)


def test_the_chinese_readme_has_the_same_blocks_and_links() -> None:
    english, chinese = ((ROOT / name).read_text("utf-8") for name in ("README.md", "README.zh-CN.md"))

    def code(text: str) -> list[str]:
        return [re.sub(r" *#.*", "", block) for block in blocks(text, "sh", "html")]

    def links(text: str) -> set[str]:
        return {link for link in LINK.findall(text) if not link.startswith("README")}

    assert code(chinese) == code(english)
    assert links(chinese) == links(english)
    assert chinese.count("\n## ") == english.count("\n## ")


def test_every_row_that_can_be_named_is_in_the_reference() -> None:
    section = (ROOT / "docs/reference/evaluation.md").read_text("utf-8").split("\n## Rows\n\n")[1]
    named = {name for names in re.findall(r"`([a-z ]+)`", section.split("\n\n")[0]) for name in names.split()}
    assert named == set(Rows().known())
