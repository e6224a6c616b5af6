"""What Cython may know of lanes.h: the number type and the blocks with their verbs."""

cdef extern from "lanes.h" nogil:
    # The wider type is declared on purpose: declared as float, the float64 build would silently
    # round every scalar argument to single precision.
    ctypedef double real_t

    ctypedef struct block_1:
        pass
    ctypedef struct block_2:
        pass
    ctypedef struct block_4:
        pass
    ctypedef struct block_8:
        pass
    ctypedef struct block_16:
        pass
    ctypedef struct block_32:
        pass
    ctypedef struct block_64:
        pass
    ctypedef struct block_128:
        pass

    const int LANES
    const int MAX_BLOCK
    enum: TILE

    # Macros that choose by the block's type; `void*` lets one declaration serve all widths.
    int block_width(const void* block)
    void block_fill(void* block, real_t value)
    void block_load(void* block, const real_t* row)
    void block_store(const void* block, real_t* row)
    void block_add(void* block, const void* other)
    void block_add_scaled(void* block, real_t weight, const real_t* row)
    void block_add_product(void* block, const real_t* row, const real_t* other)
    void block_add_to(const void* block, real_t weight, real_t* row)
    void block_add_to4(const void* block, const real_t* weights, real_t* row_0, real_t* row_1,
                       real_t* row_2, real_t* row_3)
    real_t block_total(const void* block)
    real_t block_dot(const void* block, const real_t* row)
    void block_dot4(const void* block, const real_t* row_0, const real_t* row_1,
                    const real_t* row_2, const real_t* row_3, real_t* out)
    void block_dot4_add(const void* block, const real_t* row_0, const real_t* row_1,
                        const real_t* row_2, const real_t* row_3, real_t* out,
                        const real_t* weights, void* total, void* other)
    int block_chains(const void* block)
    void transpose_tile(const real_t* const* sources, Py_ssize_t column, real_t* target,
                        Py_ssize_t stride)
    real_t where_positive(real_t condition, real_t value)
    real_t flushed(real_t value, real_t least)
    bint is_zero(const real_t* row, Py_ssize_t width)
    void PREFETCH(const void* address)
    void PREFETCH_TO_WRITE(const void* address)

    const real_t SMALLEST_NORMAL
    real_t real_exp(real_t x)
    real_t real_expm1(real_t x)
    real_t real_tanh(real_t x)
    real_t real_sqrt(real_t x)
    real_t real_erf(real_t x)

ctypedef fused block_t:
    block_1
    block_2
    block_4
    block_8
    block_16
    block_32
    block_64
    block_128
