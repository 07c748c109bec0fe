"""Whether the server lives, and how far it is."""

from api.health.router import router

__all__ = ["router"]
