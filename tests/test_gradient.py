"""The gradient that the kernels compute is the derivative of the loss that they report.

Central differences of the loss of `Stepper.step`, in float64: neither the reference nor any
formula of ours is needed to believe this one.  Every activation, loss and dropout, with sample
weights, L2, sparse layers and two hidden layers of different kinds of rows.
"""

import numpy as np
import pytest
import reference
from conftest import irregular_network, kernel_gradients, kernel_name, make_data, make_stepper

from sklearn_set import machine
from sklearn_set.optimizers import SGD

# The variant in use, and the one that every machine can run: test_rows compares them all.
VARIANTS = list(dict.fromkeys([machine.active_variant(), "baseline"]))
KERNELS = [(variant, "float64") for variant in VARIANTS]

SIZES = (7, 9, 8, 3)
N_BATCH = 11
ALPHA = 0.2
DROPOUT_SEED = 12345
STEP_NUMBER = 678

# A central difference over a step h is wrong by h**2 / 6 times a third derivative, and by some
# 1e-16 / h of rounding: both about 1e-11 here.  Relative to the largest gradient of a layer, which
# may be as small as 1e-3, the worst seen is 1e-8.
H = 1e-5
MAX_RELATIVE_ERROR = 1e-6

# No pre-activation may cross a kink while a parameter moves by H: none is nearer to zero.
MIN_DISTANCE_FROM_KINK = 1e-4


def loss_of(kernel, network, data, rows, dropout):
    """What the step reports, with mean errors as the sums over outputs that it descends.

    A step of size zero moves nothing.
    """
    stepper = make_stepper(
        kernel,
        network,
        SGD(momentum=0).attach(network),
        data,
        batch_size=N_BATCH,
        alpha=ALPHA,
        dropout=dropout,
        dropout_seed=DROPOUT_SEED,
    )
    loss = stepper.step(rows, 0.0, 0.0, STEP_NUMBER)
    if data.loss in reference.AVERAGED:
        # As in scikit-learn the value is the mean over the outputs, its gradient that of the sum;
        # the penalty is the same in both.
        squares = sum(np.sum(layer.weights**2) for layer in network.layers)
        penalty = ALPHA / 2 * squares / np.count_nonzero(data.sample_weight[rows])
        loss = (loss - penalty) * SIZES[-1] + penalty
    return loss


def differences(parameters, loss):
    """Central differences of `loss()` by each number of an array, which is moved and put back."""
    result = np.empty_like(parameters)
    for k in range(parameters.shape[0]):
        value = parameters[k]
        parameters[k] = value + H
        above = loss()
        parameters[k] = value - H
        below = loss()
        parameters[k] = value
        result[k] = (above - below) / (2 * H)
    return result


@pytest.mark.parametrize(
    ("loss", "dropout"),
    [
        *((loss, 0.0) for loss in reference.LOSSES),
        ("softmax_log_loss", 0.4),
        ("squared_error", 0.4),
        *(
            pytest.param(loss, 0.4, marks=pytest.mark.slow)
            for loss in reference.LOSSES
            if loss not in ("softmax_log_loss", "squared_error")
        ),
    ],
)
@pytest.mark.parametrize("activation", list(reference.ACTIVATIONS))
@pytest.mark.parametrize("kernel", KERNELS, ids=kernel_name)
def test_gradient_is_the_derivative_of_the_loss(kernel, activation, loss, dropout):
    data = make_data(N_BATCH + 4, SIZES, loss, "float64", seed=1)
    rows = np.random.default_rng(2).permutation(N_BATCH + 4)[:N_BATCH].astype(np.int32)
    network = irregular_network(SIZES, activation, "float64", seed=3)
    dense = reference.DenseMLP.of(network)
    masks = dense.masks(N_BATCH, dropout, DROPOUT_SEED, STEP_NUMBER, "float64") if dropout else None
    *hidden, raw = dense.forward(data.X[rows], masks)[0]
    if activation in reference.KINKED:
        assert min(np.abs(z).min() for z in hidden) > MIN_DISTANCE_FROM_KINK
    for kink in reference.LOSS_KINKS.get(loss, ()):
        assert np.abs(raw - data.y[rows] - kink).min() > MIN_DISTANCE_FROM_KINK

    _, on_weights, on_biases = kernel_gradients(
        kernel,
        network.copy(),
        data,
        rows,
        alpha=ALPHA,
        dropout=dropout,
        dropout_seed=DROPOUT_SEED,
        step_number=STEP_NUMBER,
    )
    for depth, layer in enumerate(network.layers):
        for name, parameters, gradient in (
            ("weights", layer.weights, on_weights[depth]),
            ("biases", layer.bias, on_biases[depth]),
        ):
            numeric = differences(parameters, lambda: loss_of(kernel, network, data, rows, dropout))
            assert np.abs(gradient).max() > 1e-3, "nothing is tested where nothing changes"
            error = np.abs(gradient - numeric).max() / np.abs(gradient).max()
            assert error < MAX_RELATIVE_ERROR, f"{name} of layer {depth}: {error:.3g}"
