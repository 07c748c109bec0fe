"""The platform adapters that come with the product, registered as any plug-in is."""

from __future__ import annotations

from adapters.base import PlatformAdapter
from adapters.platforms import MovieLensAdapter, NetflixAdapter, SpotifyAdapter
from palate.plugins import hookimpl, load_plugins

__all__ = ["load_platform_adapters", "palate_platform_adapters"]


@hookimpl
def palate_platform_adapters() -> list[PlatformAdapter]:
    """Return the adapters for Netflix, Spotify and MovieLens."""
    return [NetflixAdapter(), SpotifyAdapter(), MovieLensAdapter()]


def load_platform_adapters() -> dict[str, PlatformAdapter]:
    """Return every installed platform adapter by name, names sorted; of two with one name the first registered stands."""
    found: dict[str, PlatformAdapter] = {}
    for offered in reversed(load_plugins().hook.palate_platform_adapters()):
        for adapter in offered:
            found.setdefault(adapter.name, adapter)
    return dict(sorted(found.items()))
