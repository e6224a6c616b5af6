"""Random numbers, ascending: drawn and sorted part by part, each part by a stream of its own.

What is drawn depends on the seed and the parts alone, not on the threads.  Knows numbers; must not
know that they are positions of connections.
"""

from cython.parallel cimport prange
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

import numpy as np

from sklearn_set._core.parts cimport parts


cdef inline uint64_t next_bits(uint64_t* state) noexcept nogil:
    """SplitMix64 (Steele, Lea and Flood, 2014, OOPSLA, figure 14)."""
    cdef uint64_t z
    state[0] += <uint64_t> 0x9E3779B97F4A7C15
    z = state[0]
    z = (z ^ (z >> 30)) * <uint64_t> 0xBF58476D1CE4E5B9
    z = (z ^ (z >> 27)) * <uint64_t> 0x94D049BB133111EB
    return z ^ (z >> 31)


cdef extern from *:
    """
    #if defined(__SIZEOF_INT128__)
    static inline uint64_t high_product(uint64_t a, uint64_t b) {
        return (uint64_t)(((unsigned __int128)a * b) >> 64);
    }
    #else
    static inline uint64_t high_product(uint64_t a, uint64_t b) {
        uint64_t low = (uint32_t)a, high = a >> 32, other_low = (uint32_t)b, other_high = b >> 32;
        uint64_t middle = high * other_low + ((low * other_low) >> 32);
        uint64_t rest = low * other_high + (uint32_t)middle;
        return high * other_high + (middle >> 32) + (rest >> 32);
    }
    #endif
    """
    uint64_t high_product(uint64_t a, uint64_t b) nogil  # the upper half of the product


def draw_parts(
    const int64_t[::1] cuts, const int64_t[::1] counts, uint64_t seed, int n_threads=1,
):
    """Draw with replacement from ranges of numbers; keep the distinct ones, ascending.

    Parameters
    ----------
    cuts : ndarray of shape (n_parts + 1,), int64
        Part p draws from ``cuts[p]`` to below ``cuts[p + 1]``.
    counts : ndarray of shape (n_parts,), int64
        How often each part draws.
    seed : int
        Below 2**64.
    n_threads : int, default=1
        Changes nothing but time.

    Returns
    -------
    drawn : ndarray of shape (sum of counts,), int64
        Each part begins where it would begin if all draws were distinct.
    n_distinct : ndarray of shape (n_parts,), int64
        How many numbers of each part count; what comes after them means nothing.
    """
    cdef Py_ssize_t n_parts = counts.shape[0], t, p
    cdef int n_shares
    cdef int n_failed = 0
    cdef int64_t[::1] starts = starts_of(counts)
    drawn_array = np.empty(starts[n_parts], dtype=np.int64)
    n_distinct_array = np.zeros(n_parts, dtype=np.int64)
    cdef int64_t[::1] drawn = drawn_array, n_distinct = n_distinct_array
    cdef int64_t most = 0
    for p in range(n_parts):
        most = max(most, counts[p])
    if drawn.shape[0] == 0:
        return drawn_array, n_distinct_array
    n_shares = parts(drawn.shape[0], n_threads)
    for t in prange(n_shares, num_threads=n_threads, use_threads_if=n_shares > 1, nogil=True,
                    schedule="static", chunksize=1):
        n_failed += not draw_some(&cuts[0], &starts[0], n_parts * t // n_shares,
                                  n_parts * (t + 1) // n_shares, seed, most, &drawn[0],
                                  &n_distinct[0])
    if n_failed > 0:
        raise MemoryError
    return drawn_array, n_distinct_array


cdef int64_t[::1] starts_of(const int64_t[::1] counts):
    """Where parts of so many numbers begin, and the last one ends."""
    cdef Py_ssize_t n_parts = counts.shape[0], p
    cdef int64_t[::1] starts = np.zeros(n_parts + 1, dtype=np.int64)
    for p in range(n_parts):
        starts[p + 1] = starts[p] + counts[p]
    return starts


cdef bint draw_some(
    const int64_t* cuts, const int64_t* starts, Py_ssize_t first, Py_ssize_t last, uint64_t seed,
    int64_t most, int64_t* drawn, int64_t* n_distinct,
) noexcept nogil:
    """The parts [first, last); False if there is no memory."""
    cdef Py_ssize_t p
    cdef uint64_t* bits = <uint64_t*> malloc(2 * most * sizeof(uint64_t))
    cdef uint32_t* places = <uint32_t*> malloc((2 * most + 1) * sizeof(uint32_t))
    cdef bint has_room = bits != NULL and places != NULL
    if has_room:
        for p in range(first, last):
            n_distinct[p] = draw_part(
                cuts[p], cuts[p + 1] - cuts[p], starts[p + 1] - starts[p], seed, p, bits, places,
                drawn + starts[p])
    free(bits)
    free(places)
    return has_room


