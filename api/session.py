"""How a command reaches the recommender: through the process that owns the data folder, else by becoming that process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from api.client import Client
from api.errors import describe_problems
from api.owner import find_owner
from palate.errors import ConfigurationError, NotFound, Unavailable
from palate.settings import Settings

__all__ = ["ProgressLines", "connected", "load_settings", "progress_bars", "show_readiness", "wait_ready"]

_POLL_SECONDS = 0.2
_LINE_SECONDS = 10.0
_NOT_BEGUN = (0, 1)


def load_settings(**given: Any) -> Settings:
    """Return the settings of the environment, with what the command line gave on top; what is ``None`` was not given.

    Raises:
        ConfigurationError: A setting cannot be used.

    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        message, name = describe_problems([dict(problem) for problem in error.errors()])
        variable = f"PALATE_{name.upper()}" if name else "the PALATE_* variables"
        raise ConfigurationError(message, remedy=f"Correct {variable}.", param=name) from error


def progress_bars(console: Console) -> Progress:
    """Return progress bars on the error console."""
    columns = (TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=not console.is_terminal, disable=not console.is_terminal)


class ProgressLines:
    """Says in lines how far parts are, where bars cannot be drawn, as in a log.

    A line comes when a stage of a part begins, begins again or ends, and while it goes on one in ten seconds.

    Args:
        console: Where the lines go.
        patience: Seconds from now in which :meth:`show` says nothing, for work that is mostly short.
        clock: Tells the seconds.

    """

    def __init__(self, console: Console, *, patience: float = 0.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._console, self._clock = console, clock
        self._begin = self._next = clock()
        self._quiet_until = self._begin + patience
        self._reached: dict[str, tuple[int, int]] | None = None

    def show(self, parts: Mapping[str, Any]) -> None:
        """Say what is new of the parts of a state of readiness. What was done before the first look is not told."""
        states = {name: (int(part["done"]), int(part["total"])) for name, part in parts.items()}
        if self._reached is None:
            self._reached = {name: state for name, state in states.items() if state[0] >= state[1]}
        if self._clock() < self._quiet_until:
            return  # and nothing counts as seen: what is under way then is told
        for name, state in states.items():
            if state == _NOT_BEGUN:  # its turn comes later
                self._reached[name] = state
            elif state[1]:
                self.tell(name, *state)

    def tell(self, stage: str, done: int, total: int) -> None:
        """Say how far one stage is, where that is news; of a ``total`` of 0 nobody knows how much there is."""
        reached = self._reached = {} if self._reached is None else self._reached
        now, before = self._clock(), reached.get(stage)
        reached[stage] = (done, total)
        if before == (done, total):
            return
        begins = before is None or done < before[0] or total != before[1]
        if begins or 0 < total <= done or now >= self._next:
            self._next = now + _LINE_SECONDS
            of = f" of {total}" if total else ""
            self._console.print(
                f"{stage}: {done}{of} ({now - self._begin:.0f} s)", markup=False, emoji=False, highlight=False, soft_wrap=True
            )


def show_readiness(
    client: Client, console: Console, until: Callable[[dict[str, Any]], bool], *, patience: float = 0.0
) -> dict[str, Any]:
    """Show how far the parts are until the state of readiness is as wanted; return it.

    On a terminal there are bars, elsewhere lines, and those only after ``patience`` seconds.
    """
    lines = None if console.is_terminal else ProgressLines(console, patience=patience)
    with progress_bars(console) as bars:
        tasks: dict[str, Any] = {}
        while True:
            state = client.get("/readyz")
            for name, part in state["parts"].items():
                if name not in tasks:
                    tasks[name] = bars.add_task(name, total=None)
                bars.update(tasks[name], completed=part["done"], total=part["total"])
            if lines is not None:
                lines.show(state["parts"])
            if until(state):
                return state
            time.sleep(_POLL_SECONDS)


def wait_ready(client: Client, console: Console, parts: Sequence[str] = ()) -> None:
    """Wait until requests can be answered, and until ``parts`` came up or failed.

    Raises:
        Unavailable: A part without which nothing can be answered failed.

    """

    def settled(state: dict[str, Any]) -> bool:
        found = state["parts"]
        if not state["ready"]:
            return any(part["error"] for name, part in found.items() if name == "sources" or name.startswith("text"))
        return all(found[name]["error"] or found[name]["done"] >= found[name]["total"] for name in parts if name in found)

    state = show_readiness(client, console, settled, patience=_LINE_SECONDS)
    if not state["ready"]:
        failed = "; ".join(f"{name} did not come up: {part['error']}" for name, part in state["parts"].items() if part["error"])
        raise Unavailable(failed, remedy="'palate doctor' checks every part.")


@contextmanager
def connected(
    settings: Settings, console: Console, *, wait_for: tuple[str, ...] | None = ("text-mixed", "llm"), fresh_index: bool = False
) -> Iterator[Client]:
    """Give a client of the live owner of the data folder; where there is none, serve it here for as long as the context lasts.

    Args:
        settings: Name the data folder.
        console: Where progress is shown.
        wait_for: Parts that must have come up, beside those without which nothing can be answered; ``None`` waits for nothing,
            and where the folder is opened here, nothing is brought up.
        fresh_index: Throw the vector index away where this process opens the folder.

    Raises:
        Busy: Another process owns the folder and does not listen.
        NotFound: There is no item to answer with in a folder that is opened here.

    """
    owner = find_owner(settings.home)
    if owner is not None and owner.url is not None:
        with Client(owner.url, owner.token) as client:
            if wait_for is not None:
                wait_ready(client, console)
            yield client
        return
    from api.server import served
    from api.wiring import build

    with build(settings, fresh_index=fresh_index) as palate, served(palate) as url, Client(url, palate.lock.token) as client:
        if wait_for is not None:
            if not len(palate.catalog):
                raise NotFound(
                    f"There are no items in {str(settings.home)!a}.",
                    remedy="'palate catalog import' brings yours, 'palate demo' examples.",
                )
            palate.open(media=False)
            wait_ready(client, console, wait_for)
        yield client
