"""Training that diverges ends in its epoch, with a message, wherever numbers overflow."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import settings
from small_models import T, X, Y, classifier, drawn_network, patch_step, regressor

from sklearn_set import training
from sklearn_set.optimizers import SOLVERS, Adam
from sklearn_set.samples import Samples
from sklearn_set.state import Progress, Randomness, TrainingState
from sklearn_set.training import DIVERGED, TrainingData, outputs_are_finite

pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)

# -------------------------------------------------------------------------------------- divergence


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("bad_epoch", [1, 4])
def test_divergence_is_raised_in_its_epoch(solver, bad_epoch, monkeypatch):
    n_epochs = [0]
    run_epoch = training.run_epoch

    def poison(state, *args):
        n_epochs[0] += 1
        if n_epochs[0] == bad_epoch:
            state.network.layers[0].weights[0] = np.inf
        return run_epoch(state, *args)

    monkeypatch.setattr(training, "run_epoch", poison)
    with pytest.raises(ValueError, match=r"^Solver produced non-finite parameter weights"):
        classifier(solver=solver, max_iter=20).fit(X, Y)
    assert n_epochs[0] == bad_epoch


def test_divergence_of_real_training_has_mlps_message():
    with pytest.raises(ValueError) as error:  # noqa: PT011  (the message is compared below)
        regressor(solver="sgd", learning_rate_init=1e8, max_iter=1000).fit(X, T * 1e10)
    assert str(error.value) == DIVERGED
    assert DIVERGED == (
        "Solver produced non-finite parameter weights. The input data may contain large values "
        "and need to be preprocessed. Otherwise lower learning_rate_init, alpha or weight_decay."
    )


def test_a_weight_that_diverges_after_the_last_loss_is_found():
    # One batch: its loss is finite, and so is the step of the bias, but not that of the weights.
    linear = {"hidden_layer_sizes": (), "batch_size": 48, "max_iter": 1, "momentum": 0}
    with pytest.raises(ValueError, match="non-finite"):
        regressor(solver="sgd", learning_rate_init=1e290, **linear).fit(X * 1e12, T)


def test_a_bias_that_diverges_is_found(monkeypatch):
    # Spoilt after the only batch: no weight and no loss has seen it.
    run_epoch, networks = training.run_epoch, []

    def remember(state, *args):
        networks.append(state.network)
        return run_epoch(state, *args)

    def spoil(step, rows, *numbers):
        loss = step(rows, *numbers)
        networks[0].layers[-1].bias[1] = np.nan
        return loss

    monkeypatch.setattr(training, "run_epoch", remember)
    patch_step(monkeypatch, spoil)
    with pytest.raises(ValueError, match="non-finite"):
        classifier(batch_size=48).fit(X, Y)
    assert len(networks) == 1


# -------------------------------------------------------------------------------- the network


def test_exponential_outputs_overflow_sooner():
    network = drawn_network("identity")
    X = Samples(np.random.default_rng(1).uniform(-1, 1, size=(50, 6)))
    network.layers[-1].bias[:] = 800  # exp(800) is no number
    data = TrainingData(X, np.ones((50, 3)), None, "squared_error", np.arange(50))
    assert outputs_are_finite([network], data, 1)
    assert not outputs_are_finite([network], replace(data, loss="poisson"), 1)
    network.layers[-1].bias[:] = 100
    assert outputs_are_finite([network], replace(data, loss="poisson"), 1)


# ------------------------------------------------------------------------- what "auto" stands for


def test_moments_that_have_overflown_end_training():
    """With infinite squares Adam moves no more, and loss and weights stay numbers."""
    network = drawn_network()
    optimizer = Adam().attach(network)
    optimizer.bias_moments[1][1][:] = np.inf
    rows = np.arange(20, dtype=np.int32)
    data = TrainingData(Samples(np.ones((20, 6))), np.ones((20, 3)), None, "squared_error", rows)
    state = TrainingState(network, optimizer, Progress(0.001), Randomness(0), rows, None)
    workspace = training.Workspace(network, 10, 1)
    with pytest.raises(ValueError, match="non-finite parameter weights"):
        training.run_epoch(state, data, settings(batch_size=10), workspace)
    assert all(np.isfinite(layer.weights).all() for layer in network.layers)
