"""Pictures and sounds."""

from api.media.router import router

__all__ = ["router"]
