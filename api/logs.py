"""Logs go to stderr: stdout belongs to what a command answers."""

from __future__ import annotations

import logging
import sys

__all__ = ["configure_logging"]

_CHATTY = ("httpx", "httpcore", "chromadb", "sentence_transformers", "transformers", "urllib3", "uvicorn")


def configure_logging(level: str) -> None:
    """Send the standard library's log to stderr, from ``level`` on; what other packages say only from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    if level != "debug":
        for name in _CHATTY:
            logging.getLogger(name).setLevel(logging.WARNING)
