"""``palate finetune quantize`` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import api.compression
from agent.llm.gguf import GgufModel
from api.cli import app
from evals.suites.compression import text_probe


def run(*words: object, status: int = 0) -> Result:
    result = CliRunner().invoke(app, ["finetune", "quantize", *map(str, words)])
    assert result.exit_code == status, (result.exit_code, result.stdout, result.stderr, result.exception)
    return result


@pytest.fixture
def tiny(own_home: None, tiny_gguf: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PALATE_LLM_PATH", str(tiny_gguf))
    monkeypatch.setenv("PALATE_LLM_THREADS", "1")
    return tiny_gguf


@pytest.fixture
def _short(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prompts of a few words: the demo world is not built."""

    def probes(_settings: Any, model: Path, _chosen: Any, n: int, _progress: Any = None) -> list[Any]:
        tokenizer = GgufModel(model).tokenizer()
        return [text_probe("Say why:", f" You liked {number} of them.", tokenizer, str(number)) for number in range(n)]

    monkeypatch.setattr(api.compression, "demo_probes", probes)


@pytest.mark.usefixtures("_short")
def test_a_file_and_its_card_are_written_and_the_loss_is_shown(tiny_lora: Path, tmp_path: Path) -> None:
    result = run(tiny_lora, "--to", "int4", "--out", tmp_path / "out", "--prompts", 2)
    path = tmp_path / "out" / "tiny-lora-q4_1.gguf"
    assert path.is_file()
    card = json.loads(path.with_suffix(".json").read_text())
    assert [row["model"] for row in card["loss"]["rows"]][:2] == ["float32", "Q4_1 weights"]
    assert card["adapter"]["task"] is None
    assert "Q4_1 weights" in result.stdout
    assert f"PALATE_LLM_PATH={path}" in result.stderr.replace("\n", "")


def test_it_goes_under_the_home_and_can_measure_nothing(tiny: Path, tmp_path: Path) -> None:
    said = json.loads(run("--prompts", 0, "--json").stdout)
    assert said["path"] == str(tmp_path / "home" / "exports" / "tiny-q8_0.gguf")
    assert (said["card"]["loss"], said["card"]["adapter"], said["card"]["to"]) == (None, None, "int8")
    assert GgufModel(Path(said["path"])).layers == GgufModel(tiny).layers


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rank"], "No LoRA adapter for 'rank' runs"),
        (["FOLDER/nowhere"], "no folder"),
        (["FOLDER"], "adapter_config.json"),
        (["OTHER"], "was trained on"),
    ],
)
def test_an_error_is_a_message_and_a_status(make_adapter: Any, tmp_path: Path, words: list[str], said: str) -> None:
    places = {"FOLDER": tmp_path, "OTHER": make_adapter().folder}
    typed = [str(places[word]) if word in places else word.replace("FOLDER", str(tmp_path)) for word in words]
    result = run(*typed, "--json", status=1)
    assert said in json.loads(result.stdout)["error"]["message"]
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "home" / "exports").exists()


@pytest.mark.slow
def test_the_packaged_llm_loses_little_as_int8(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PALATE_HOME", str(tmp_path / "home"))
    for adapter, kind in (((), "rank"), (("explain",), "explain")):
        loss = json.loads(run(*adapter, "--prompts", 3, "--json").stdout)["card"]["loss"]
        assert (loss["texts"], loss["prompts"]) == (kind, 3)
        rows = {row["model"]: row for row in loss["rows"]}
        assert rows["Q8_0 weights"]["spearman"]["value"] > 0.95
        assert rows["CTranslate2 int8"]["spearman"]["value"] > 0.8
        # It depends on the processor: .02 was seen on one, .20 on another. Going without the adapter costs 1.5.
        assert abs(rows["CTranslate2 int8"]["nll_more"]["value"]) < 0.3
