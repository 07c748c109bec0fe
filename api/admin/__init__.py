"""Work on the stores, for the commands on this machine."""

from api.admin.router import router

__all__ = ["router"]
