"""What is asked of ``POST /v1/explanations``."""

from __future__ import annotations

from api.protocol import Body, DeadlineMs, Language
from palate.domain import Identifier

__all__ = ["ExplanationBody"]


class ExplanationBody(Body):
    """Why was this item in that slate? Answered from the decision's record alone."""

    decision_id: Identifier
    item_id: Identifier
    language: Language | None = None
    deadline_ms: DeadlineMs | None = None
