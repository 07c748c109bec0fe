"""``python -m api.reference``: writes the pages of ``docs/reference`` that are made from the code."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from pydantic.fields import FieldInfo

from api.cli import app
from api.errors import HTTP_CODES, status_of
from palate.errors import PalateError
from palate.settings import Settings

__all__ = ["PAGES", "cli_page", "errors_page", "settings_page", "write_pages"]

_FOLDER = Path(__file__).resolve().parents[1] / "docs" / "reference"
_MADE = "<!-- Made from the code by `python -m api.reference`; a test compares it. -->"
_DEFAULTS = {"home": "`palate` in the user's data folder (Linux: `~/.local/share/palate`)"}


def settings_page() -> str:
    """Return ``settings.md``: every setting with its variable, default and description."""
    lines = [
        _MADE,
        "# Settings",
        "",
        "Settings are environment variables, read once when a command starts. A value that cannot be used ends the command with",
        "`configuration_error` and the name of the variable. Options of a command win over the environment.",
        "",
        "| variable | default | what it sets |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        lines.append(f"| `PALATE_{name.upper()}` | {_default(name, field)} | {_cell(field.description or '')} |")
    lines += [
        "",
        "`make` sets `PALATE_HOME` to `.palate` in the repository where it is not set, and keeps libraries from reaching for a",
        "network (`HF_HUB_OFFLINE`, `TRANSFORMERS_OFFLINE`, `ANONYMIZED_TELEMETRY`, `LANGSMITH_TRACING`).",
    ]
    return "\n".join(lines) + "\n"


def cli_page() -> str:
    """Return ``cli.md``: every command with its arguments and options."""
    lines = [
        _MADE,
        "# Command line",
        "",
        "Results go to stdout, all else to stderr. With `--json` one document goes to stdout, also for an error (but not for a",
        "wrong option or setting). The exit status is 0, also when an answer is degraded; 1 for an error, when an import can use",
        "no row at all, and when `palate doctor` finds a fault; 2 for a wrong option. An option without a default takes the",
        "setting of its name, where there is one.",
        "",
        "A command that finds a server running on the same `PALATE_HOME` works through it; else it opens the folder itself.",
    ]
    for path, command in _commands(typer.main.get_command(app), ("palate",)):
        arguments = [p for p in command.params if p.param_type_name == "argument"]
        usage = " ".join((*path, *(_usage(p) for p in arguments)))
        lines += ["", f"## `{usage}`", "", inspect.cleandoc(command.help or ""), ""]
        lines += ["| parameter | default | what it is |", "|---|---|---|"]
        for param in command.params:
            if param.name != "help":
                lines.append(f"| `{_names(param)}` | {_param_default(param)} | {_cell(getattr(param, 'help', '') or '')} |")
        if lines[-1] == "|---|---|---|":
            del lines[-3:]
    return "\n".join(lines) + "\n"


def errors_page() -> str:
    """Return ``errors.md``: every error code with its HTTP status."""
    lines = [
        _MADE,
        "# Errors",
        "",
        "Over HTTP, and on stdout with `--json`, an error is one envelope:",
        "",
        "```json",
        json.dumps(
            {
                "error": {
                    "message": "There is no platform 'nosuch'. Known platforms: …",
                    "type": "invalid_request_error",
                    "code": "unknown_platform",
                    "param": "platform",
                }
            },
            ensure_ascii=False,
        ),
        "```",
        "",
        "`message` names the offending value and what to do. Program against `code`; `param` is the parameter, or `null`. An HTTP",
        "answer also carries `x-request-id`, under which the log has it.",
        "",
        "## Raised on purpose",
        "",
        "| code | HTTP | class | what it means |",
        "|---|---|---|---|",
    ]
    for depth, kind in _tree(PalateError, 0):
        status = status_of(kind.__new__(kind))
        name = "&nbsp;" * 3 * depth + f"`{kind.__name__}`"
        lines.append(f"| `{kind.code}` | {status} | {name} | {_cell(inspect.getdoc(kind) or '', first=True)} |")
    lines += [
        "",
        "A body that is not as the endpoint wants it is `invalid_input` with status 422, one that is no JSON too.",
        "",
        "## From the HTTP layer",
        "",
        "| code | HTTP |",
        "|---|---|",
        *(f"| `{code}` | {status} |" for status, code in sorted(HTTP_CODES.items())),
        "| `internal_error` | 500 |",
    ]
    return "\n".join(lines) + "\n"


PAGES = {"settings.md": settings_page, "cli.md": cli_page, "errors.md": errors_page}


def write_pages(folder: Path = _FOLDER) -> list[Path]:
    """Write all pages into ``folder`` and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")
        paths.append(folder / name)
    return paths


def _cell(text: str, *, first: bool = False) -> str:
    whole = text.split("\n\n", maxsplit=1)[0] if first else text
    return " ".join(whole.split()).replace("|", "\\|").replace("``", "`")


def _default(name: str, field: FieldInfo) -> str:
    if name in _DEFAULTS:
        return _DEFAULTS[name]
    value = field.get_default(call_default_factory=True)
    if value is None or value in ((), {}):
        return "unset"
    if isinstance(value, tuple):
        return f"`{','.join(map(str, value))}`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield path, command
        return
    for name, child in children.items():
        yield from _commands(child, (*path, name))


def _usage(param: Any) -> str:
    name = str(param.name).upper()
    return name if param.required else f"[{name}]"


def _names(param: Any) -> str:
    if param.param_type_name == "argument":
        return str(param.name).upper()
    flag = ", ".join((*param.opts, *param.secondary_opts))
    return flag if param.is_flag else f"{flag} {str(param.name).upper()}"


def _param_default(param: Any) -> str:
    if param.required:
        return "needed"
    if param.default in (None, False, ()) or callable(param.default):
        return ""
    return f"`{param.default}`"


def _tree(kind: type[PalateError], depth: int) -> Iterator[tuple[int, type[PalateError]]]:
    yield depth, kind
    for child in kind.__subclasses__():
        if child.__module__ == PalateError.__module__:
            yield from _tree(child, depth + 1)


if __name__ == "__main__":
    for written in write_pages():
        typer.echo(written.name)
