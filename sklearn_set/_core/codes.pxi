# The names of Python and the numbers of kernels: activations, losses, optimizers.
#
# Knows names; must not know what they mean.

from libc.math cimport NAN
from libc.string cimport memset

from sklearn_set._core.activations cimport needs_slopes
from sklearn_set._core.losses cimport (
    ABSOLUTE_ERROR, HUBER, LOGISTIC_LOG_LOSS, POISSON, QUANTILE, SOFT_LOG_LOSS, SOFTMAX_LOG_LOSS,
    SQUARED_ERROR,
)
from sklearn_set._core.updates cimport HyperParameters

LOSS_CODES = {
    "softmax_log_loss": SOFTMAX_LOG_LOSS,
    "logistic_log_loss": LOGISTIC_LOG_LOSS,
    "squared_error": SQUARED_ERROR,
    "soft_log_loss": SOFT_LOG_LOSS,
    "absolute_error": ABSOLUTE_ERROR,
    "huber": HUBER,
    "quantile": QUANTILE,
    "poisson": POISSON,
}


cdef int known(int code, int n_codes, str what) except -1:
    """The code of an activation or an update; the kernels would pass over one without a branch."""
    if not 0 <= code < n_codes:
        raise ValueError(f"the kernels have no {what} of code {code}")
    return code


cdef HyperParameters read_hyper(given) except *:
    """An optimizer's hyper-parameters by name.

    Those that it does not give are not-a-number, so that no update reads them unnoticed.
    """
    cdef HyperParameters hyper
    memset(&hyper, 0, sizeof(HyperParameters))
    values = dict.fromkeys(<object> hyper, NAN)
    unknown = sorted(set(given) - set(values))
    if unknown:
        raise ValueError(
            f"the kernels have no hyper-parameters {unknown}, but {sorted(values)}")
    values.update(given)
    hyper = values
    return hyper


def stores_slopes(int activation):
    """Whether the activation of this code stores its slopes in the forward pass of training."""
    return needs_slopes(activation)
