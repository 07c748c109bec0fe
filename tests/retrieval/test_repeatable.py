"""What is fitted and measured does not depend on how many cores there are."""

import sys

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from palate.errors import MissingExtra
from retrieval.repeatable import one_blas_thread


def blas():
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_linear_algebra_runs_on_one_thread_inside_and_as_before_after():
    with threadpool_limits(2, "blas"):
        before = blas()
        inside = one_blas_thread(blas)()
        assert inside
        assert set(inside) == {1}
        assert blas()[: len(before)] == before != [1] * len(before)


def test_what_was_set_comes_back_after_an_error():
    def fails():
        raise ValueError("no")

    with threadpool_limits(2, "blas"):
        with pytest.raises(ValueError, match="no"):
            one_blas_thread(fails)()
        assert 2 in blas()


def test_without_threadpoolctl_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    with pytest.raises(MissingExtra, match="rank"):
        one_blas_thread(blas)()
