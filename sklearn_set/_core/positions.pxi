# Gradients of the loss at any positions of a layer, connected or not, for growth by gradient.
#
# Knows two tables of rows; must not know networks, batches or why it is asked.

from cython.parallel cimport prange
from libc.stdint cimport int64_t

import numpy as np

from sklearn_set._core.lanes cimport block_16, block_add_product, block_fill, block_total, real_t
from sklearn_set._core.measured cimport CANDIDATES, SERIAL_WORK


cdef inline real_t row_product(const real_t* row, const real_t* other, Py_ssize_t n) noexcept nogil:
    """The sum over two rows of any length."""
    cdef block_16 sums
    cdef real_t total
    cdef Py_ssize_t b = 0
    block_fill(&sums, 0)
    while b + 16 <= n:
        block_add_product(&sums, row + b, other + b)
        b += 16
    total = block_total(&sums)
    while b < n:
        total += row[b] * other[b]
        b += 1
    return total


def gradients_at(
    const int64_t[::1] positions, const real_t[:, ::1] inputs, const real_t[:, ::1] deltas,
    int n_threads=1,
):
    """Gradients of the loss at some positions of a layer, connected or not.

    Parameters
    ----------
    positions : ndarray of shape (n_positions,), int64
        Ascending, numbered ``input * n_out + output``.
    inputs : ndarray of shape (n_in, n_samples)
    deltas : ndarray of shape (n_out, n_samples)
    n_threads : int, default=1

    Returns
    -------
    ndarray of shape (n_positions,)
    """
    cdef Py_ssize_t n = positions.shape[0], n_samples = deltas.shape[1], c, k
    cdef Py_ssize_t n_chunks = (n + CANDIDATES - 1) // CANDIDATES, last
    cdef int64_t n_out = deltas.shape[0], i
    gradients_array = np.empty(n, REAL_DTYPE)
    cdef real_t[::1] gradients = gradients_array
    if n == 0 or n_samples == 0:
        gradients_array[:] = 0
        return gradients_array
    if not 0 <= positions[0] <= positions[n - 1] < inputs.shape[0] * n_out:
        raise ValueError("there are no such positions")
    for c in prange(n_chunks, num_threads=n_threads, nogil=True, schedule="static",
                    use_threads_if=n_threads > 1 and n * n_samples > SERIAL_WORK):
        i = positions[c * CANDIDATES] // n_out
        last = min((c + 1) * CANDIDATES, n)
        for k in range(c * CANDIDATES, last):
            while positions[k] >= (i + 1) * n_out:
                i = i + 1
            gradients[k] = row_product(
                &inputs[i, 0], &deltas[positions[k] - i * n_out, 0], n_samples)
    return gradients_array
