"""The catalog, read."""

from api.items.router import router

__all__ = ["router"]
