"""Puts the demo world into a data folder."""

from __future__ import annotations

from api.runtime import Palate
from palate.domain import Progress

__all__ = ["prepare"]


def prepare(palate: Palate, progress: Progress | None = None) -> None:
    """Install the films, the music and the three people; what is there already is left alone.

    Raises:
        MissingWeights: The package with the films is not installed.

    """
    from api.demo.world import install

    install(palate.catalog, palate.history, palate.importer, progress)
    palate.demo_marker.touch()
