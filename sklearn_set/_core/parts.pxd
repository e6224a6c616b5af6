"""In how many parts to do work on connections: each must be worth a thread.

The team of threads must be the same from loop to loop, even if there are fewer parts: OpenMP ends
the threads that a smaller team does not need, and starts them again for a larger one.
"""

from sklearn_set._core.measured cimport SERIAL_CONNECTIONS


cdef inline int parts(Py_ssize_t n_connections, int n_threads) noexcept nogil:
    return <int> max(1, min(<Py_ssize_t> n_threads, n_connections // SERIAL_CONNECTIONS))
