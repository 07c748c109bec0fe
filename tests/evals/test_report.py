"""The report as a page, as JSON and as a table."""

import json
import re
import xml.etree.ElementTree as ET

import pytest

from evals.cache import EvalCache
from evals.models import Rows
from evals.report import interval, markdown_table, render_html, update_table, write_report
from evals.suites.ranking import RankingConfig, RankingSuite
from palate.errors import InvalidInput
from tests.evals.test_protocols import many


@pytest.fixture(scope="module")
def report():
    config = RankingConfig(models=("pop", "ease"), min_core=2, samples=20)
    return RankingSuite(Rows(), EvalCache(None)).run(many(), config)


def test_the_page_needs_nothing_else_and_holds_every_row(report):
    page = render_html(report)
    assert not re.findall(r"(?:src|href)=[\"'](?!#)", re.sub(r'xmlns(:\w+)?="[^"]*"', "", page))
    for row in report["rows"]:
        assert f"<td>{row['model']}</td>" in page
        assert f"{row['metrics']['ndcg@10']['value']:.4f}" in page
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    svgs = re.findall(r"<svg .*?</svg>", page, re.DOTALL)
    assert len(svgs) == 6
    for svg in svgs:
        ET.fromstring(svg)  # noqa: S314 - our own
    assert page == render_html(report)


def test_what_data_sets_are_called_is_text(report):
    named = {**report, "dataset": {**report["dataset"], "name": "<script>alert(1)</script>"}}
    assert "<script" not in render_html(named)


def test_the_json_beside_the_page_is_the_report(report, tmp_path):
    page, data = write_report(report, tmp_path / "out")
    assert json.loads(data.read_text("utf-8")) == report
    assert page.read_text("utf-8").startswith("<!doctype html>")


def test_a_section_is_replaced_by_its_own_run(report, tmp_path):
    path = tmp_path / "results.md"
    update_table(report, path)
    once = path.read_text("utf-8")
    update_table(report, path)
    assert path.read_text("utf-8") == once
    assert once.count("\n## made, loo, val\n") == 1
    other = {**report, "dataset": {**report["dataset"], "name": "another"}}
    update_table(other, path)
    both = path.read_text("utf-8")
    assert re.findall(r"^## (.+)$", both, re.MULTILINE) == ["another, loo, val", "made, loo, val"]
    assert markdown_table(report).strip() in both


def test_a_file_that_is_no_table_is_left_alone(report, tmp_path):
    path = tmp_path / "notes.md"
    path.write_text("# Mine\n")
    with pytest.raises(InvalidInput, match="not a table"):
        update_table(report, path)
    assert path.read_text() == "# Mine\n"


def test_intervals_as_text():
    assert interval({"value": 0.09834, "low": 0.0712, "high": 1.0}) == ".0983 [.0712, 1.0000]"
    assert interval({"value": -0.012, "low": -0.02, "high": 0.0}) == "-.0120 [-.0200, .0000]"
    assert interval({"value": None, "low": None, "high": None}) == "–"


def test_a_test_that_was_fitted_without_validation_has_a_section_of_its_own():
    config = RankingConfig(models=("pop",), min_core=2, samples=20, split="test", fit_validation=False)
    strict = RankingSuite(Rows(), EvalCache(None)).run(many(), config)
    assert markdown_table(strict).startswith("## made, loo, test, fitted without validation\n")
