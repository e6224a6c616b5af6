"""Activations of hidden neurons over one row: activate in place, and the slope.

To add one: a number in `Activation`, a branch in `activate` and one in `multiply_by_slope`, its
name in ACTIVATION_CODES (codes.pxi) and in ACTIVATIONS (network.py) and, where the output does
not tell the slope, in `needs_slopes`.  Loops run over one neuron's row, so that the compiler can
vectorise them.
"""

from libc.stdint cimport uint32_t, uint64_t

from sklearn_set._core.lanes cimport (
    real_erf, real_exp, real_expm1, real_t, real_tanh, where_positive,
)

cdef enum Activation:
    IDENTITY = 0
    LOGISTIC = 1
    TANH = 2
    RELU = 3
    LEAKY_RELU = 4
    ELU = 5
    GELU = 6
    SILU = 7
    ALL_RELU = 8


cdef inline bint needs_slopes(int activation) noexcept nogil:
    """Whether the slope must be stored at the forward pass: the output does not determine it."""
    return activation == GELU or activation == SILU or activation == ALL_RELU


cdef inline bint zero_means_flat(int activation) noexcept nogil:
    """Whether an output of zero has slope zero, so that a row of zeros needs no backward pass."""
    return activation == RELU


cdef inline void activate(
    int activation,
    real_t parameter,
    real_t* row,       # INOUT (width,) pre-activations z, replaced by f(z)
    real_t* slopes,    # OUT (width,) f'(z), or NULL where multiply_by_slope can do without
    Py_ssize_t width,
) noexcept nogil:
    cdef Py_ssize_t b
    cdef real_t z, phi
    if activation == RELU:
        for b in range(width):
            row[b] = 0 if row[b] < 0 else row[b]  # in this form not-a-number stays what it is
    elif activation == LOGISTIC:
        for b in range(width):
            row[b] = 1 / (1 + real_exp(-row[b]))
    elif activation == TANH:
        for b in range(width):
            row[b] = real_tanh(row[b])
    elif activation == LEAKY_RELU:
        for b in range(width):
            row[b] = row[b] if row[b] > 0 else parameter * row[b]
    elif activation == ELU:
        for b in range(width):
            row[b] = row[b] if row[b] > 0 else real_expm1(row[b])
    elif activation == GELU:
        # z Phi(z) with the exact normal distribution function (Hendrycks and Gimpel, 2016)
        for b in range(width):
            z = row[b]
            phi = 0.5 * (1 + real_erf(z * 0.7071067811865476))
            row[b] = z * phi
            if slopes != NULL:
                slopes[b] = phi + z * real_exp(-0.5 * z * z) * 0.3989422804014327
    elif activation == SILU:
        for b in range(width):
            z = row[b]
            phi = 1 / (1 + real_exp(-z))
            row[b] = z * phi
            if slopes != NULL:
                slopes[b] = phi * (1 + z * (1 - phi))
    elif activation == ALL_RELU:
        # The negative side has a slope whose sign alternates with the layer (Curci et al., 2021).
        for b in range(width):
            z = row[b]
            row[b] = z if z > 0 else parameter * z
            if slopes != NULL:
                slopes[b] = 1 if z > 0 else parameter


cdef inline void multiply_by_slope(
    int activation,
    real_t parameter,
    const real_t* outputs,   # IN (width,) f(z), before dropout
    const real_t* slopes,    # IN (width,) stored slopes, or NULL
    real_t* row,             # INOUT (width,) gradient wrt f(z), replaced by that wrt z
    Py_ssize_t width,
) noexcept nogil:
    cdef Py_ssize_t b
    if slopes != NULL:
        for b in range(width):
            row[b] = row[b] * slopes[b]
    elif activation == RELU:
        for b in range(width):
            row[b] = where_positive(outputs[b], row[b])
    elif activation == LOGISTIC:
        for b in range(width):
            row[b] = row[b] * outputs[b] * (1 - outputs[b])
    elif activation == TANH:
        for b in range(width):
            row[b] = row[b] * (1 - outputs[b] * outputs[b])
    elif activation == LEAKY_RELU:
        for b in range(width):
            row[b] = row[b] if outputs[b] > 0 else parameter * row[b]
    elif activation == ELU:
        for b in range(width):
            row[b] = row[b] if outputs[b] > 0 else row[b] * (outputs[b] + 1)


