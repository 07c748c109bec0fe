"""The ground: values, errors, settings and plug-in hooks that every other package uses.

Nothing here imports another package of the product.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("palate")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"

__all__ = ["__version__"]
