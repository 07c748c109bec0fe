"""From a decision's record to reasons."""

from __future__ import annotations

from typing import Any

from api.explanations.protocol import ExplanationBody
from api.protocol import Clock
from api.runtime import Palate

__all__ = ["explain"]


async def explain(palate: Palate, body: ExplanationBody, clock: Clock) -> dict[str, Any]:
    """Return why an item was in a slate.

    Raises:
        NotFound: No such decision, or the item was not in it.

    """
    deadline = clock.deadline(body.deadline_ms or palate.settings.deadline_ms)
    with palate.busy():
        explanation = await palate.recommender.why(body.decision_id, body.item_id, deadline, body.language)
    return explanation.model_dump(mode="json")
