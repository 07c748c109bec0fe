"""The report of a suite: one HTML page that needs nothing else, JSON beside it, and a table in Markdown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evals.report_plots import plots
from palate.errors import InvalidInput, MissingExtra

__all__ = ["markdown_table", "render_html", "update_table", "write_report"]

_FOLDER = Path(__file__).with_name("templates")
_MARKDOWN = ("ndcg@10", "recall@10", "hit_rate@10", "mrr@10", "recall@50")
_PAGE = ("ndcg@5", "ndcg@10", "ndcg@20", "recall@5", "recall@10", "recall@20", "recall@50", "precision@10", "hit_rate@10", "mrr@10")


def render_html(report: Mapping[str, Any]) -> str:
    """Return the page. Styles and plots are inline; nothing is loaded from elsewhere.

    Raises:
        MissingExtra: jinja2 or matplotlib is not installed.

    """
    try:
        import jinja2
    except ImportError as error:
        raise MissingExtra("jinja2", "eval") from error
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["interval"] = interval
    environment.filters["pretty"] = lambda value: json.dumps(value, ensure_ascii=False, indent=1, default=str)
    best = {key: max((row["metrics"][key]["value"] for row in report["rows"]), default=None) for key in _PAGE}
    return environment.get_template("report.html.j2").render(
        report=report, plots=plots(dict(report)), keys=_PAGE, best=best, cold=_cold_names(report)
    )


def write_report(report: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write ``ranking.html`` and ``ranking.json`` into ``folder`` and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    page, data = folder / "ranking.html", folder / "ranking.json"
    data.write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    page.write_text(render_html(report), encoding="utf-8")
    return [page, data]


def markdown_table(report: Mapping[str, Any]) -> str:
    """Return the section of one data set, protocol and part: a heading, how it was measured, and a row a model."""
    data, protocol = report["dataset"], report["protocol"]
    lines = [
        f"## {_title(report)}",
        "",
        f"{protocol['cases']} cases, {protocol['ranked_items']} ranked items, {protocol['train_events']} training events; "
        f"core filter {protocol['min_core']}, seed {protocol['seed']}. {data['name']}: {data['users']} users, "
        f"{data['items']} items, {data['interactions']} interactions. Full ranking; {protocol['interval']}.",
        "",
        "| model | " + " | ".join(_MARKDOWN) + " | fit s | rank ms | peak MiB |",
        "|---|" + "---|" * (len(_MARKDOWN) + 3),
    ]
    for row in report["rows"]:
        cells = [interval(row["metrics"][key]) for key in _MARKDOWN]
        costs = f"{row['fit_seconds']:.1f} | {row['rank_ms_per_user']:.2f} | {row['peak_mb']:.0f}"
        lines.append(f"| {row['model']} | " + " | ".join(cells) + f" | {costs} |")
    union = report["candidates"]
    if union["models"]:
        found = ", ".join(f"{key} {interval(value)}" for key, value in union.items() if key.startswith("recall@"))
        lines += ["", f"Candidates of {', '.join(union['models'])} taken in turn: {found}."]
    if report["skipped"]:
        lines += ["", "Left out: " + "; ".join(f"{name} ({why.rstrip('.')})" for name, why in report["skipped"].items()) + "."]
    return "\n".join(lines) + "\n"


_HEAD = """<!-- Made by `palate eval ranking … --table`; each section is replaced by its own run. -->
# Ranking results

How to run it: [evaluate ranking](../how-to/evaluate-ranking.md); what the columns mean: [evaluation](evaluation.md). Values carry a
95 % interval over users; a number from sampled negatives never stands here.
"""


def update_table(report: Mapping[str, Any], path: Path) -> None:
    """Write the section of this report into a Markdown file, in place of the section of the same heading.

    Raises:
        InvalidInput: The file is there and is not such a table.

    """
    text = path.read_text("utf-8") if path.exists() else _HEAD
    if not text.startswith(_HEAD.splitlines()[0]):
        raise InvalidInput(f"{path} is not a table of ranking results.", remedy="Name another file.", param="table")
    head, *sections = text.split("\n## ")
    named = {section.splitlines()[0]: section.rstrip("\n") for section in sections}
    new = markdown_table(report)[3:]
    named[new.splitlines()[0]] = new.rstrip("\n")
    path.parent.mkdir(parents=True, exist_ok=True)
    body = "".join(f"\n\n## {section}" for _, section in sorted(named.items()))
    path.write_text(head.rstrip("\n") + body + "\n", encoding="utf-8")


def interval(value: Mapping[str, float | None]) -> str:
    """Return ``.0983 [.0712, .1255]``."""
    if value["value"] is None:
        return "–"
    return f"{_short(value['value'])} [{_short(value['low'])}, {_short(value['high'])}]"


def _short(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}".replace("0.", ".", 1)


def _title(report: Mapping[str, Any]) -> str:
    protocol = report["protocol"]
    strict = ", fitted without validation" if protocol["part"] == "test" and not protocol["fit_validation"] else ""
    return f"{report['dataset']['name']}, {protocol['name']}, {protocol['part']}{strict}"


def _cold_names(report: Mapping[str, Any]) -> Sequence[str]:
    return list(report["rows"][0]["cold"]) if report["rows"] else []
