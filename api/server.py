"""Runs the application: binds first, announces its URL to other commands, stops cleanly."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import uvicorn

from api.app import create_app
from api.runtime import Palate
from palate.errors import ConfigurationError

__all__ = ["bind", "leave", "serve", "served"]

_GRACE_SECONDS = 5
_START_SECONDS = 30.0


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 picks a free one.

    Raises:
        ConfigurationError: The address cannot be used, or the port is taken.

    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"Cannot listen on {host}:{port}: {error.strerror or error}.",
            remedy="Stop what listens there, or choose another port: --port 0 (or PALATE_PORT=0) picks a free one.",
            param="port",
        ) from error
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://[{local}]:{port}" if ":" in local else f"http://{local}:{port}"


class _Server(uvicorn.Server):
    """Tells when it listens."""

    def __init__(self, config: uvicorn.Config, on_start: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_start()


def _server(palate: Palate, on_start: Callable[[], None]) -> _Server:
    config = uvicorn.Config(
        create_app(palate),
        log_config=None,
        access_log=palate.settings.log_level == "debug",
        timeout_graceful_shutdown=_GRACE_SECONDS,
        server_header=False,
        lifespan="on",
    )
    return _Server(config, on_start)


def serve(palate: Palate, listener: socket.socket, on_url: Callable[[str], None] = lambda _url: None) -> None:
    """Serve until the process is told to stop (main thread only). ``on_url`` is called once requests are taken."""
    url = _url(listener)

    def started() -> None:
        palate.lock.announce(url)
        on_url(url)

    # Once it has shut down, the server sends itself the signal again: that must not kill what is left to close.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with listener, suppress(KeyboardInterrupt):
        _server(palate, started).run(sockets=[listener])


def leave(palate: Palate) -> None:
    """End the process at once where a load that cannot be interrupted outlived the closing; everything is on disk by then."""
    if not palate.quiet:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)  # the interpreter's own way out would take the ground from under that thread


@contextmanager
def served(palate: Palate) -> Iterator[str]:
    """Serve in a thread, on a free port of this machine only, for as long as the context lasts; gives the URL."""
    with bind("127.0.0.1", 0) as listener:
        url = _url(listener)
        ready = threading.Event()

        def started() -> None:
            palate.lock.announce(url)
            ready.set()

        server = _server(palate, started)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="palate-server", daemon=True)
        thread.start()
        try:
            while not ready.wait(0.05):
                if not thread.is_alive():
                    raise ConfigurationError("The server did not start.", remedy="The log says why.")
            yield url
        finally:
            server.should_exit = True
            thread.join(_START_SECONDS)
