"""Products of a sparse matrix and a table equal the obvious ones, for any number of threads."""

import platform

import numpy as np
import pytest
from scipy import sparse

from sklearn_set._core import products

SHAPES = [(0, 3, 4), (3, 0, 4), (1, 1, 1), (5, 3, 0), (7, 9, 2), (40, 30, 17), (300, 200, 33)]


def drawn(n_rows, n_columns, width, dtype, seed=0):
    """A matrix of which a tenth is not zero, with rows of many lengths, and a table for each."""
    rng = np.random.default_rng(seed)
    dense = rng.standard_normal((n_rows, n_columns))
    dense *= rng.random((n_rows, n_columns)) < rng.choice([0, 0.1, 0.4], (n_rows, 1))
    matrix = sparse.csr_array(dense.astype(dtype))
    tables = [rng.standard_normal((n, width)).astype(dtype) for n in (n_columns, n_rows)]
    return matrix, (matrix.indptr.astype("i4"), matrix.indices.astype("i4"), matrix.data), *tables


def chunks_of(n_rows):
    return np.unique([0, n_rows // 3, n_rows // 2, n_rows]).astype("i4")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_products_equal_those_of_arrays(shape, dtype):
    matrix, csr, table, other = drawn(*shape, dtype)
    dense = matrix.toarray().astype("float64")
    product = products.times_table(*csr, table, chunks_of(shape[0]))
    transposed = products.transpose_times_table(*csr, other, shape[1])
    tolerance = 100 * np.finfo(dtype).eps
    for result, expected in ((product, dense @ table), (transposed, dense.T @ other)):
        assert result.dtype == dtype
        np.testing.assert_allclose(result, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64"),
    reason="elsewhere compilers may fuse a multiplication and an addition, here or in SciPy",
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_products_are_scipys_to_the_last_bit(dtype):
    matrix, csr, table, other = drawn(300, 200, 33, dtype)
    np.testing.assert_array_equal(
        products.times_table(*csr, table, chunks_of(300), n_threads=2), matrix @ table
    )
    np.testing.assert_array_equal(
        products.transpose_times_table(*csr, other, 200, n_threads=2), matrix.T @ other
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_threads_change_no_bit_of_a_product(dtype):
    matrix, csr, table, other = drawn(400, 300, 50, dtype)
    assert matrix.nnz * 50 >= 100_000  # enough for threads
    one = (
        products.times_table(*csr, table, chunks_of(400)),
        products.transpose_times_table(*csr, other, 300),
    )
    for n_threads in (2, 3, 7):
        np.testing.assert_array_equal(
            one[0], products.times_table(*csr, table, chunks_of(400), n_threads=n_threads)
        )
        np.testing.assert_array_equal(
            one[1], products.transpose_times_table(*csr, other, 300, n_threads=n_threads)
        )


def test_infinite_numbers_stay_where_they_are():
    csr = np.array([0, 1, 2], "i4"), np.array([0, 1], "i4"), np.array([1.0, 2.0])
    table = np.array([[np.inf, 1], [1, np.nan]])
    expected = [[np.inf, 1], [2, np.nan]]
    np.testing.assert_array_equal(
        products.times_table(*csr, table, np.array([0, 2], "i4")), expected
    )
    np.testing.assert_array_equal(products.transpose_times_table(*csr, table, 2), expected)
