"""``POST /v1/admin/…``: what ``palate history import`` and the like call when a server owns the data folder."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from api.admin.access import FromThisMachine
from api.admin.protocol import CatalogImportBody, FitBody, FitReport, HistoryImportBody, IndexBody
from api.health.protocol import Ready
from api.parts import Parts

__all__ = ["router"]

router = APIRouter(prefix="/v1/admin", tags=["admin"], route_class=FromThisMachine)


@router.post("/history:import")
def post_history(body: HistoryImportBody, palate: Parts) -> dict[str, Any]:
    """Import an export and fit the candidate sources again."""
    return palate.import_history(body.platform, body.path, body.person_id).model_dump(mode="json")


@router.post("/catalog:import")
def post_catalog(body: CatalogImportBody, palate: Parts) -> dict[str, Any]:
    """Import items and index them in the background."""
    return palate.import_catalog(body.path).model_dump(mode="json")


@router.post("/index")
def post_index(body: IndexBody, palate: Parts) -> Ready:
    """Build or rebuild the index; answers when it stands."""
    return palate.build_index(rebuild=body.action == "rebuild")


@router.post("/fit")
def post_fit(_body: FitBody, palate: Parts) -> FitReport:
    """Fit the candidate sources anew and learn how to order what they find; answers when it is done.

    Requests are answered from the old fit meanwhile.
    """
    failed = palate.fit()
    sources = palate.parts.retriever.describe()["sources"]
    return FitReport(sources=[source for source in sources if source["name"] not in failed], failed=failed)


@router.get("/doctor")
async def get_doctor(palate: Parts) -> dict[str, Any]:
    """Return what ``palate doctor`` shows, seen from inside the owner."""
    from api.doctor import examine

    return (await examine(palate)).model_dump(mode="json")
