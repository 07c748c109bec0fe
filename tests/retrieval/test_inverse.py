import numpy as np
import pytest

from retrieval.inverse import invert


@pytest.mark.parametrize("n", [0, 1, 5, 1023, 1024, 1500])
def test_it_is_the_inverse_and_symmetric(n):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, n + 10), dtype=np.float32)
    matrix = x @ x.T / max(n, 1) + np.eye(n, dtype=np.float32)
    found = matrix.copy()
    invert(found)
    np.testing.assert_allclose(found, np.linalg.inv(matrix.astype(np.float64)), atol=1e-4)
    assert np.array_equal(found, found.T)


def test_a_matrix_that_has_none_is_refused():
    with pytest.raises(ValueError, match="spotrf"):
        invert(-np.eye(3, dtype=np.float32))