cdef int64_t draw_part(
    int64_t low, int64_t size, Py_ssize_t n, uint64_t seed, Py_ssize_t part,
    uint64_t* bits,             # room for twice n
    uint32_t* places,           # room for twice n, and one
    int64_t* out,
) noexcept nogil:
    """Draw n numbers from [low, low + size); return how many are distinct."""
    cdef uint64_t state = seed + <uint64_t> part, value, last = 0
    cdef uint64_t* ordered = bits + n
    cdef Py_ssize_t k, i
    cdef int64_t n_distinct = 0
    cdef int shift = 64
    cdef uint32_t bucket, begin = 0, here
    if n == 0:
        return 0
    # Streams of neighbouring parts begin far from each other.
    state = next_bits(&state)
    state = next_bits(&state) ^ seed
    while shift > 33 and (<Py_ssize_t> 1 << (64 - shift)) < n:
        shift -= 1
    # A bucket for each value of the leading bits, one or two numbers in each.
    memset(places, 0, ((<size_t> 1 << (64 - shift)) + 1) * sizeof(uint32_t))
    for k in range(n):
        bits[k] = next_bits(&state)
        places[leading(bits[k], shift)] += 1
    for bucket in range((<uint32_t> 1 << (64 - shift)) if shift < 64 else 1):
        here = places[bucket]
        places[bucket] = begin
        begin += here
    for k in range(n):
        bucket = leading(bits[k], shift)
        ordered[places[bucket]] = bits[k]
        places[bucket] += 1
    for k in range(1, n):
        value = ordered[k]
        i = k
        while i > 0 and ordered[i - 1] > value:
            ordered[i] = ordered[i - 1]
            i -= 1
        ordered[i] = value
    for k in range(n):
        value = high_product(ordered[k], <uint64_t> size)
        # The last one again, or the next: a number, not a branch.
        n_distinct += n_distinct == 0 or value != last
        out[n_distinct - 1] = low + <int64_t> value
        last = value
    return n_distinct


cdef inline uint32_t leading(uint64_t bits, int shift) noexcept nogil:
    return <uint32_t> (bits >> shift) if shift < 64 else 0


def gather_parts(
    const int64_t[::1] drawn, const int64_t[::1] counts, const int64_t[::1] n_distinct,
    const int64_t[::1] left_out, int n_threads=1,
):
    """The numbers that count, without those at some places, in one array.

    Parameters
    ----------
    drawn : ndarray of shape (n,), int64
    counts : ndarray of shape (n_parts,), int64
        How often each part has drawn.
    n_distinct : ndarray of shape (n_parts,), int64
        How many numbers of each part count.
    left_out : ndarray of shape (n_left_out,), int64
        Places among those that count; ascending and distinct.
    n_threads : int, default=1
        Changes nothing but time.

    Returns
    -------
    ndarray of shape (sum of n_distinct - n_left_out,), int64
    """
    cdef Py_ssize_t n_parts = counts.shape[0], n_left_out = left_out.shape[0], p, k = 0
    cdef int n_shares
    cdef int64_t[::1] starts = starts_of(counts), before = starts_of(n_distinct)
    cdef int64_t[::1] skipped = np.zeros(n_parts + 1, dtype=np.int64)
    for p in range(n_parts):
        while k < n_left_out and left_out[k] < before[p + 1]:
            k += 1
        skipped[p + 1] = k
    result_array = np.empty(before[n_parts] - n_left_out, dtype=np.int64)
    cdef int64_t[::1] result = result_array
    n_shares = parts(result.shape[0], n_threads)
    for p in prange(n_parts, num_threads=n_threads, nogil=True, schedule="static",
                    use_threads_if=n_shares > 1):
        gather_part(drawn, starts[p], n_distinct[p], before[p], left_out, skipped[p],
                    skipped[p + 1], result)
    return result_array


cdef void gather_part(
    const int64_t[::1] drawn, int64_t start, int64_t n, int64_t before,
    const int64_t[::1] left_out, int64_t skipped, int64_t last, int64_t[::1] result,
) noexcept nogil:
    """Copy [start, start + n) from place `before` on, in runs between those left out."""
    cdef int64_t k = 0, stop
    while k < n:
        stop = n
        if skipped < last:
            stop = left_out[skipped] - before
        while k < stop:
            result[before + k - skipped] = drawn[start + k]
            k += 1
        k += 1  # the one left out, or beyond the end
        skipped += 1
