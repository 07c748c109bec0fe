"""What makes a fit come out the same on machines with more or fewer cores."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any, ParamSpec, TypeVar

from palate.errors import MissingExtra

__all__ = ["load_threadpoolctl", "one_blas_thread"]

P = ParamSpec("P")
T = TypeVar("T")


def one_blas_thread(function: Callable[P, T]) -> Callable[P, T]:
    """Let ``function`` do its linear algebra on one thread.

    Several threads add up in another order, and trees split elsewhere for a rounding: what was fitted or measured would depend on
    how many cores there are. The limit is the process's: in a server it holds for others meanwhile, and of fits in several threads
    at once threadpoolctl limits those of one. Raises :class:`palate.errors.MissingExtra` when called without ``threadpoolctl``.
    """

    @wraps(function)
    def limited(*args: P.args, **kwargs: P.kwargs) -> T:
        import_module("scipy.linalg")  # only libraries that are loaded can be told
        with load_threadpoolctl().threadpool_limits(1, "blas"):
            return function(*args, **kwargs)

    return limited


def load_threadpoolctl() -> Any:
    """Return the module. Raises :class:`palate.errors.MissingExtra` where it is not installed."""
    try:
        return import_module("threadpoolctl")
    except ImportError as error:
        raise MissingExtra("threadpoolctl", "rank") from error
