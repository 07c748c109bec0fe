"""Why an item was in a slate."""

from api.explanations.router import router

__all__ = ["router"]
