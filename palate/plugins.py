"""Plug-in hooks. A package offers plug-ins by an entry point in the group ``palate``; the built-in ones register the same way."""

from __future__ import annotations

from functools import cache
from typing import Any

import pluggy

__all__ = ["GROUP", "hookimpl", "hookspec", "load_plugins"]

GROUP = "palate"

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


class _Specs:
    """What a plug-in may offer. Every hook may return an empty list."""

    @hookspec
    def palate_platform_adapters(self) -> list[Any]:
        """Return platform adapters (see :class:`adapters.PlatformAdapter`)."""
        raise NotImplementedError

    @hookspec
    def palate_candidate_sources(self, context: Any) -> list[Any]:
        """Return candidate sources (see :class:`retrieval.CandidateSource`) made from a :class:`retrieval.SourceContext`."""
        raise NotImplementedError

    @hookspec
    def palate_embedders(self, settings: Any) -> list[Any]:
        """Return embedders (see :mod:`retrieval.embedders`); one made for the same space replaces an earlier one."""
        raise NotImplementedError


@cache
def load_plugins() -> pluggy.PluginManager:
    """Return the manager with all installed plug-ins loaded, each entry point once."""
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(_Specs)
    manager.load_setuptools_entrypoints(GROUP)
    manager.check_pending()
    return manager
