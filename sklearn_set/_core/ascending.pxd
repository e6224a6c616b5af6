"""Numbers in ascending order: where those from a least one on begin.

Knows nothing.
"""

from libc.stdint cimport int32_t, int64_t

ctypedef fused ascending_t:
    int32_t
    int64_t


cdef inline Py_ssize_t first_from(
    const ascending_t* values, Py_ssize_t start, Py_ssize_t stop, int64_t least,
) noexcept nogil:
    """The first place in [start, stop) whose value is not below `least`; `stop` if none is."""
    cdef Py_ssize_t middle
    while start < stop:
        middle = (start + stop) // 2
        if values[middle] < least:
            start = middle + 1
        else:
            stop = middle
    return start
