"""Trains a LoRA adapter with PEFT, on a CPU or a GPU, and goes on where it was stopped.

Hu et al. (2021), LoRA: Low-Rank Adaptation of Large Language Models, https://arxiv.org/abs/2106.09685.
"""

from __future__ import annotations

import json
import math
import shutil
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from finetune.encoding import Encoded, encode
from finetune.examples import Example
from palate.domain import Progress, Value
from palate.errors import ConfigurationError, InvalidInput, MissingExtra, MissingWeights

__all__ = ["LoraTrainer", "LoraTrainerConfig", "Trained"]

_MODULES = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
_STATE = "state.pt"
_PLAN = "plan.json"


class LoraTrainerConfig(Value):
    """How training goes.

    ``rank`` and ``alpha`` are LoRA's. ``top_layers`` are adapted, counted from the output (0: all); the others need no gradient,
    which saves up to two fifths of the time on a CPU. Each of ``steps`` updates averages ``batch`` examples, read ``group`` at a
    time (more is quicker on a GPU and takes more memory). The rate rises over ``warmup`` steps and falls to 0 in a line; training
    ends at ``stop``, however far it has fallen. ``max_tokens`` bounds an example; longer ones are refused. A checkpoint is written
    every ``save_every`` steps. ``bits`` 4 loads the base by bitsandbytes in NF4 (QLoRA, Dettmers et al. 2023), on a GPU.
    ``threads`` are of the CPU.
    """

    rank: int = Field(default=16, ge=1, le=64)
    alpha: float = Field(default=32.0, gt=0.0)
    top_layers: int = Field(default=0, ge=0)
    steps: int = Field(default=400, ge=1)
    stop: int | None = Field(default=None, ge=1)
    batch: int = Field(default=4, ge=1)
    group: int = Field(default=1, ge=1)
    rate: float = Field(default=5e-4, gt=0.0)
    warmup: int = Field(default=20, ge=0)
    clip: float = Field(default=1.0, gt=0.0)
    max_tokens: int = Field(default=1024, ge=16)
    save_every: int = Field(default=50, ge=1)
    bits: Literal[4, 16, 32] = 32
    device: str = "cpu"
    threads: int = Field(default=2, ge=1)
    seed: int = 0

    @property
    def last(self) -> int:
        """Return the step that training ends at."""
        return self.steps if self.stop is None else min(self.steps, self.stop)


@dataclass(frozen=True, slots=True)
class Trained:
    """``folder`` holds the adapter in PEFT's format, float16; ``losses`` are the mean loss of every step, nats."""

    folder: Path
    losses: tuple[float, ...]


