"""What is known of a person."""

from api.people.router import router

__all__ = ["router"]