cdef inline uint32_t mix(uint32_t x) noexcept nogil:
    """A bijection of 32 bits that passes avalanche tests (C. Wellons, `lowbias32`)."""
    x ^= x >> 16
    x *= <uint32_t> 0x7feb352d
    x ^= x >> 15
    x *= <uint32_t> 0x846ca68b
    x ^= x >> 16
    return x


cdef inline uint32_t mask_key(uint32_t seed, uint64_t step_number, int depth) noexcept nogil:
    """Key of the masks of one step and layer; `depth` is -1 for the features.

    Within 2**26 steps and 63 layers no two keys are equal.  Beyond, the higher digits are mixed in
    one by one: keys that differ in a single digit are never equal, others in one of 2**32 cases.
    """
    # 63 stands for the features, so that the layers from there on are counted from 64.
    cdef uint32_t layer = <uint32_t> (63 if depth < 0 else depth)
    if depth >= 63:
        layer += 1
    cdef uint32_t key = mix(seed ^ mix(<uint32_t> step_number * 64 + layer % 64))
    cdef uint32_t steps = <uint32_t> (step_number >> 26), more = <uint32_t> (step_number >> 58)
    if steps | more | layer >> 6:
        key = mix(key ^ mix(steps))
        key = mix(key ^ mix(more))
        key = mix(key ^ mix(layer >> 6))
    return key


cdef inline bint is_nearly_all(double dropout) noexcept nogil:
    """Whether rounding the fraction to single precision would change what it leaves by much."""
    return dropout >= 0.999


cdef inline double kept_share(double dropout) noexcept nogil:
    """What dropout leaves, always above zero: 1 - dropout, rounded to the compiled precision."""
    if not is_nearly_all(dropout):
        return 1 - <real_t> dropout
    # A number below one, such as a long double, may be one as a double.
    return 1 - dropout if dropout < 1 else 1.1102230246251565e-16


cdef inline void drop(
    uint32_t key,        # of this step and layer
    uint32_t neuron,
    double dropout,
    real_t* row,         # INOUT (width,)
    Py_ssize_t width,
) noexcept nogil:
    """Inverted dropout: zero with probability `dropout`, else divided by 1 - dropout.

    The mask depends on (key, neuron, position in the batch) alone, so the backward pass draws
    the same mask again and no thread can change it (Srivastava et al., 2014).
    """
    cdef Py_ssize_t b
    cdef uint32_t state = mix(key ^ mix(neuron + <uint32_t> 0x9e3779b9))
    cdef double share = kept_share(dropout), limit
    cdef uint32_t threshold, rest, number
    cdef real_t scale = 1 / share
    if not is_nearly_all(dropout):
        threshold = <uint32_t> (<double> <real_t> dropout * 4294967296.0)
        for b in range(width):
            row[b] = row[b] * scale if mix(
                state + <uint32_t> b * <uint32_t> 0x9e3779b9) >= threshold else 0
        return
    # So few are kept that 32 bits are too coarse: at the threshold 32 more bits decide.
    limit = (1 - share) * 4294967296.0
    threshold = <uint32_t> limit
    rest = <uint32_t> ((limit - threshold) * 4294967296.0)
    for b in range(width):
        number = mix(state + <uint32_t> b * <uint32_t> 0x9e3779b9)
        row[b] = row[b] * scale if number > threshold or (
            number == threshold and mix(mix(key ^ number) + neuron) >= rest) else 0
