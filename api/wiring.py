"""The parts list: which part is made of which."""

from __future__ import annotations

import logging
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Engine

import retrieval
from adapters import HistoryStore, load_platform_adapters
from agent.decisions import DecisionStore
from agent.explainer import Explainer, ExplainerConfig
from agent.llm.base import LLM
from agent.rank_order import RankOrder
from agent.recommender import Recommender
from agent.reranker import Reranker, RerankerConfig
from agent.titles import TitleReader
from api.lazy import LazyEmbedder
from api.media.service import MediaLibrary, MediaSource
from api.owner import HomeLock
from api.runtime import DEMO_MARKER, Palate, PalateParts
from api.tuned import TaskLLMs, promoted_adapters
from api.vocabulary import Vocabulary
from palate.plugins import load_plugins
from palate.settings import Settings
from palate.sql import open_sqlite, opening
from retrieval import CandidateSource, ChromaIndex, Indexer, Retriever, RetrieverConfig, SourceContext, SqlCatalog
from retrieval.sources import ColdSource

__all__ = ["Palate", "base_llm", "build", "embedders", "index_folder"]

_logger = logging.getLogger(__name__)


def index_folder(settings: Settings) -> Path:
    """Return the folder of the embedded vector index."""
    return settings.home / "index"


def build(
    settings: Settings, *, llm: LLM | None = None, models: Sequence[LazyEmbedder] | None = None, fresh_index: bool = False
) -> Palate:
    """Return all parts, put together; nothing heavy is loaded before :meth:`Palate.open`.

    Args:
        settings: What was set.
        llm: Used instead of the one that the settings name.
        models: Used instead of :func:`embedders`; by their space, ``image`` and ``audio`` are for these, the others for text.
        fresh_index: Throw the vector index away first, as where it is damaged.

    Raises:
        Busy: Another process owns the data folder.
        IndexUnusable: The vector index is damaged.
        Unavailable: A store is damaged or from a newer version.

    """
    with ExitStack() as on_failure:
        lock = HomeLock(settings.home)
        lock.acquire()
        on_failure.callback(lock.release)

        settings.media.mkdir(parents=True, exist_ok=True)
        engines = _engines(settings)
        catalog, history, decisions = SqlCatalog(engines[0]), HistoryStore(engines[1]), DecisionStore(engines[2])
        vocabulary, media_source = Vocabulary(), _media_source(settings)
        media = MediaLibrary(settings.media, catalog.table, media_source)

        models = embedders(settings) if models is None else models
        # A protocol's plain attribute is settable to a type checker; these are read only.
        by_space = cast("dict[str, Any]", {model.space: model for model in models})
        image, audio = by_space.pop("image", None), by_space.pop("audio", None)
        index = ChromaIndex.recreate(index_folder(settings)) if fresh_index else ChromaIndex(index_folder(settings))
        on_failure.callback(index.close)
        indexer = Indexer(catalog, index, list(by_space.values()), image, audio, settings.media, media_source=media_source)

        tuned = promoted_adapters(settings)
        model = llm if llm is not None else base_llm(settings, {task: adapter.folder for task, adapter in tuned.items()})
        llms = TaskLLMs(settings, model, tuned if llm is None else {})
        ranking = RerankerConfig(weight=llms.rank_weight(), candidates=settings.rerank_candidates, prompt=llms.rank_prompt())
        order = llms.rank_order()
        reader = _reader(settings, model)
        sources = _sources(SourceContext(catalog, index, by_space, settings, None if reader is None else reader.titles))
        retriever = Retriever(catalog, sources, _wide(ranking, order))
        reranker, explainer = Reranker(llms.of("rank"), ranking, order), _explainer(settings, llms, vocabulary)
        recommender = Recommender(history, catalog, retriever, reranker, explainer, decisions)

        palate = Palate(
            PalateParts(
                settings=settings,
                lock=lock,
                engines=engines,
                catalog=catalog,
                history=history,
                adapters=load_platform_adapters(),
                vocabulary=vocabulary,
                media=media,
                index=index,
                embedders=models,
                indexer=indexer,
                retriever=retriever,
                llm=model,
                tuned=llms.own,
                reader=reader,
                recommender=recommender,
                chat=_chat(settings, recommender, vocabulary, model, llms.tuned("understand")),
                closers=(*llms.closers, indexer.close, index.close),
            )
        )
        on_failure.pop_all()
        return palate


