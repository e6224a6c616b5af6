"""In how many parts to do work on connections: threads must be worth waking."""

from sklearn_set._core.measured cimport SERIAL_CONNECTIONS


cdef inline int parts(Py_ssize_t n_connections, int n_threads) noexcept nogil:
    return 1 if n_connections < SERIAL_CONNECTIONS else n_threads
