"""The one tree of errors.

* PalateError
    * InvalidInput — what was given cannot be used (HTTP 400 / 422)
        * UnknownPlatform
        * BadExport — an export that cannot be read at all, or a row in it
    * NotFound — no such item, decision, person (HTTP 404)
    * Busy — another process owns the data folder (HTTP 409)
    * Unavailable — a part that is needed is not there (HTTP 503)
        * MissingExtra — a package of an optional extra is not installed
        * MissingWeights — a weight file is not there or is damaged
        * IndexUnusable — the index is damaged or from another embedder
        * ServiceDown — a service does not answer
    * DeadlineExceeded — there was not time enough; callers degrade instead of failing (HTTP 504)
    * ConfigurationError — a setting that cannot be used

Every message names the offending value and what to do about it.
"""

from __future__ import annotations

__all__ = [
    "BadExport",
    "Busy",
    "ConfigurationError",
    "DeadlineExceeded",
    "IndexUnusable",
    "InvalidInput",
    "MissingExtra",
    "MissingWeights",
    "NotFound",
    "PalateError",
    "ServiceDown",
    "Unavailable",
    "UnknownPlatform",
]


class PalateError(Exception):
    """Base of all errors raised on purpose.

    ``message`` names the value; ``remedy`` says what to do; ``param`` names the offending parameter, where there is one.
    """

    code = "internal_error"

    def __init__(self, message: str, *, remedy: str = "", param: str | None = None) -> None:
        self.message = message
        self.remedy = remedy
        self.param = param
        super().__init__(f"{message} {remedy}".strip())


class InvalidInput(PalateError):
    """What was given cannot be used."""

    code = "invalid_input"


class UnknownPlatform(InvalidInput):
    """No platform adapter of that name is registered."""

    code = "unknown_platform"


class BadExport(InvalidInput):
    """An export file, or a row of it, cannot be read. ``location`` is ``file:line``."""

    code = "bad_export"

    def __init__(self, message: str, *, location: str, remedy: str = "", param: str | None = None) -> None:
        self.location = location
        super().__init__(f"{location}: {message}", remedy=remedy, param=param)


class NotFound(PalateError):
    """No such thing, or not yours."""

    code = "not_found"


class Busy(PalateError):
    """Another live process owns the data folder."""

    code = "busy"


class Unavailable(PalateError):
    """A part that is needed is not there now."""

    code = "unavailable"


class MissingExtra(Unavailable):
    """A package of an optional extra is not installed."""

    code = "missing_extra"

    def __init__(self, package: str, extra: str) -> None:
        self.extra = extra
        super().__init__(
            f"The package {package!r} is not installed.",
            remedy=f"Install the extra: pip install 'palate[{extra}]' (or run 'make setup').",
        )


class MissingWeights(Unavailable):
    """A weight file is not there or is damaged."""

    code = "missing_weights"


class IndexUnusable(Unavailable):
    """The index is damaged, or was built with another embedder."""

    code = "index_unusable"


class ServiceDown(Unavailable):
    """A service that was configured does not answer."""

    code = "service_down"


class DeadlineExceeded(PalateError):
    """There was not time enough. Callers leave the late part out and say so."""

    code = "deadline_exceeded"


class ConfigurationError(PalateError):
    """A setting that cannot be used."""

    code = "configuration_error"