def _reader(settings: Settings, llm: LLM | None) -> TitleReader | None:
    """Return what lets the LLM read titles, where something uses what it says of them."""
    if llm is None or not settings.read_titles or ColdSource.name not in settings.sources:
        return None
    return TitleReader(llm, settings.models, settings.read_titles)


def _sources(context: SourceContext) -> list[CandidateSource]:
    """Return the candidate sources that plug-ins offer, the built-in ones among them."""
    return [source for offered in load_plugins().hook.palate_candidate_sources(context=context) for source in offered]


def _engines(settings: Settings) -> list[Engine]:
    """Return the databases of catalog, history, decisions and conversations."""
    engines = [open_sqlite(settings.home / f"{name}.db") for name in ("catalog", "history")]
    # A record is written within the deadline of its request; the last ones may go with the power, but not with the process.
    engines += [open_sqlite(settings.home / f"{name}.db", survives_power_loss=False) for name in ("decisions", "conversations")]
    with opening(engines[3], "conversations"), engines[3].connect() as connection:  # the checkpointer would fail in mid-chat
        connection.exec_driver_sql("SELECT count(*) FROM sqlite_master")
    return engines


def _media_source(settings: Settings) -> MediaSource | None:
    if not settings.demo and not (settings.home / DEMO_MARKER).exists():
        return None
    from api.demo.world import MediaCache

    return MediaCache(settings.media).get


def embedders(settings: Settings) -> list[LazyEmbedder]:
    """Return the embedders: English text, mixed text, pictures, sound. They load their weights on first use."""

    def bounded(load: Callable[[], Any]) -> Callable[[], Any]:
        def loaded() -> Any:
            import torch

            torch.set_num_threads(settings.llm_threads)
            return load()

        return loaded

    def pictures() -> Any:
        return retrieval.OpenClipEmbedder(settings.clip_model) if settings.clip_model else retrieval.EfficientNetEmbedder()

    return [
        LazyEmbedder("text-en", bounded(lambda: retrieval.MiniLmEmbedder(settings.text_model))),
        LazyEmbedder("text-mixed", lambda: retrieval.E5Embedder()),  # noqa: PLW0108 - looked up on first use: it is slow to import
        LazyEmbedder("image", bounded(pictures)),
        LazyEmbedder("audio", bounded(lambda: retrieval.MusicnnEmbedder())),  # noqa: PLW0108
    ]


def base_llm(settings: Settings, promoted: Mapping[str, Path]) -> LLM | None:
    """Return the LLM that is configured, without LoRA adapters but for those that a vLLM server is to hold, by task."""
    if settings.llm == "none":
        return None
    if settings.llm == "vllm":
        from agent.llm.vllm import VllmLLM

        secret = settings.vllm_cache_secret.encode() if settings.vllm_cache_secret else secrets.token_bytes(32)
        vllm = VllmLLM(
            settings.vllm_url,
            settings.vllm_model,
            api_key=settings.vllm_api_key,
            cache_secret=secret,
            room=settings.lora,
        )
        vllm.adapters.want({**promoted, **settings.vllm_adapters})
        return vllm
    from agent.llm.embedded import EmbeddedLLM

    return EmbeddedLLM(settings.llm_path, settings.models, settings.llm_threads)


def _chat(
    settings: Settings, recommender: Recommender, vocabulary: Vocabulary, llm: LLM | None, reads: LLM | None
) -> Callable[[], Any]:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Any]:
        from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

        from agent.dialogue.graph import ChatAgent

        async with AsyncSqliteSaver.from_conn_string(str(settings.home / "conversations.db")) as saver:
            yield ChatAgent(recommender, vocabulary, llm, reads=reads, checkpointer=saver)

    return opened


def _wide(ranking: RerankerConfig, order: RankOrder | None) -> RetrieverConfig:
    """Return how many candidates are found: those that the LLM sees, for requests in words as many as a learned order reads."""
    return RetrieverConfig(n_candidates=ranking.candidates, n_worded=None if order is None else ranking.ordered)


def _explainer(settings: Settings, llms: TaskLLMs, vocabulary: Vocabulary) -> Explainer:
    return Explainer(
        llms.of("explain"), vocabulary, ExplainerConfig(max_tokens=settings.reason_tokens, answer=settings.reason_format)
    )
