"""The plots of the report, as SVG text."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from typing import Any

from palate.errors import MissingExtra

__all__ = ["plots"]

_SIZE = (6.4, 3.8)
_MARKERS = "osD^v<>PX*ph"

Report = dict[str, Any]


def plots(report: Report) -> list[dict[str, str]]:
    """Return ``title``, ``caption`` and ``svg`` of each plot that the report has data for.

    Raises:
        MissingExtra: matplotlib is not installed.

    """
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise MissingExtra("matplotlib", "eval") from error
    drawn = []
    with mpl.rc_context(
        {"svg.hashsalt": "palate", "svg.fonttype": "path", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    ):
        for title, caption, draw in _PLOTS:
            if report["rows"]:
                drawn.append({"title": title, "caption": caption, "svg": _svg(draw, report, title)})
    return drawn


def _svg(draw: Callable[[Any, Report], None], report: Report, title: str) -> str:
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE, layout="constrained")
    FigureCanvasSVG(figure)
    draw(figure.add_subplot(), report)
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Title": title})
    text = out.getvalue()
    svg = text[text.index("<svg") :]
    prefix = re.sub(r"\W+", "-", title.lower())
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)  # ids are the page's: two plots must not share them
    svg = re.sub(r'(xlink:href="|href=")#', rf"\1#{prefix}-", svg)
    svg = svg.replace("url(#", f"url(#{prefix}-")
    return re.sub(
        r'<svg [^>]*?(viewBox="[^"]*")[^>]*>',
        rf'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" \1 role="img" aria-label="{title}">',
        svg,
        count=1,
    )


def _recall(axis: Any, report: Report) -> None:
    for place, row in enumerate(report["rows"]):
        curve = row["curve"]
        n = [int(k) for k in curve]
        axis.plot(
            n,
            list(curve.values()),
            marker=_MARKERS[place % len(_MARKERS)],
            markersize=3.5,
            color=_colour(place),
            label=row["model"],
        )
    union = report["candidates"]
    if union["models"]:
        points = [(int(key.rpartition("@")[2]), value["value"]) for key, value in union.items() if key.startswith("recall@")]
        axis.plot(*zip(*points, strict=True), "k--", marker="x", label="union, in turn")
    axis.set_xscale("log")
    axis.set_xlabel("list length n (log scale)")
    axis.set_ylabel("recall@n")
    axis.legend(fontsize=7, ncols=2)


def _points(axis: Any, report: Report, x: Callable[[dict[str, Any]], float | None], label: str) -> None:
    for place, row in enumerate(report["rows"]):
        found, at = row["metrics"]["ndcg@10"], x(row)
        if at is None:
            continue
        error = [[max(0.0, found["value"] - found["low"])], [max(0.0, found["high"] - found["value"])]]
        axis.errorbar(
            [at], [found["value"]], yerr=error, fmt=_MARKERS[place % len(_MARKERS)], color=_colour(place), capsize=2, markersize=5
        )
        axis.annotate(row["model"], (at, found["value"]), xytext=(5, 4), textcoords="offset points", fontsize=8)
    axis.margins(x=0.12)
    axis.set_xlabel(label)
    axis.set_ylabel("NDCG@10")


def _diversity(axis: Any, report: Report) -> None:
    _points(axis, report, lambda row: _value(row, "diversity@10"), "intra-list diversity of the first ten")


def _popularity(axis: Any, report: Report) -> None:
    _points(
        axis,
        report,
        lambda row: _value(row, "popularity@10"),
        "average popularity of the first ten (training events an item, log scale)",
    )
    axis.set_xscale("log")


def _value(row: dict[str, Any], key: str) -> float | None:
    value = row["beyond"].get(key)
    return None if value is None else float(value)


def _cost(axis: Any, report: Report) -> None:
    _points(axis, report, lambda row: max(row["fit_seconds"], 1e-3), "seconds to fit (log scale)")
    axis.set_xscale("log")


def _rank_cost(axis: Any, report: Report) -> None:
    _points(axis, report, lambda row: max(row["rank_ms_per_user"], 1e-3), "milliseconds to rank one user (log scale)")
    axis.set_xscale("log")


def _stages(axis: Any, report: Report) -> None:
    stages: Sequence[dict[str, Any]] = sorted(report["stages"], key=lambda cost: -cost["seconds"])[:12]
    names = [cost["stage"] for cost in stages]
    axis.barh(names, [cost["seconds"] for cost in stages], color="#4b6cb7")
    for place, cost in enumerate(stages):
        axis.text(cost["seconds"], place, f"  {cost['seconds']:.1f} s, {cost['peak_mb']:.0f} MiB", va="center", fontsize=7)
    axis.invert_yaxis()
    axis.margins(x=0.3)
    axis.set_xlabel("seconds in this run")


def _colour(place: int) -> str:
    return f"C{place % 10}"


_PLOTS: tuple[tuple[str, str, Callable[[Any, Report], None]], ...] = (
    (
        "Recall over n",
        "How many of the targets are in a list of n items; above 50 it is what a later stage can still rank.",
        _recall,
    ),
    (
        "Accuracy against diversity",
        "Whisker: 95 % interval. Diversity is 1 minus the mean cosine of the genres of two items of a list.",
        _diversity,
    ),
    ("Accuracy against popularity", "Whisker: 95 % interval. Further left means less well-known items.", _popularity),
    ("Cost of fitting against quality", "Whisker: 95 % interval.", _cost),
    ("Cost of ranking against quality", "Whisker: 95 % interval.", _rank_cost),
    ("Where the time goes", "The twelve longest stages of this run; rows from the cache are not fitted again.", _stages),
)
