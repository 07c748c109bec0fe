"""The CTranslate2 engine: plain blocking calls, for one thread at a time. Forward passes release the GIL."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from agent.llm.pace import Pace
from agent.llm.pieces import TextPieces
from palate.errors import MissingExtra, ServiceDown
from palate.prompting import GenerateConfig

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["Ct2Engine", "batches"]

Tokens = list[str]
OnPiece = Callable[[int, str], None]


class Ct2Engine:
    """A loaded generator with its tokenizer.

    Args:
        folder: A CTranslate2 model.
        tokenizer: Its tokenizer.
        end: Tokens that end a completion.
        pace: Told how long each pass took.

    Raises:
        MissingExtra: ``ctranslate2`` is not installed.
        RuntimeError: The model cannot be read.

    """

    def __init__(
        self, folder: Path, tokenizer: Tokenizer, end: Sequence[str], *, compute_type: str, threads: int, pace: Pace
    ) -> None:
        try:
            import ctranslate2
        except ModuleNotFoundError as error:
            raise MissingExtra("ctranslate2", "llm") from error
        self.version: str = ctranslate2.__version__
        self._folder, self._compute_type, self._threads = folder, compute_type, threads
        self._tokenizer, self._end, self._pace = tokenizer, list(end), pace
        start = time.perf_counter()
        self._generator = self._new()
        self.load_seconds = time.perf_counter() - start

    def logits(self, tokens: Tokens) -> NDArray[np.float32]:
        """Return the logits of the token that follows, float32 [vocabulary], from one prefill."""
        start = time.perf_counter()
        # A minimum length keeps the logits from being lost where the model would end at once.
        results = _guarded(
            self._generator.generate_batch,
            [tokens],
            max_length=1,
            min_length=1,
            sampling_topk=1,
            return_logits_vocab=True,
            include_prompt_in_result=False,
        )
        self._pace.learn("prefill", len(tokens), time.perf_counter() - start)
        return np.asarray(results[0].logits[0][0], dtype=np.float32).reshape(-1)

    def log_probs(self, texts: Sequence[Tokens]) -> list[NDArray[np.float32]]:
        """Return the log probability of each token but the first, given those before it, float32 [tokens - 1] for each text."""
        start = time.perf_counter()
        results = _guarded(self._generator.score_batch, list(texts))
        self._pace.learn("prefill", sum(map(len, texts)), time.perf_counter() - start)
        return [np.asarray(result.log_probs, dtype=np.float32) for result in results]

    def all_logits(self, tokens: Tokens) -> NDArray[np.float32]:
        """Return the logits of the token that follows each of ``tokens``, float32 [len(tokens), vocabulary]: for measurements."""
        logits: NDArray[np.float32] = np.asarray(_guarded(self._generator.forward_batch, [tokens]), dtype=np.float32)[0]
        return logits

    def complete(
        self, prompts: Sequence[Tokens], config: GenerateConfig, enough: Callable[[], bool], on_piece: OnPiece | None = None
    ) -> list[str]:
        """Return completions of prompts in one batch; it ends early where ``enough`` says so.

        Greedy unless ``config.temperature`` is above 0: then a new generator is made, as a seed has effect only on one that is new.
        ``on_piece`` gets (prompt number, text) as text is written.
        """
        generator = self._generator
        sampling: dict[str, float] = {"sampling_topk": 1}
        if config.temperature > 0.0:
            import ctranslate2

            ctranslate2.set_random_seed(config.seed)
            generator, sampling = self._new(), {"sampling_topk": 0, "sampling_temperature": config.temperature}
        # The engine's own thread may be the last to hold ``step``: it must not hold the generator, which that thread cannot end.
        decode, end = self._tokenizer.decode, self._end
        pieces = [TextPieces(decode, config.stop) for _ in prompts]
        texts = ["" for _ in prompts]
        clock = _Clock(self._pace, len(prompts[0])) if len(prompts) == 1 else None

        def give(number: int, text: str) -> None:
            if text:
                texts[number] += text
                if on_piece is not None:
                    on_piece(number, text)

        def step(result: Any) -> bool:
            if clock is not None:
                clock.tick()
            if result.token not in end:
                give(result.batch_id, pieces[result.batch_id].push(result.token_id))
            return pieces[result.batch_id].done or enough()

        _guarded(
            generator.generate_batch,
            list(prompts),
            max_length=config.max_tokens,
            end_token=end,
            include_prompt_in_result=False,
            callback=step,
            **sampling,
        )
        for number, piece in enumerate(pieces):
            give(number, piece.flush())
        return texts

    def _new(self) -> Any:
        import ctranslate2

        return ctranslate2.Generator(
            str(self._folder), device="cpu", compute_type=self._compute_type, intra_threads=self._threads, inter_threads=1
        )


class _Clock:
    """Tells the pace when tokens of one completion came: the first ends the prefill."""

    def __init__(self, pace: Pace, prefill: int) -> None:
        self._pace, self._prefill = pace, prefill
        self._last = time.perf_counter()

    def tick(self) -> None:
        now = time.perf_counter()
        if self._prefill:
            self._pace.learn("prefill", self._prefill, now - self._last)
            self._prefill = 0
        else:
            self._pace.learn("decode", 1, now - self._last)
        self._last = now


def _guarded(call: Callable[..., Any], *args: Any, **options: Any) -> Any:
    try:
        return call(*args, **options)
    except (RuntimeError, ValueError) as error:
        raise ServiceDown(f"The embedded LLM failed: {error}.", remedy="See 'palate doctor'.") from error


def batches(lengths: Sequence[int], max_tokens: int) -> list[list[int]]:
    """Return batches of prompt numbers: those whose lengths differ by less than half of what is to be written.

    The engine reads a batch at once only up to its shortest prompt, and the rest token by token; so a batch pays while
    what is saved in writing is more than that.
    """
    groups: list[list[int]] = []
    for i in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        if groups and lengths[i] - lengths[groups[-1][0]] <= max_tokens // 2:
            groups[-1].append(i)
        else:
            groups.append([i])
    return groups
