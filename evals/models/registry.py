"""The rows of the suite by name: which live part each is, and how it is made."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

import retrieval.sources as built_in
from evals.base import Ranker
from evals.models.fusion import FusionRanker
from evals.models.source import Prepare, RetrieverRanker, SourceRanker, titles_query
from evals.models.vectors import MemoryIndex, text_vectors
from palate.domain import Progress, Value
from palate.errors import ConfigurationError, InvalidInput
from palate.settings import Settings
from retrieval.base import CandidateSource, ItemTable, TextEmbedder
from retrieval.learned import LearnedFusionConfig
from retrieval.retriever import RetrieverConfig

__all__ = ["ROWS", "Rows"]

ROWS = ("pop", "itemknn", "userknn", "ease", "als", "ncf", "sasrec", "content", "lexical", "rrf", "fusion")
"""The rows of ``--models all``, in the order of reports. Any other candidate source can be named too."""

_SPACE = "text-en"
_POOL = 500
"""How many items the live rows fuse: as many as a report judges."""


@dataclass
class Rows:
    """Makes rankers by row name.

    Attributes:
        folder: Where the vectors of texts are kept; ``None`` keeps none.
        embedder: Makes the text embedder; unset, the packaged MiniLM.

    """

    folder: Path | None = None
    embedder: Callable[[], TextEmbedder] | None = None

    def known(self) -> tuple[str, ...]:
        """Return every name that can be asked for."""
        return tuple(dict.fromkeys([*ROWS, *source_classes()]))

    def config_of(self, name: str) -> type[Value] | None:
        """Return the configuration class of a row; ``None`` where it has none.

        Raises:
            InvalidInput: No row of that name.

        """
        self._check(name)
        if name == "rrf":
            return RetrieverConfig
        if name == "fusion":
            return LearnedFusionConfig
        found = source_classes().get(name)
        return None if found is None else _config_class(found)

    def make(self, name: str, params: Mapping[str, Any] | None = None) -> Ranker:
        """Return the ranker of a row, with ``params`` over its defaults.

        Raises:
            InvalidInput: No row of that name.
            ConfigurationError: The parameters do not fit its configuration.

        """
        self._check(name)
        if name in {"rrf", "fusion"}:
            return self._live(name, dict(params or {}))
        config = _configured(_config_class(source_classes()[name]), params or {}, name)
        if name in {"content", "cold"}:
            return self._near(name, config)
        if name == "lexical":
            return SourceRanker(name, source_classes()[name], query=titles_query)
        return SourceRanker(name, lambda: _source(name, config))

    def live_sources(self, table: ItemTable, progress: Progress | None = None) -> Sequence[CandidateSource]:
        """Return the sources that are asked by default, unfitted, with vectors of the items' texts; requests may have words."""
        index = MemoryIndex()
        self._embedding(index)(table, progress)
        content = built_in.ContentSource(index, {_SPACE: self._embedder()})
        names = Settings.model_fields["sources"].default
        return [content if name == "content" else _source(name, None) for name in names]

    def _check(self, name: str) -> None:
        if name not in self.known():
            raise InvalidInput(
                f"There is no row {ascii(name)[:60]}.", remedy=f"Known rows: all, {', '.join(self.known())}.", param="models"
            )

    def _near(self, name: str, config: Any) -> Ranker:
        """Return ``content``, or ``cold`` over it, which no LLM has read titles for."""
        index = MemoryIndex()

        def source() -> CandidateSource:
            if name == "cold":
                return built_in.ColdSource(built_in.ContentSource(index, {}), None, config)
            return built_in.ContentSource(index, {}, config)

        return SourceRanker(name, source, prepare=self._embedding(index))

    def _live(self, name: str, params: dict[str, Any]) -> Ranker:
        """Return the live retriever over the sources that are asked by default, for ``fusion`` with the learned order."""
        index = MemoryIndex()

        def sources() -> Sequence[CandidateSource]:
            names = Settings.model_fields["sources"].default
            return [built_in.ContentSource(index, {}) if each == "content" else _source(each, None) for each in names]

        wide = {"n_candidates": 1, "n_evidence": 0, "n_pool": _POOL, "n_per_source": _POOL}
        prepare = self._embedding(index)
        if name == "fusion":
            _configured(LearnedFusionConfig, params, name)
            return FusionRanker(params, sources, RetrieverConfig.model_validate(wide), prepare=prepare)
        config = _configured(RetrieverConfig, {**wide, **params}, name)
        return RetrieverRanker(name, sources, config, prepare=prepare)  # type: ignore[arg-type]

    def _embedding(self, index: MemoryIndex) -> Prepare:
        def prepare(table: ItemTable, progress: Progress | None) -> None:
            embedder = self._embedder()
            index.reset(_SPACE)
            index.open_space(_SPACE, version=embedder.version, dim=embedder.dim)
            vectors = text_vectors(table, embedder, self.folder, progress)
            index.upsert(_SPACE, table.ids, vectors, [item.type for item in table.items])

        return prepare

    def _embedder(self) -> TextEmbedder:
        if self.embedder is None:
            from retrieval.embedders import MiniLmEmbedder

            loaded = MiniLmEmbedder()
            self.embedder = lambda: loaded
        return self.embedder()


def source_classes() -> dict[str, type[CandidateSource]]:
    """Return the built-in candidate sources by name."""
    found: list[type[CandidateSource]] = [getattr(built_in, name) for name in built_in.__all__]
    return {kind.name: kind for kind in found if isinstance(kind, type) and isinstance(vars(kind).get("name"), str)}


def _config_class(kind: type[CandidateSource]) -> type[Value] | None:
    module = inspect.getmodule(kind)
    found = getattr(module, kind.__name__.removesuffix("Source") + "Config", None)
    return found if inspect.isclass(found) and issubclass(found, Value) else None


def _source(name: str, config: Value | None) -> CandidateSource:
    kind: Any = source_classes()[name]
    made: CandidateSource = kind() if config is None else kind(config)
    return made


def _configured(kind: type[Value] | None, params: Mapping[str, Any], name: str) -> Value | None:
    if kind is None:
        if params:
            raise ConfigurationError(f"The row {name!r} takes no parameters: {dict(params)}.", remedy="Leave them out.")
        return None
    try:
        return kind.model_validate(dict(params))
    except ValidationError as error:
        raise ConfigurationError(
            f"{dict(params)} does not configure {name!r}: {error}.", remedy="Correct the parameter."
        ) from error
