"""Rows: what one neuron holds for a batch, `width` neighbouring numbers.

Knows how wide rows are and how they are fetched and added up.  Must not know what the numbers
mean: neither layers nor passes nor threads.
"""

from sklearn_set._core.lanes cimport (
    MAX_BLOCK, PREFETCH, PREFETCH_TO_WRITE, block_8, block_add, block_load, block_total, real_t,
)
from sklearn_set._core.measured cimport (
    FAR_TABLE_BYTES, LONGEST_FAR, SHORTEST_FAR, WIDEST_ROW,
)


# Whether a block is a whole row, so that the compiler knows how far rows are apart, or a part.
cdef struct whole_row:
    char unused
cdef struct part_of_row:
    char unused
ctypedef fused extent_t:
    whole_row
    part_of_row


cdef inline Py_ssize_t padded_width(Py_ssize_t n_batch) noexcept nogil:
    """The batch size rounded up to what blocks cover: 1, 2, 4 or a multiple of 8."""
    if n_batch <= 2:
        return n_batch
    if n_batch <= 4:
        return 4
    return (n_batch + 7) // 8 * 8


cdef inline bint is_one_block(Py_ssize_t width) noexcept nogil:
    """Whether a row is a block of a width for which loops over whole rows are compiled."""
    return (width & (width - 1)) == 0 and width <= WIDEST_ROW and width <= MAX_BLOCK


cdef inline void prefetch_row(const real_t* row, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t b = 0
    while b < n:
        PREFETCH(row + b)
        b += 64 // <Py_ssize_t> sizeof(real_t)


cdef inline void claim_row(const real_t* row, Py_ssize_t n) noexcept nogil:
    """Ask for a row that is going to be written, but may be in another processor's cache."""
    cdef Py_ssize_t b = 0
    while b < n:
        PREFETCH_TO_WRITE(row + b)
        b += 64 // <Py_ssize_t> sizeof(real_t)


cdef inline bint is_far(Py_ssize_t n_rows, Py_ssize_t width) noexcept nogil:
    """Whether the rows of a table are to be prefetched over a longer distance."""
    return (SHORTEST_FAR <= width <= LONGEST_FAR
            and n_rows * width * <Py_ssize_t> sizeof(real_t) > FAR_TABLE_BYTES)


cdef inline real_t row_total(const real_t* row, Py_ssize_t width) noexcept nogil:
    """The sum of a row; `width` as `padded_width` gives it."""
    cdef block_8 sums, more
    cdef real_t total = 0
    cdef Py_ssize_t b
    if width < 8:
        for b in range(width):
            total += row[b]
        return total
    block_load(&sums, row)
    for b in range(8, width, 8):
        block_load(&more, row + b)
        block_add(&sums, &more)
    return block_total(&sums)
