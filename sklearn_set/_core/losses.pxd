"""Losses joined with the output activation: loss value and delta of the output neurons.

Each reads the pre-activations of the output neurons and replaces them by the derivative of the
loss * sample weight / sum of sample weights; lanes of padding become zero.  Where loss and output
activation belong together, the derivative is prediction - target.
The values are those of single samples, in double precision, and not weighted yet.

Serial over a range of samples; whoever calls gives disjoint ranges to different threads.

For several targets the delta is that of the sum over the outputs.  The value is their mean, but
the sum for the Poisson deviance: both as in scikit-learn's MLPRegressor, so that learning rates
keep their meaning and curves stay comparable.
"""

from libc.math cimport exp, expm1, fabs, log, log1p
from libc.stdint cimport int32_t

from sklearn_set._core.lanes cimport real_t
from sklearn_set._core.types cimport BatchView

cdef enum Loss:
    SOFTMAX_LOG_LOSS = 0    # multiclass: softmax, cross-entropy
    LOGISTIC_LOG_LOSS = 1   # binary and multilabel: logistic, binary cross-entropy, summed
    SQUARED_ERROR = 2       # regression: identity, half squared error
    SOFT_LOG_LOSS = 3       # multiclass whose targets are probabilities: softmax, cross-entropy
    ABSOLUTE_ERROR = 4      # regression: identity, absolute error
    HUBER = 5               # regression: identity, squared up to the parameter, absolute beyond
    QUANTILE = 6            # regression: identity, pinball loss of the quantile `parameter`
    POISSON = 7             # regression of counts: exp, half Poisson deviance


cdef inline void loss_and_delta(
    int loss,
    double parameter,         # the loss's own number, such as the quantile
    const BatchView* batch,
    Py_ssize_t start,         # columns [start, stop), those of padding too
    Py_ssize_t stop,
    real_t* outputs,          # INOUT (n_outputs, width) z, replaced by deltas
    int32_t n_outputs,
    double weight_sum,
    double* losses,           # OUT (width,)
) noexcept nogil:
    cdef Py_ssize_t b, j, width = batch.width
    cdef double weight, scale
    cdef real_t* z
    cdef const real_t* target
    cdef int32_t sample
    for b in range(start, stop):
        z = outputs + b
        weight = weight_of(batch, b)
        if weight == 0:
            # Whatever the output is (it may even overflow), it must leave no trace.
            losses[b] = 0
            for j in range(n_outputs):
                z[j * width] = 0
            continue
        sample = batch.rows[b]
        scale = weight / weight_sum
        if loss == SOFTMAX_LOG_LOSS:
            losses[b] = softmax_log_loss(z, batch.labels[sample], n_outputs, width, scale)
            continue
        target = batch.targets + <Py_ssize_t> sample * n_outputs
        if loss == LOGISTIC_LOG_LOSS:
            losses[b] = logistic_log_loss(z, target, n_outputs, width, scale)
        elif loss == SOFT_LOG_LOSS:
            losses[b] = soft_log_loss(z, target, n_outputs, width, scale)
        elif loss == ABSOLUTE_ERROR:
            losses[b] = absolute_error(z, target, n_outputs, width, scale)
        elif loss == HUBER:
            losses[b] = huber(z, target, n_outputs, width, scale, parameter)
        elif loss == QUANTILE:
            losses[b] = pinball(z, target, n_outputs, width, scale, parameter)
        elif loss == POISSON:
            losses[b] = poisson(z, target, n_outputs, width, scale)
        else:
            losses[b] = squared_error(z, target, n_outputs, width, scale)


cdef inline double weight_of(const BatchView* batch, Py_ssize_t b) noexcept nogil:
    """The weight of column b: zero for padding."""
    if b >= batch.n_batch:
        return 0
    return 1 if batch.sample_weight == NULL else batch.sample_weight[batch.rows[b]]


cdef inline double weighted_sum(const BatchView* batch, const double* losses) noexcept nogil:
    """The sum of the losses of all samples, each times its weight, in their order."""
    cdef Py_ssize_t b
    cdef double total = 0
    for b in range(batch.n_batch):
        total += weight_of(batch, b) * losses[b]
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
    cdef Py_ssize_t j
    cdef double residual, total = 0
    for j in range(n_outputs):
        residual = z[j * width] - target[j]
        total += 0.5 * residual * residual
        z[j * width] = residual * scale
    return total / n_outputs


cdef inline double absolute_error(
    real_t* z, const real_t* target, int32_t n_outputs, Py_ssize_t width, double scale,
) noexcept nogil:
    # What is met exactly is left alone.
    cdef Py_ssize_t j
    cdef double residual, total = 0
    for j in range(n_outputs):
        residual = z[j * width] - target[j]
        total += fabs(residual)
        z[j * width] = scale if residual > 0 else -scale if residual < 0 else residual
    return total / n_outputs


cdef inline double huber(
    real_t* z, const real_t* target, int32_t n_outputs, Py_ssize_t width, double scale,
    double limit,
) noexcept nogil:
    cdef Py_ssize_t j
    cdef double residual, total = 0
    for j in range(n_outputs):
        residual = z[j * width] - target[j]
        if fabs(residual) > limit:
            total += limit * (fabs(residual) - 0.5 * limit)
            residual = limit if residual > 0 else -limit
        else:
            total += 0.5 * residual * residual
        z[j * width] = residual * scale
    return total / n_outputs


cdef inline double pinball(
    real_t* z, const real_t* target, int32_t n_outputs, Py_ssize_t width, double scale,
    double quantile,
) noexcept nogil:
    # Too high costs 1 - quantile, too low costs quantile; what is met exactly is left alone.
    cdef Py_ssize_t j
    cdef double residual, slope, total = 0
    for j in range(n_outputs):
        residual = z[j * width] - target[j]
        slope = 1 - quantile if residual > 0 else -quantile if residual < 0 else residual
        total += slope * residual
        z[j * width] = slope * scale
    return total / n_outputs


cdef inline double poisson(
    real_t* z, const real_t* target, int32_t n_outputs, Py_ssize_t width, double scale,
) noexcept nogil:
    # y log(y / p) - y + p with p = exp(z), from the distance on the log scale: where p is near y
    # nothing large is subtracted from anything large.  A p too large for a number is infinite, as
    # are then the loss and the weights, which training notices.
    cdef Py_ssize_t j
    cdef double y, distance, residual, total = 0
    for j in range(n_outputs):
        y = target[j]
        if y > 0:
            distance = z[j * width] - log(y)
            residual = y * expm1(distance)
            total += residual - y * distance
        else:
            residual = exp(z[j * width])
            total += residual
        z[j * width] = residual * scale
    return total
