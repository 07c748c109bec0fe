"""What makes a fit come out the same on machines with more or fewer cores."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import ParamSpec, TypeVar

from palate.errors import MissingExtra

__all__ = ["one_blas_thread"]

P = ParamSpec("P")
T = TypeVar("T")


def one_blas_thread(function: Callable[P, T]) -> Callable[P, T]:
    """Let ``function`` do its linear algebra on one thread.

    Several threads add up in another order, and trees split elsewhere for a rounding: what was fitted or measured would depend on
    how many cores there are. Raises :class:`palate.errors.MissingExtra` when called without ``threadpoolctl``.
    """

    @wraps(function)
    def limited(*args: P.args, **kwargs: P.kwargs) -> T:
        import_module("scipy.linalg")  # only libraries that are loaded can be told
        try:
            threadpoolctl = import_module("threadpoolctl")
        except ImportError as error:
            raise MissingExtra("threadpoolctl", "rank") from error
        with threadpoolctl.threadpool_limits(1, "blas"):
            return function(*args, **kwargs)

    return limited
