"""What people do."""

from api.events.router import router

__all__ = ["router"]
