"""The inverse of a large positive definite matrix, without holding up other threads."""

from __future__ import annotations

import ctypes
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.linalg import cython_lapack

from retrieval.base import Float32

__all__ = ["invert"]

_BLOCK = 1024


def invert(matrix: Float32) -> None:
    """Put the inverse of a symmetric positive definite matrix, float32 [n, n] in C order, into its place.

    By LAPACK's ``spotrf`` and ``spotri``, at a third of the work of a general inverse and without another matrix. SciPy's own
    functions for them hold the interpreter's lock, so that a server would answer nobody for as long as it takes.

    Raises:
        ValueError: The matrix is not positive definite.

    """
    n = len(matrix)
    if not n:
        return
    size, info = ctypes.c_int(n), ctypes.c_int(0)
    for name in ("spotrf", "spotri"):
        # The upper triangle in LAPACK's order by columns is the lower one in ours.
        _lapack(name)(b"U", ctypes.byref(size), matrix.ctypes.data, ctypes.byref(size), ctypes.byref(info))
        if info.value:
            raise ValueError(f"{name}: {info.value}")
    for start in range(0, n, _BLOCK):  # a block at a time: a whole copy would double the memory
        rows = slice(start, start + _BLOCK)
        matrix[rows, start + _BLOCK :] = matrix[start + _BLOCK :, rows].T
        block = matrix[rows, rows]
        block[:] = np.tril(block) + np.tril(block, -1).T


@lru_cache(maxsize=2)
def _lapack(name: str) -> Any:
    """Return LAPACK's function as SciPy exports it to other compiled code; a call through ctypes lets other threads run."""
    capsule = cython_lapack.__pyx_capi__[name]
    api = ctypes.pythonapi
    api.PyCapsule_GetName.restype, api.PyCapsule_GetName.argtypes = ctypes.c_char_p, [ctypes.py_object]
    api.PyCapsule_GetPointer.restype, api.PyCapsule_GetPointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    address = api.PyCapsule_GetPointer(capsule, api.PyCapsule_GetName(capsule))
    integer = ctypes.POINTER(ctypes.c_int)
    return ctypes.CFUNCTYPE(None, ctypes.c_char_p, integer, ctypes.c_void_p, integer, integer)(address)
