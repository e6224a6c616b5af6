# The names of Python and the numbers of kernels: activations, losses, optimizers.
#
# Knows names; must not know what they mean.

from sklearn_set._core.activations cimport (
    ALL_RELU, ELU, GELU, IDENTITY, LEAKY_RELU, LOGISTIC, RELU, SILU, TANH, needs_slopes,
)
from sklearn_set._core.losses cimport (
    ABSOLUTE_ERROR, HUBER, LOGISTIC_LOG_LOSS, POISSON, QUANTILE, SOFT_LOG_LOSS, SOFTMAX_LOG_LOSS,
    SQUARED_ERROR,
)
from sklearn_set._core.updates cimport ADAM, MOMENTUM, NESTEROV, PLAIN_SGD

ACTIVATION_CODES = {
    "identity": IDENTITY, "logistic": LOGISTIC, "tanh": TANH, "relu": RELU,
    "leaky_relu": LEAKY_RELU, "elu": ELU, "gelu": GELU, "silu": SILU, "all_relu": ALL_RELU,
}
STORED_SLOPES = frozenset(
    name for name, code in ACTIVATION_CODES.items() if needs_slopes(code))
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
SOLVER_CODES = {
    "plain_sgd": PLAIN_SGD, "momentum": MOMENTUM, "nesterov": NESTEROV, "adam": ADAM,
}
