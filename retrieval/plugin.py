"""Offers the built-in candidate sources and embedders, as any plug-in would."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from palate.errors import ConfigurationError
from palate.plugins import hookimpl
from palate.settings import Settings
from retrieval.base import CandidateSource, Catalog, TextEmbedder, VectorIndex
from retrieval.titles import TitleLikelihoods

__all__ = ["SourceContext", "palate_candidate_sources"]


@dataclass(frozen=True)
class SourceContext:
    """What candidate sources may be made from. ``text_embedders`` are by space; ``titles`` is what the LLM said of titles."""

    catalog: Catalog
    index: VectorIndex
    text_embedders: Mapping[str, TextEmbedder] = field(default_factory=dict)
    settings: Settings | None = None
    titles: TitleLikelihoods | None = None


@hookimpl
def palate_candidate_sources(context: SourceContext) -> list[Any]:
    """Return the built-in sources that the settings name, in that order.

    Raises:
        ConfigurationError: A name that no built-in source has, or one that is given twice.

    """
    from retrieval import sources as built_in

    chosen = context.settings.sources if context.settings else Settings.model_fields["sources"].default

    # One for both: fitted together, they share the vectors that are held in memory and those of queries.
    content = built_in.ContentSource(context.index, context.text_embedders)
    made: dict[str, Callable[[], CandidateSource]] = {
        "als": built_in.AlsSource,
        "attributes": built_in.AttributesSource,
        "bpr": built_in.BprSource,
        "cold": lambda: built_in.ColdSource(content, context.titles),
        "content": lambda: content,
        "ease": built_in.EaseSource,
        "fresh": built_in.FreshSource,
        "itemknn": built_in.ItemKnnSource,
        "lexical": built_in.LexicalSource,
        "ncf": built_in.NcfSource,
        "pop": built_in.PopSource,
        "sasrec": built_in.SasrecSource,
        "transitions": built_in.TransitionsSource,
        "userknn": built_in.UserKnnSource,
    }
    unknown = [name for name in chosen if name not in made]
    if unknown or not chosen or len(set(chosen)) != len(chosen):
        wrong = f"{unknown[0]!r} is not known." if unknown else "a name is there twice." if chosen else "no source is named."
        raise ConfigurationError(
            f"PALATE_SOURCES is {','.join(chosen)!r}: {wrong}",
            remedy=f"Known names: {', '.join(sorted(made))}.",
        )
    return [made[name]() for name in chosen]
