import asyncio
import json

import httpx
import numpy as np
import pytest
from typer.testing import CliRunner

from agent.llm.scripted import ScriptedLLM
from api.cli import app
from evals.bench.__main__ import main
from evals.bench.engines import ENGINES
from evals.bench.ordering import VllmOrder, is_ordering, ordering_grammar, race
from evals.bench.prompts import rank_prompts
from evals.bench.rerank import RerankBenchConfig, _common_prefix, _percentiles, bench_rerank
from evals.bench.rerank_report import plot_rerank, rerank_tables
from palate.deadline import Deadline
from palate.errors import ServiceDown
from palate.prompting import LabelledPrompt


def test_prompts_are_the_products_and_the_same_each_time():
    prompts = rank_prompts(ScriptedLLM(), 4, candidates=20)
    again = rank_prompts(ScriptedLLM(), 4, candidates=20)
    assert [p.text for p in prompts] == [p.text for p in again]
    assert len({p.text for p in prompts}) == 4
    assert all(len(p.labels) == 20 for p in prompts)
    assert all("Netflix" in p.text and "Spotify" in p.text for p in prompts)


@pytest.mark.parametrize(
    ("ids", "length"), [([[1, 2, 3], [1, 2, 4]], 2), ([[1], [2]], 0), ([[1, 2], [1, 2, 3]], 1), ([[1, 2], [1, 2]], 1)]
)
def test_the_common_prefix_leaves_something_to_read(ids, length):
    assert _common_prefix(ids) == length


def test_percentiles():
    assert _percentiles(list(np.arange(101.0))) == {"p50": 50.0, "p95": 95.0}


def test_a_missing_engine_is_said_with_the_remedy(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(__import__("sys").modules, "ctranslate2", None)
    assert main(["rerank", "--out", str(tmp_path / "out")]) == 1
    assert "make setup" in capsys.readouterr().err.replace("\n", " ")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ('["B", "A", "C"]', True),
        ('["B","A","B"]', False),
        ('["A","B"]', False),
        ('["A","B","C","C"]', False),
        ('["A", "B", 3]', False),
        ('{"A": 1, "B": 2, "C": 3}', False),
        (" A", False),
    ],
)
def test_an_ordering_holds_each_label_once(text, fine):
    assert is_ordering(text, "ABC") is fine


def test_the_grammar_takes_a_label_where_it_was_not_taken():
    first, more = ordering_grammar("AB").split("more::_ : ")
    assert first == 'start: "[" first::0x0\nfirst::_ : "\\"A\\"" more::set_bit(0) %if bit_clear(0)\n | ' + (
        '"\\"B\\"" more::set_bit(1) %if bit_clear(1)\n'
    )
    assert more.startswith('"]" %if is_ones([0:2])\n | ",\\"A\\"" more::set_bit(0)')


class Answers:
    """vLLM at httpx's transport seam: with ``grammars`` false it refuses them, as with xgrammar."""

    def __init__(self, text, grammars=True):
        self.text, self.grammars, self.bodies = text, grammars, []

    def __call__(self, request):
        body = json.loads(request.content)
        self.bodies.append(body)
        if "grammar" in body["structured_outputs"] and not self.grammars:
            return httpx.Response(400, json={"error": {"message": "Invalid grammar specification."}})
        return httpx.Response(200, json={"choices": [{"text": self.text}], "usage": {"prompt_tokens": 90, "completion_tokens": 9}})


def run_race(answers):
    prompts = [LabelledPrompt(text=f"{n}.", labels=(" A", " B", " C"), item_ids=("1", "2", "3"), version="t") for n in range(3)]
    llm = ScriptedLLM()

    async def run():
        async with httpx.AsyncClient(base_url="http://vllm.test", transport=httpx.MockTransport(answers)) as http:
            order = VllmOrder(http, "palate", "ABC")
            raced = await race(lambda prompt: llm.score_labels(prompt, Deadline(None)), order, prompts, "ABC")
            return raced, order.constraint

    return *asyncio.run(run()), llm


def test_a_race_asks_both_for_each_prompt_and_never_twice_with_the_same_salt():
    answers = Answers('["C","A","B"]')
    raced, constraint, llm = run_race(answers)
    assert (raced["malformed_share"], raced["prompt_tokens"], raced["generated_tokens"], constraint) == (0.0, 90.0, 9.0, "grammar")
    assert raced["speedup"] > 0
    assert llm.calls == ["0.", "0.", "1.", "2."]  # the first once more, untimed
    assert [body["prompt"] for body in answers.bodies] == llm.calls
    assert len({body["cache_salt"] for body in answers.bodies}) == 4


def test_a_server_without_such_grammars_gets_a_schema_and_what_is_malformed_is_counted():
    answers = Answers('["C","C","C"]', grammars=False)
    raced, constraint, _ = run_race(answers)
    assert (raced["malformed_share"], constraint) == (1.0, "json_schema")
    schema = answers.bodies[-1]["structured_outputs"]["json"]
    assert (schema["items"], schema["minItems"], schema["maxItems"]) == ({"enum": ["A", "B", "C"]}, 3, 3)


def test_a_server_that_is_not_there_is_named():
    with pytest.raises(ServiceDown, match=r"127\.0\.0\.1:9"):
        bench_rerank(RerankBenchConfig(vllm="http://127.0.0.1:9"))


@pytest.mark.slow
def test_the_command_measures_the_embedded_llm_and_writing_it_cannot_hold(tmp_path, monkeypatch):
    monkeypatch.setenv("PALATE_HOME", str(tmp_path))
    result = CliRunner().invoke(app, ["bench", "rerank", "--prompts", "4", "--orderings", "2", "--users", "2", "--json"])
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert (report["engine"], report["constraint"], report["generated_tokens"]) == ("ctranslate2", "none", 41.0)
    assert report["prompt_tokens"] > 300
    assert 0 <= report["malformed_share"] <= 1
    assert min(report["speedup"], report["bound"]["speedup"], report["users"]["p95"], report["rerank_ms"]["p50"]) > 0
    assert len(rerank_tables(report)) == 3
    plot_rerank(report, tmp_path / "rerank.png")
    assert (tmp_path / "rerank.png").stat().st_size > 5_000


@pytest.mark.slow
def test_the_benchmark_runs_whole(tmp_path):
    assert main(["rerank", "--out", str(tmp_path), "--prompts", "4", "--compared", "2"]) == 0
    report = json.loads((tmp_path / "rerank.json").read_text())
    assert [row["engine"] for row in report["engines"]] == list(ENGINES)
    assert report["engines"][0]["rank_correlation"] == 1.0
    assert report["engines"][3]["rank_correlation"] > 0.9
    assert 0.5 < report["ratio_paired"] < 1.5
    assert (tmp_path / "rerank.png").stat().st_size > 10_000
