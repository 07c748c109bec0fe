from pathlib import Path

import pytest
from pydantic import ValidationError

from palate.settings import Settings


def test_every_setting_is_described_and_has_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, field in Settings.model_fields.items():
        monkeypatch.delenv(f"PALATE_{name.upper()}", raising=False)
        assert field.description, name
    assert Settings().home.name == "palate"


def test_the_environment_and_the_caller_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PALATE_HOME", str(tmp_path))
    monkeypatch.setenv("PALATE_PORT", "0")
    settings = Settings()
    assert (settings.home, settings.port) == (tmp_path, 0)
    assert settings.media == tmp_path / "media"
    assert settings.models == tmp_path / "models"
    assert Settings(port=99).port == 99


@pytest.mark.parametrize(("name", "value"), [("PORT", "70000"), ("LLM", "magic"), ("DEADLINE_MS", "0"), ("RERANK_WEIGHT", "2")])
def test_what_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"PALATE_{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        Settings()


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        Settings().port = 1  # type: ignore[misc]


def test_adapters_are_pairs_of_task_and_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PALATE_VLLM_ADAPTERS", "rank=a/b, explain = c")
    assert Settings().vllm_adapters == {"rank": Path("a/b"), "explain": Path("c")}
    monkeypatch.setenv("PALATE_VLLM_ADAPTERS", "rank")
    with pytest.raises(ValidationError, match="'rank' is not 'task=folder'"):
        Settings()
