"""Talking."""

from api.chat.router import router

__all__ = ["router"]