class LoraTrainer:
    """Trains one adapter.

    Examples are drawn without replacement, epoch by epoch, by the seed and the step alone: a run that was killed and goes on sees
    what an unbroken one would have seen.

    Args:
        base: Folder of the base model in Hugging Face format.
        config: How training goes.

    """

    def __init__(self, base: Path, config: LoraTrainerConfig | None = None) -> None:
        self.config = config or LoraTrainerConfig()
        self._base = base

    def train(
        self,
        examples: Sequence[Example],
        folder: Path,
        *,
        resume: bool = False,
        progress: Progress | None = None,
        told: Callable[[int, float], None] | None = None,
    ) -> Trained:
        """Train on ``examples`` and write the adapter to ``folder``; checkpoints lie in ``folder/checkpoint`` until it is done.

        ``told`` is called with each step and its loss.

        Raises:
            MissingExtra: PEFT or transformers are not installed, or bitsandbytes for 4 bits.
            MissingWeights: The base is not there.
            InvalidInput: There are no examples, one is too long, or ``folder`` holds a run that ``resume`` does not go on with.
            ConfigurationError: The checkpoint is of another run: other examples, base or configuration.

        """
        if not examples:
            raise InvalidInput("There are no examples to train on.", remedy="Give at least one.", param="examples")
        torch = _torch()
        checkpoint = folder / "checkpoint"
        tokenizer = _tokenizer(self._base)
        encoded = [encode(tokenizer, example, self.config.max_tokens) for example in examples]
        plan = {"config": self.config.model_dump(mode="json"), "base": self._base.name, "examples": _digest(encoded)}
        held = _held(checkpoint, plan, resume=resume)
        torch.set_num_threads(self.config.threads)
        torch.manual_seed(self.config.seed)
        model = self._model()
        weights = [p for p in model.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(weights, lr=self.config.rate, weight_decay=0.0)
        losses: list[float] = []
        if held:
            state = torch.load(checkpoint / _STATE, weights_only=True)
            for weight, kept in zip(weights, state["weights"], strict=True):
                weight.data.copy_(kept)
            optimizer.load_state_dict(state["optimizer"])
            losses = list(state["losses"])
        end = self.config.last
        for step in range(len(losses), end):
            if progress is not None:
                progress("train", step, end)
            for group in optimizer.param_groups:
                group["lr"] = self._rate(step)
            losses.append(self._step(model, optimizer, weights, [encoded[i] for i in self._drawn(step, len(encoded))]))
            if not math.isfinite(losses[-1]):
                raise InvalidInput(f"The loss is {losses[-1]} at step {step + 1}.", remedy="Lower the rate.", param="rate")
            if told is not None:
                told(step + 1, losses[-1])
            if (step + 1) % self.config.save_every == 0 and step + 1 < end:
                _save(checkpoint, plan, weights, optimizer, losses)
        if progress is not None:
            progress("train", end, end)
        self._write(model, folder)
        shutil.rmtree(checkpoint, ignore_errors=True)
        return Trained(folder, tuple(losses))

    def _model(self) -> Any:
        try:
            import peft
            from transformers import AutoModelForCausalLM
        except ModuleNotFoundError as error:
            raise MissingExtra(error.name or "peft", "train") from error
        torch = _torch()
        options: dict[str, Any] = {"dtype": torch.float32 if self.config.bits == 32 else torch.bfloat16}
        if self.config.bits == 4:
            options = {**options, "quantization_config": _four_bits(torch), "device_map": {"": self.config.device}}
        model = AutoModelForCausalLM.from_pretrained(self._base, attn_implementation="sdpa", **options)
        if self.config.bits == 4:
            model = peft.prepare_model_for_kbit_training(model)
        else:
            model.to(self.config.device)
        layers = int(model.config.num_hidden_layers)
        top = self.config.top_layers
        if top > layers:
            raise ConfigurationError(f"top_layers is {top}, and the base has {layers}.", remedy="Adapt fewer, or 0 for all.")
        chosen = {"layers_to_transform": list(range(layers - top, layers))} if top else {}
        said = peft.LoraConfig(
            r=self.config.rank, lora_alpha=self.config.alpha, target_modules=_MODULES, task_type="CAUSAL_LM", **chosen
        )
        with warnings.catch_warnings():
            # PEFT asks transformers by a name that is on its way out.
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
            return peft.get_peft_model(model, said)

    def _step(self, model: Any, optimizer: Any, weights: Sequence[Any], drawn: Sequence[Encoded]) -> float:
        total = 0.0
        for start in range(0, len(drawn), self.config.group):
            part = drawn[start : start + self.config.group]
            loss = _loss(model, part, self.config.device) * (len(part) / len(drawn))
            loss.backward()
            total += loss.item()
        _torch().nn.utils.clip_grad_norm_(weights, self.config.clip)
        optimizer.step()
        optimizer.zero_grad()
        return total

    def _drawn(self, step: int, n: int) -> list[int]:
        """Return which examples a step reads: the next of an endless row of shuffled epochs."""
        places = range(step * self.config.batch, (step + 1) * self.config.batch)
        orders = {epoch: np.random.default_rng((self.config.seed, epoch)).permutation(n) for epoch in {p // n for p in places}}
        return [int(orders[place // n][place % n]) for place in places]

    def _rate(self, step: int) -> float:
        rising = min(1.0, (step + 1) / max(self.config.warmup, 1))
        return self.config.rate * rising * (1.0 - step / self.config.steps)

    def _write(self, model: Any, folder: Path) -> None:
        torch = _torch()
        for _, weight in model.named_parameters():
            if weight.requires_grad:
                weight.data = weight.data.to(torch.float16)
        model.save_pretrained(folder, safe_serialization=True)
        said = json.loads((folder / "adapter_config.json").read_text("utf-8"))
        said["base_model_name_or_path"] = self._base.name  # a path of this machine means nothing on another
        said["target_modules"] = sorted(said["target_modules"])  # PEFT holds a set: its order is chance
        (folder / "adapter_config.json").write_text(json.dumps(said, indent=2, sort_keys=True), encoding="utf-8")
        (folder / "README.md").unlink(missing_ok=True)


def _loss(model: Any, part: Sequence[Encoded], device: str) -> Any:
    """Return the mean loss of some examples, nats: cross entropy of the completion, or listwise of the marks' log probabilities."""
    torch = _torch()
    width = max(len(one.ids) for one in part)
    ids = torch.zeros(len(part), width, dtype=torch.long)  # padded on the right: causal attention never looks there
    for row, one in enumerate(part):
        ids[row, : len(one.ids)] = torch.tensor(one.ids)
    inner = model.base_model.model
    hidden = inner.model(input_ids=ids.to(device)).last_hidden_state  # [batch, width, hidden]
    total = torch.zeros((), device=device)
    for row, one in enumerate(part):
        # The token at a place is predicted from the place before it; only these places go through the wide output layer.
        at = torch.tensor([place - 1 for place in one.places], device=device)
        logits = inner.lm_head(hidden[row, at]).float()  # [places, vocabulary]
        wanted = torch.tensor([one.ids[place] for place in one.places], device=device)
        log_p = torch.log_softmax(logits, dim=-1).gather(1, wanted[:, None])[:, 0]  # [places]
        if one.gains is None:
            total = total - log_p.mean()
        else:
            gains = torch.tensor(one.gains, device=device)
            total = total - (gains / gains.sum() * torch.log_softmax(log_p, dim=0)).sum()
    return total / len(part)


def _save(checkpoint: Path, plan: dict[str, Any], weights: Sequence[Any], optimizer: Any, losses: Sequence[float]) -> None:
    checkpoint.mkdir(parents=True, exist_ok=True)
    (checkpoint / _PLAN).write_text(json.dumps(plan, sort_keys=True), encoding="utf-8")
    part = checkpoint / f"{_STATE}.part"
    state = {"weights": [w.detach().cpu() for w in weights], "optimizer": optimizer.state_dict(), "losses": list(losses)}
    _torch().save(state, part)
    part.replace(checkpoint / _STATE)


def _held(checkpoint: Path, plan: dict[str, Any], *, resume: bool) -> bool:
    """Return whether there is a checkpoint to go on from."""
    if not (checkpoint / _STATE).is_file():
        return False
    if not resume:
        raise InvalidInput(
            f"{checkpoint} holds a run that was not finished.", remedy="Go on with --resume, or delete it.", param="resume"
        )
    try:
        found = json.loads((checkpoint / _PLAN).read_text("utf-8"))
    except (OSError, ValueError):
        found = None
    if found != json.loads(json.dumps(plan)):
        raise ConfigurationError(
            f"{checkpoint} is of another run: other examples, base or configuration.", remedy="Set it as it was, or delete it."
        )
    return True


def _digest(encoded: Sequence[Encoded]) -> str:
    import hashlib

    digest = hashlib.sha256()
    for one in encoded:
        digest.update(repr((one.ids, one.places, one.gains)).encode())
    return digest.hexdigest()


def _tokenizer(base: Path) -> Any:
    path = base / "tokenizer.json"
    if not path.is_file():
        raise MissingWeights(f"The base model {base} holds no tokenizer.json.", remedy="Give a folder in Hugging Face format.")
    try:
        from tokenizers import Tokenizer
    except ModuleNotFoundError as error:
        raise MissingExtra("tokenizers", "train") from error
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    return tokenizer


def _four_bits(torch: Any) -> Any:
    from importlib.util import find_spec

    if find_spec("bitsandbytes") is None:
        raise MissingExtra("bitsandbytes", "qlora")
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=torch.bfloat16
    )


def _torch() -> Any:
    try:
        import torch
    except ModuleNotFoundError as error:
        raise MissingExtra("torch", "train") from error
    return torch
