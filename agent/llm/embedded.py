"""A small LLM in this process: CTranslate2, int8 weights."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from langchain_core.messages import BaseMessage
from numpy.typing import NDArray
from pydantic import Field

from agent.llm.base import Constraint, refuse_constraints
from agent.llm.chat import ChatTemplate
from agent.llm.conversion import ConvertedModel, convert
from agent.llm.ct2 import Ct2Engine, batches
from agent.llm.gguf import packaged_gguf
from agent.llm.pace import Pace, PaceConfig, check
from agent.llm.spots import check_prefix, log_softmax, spot_places
from palate.deadline import Deadline
from palate.domain import Value
from palate.errors import DeadlineExceeded, InvalidInput, MissingExtra, MissingWeights, ServiceDown
from palate.prompting import GenerateConfig, LabelledPrompt

__all__ = ["EmbeddedConfig", "EmbeddedLLM"]

T = TypeVar("T")


class EmbeddedConfig(Value):
    """How the model runs. ``max_context`` caps prompt and completion, in tokens, below what the model was made for.

    ``load_seconds`` is how long loading is taken to last by a request that arrives before it is done.
    """

    compute_type: str = "int8"
    max_context: int = Field(default=8192, ge=64)
    load_seconds: float = Field(default=2.0, ge=0.0)
    pace: PaceConfig = PaceConfig()


class EmbeddedLLM:
    """An LLM in this process. Passes ``palate.testing.LLMContract``.

    One worker thread owns the engine; calls queue before it. A pass is started only when the time that it is predicted to
    take, after what waits before it, fits the deadline. The model is converted at first use and kept in ``cache``.
    CTranslate2 cannot mask tokens by a grammar: it holds text to no constraint.

    Args:
        model_path: A GGUF file or a folder in Hugging Face format; ``None`` for the packaged SmolLM2-135M-Instruct.
        cache: Folder of converted models.
        threads: CPU threads of a pass.
        name: Name for records; by default that of the model.
        lora: Folder of a PEFT LoRA adapter to merge into the weights.
        config: The rest.

    """

    engine = "ctranslate2"
    enforces: frozenset[Constraint] = frozenset()

    def __init__(
        self,
        model_path: Path | None,
        cache: Path,
        threads: int = 2,
        name: str | None = None,
        *,
        lora: Path | None = None,
        config: EmbeddedConfig | None = None,
    ) -> None:
        self.config = config or EmbeddedConfig()
        self.name = name or ("smollm2-135m-instruct" if model_path is None else model_path.stem)
        self._path, self._lora, self._cache, self._threads = model_path, lora, cache, threads
        self._pace = Pace(self.config.pace)
        self._lock = threading.RLock()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="palate-llm")
        self._loading: Future[None] | None = None
        self._model: ConvertedModel | None = None
        self._tokenizer: Any = None
        self._chat: ChatTemplate | None = None
        self._engine: Ct2Engine | None = None
        self._labels: dict[str, int] = {}
        self._closed = False

    def open(self) -> None:
        """Convert the model if need be, load it and time it; blocks until that is done. Other calls do this at need.

        Raises:
            MissingExtra: A package is not installed.
            MissingWeights: The model is not there or is damaged.
            InvalidInput: The model is of a kind that cannot be converted.
            ServiceDown: It was closed.

        """
        self._load().result()

    @property
    def loaded(self) -> Ct2Engine:
        """Return the engine itself, for benchmarks: no queue, no deadline. Raises :class:`ServiceDown` unless it is open."""
        if self._engine is None:
            raise ServiceDown(f"The LLM {self.name!r} is not open.", remedy="Open it.")
        return self._engine

    @property
    def end(self) -> str:
        """The special token that ends a turn: the model's own."""
        return self._template().end

    def render(self, messages: Sequence[BaseMessage]) -> str:
        """Return the conversation in the model's chat template, ending where the assistant begins to speak."""
        return self._template().render(messages)

    def count_tokens(self, text: str) -> int:
        """Return how many tokens ``text`` has, exactly."""
        return len(self._encode(text).ids)

    def label_token(self, label: str) -> int:
        """Return the id of the one token that ``label`` is.

        Raises:
            InvalidInput: It is none, or several.

        """
        if label not in self._labels:
            ids = self._encode(label).ids
            if len(ids) != 1:
                raise InvalidInput(
                    f"The label {label!r} is {len(ids)} tokens for {self.name!r}.",
                    remedy="Use a label that is one token, as ' A' or 'A'.",
                    param="labels",
                )
            self._labels[label] = ids[0]
        return self._labels[label]

    async def score_labels(self, prompt: LabelledPrompt, deadline: Deadline) -> NDArray[np.float32]:
        """Return log probabilities over the labels or spots, float32 [len(item_ids)], from one prefill.

        Raises:
            DeadlineExceeded: The pass is predicted to end too late.
            InvalidInput: The prompt is empty or over the context, a label is not one token, or no token begins at a spot.
            ServiceDown: The engine failed.

        """
        check(0.0, deadline)
        tokens = self._fitting(prompt.text, 0)
        if prompt.spots:
            places = np.array(spot_places(prompt.text, self._encode(prompt.text).offsets, prompt.spots)) - 1

            def marks(engine: Ct2Engine) -> NDArray[np.float32]:
                return log_softmax(engine.log_probs([tokens])[0][places])

            return await asyncio.wrap_future(self._submit(self._pace.predict(len(tokens)), deadline, marks))
        labels = [self.label_token(label) for label in prompt.labels]
        if not labels or len(set(labels)) < len(labels):
            raise InvalidInput(
                f"The labels {prompt.labels!r} are not distinct tokens.", remedy="Give each its own.", param="labels"
            )

        def work(engine: Ct2Engine) -> NDArray[np.float32]:
            return log_softmax(engine.logits(tokens)[labels])

        return await asyncio.wrap_future(self._submit(self._pace.predict(len(tokens)), deadline, work))

    async def log_likelihoods(self, prefix: str, texts: Sequence[str], deadline: Deadline) -> NDArray[np.float32]:
        """Return the log probability of each text after ``prefix``, nats, float32 [len(texts)], all in one batch.

        Raises:
            DeadlineExceeded: The pass is predicted to end too late.
            InvalidInput: A text or the prefix is empty, they are over the context, or a token would span both.
            ServiceDown: The engine failed.

        """
        check(0.0, deadline)
        if not texts:
            return np.zeros(0, dtype=np.float32)
        head = self._fitting(prefix, 1)
        whole = [self._fitting(prefix + text, 0) for text in texts]
        for text, tokens in zip(texts, whole, strict=True):
            check_prefix(head, tokens, text)

        def work(engine: Ct2Engine) -> NDArray[np.float32]:
            found = engine.log_probs(whole)
            return np.array([one[len(head) - 1 :].sum(dtype=np.float64) for one in found], dtype=np.float32)

        return await asyncio.wrap_future(self._submit(self._pace.predict(sum(map(len, whole))), deadline, work))

    async def generate(self, prompts: Sequence[str], config: GenerateConfig, deadline: Deadline) -> list[str]:
        """Return a completion for each prompt, in order; prompts of about one length run as one batch.

        Where the deadline comes first, completions are cut short, those not begun are empty. The same call gives the same
        texts; a prompt in another batch may get another word where two are about as likely.

        Raises:
            DeadlineExceeded: Not even the first token is predicted to come in time.
            InvalidInput: A prompt is empty, or does not fit the context together with ``config.max_tokens``; choices or a JSON
                schema are asked for.
            ServiceDown: The engine failed.

        """
        refuse_constraints(self, config)
        if not prompts:
            return []
        check(0.0, deadline)
        tokens = [self._fitting(prompt, config.max_tokens) for prompt in prompts]
        texts = ["" for _ in prompts]
        stop = threading.Event()
        for number, group in enumerate(batches([len(t) for t in tokens], config.max_tokens)):

            def work(engine: Ct2Engine, group: Sequence[int] = group) -> list[str]:
                return engine.complete([tokens[i] for i in group], config, lambda: stop.is_set() or deadline.expired)

            try:
                seconds = self._seconds([len(tokens[i]) for i in group], config)
                done = await asyncio.wrap_future(self._submit(seconds, deadline, work))
            except DeadlineExceeded:
                if number == 0:
                    raise
                break
            except asyncio.CancelledError:
                stop.set()
                raise
            for i, text in zip(group, done, strict=True):
                texts[i] = text
        return texts

    async def stream(self, prompt: str, config: GenerateConfig, deadline: Deadline) -> AsyncIterator[str]:
        """Yield a completion in pieces; closing the iterator, and the deadline, stop the engine at the next token.

        Raises:
            DeadlineExceeded: Not even the first token is predicted to come in time.
            InvalidInput: The prompt is empty, or does not fit the context together with ``config.max_tokens``; choices or a JSON
                schema are asked for.
            ServiceDown: The engine failed.

        """
        refuse_constraints(self, config)
        check(0.0, deadline)
        tokens = self._fitting(prompt, config.max_tokens)
        loop, stop = asyncio.get_running_loop(), threading.Event()
        queue: asyncio.Queue[str | None] = asyncio.Queue()

        def put(piece: str | None) -> None:
            try:
                loop.call_soon_threadsafe(queue.put_nowait, piece)
            except RuntimeError:  # the loop is closed: nobody listens
                stop.set()

        def work(engine: Ct2Engine) -> list[str]:
            return engine.complete([tokens], config, lambda: stop.is_set() or deadline.expired, lambda _, piece: put(piece))

        future = self._submit(self._seconds([len(tokens)], config), deadline, work)
        future.add_done_callback(lambda _: put(None))
        try:
            while (piece := await queue.get()) is not None:
                yield piece
            await asyncio.wrap_future(future)
        finally:
            stop.set()
            future.cancel()

    async def check(self) -> dict[str, Any]:
        """Return the facts: model, engine, version, compute type, cache, licence, pace; loads the model."""
        await asyncio.to_thread(self.open)
        model, engine = self._prepare(), self.loaded
        return {
            "model": self.name,
            "engine": self.engine,
            "version": engine.version,
            "compute_type": self.config.compute_type,
            "threads": self._threads,
            "context": self._context(model),
            "cache": str(model.folder),
            "license": model.license,
            "load_seconds": round(engine.load_seconds, 3),
            **self._pace.facts(),
        }

    async def close(self) -> None:
        """Let the running pass end, drop those that wait, release the model; safe to call twice."""
        self._closed = True
        await asyncio.to_thread(self._worker.shutdown, wait=True, cancel_futures=True)
        self._engine = None

    def _prepare(self) -> ConvertedModel:
        """Convert and read the tokenizer, once, in whichever thread comes first."""
        with self._lock:
            if self._model is None:
                try:
                    from tokenizers import Tokenizer
                except ModuleNotFoundError as error:
                    raise MissingExtra("tokenizers", "llm") from error
                model = self._convert()
                self._tokenizer = Tokenizer.from_file(str(model.folder / "tokenizer.json"))
                self._tokenizer.no_truncation()
                self._chat = ChatTemplate(model.template, bos=model.bos, eos=model.end[0] if model.end else "")
                self._model = model
            return self._model

    def _template(self) -> ChatTemplate:
        self._prepare()
        assert self._chat is not None  # noqa: S101 - it is made where the model is prepared
        return self._chat

    def _convert(self) -> ConvertedModel:
        source = self._path or packaged_gguf()
        return convert(source, self._cache, self.name, compute_type=self.config.compute_type, lora=self._lora)

    def _load(self) -> Future[None]:
        with self._lock:
            failed = self._loading is not None and self._loading.done() and self._loading.exception() is not None
            if self._loading is None or failed:
                self._loading = self._put(self._load_now)
            return self._loading

    def _load_now(self) -> None:
        model = self._prepare()
        try:
            engine = self._new_engine(model)
        except RuntimeError:
            # The sizes are right and the contents are not: make it anew, once.
            shutil.rmtree(model.folder, ignore_errors=True)
            model = self._convert()
            try:
                engine = self._new_engine(model)
            except RuntimeError as error:
                raise MissingWeights(
                    f"The model {model.folder} cannot be loaded: {error}.", remedy="Give another model."
                ) from error
        warm = self._encode("One taste, every screen: films, music and books. " * 12).tokens
        for _ in range(2):  # the first pass also allocates
            engine.logits(warm[: self.config.max_context - 8])
        engine.complete([warm[:16]], GenerateConfig(max_tokens=4), lambda: False)
        self._engine = engine

    def _new_engine(self, model: ConvertedModel) -> Ct2Engine:
        kind, threads = self.config.compute_type, self._threads
        return Ct2Engine(model.folder, self._tokenizer, model.end, compute_type=kind, threads=threads, pace=self._pace)

    def _encode(self, text: str) -> Any:
        self._prepare()
        return self._tokenizer.encode(text, add_special_tokens=False)

    def _context(self, model: ConvertedModel) -> int:
        return min(model.context, self.config.max_context)

    def _fitting(self, text: str, more: int) -> list[str]:
        tokens: list[str] = self._encode(text).tokens
        room = self._context(self._prepare())
        if not tokens:
            raise InvalidInput("The prompt is empty.", remedy="Give it some text.", param="prompt")
        if len(tokens) + more > room:
            raise InvalidInput(
                f"The prompt has {len(tokens)} tokens and {more} are to follow; {self.name!r} has room for {room}.",
                remedy="Shorten the history or the candidates.",
                param="prompt",
            )
        return tokens

    def _seconds(self, lengths: Sequence[int], config: GenerateConfig) -> float:
        """Return when the first token of a batch will have come: prompts of uneven length are read one by one at their ends."""
        shortest, longest = min(lengths), max(lengths)
        reload = self._engine.load_seconds if config.temperature > 0.0 and self._engine is not None else 0.0
        return reload + self._pace.predict(shortest * len(lengths), longest - shortest + 1)

    def _submit(self, seconds: float, deadline: Deadline, work: Callable[[Ct2Engine], T]) -> Future[T]:
        loading = self._load()
        wait = 0.0 if self._engine is not None or loading.done() else self.config.load_seconds
        check(wait, deadline)
        self._pace.admit(seconds + wait, deadline)

        def run() -> T:
            self._pace.leave(seconds + wait)
            loading.result()
            engine = self.loaded
            check(seconds, deadline)
            with self._pace.run(seconds):
                return work(engine)

        def gone(future: Future[T]) -> None:
            if future.cancelled():
                self._pace.leave(seconds + wait)

        future = self._put(run)
        future.add_done_callback(gone)
        return future

    def _put(self, work: Callable[[], T]) -> Future[T]:
        with contextlib.suppress(RuntimeError):
            if not self._closed:
                return self._worker.submit(work)
        raise ServiceDown(f"The LLM {self.name!r} is closed.", remedy="Open it anew.")
