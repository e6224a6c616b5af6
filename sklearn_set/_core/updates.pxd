"""One optimizer step over a range of neighbouring slots (or of biases).

To add an optimizer: a number in `Solver`, a branch here, its class in optimizers.py.  The update
is element-wise and knows neither layers nor batches.
"""

from sklearn_set._core.lanes cimport (
    block_16, block_add_product, block_fill, block_total, real_sqrt, real_t,
)
from sklearn_set._core.types cimport UpdateRule

cdef enum Solver:
    PLAIN_SGD = 0
    MOMENTUM = 1
    NESTEROV = 2
    ADAM = 3

cdef enum:
    SQUARES = 256               # added up in the compiled precision, sixteen sums of sixteen


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
    cdef real_t rate = rule.learning_rate, momentum = rule.momentum
    cdef real_t beta_1 = rule.beta_1, beta_2 = rule.beta_2, adam_epsilon = rule.adam_epsilon
    if rule.solver == PLAIN_SGD:
        for k in range(n):
            weights[k] = weights[k] * shrink - rate * (gradients[k] + l2 * weights[k])
    elif rule.solver == MOMENTUM:
        for k in range(n):
            g = gradients[k] + l2 * weights[k]
            v = momentum * first[k] - rate * g
            first[k] = v
            weights[k] = weights[k] * shrink + v
    elif rule.solver == NESTEROV:
        for k in range(n):
            g = gradients[k] + l2 * weights[k]
            v = momentum * first[k] - rate * g
            first[k] = v
            weights[k] = weights[k] * shrink + (momentum * v - rate * g)
    else:
        for k in range(n):
            g = gradients[k] + l2 * weights[k]
            first[k] = beta_1 * first[k] + (1 - beta_1) * g
            second[k] = beta_2 * second[k] + (1 - beta_2) * g * g
            weights[k] = (
                weights[k] * shrink - rate * first[k] / (real_sqrt(second[k]) + adam_epsilon)
            )


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
