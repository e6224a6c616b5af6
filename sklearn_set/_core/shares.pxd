"""What Cython may know of `shares.h`."""

from libc.stdint cimport int32_t

cdef extern from "shares.h" nogil:
    ctypedef struct share_t:
        pass
    void share_out(share_t* shares, int n_threads, int32_t n_chunks)
    int32_t take_chunk(share_t* shares, int n_threads, int thread)
