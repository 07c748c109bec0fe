"""Slates."""

from api.recommendations.router import router

__all__ = ["router"]
