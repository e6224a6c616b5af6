"""Schedules of the learning rate follow their formulas; spies on the optimizers tell the rates."""

import numpy as np
import pytest
from small_models import T, X, regressor

from sklearn_set.optimizers import SOLVERS

pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)


@pytest.fixture
def rates(monkeypatch):
    """Learning rate of every step."""
    seen = []
    for solver in SOLVERS.values():
        original = solver.next_step_size

        def spy(self, rate, original=original):
            seen.append(rate)
            return original(self, rate)

        monkeypatch.setattr(solver, "next_step_size", spy)
    return seen


def per_epoch(rates, n_steps=3):
    """The rate of each epoch, which must not change within one."""
    table = np.reshape(rates, (-1, n_steps))
    assert (table == table[:, :1]).all()
    return table[:, 0]


EPOCHS = np.arange(8)
SCHEDULES = {
    "constant": np.full(8, 0.02),
    "invscaling": 0.02 / np.where(EPOCHS, 48 * EPOCHS + 1, 1) ** 0.3,
    "cosine": 0.02 * (1 + np.cos(np.pi * EPOCHS / 8)) / 2,
}


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedule_follows_its_formula(schedule, solver, rates):
    model = regressor(
        solver=solver,
        learning_rate=schedule,
        learning_rate_init=0.02,
        power_t=0.3,
        max_iter=8,
        n_iter_no_change=np.inf,
    ).fit(X, T)
    assert model.n_iter_ == 8
    np.testing.assert_allclose(per_epoch(rates), SCHEDULES[schedule], rtol=1e-14)


@pytest.mark.parametrize("solver", SOLVERS)
def test_adaptive_divides_by_five_and_stops_at_the_end(solver, rates):
    model = regressor(
        solver=solver,
        learning_rate="adaptive",
        learning_rate_init=0.001,
        max_iter=200,
        tol=100,
        n_iter_no_change=2,
    ).fit(X, T)
    # The first epoch improves; then every second one brings a fifth of the rate, until a rate
    # of at most 1e-6 has had its two epochs.
    divided = 0.001 / 5.0 ** np.arange(6)
    assert divided[-2] > 1e-6 >= divided[-1]
    expected = np.repeat(divided, [3, 2, 2, 2, 2, 2])
    np.testing.assert_allclose(per_epoch(rates), expected, rtol=1e-12)
    assert model.n_iter_ == 13


def test_adaptive_keeps_its_rate_while_there_is_progress(rates):
    smooth = {"zeta": 0.0, "solver": "sgd", "batch_size": 16, "shuffle": False}
    regressor(learning_rate="adaptive", tol=0, n_iter_no_change=1, max_iter=8, **smooth).fit(X, T)
    np.testing.assert_allclose(per_epoch(rates), np.full(8, 1e-3))


def test_cosine_starts_again_with_each_warm_fit(rates):
    model = regressor(learning_rate="cosine", max_iter=4, warm_start=True, learning_rate_init=0.01)
    model.fit(X, T).fit(X, T)
    once = 0.005 * (1 + np.cos(np.pi * np.arange(4) / 4))
    np.testing.assert_allclose(per_epoch(rates), np.tile(once, 2), rtol=1e-14)


def test_the_rate_reaches_the_weights():
    # Plain gradient descent in one full batch: the first step is the rate times the gradient.
    def first_step(rate):
        options = {"solver": "sgd", "momentum": 0, "batch_size": 48, "max_iter": 1, "alpha": 0}
        return regressor(learning_rate_init=rate, **options).fit(X, T).coefs_[0].data

    start = first_step(1e-300)
    np.testing.assert_allclose(
        first_step(2e-3) - start, 2 * (first_step(1e-3) - start), rtol=1e-9, atol=1e-15
    )
