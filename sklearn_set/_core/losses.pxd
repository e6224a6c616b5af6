"""Losses joined with the output activation: loss value and delta of the output neurons.

Each reads the pre-activations of the output neurons and replaces them by
(prediction - target) * sample weight / sum of sample weights; lanes of padding become zero.
The value returned is the weighted *sum* of the loss over the batch, in double precision.
"""

from libc.math cimport exp, log, log1p, fabs
from libc.stdint cimport int32_t

from sklearn_set._core.lanes cimport real_t
from sklearn_set._core.types cimport BatchView

cdef enum Loss:
    SOFTMAX_LOG_LOSS = 0    # multiclass: softmax, cross-entropy
    LOGISTIC_LOG_LOSS = 1   # binary and multilabel: logistic, binary cross-entropy, summed
    SQUARED_ERROR = 2       # regression: identity, half squared error, averaged over outputs
    SOFT_LOG_LOSS = 3       # multiclass whose targets are probabilities: softmax, cross-entropy


cdef inline double loss_and_delta(
    int loss,
    const BatchView* batch,
    real_t* outputs,          # INOUT (n_outputs, width) z, replaced by deltas
    int32_t n_outputs,
    double weight_sum,
) noexcept nogil:
    cdef Py_ssize_t b, j, width = batch.width
    cdef double total = 0
    cdef double weight, scale
    cdef real_t* z
    cdef int32_t sample
    for b in range(batch.n_batch):
        sample = batch.rows[b]
        weight = 1 if batch.sample_weight == NULL else batch.sample_weight[sample]
        scale = weight / weight_sum
        z = outputs + b
        if weight == 0:
            # Whatever the output is (it may even overflow), it must leave no trace.
            for j in range(n_outputs):
                z[j * width] = 0
        elif loss == SOFTMAX_LOG_LOSS:
            total += weight * softmax_log_loss(z, batch.labels[sample], n_outputs, width, scale)
        elif loss == LOGISTIC_LOG_LOSS:
            total += weight * logistic_log_loss(
                z, batch.targets + <Py_ssize_t> sample * n_outputs, n_outputs, width, scale)
        elif loss == SOFT_LOG_LOSS:
            total += weight * soft_log_loss(
                z, batch.targets + <Py_ssize_t> sample * n_outputs, n_outputs, width, scale)
        else:
            total += weight * squared_error(
                z, batch.targets + <Py_ssize_t> sample * n_outputs, n_outputs, width, scale)
    for b in range(batch.n_batch, width):
        for j in range(n_outputs):
            outputs[j * width + b] = 0
    return total


cdef inline double softmax_log_loss(
    real_t* z, int32_t label, int32_t n_outputs, Py_ssize_t width, double scale,
) noexcept nogil:
    # log-sum-exp with the largest output taken out: exact, and safe from overflow
    cdef Py_ssize_t j
    cdef double largest = z[0], total = 0, value = z[label * width]
    for j in range(1, n_outputs):
        if z[j * width] > largest:
            largest = z[j * width]
    for j in range(n_outputs):
        total += exp(z[j * width] - largest)
    for j in range(n_outputs):
        z[j * width] = exp(z[j * width] - largest) / total * scale
    # p - 1 = -(sum of the other probabilities), the difference is safe in double
    z[label * width] = (exp(value - largest) / total - 1) * scale
    return log(total) + largest - value


cdef inline double soft_log_loss(
    real_t* z, const real_t* target, int32_t n_outputs, Py_ssize_t width, double scale,
) noexcept nogil:
    # The targets of a sample sum to one, so the loss is log-sum-exp minus their product with z.
    cdef Py_ssize_t j
    cdef double largest = z[0], total = 0, product = 0
    for j in range(1, n_outputs):
        if z[j * width] > largest:
            largest = z[j * width]
    for j in range(n_outputs):
        total += exp(z[j * width] - largest)
        product += target[j] * (z[j * width] - largest)
    for j in range(n_outputs):
        z[j * width] = (exp(z[j * width] - largest) / total - target[j]) * scale
    return log(total) - product


cdef inline double logistic_log_loss(
    real_t* z, const real_t* target, int32_t n_outputs, Py_ssize_t width, double scale,
) noexcept nogil:
    cdef Py_ssize_t j
    cdef double value, total = 0, small
    for j in range(n_outputs):
        value = z[j * width]
        small = exp(-fabs(value))
        # log(1 + exp(z)) - y z
        total += (value if value > 0 else 0) + log1p(small) - target[j] * value
        z[j * width] = ((1 if value >= 0 else small) / (1 + small) - target[j]) * scale
    return total


cdef inline double squared_error(
    real_t* z, const real_t* target, int32_t n_outputs, Py_ssize_t width, double scale,
) noexcept nogil:
    # The delta is that of the sum over the outputs, the value that of their mean, both as in
    # scikit-learn's MLPRegressor: learning rates keep their meaning, curves stay comparable.
    cdef Py_ssize_t j
    cdef double residual, total = 0
    for j in range(n_outputs):
        residual = z[j * width] - target[j]
        total += 0.5 * residual * residual
        z[j * width] = residual * scale
    return total / n_outputs
