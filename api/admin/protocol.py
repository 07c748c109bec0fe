"""What commands on this machine ask of the process that owns the data folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, StringConstraints

from api.protocol import Body
from palate.domain import Identifier

__all__ = ["CatalogImportBody", "FitBody", "FitReport", "HistoryImportBody", "IndexBody"]


class HistoryImportBody(Body):
    """Import a platform's export that lies on this machine. ``person_id`` is left out only for bulk sources."""

    platform: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    path: Path
    person_id: Identifier | None = None


class CatalogImportBody(Body):
    """Import items, as JSON lines or CSV, from a file on this machine."""

    path: Path


class IndexBody(Body):
    """``build`` adds what is missing; ``rebuild`` throws the index away first."""

    action: Literal["build", "rebuild"] = "build"


class FitBody(Body):
    """Nothing is chosen."""


class FitReport(BaseModel):
    """Each fitted source as it describes itself, and what could not be fitted, with the reason."""

    sources: list[dict[str, Any]]
    failed: dict[str, str]
