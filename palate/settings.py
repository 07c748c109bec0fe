"""All settings, read from the environment (``PALATE_*``) or given by the caller; never a module-level instance."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

__all__ = ["Settings"]


def _default_home() -> Path:
    return Path(platformdirs.user_data_dir("palate", appauthor=False))


class Settings(BaseSettings):
    """What can be set. Each field is the environment variable ``PALATE_<FIELD>``."""

    model_config = SettingsConfigDict(env_prefix="PALATE_", extra="ignore", frozen=True)

    home: Path = Field(default_factory=_default_home, description="Folder that holds all state; one process owns it.")
    host: str = Field(default="127.0.0.1", description="Address that the server listens on.")
    port: int = Field(default=8321, ge=0, le=65535, description="Port that the server listens on; 0 picks a free one.")
    datasets: Path | None = Field(
        default=None, description="Folder with public data sets for evaluation; unset, suites that need one skip."
    )
    llm: Literal["embedded", "vllm", "none"] = Field(
        default="embedded",
        description="Where the LLM runs: in this process, on a vLLM server, or not at all (retriever's order).",
    )
    llm_path: Path | None = Field(
        default=None,
        description="Folder of a model in Hugging Face format, or a GGUF file, for the embedded LLM; unset, the packaged SmolLM2.",
    )
    llm_threads: int = Field(default=2, ge=1, le=256, description="CPU threads of the embedded LLM and the embedders.")
    vllm_url: str = Field(default="http://127.0.0.1:8100", description="Base URL of the vLLM server.")
    vllm_model: str = Field(default="palate", description="Model or LoRA adapter name that vLLM serves.")
    vllm_api_key: str | None = Field(default=None, description="Bearer token for the vLLM server.")
    vllm_adapters: Annotated[Mapping[str, Path], NoDecode] = Field(
        default_factory=dict,
        description="LoRA adapters that are posted to vLLM, as 'task=folder' separated by commas; a folder is as PEFT writes it. "
        "Tasks in use: rank, explain, understand.",
    )
    vllm_cache_secret: str | None = Field(
        default=None,
        min_length=16,
        description="What the salts of vLLM's prefix cache are derived from, so that tenants share no cached prefix; unset, a new "
        "one with each start. Set it where several processes use one vLLM server.",
    )
    vllm_python: Path | None = Field(
        default=None,
        description="Python of the environment that vLLM is installed in, for 'palate vllm up'; unset, that of 'make vllm-cpu' "
        "with '--cpu', else the 'vllm' on the path.",
    )
    text_model: str | None = Field(
        default=None,
        description="Folder or hub name of a sentence-transformers model for the text index; unset, the packaged MiniLM.",
    )
    clip_model: str | None = Field(
        default=None,
        description="OpenCLIP model as 'architecture:checkpoint' for pictures; unset, the packaged EfficientNet-Lite0.",
    )
    sources: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("pop", "ease", "transitions", "content", "lexical", "attributes"),
        description="Built-in candidate sources that are asked, separated by commas; also known: itemknn, userknn, als, bpr, ncf, "
        "sasrec, fresh, cold.",
    )
    read_titles: int = Field(
        default=20_000,
        ge=0,
        description="How many titles the LLM reads in a 'palate fit' at most where the source 'cold' is asked, so that what is "
        "widely known can be told from what is not; what it read is kept. 0 for none.",
    )
    deadline_ms: int = Field(default=3000, ge=1, le=120_000, description="Deadline of a request that names none, in milliseconds.")
    rerank_candidates: int = Field(default=20, ge=2, le=26, description="How many candidates the LLM sees (one label letter each).")
    rerank_weight: float | None = Field(
        default=None,
        ge=0.0,
        le=1.0,
        description="Share of the LLM's score in the final one; the rest is the retriever's. Unset, the card of the LoRA adapter "
        "for ranking says it, and an LLM without one is not asked for an order.",
    )
    word_order: str = Field(
        default="shipped",
        min_length=1,
        description="Learned order of requests in words: the 'shipped' one, 'none', or the folder of one that 'palate finetune "
        "order' wrote. Where a LoRA adapter for ranking is promoted, or PALATE_RERANK_WEIGHT is set, these say how it is.",
    )
    reason_tokens: int = Field(default=64, ge=8, le=200, description="Longest reason that the LLM may write, in tokens.")
    reason_format: Literal["text", "json"] = Field(
        default="text",
        description="How the LLM writes reasons: as plain text, or as JSON that vLLM holds it to (other LLMs write text).",
    )
    max_body_bytes: int = Field(default=1_000_000, ge=1024, description="Largest request body that is read, in bytes.")
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Origins of pages that may call the API from a browser, separated by commas ('*' for all); needed where the "
        "widget is embedded in another site.",
    )
    extra_platforms: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Platforms, separated by commas, that send events but have no platform adapter; others are refused as unknown.",
    )
    demo: bool = Field(default=False, description="Serve the demo page and the demo world's media.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="How much is logged.")

    @field_validator("cors_origins", "extra_platforms", "sources", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("vllm_adapters", mode="before")
    @classmethod
    def _pairs(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        parts = [part.strip() for part in value.split(",") if part.strip()]
        if odd := [part for part in parts if "=" not in part]:
            raise ValueError(f"{odd[0]!r} is not 'task=folder'")
        return {task.strip(): folder.strip() for task, _, folder in (part.partition("=") for part in parts)}

    @property
    def media(self) -> Path:
        """Return the folder that media keys are relative to."""
        return self.home / "media"

    @property
    def lora(self) -> Path:
        """Return the folder of the LoRA adapters that vLLM reads, each under a name with its hash."""
        return self.home / "models" / "lora"

    @property
    def models(self) -> Path:
        """Return the folder of derived model artefacts."""
        return self.home / "models"
