"""One optimizer step over a range of neighbouring slots (or of biases).

The update is element-wise and knows neither layers nor batches.  To add an
optimizer, see doc/extending.md.
"""

from sklearn_set._core.lanes cimport (
    SMALLEST_NORMAL, block_16, block_add_product, block_fill, block_total, flushed, real_sqrt,
    real_t,
)

cdef enum Solver:
    # The codes of the table of updates in optimizers.py.
    PLAIN_SGD = 0
    MOMENTUM = 1
    NESTEROV = 2
    ADAM = 3
    N_SOLVERS

cdef enum:
    SQUARES = 256               # added up in the compiled precision, sixteen sums of sixteen

cdef struct HyperParameters:
    # An optimizer gives its own by these names; the others are not-a-number.
    real_t momentum
    real_t beta_1
    real_t beta_2
    real_t adam_epsilon

cdef struct UpdateRule:
    int solver
    HyperParameters hyper
    real_t learning_rate        # of this step, bias correction of Adam included
    real_t shrink               # 1 - learning rate * weight_decay
    real_t l2                   # alpha / expected weight of the batch


cdef inline void update(
    const UpdateRule* rule,
    const real_t* gradients,   # IN (n,)
    real_t* weights,           # INOUT (n,)
    real_t* first,             # INOUT (n,) velocity, or Adam's first moment
    real_t* second,            # INOUT (n,) Adam's second moment
    Py_ssize_t n,
    real_t l2,
    real_t shrink,
) noexcept nogil:
    cdef Py_ssize_t k
    cdef real_t g, v
    cdef real_t rate = rule.learning_rate, momentum = rule.hyper.momentum
    cdef real_t beta_1 = rule.hyper.beta_1, beta_2 = rule.hyper.beta_2
    cdef real_t adam_epsilon = rule.hyper.adam_epsilon
    # Without a gradient, numbers shrink until they are subnormal, and rounding keeps the smallest
    # of them for ever.  Arithmetic with such numbers is slow, so they become zero.  So do numbers
    # whose products would be subnormal: gradients that are squared, and weights that the penalty
    # pulls to zero, since rate * l2 is hardly ever below 1e-12.
    cdef real_t least = SMALLEST_NORMAL
    cdef real_t least_weight = least * <real_t> 1e12 if l2 > 0 else least
    cdef real_t least_squared = real_sqrt(least / (1 - beta_2))
    if rule.solver == PLAIN_SGD:
        for k in range(n):
            weights[k] = flushed(
                weights[k] * shrink - rate * (gradients[k] + l2 * weights[k]), least_weight)
    elif rule.solver == MOMENTUM:
        for k in range(n):
            g = gradients[k] + l2 * weights[k]
            v = flushed(momentum * first[k] - rate * g, least)
            first[k] = v
            weights[k] = flushed(weights[k] * shrink + v, least_weight)
    elif rule.solver == NESTEROV:
        for k in range(n):
            g = gradients[k] + l2 * weights[k]
            v = flushed(momentum * first[k] - rate * g, least)
            first[k] = v
            weights[k] = flushed(
                weights[k] * shrink + (momentum * v - rate * g), least_weight)
    elif rule.solver == ADAM:
        for k in range(n):
            g = gradients[k] + l2 * weights[k]
            first[k] = flushed(beta_1 * first[k] + (1 - beta_1) * g, least)
            g = flushed(g, least_squared)
            second[k] = flushed(beta_2 * second[k] + (1 - beta_2) * g * g, least)
            weights[k] = flushed(
                weights[k] * shrink - rate * first[k] / (real_sqrt(second[k]) + adam_epsilon),
                least_weight)


cdef inline double sum_of_squares(const real_t* values, Py_ssize_t n) noexcept nogil:
    # In single precision only so many at a time that no digit is lost that counts.
    cdef block_16 block
    cdef double total = 0
    cdef Py_ssize_t k = 0, end
    while k + 16 <= n:
        end = min(k + SQUARES, n - 15)
        block_fill(&block, 0)
        while k < end:
            block_add_product(&block, values + k, values + k)
            k += 16
        total += block_total(&block)
    while k < n:
        total += <double> values[k] * values[k]
        k += 1
    return total
