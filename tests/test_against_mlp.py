"""A fully connected network that does not evolve is scikit-learn's MLP, epoch by epoch.

Both start from the same weights and see the same batches: losses, weights and predictions must
agree, whatever the solver, activation, target, weights, format of X, batch size and schedule.
"""

from inspect import signature

import numpy as np
import pytest
from scipy import sparse
from sklearn.neural_network import MLPClassifier, MLPRegressor

from sklearn_set import SETClassifier, SETRegressor

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")

# Both sum the same products in different orders: each step differs by some 1e-16, which training
# carries along and hardly blows up.  Adam divides small numbers by small numbers and is the
# worst; the largest deviation seen is 6e-11 of the largest number of an array.
RTOL = 1e-6
ATOL = 1e-9  # of the largest number of the array

N_SAMPLES, N_FEATURES, N_EPOCHS = 50, 8, 20

_rng = np.random.default_rng(42)
X = _rng.normal(size=(N_SAMPLES, N_FEATURES)) * (_rng.random((N_SAMPLES, N_FEATURES)) < 0.7)
_scores = X @ _rng.normal(size=(N_FEATURES, 3)) + _rng.normal(size=(N_SAMPLES, 3)) / 2
_counts = _rng.poisson(np.exp(_scores / 4)).astype(float)
WEIGHT = _rng.uniform(0.2, 3, N_SAMPLES)
WEIGHT[3::9] = 0


def standard(y, weight=None):
    """Targets of mean 0 and standard deviation 1: those that our networks learn as they are."""
    mean = np.average(y, axis=0, weights=weight)
    return (y - mean) / np.sqrt(np.average((y - mean) ** 2, axis=0, weights=weight))


def of_mean_one(y, weight=None):
    """Counts in units of their mean: the same for a loss with exponential outputs."""
    return y / np.average(y, axis=0, weights=weight)


UNITS = {"numbers": standard, "counts": of_mean_one}
# The unit of sample weights changes nothing here, so let it be their mean.
WEIGHT /= WEIGHT[WEIGHT > 0].mean()
TARGETS = {
    "binary": (_scores[:, 0] > 0).astype(int),
    "multiclass": _scores.argmax(axis=1),
    "multilabel": (_scores > 0).astype(int),
    "regression of numbers": _scores[:, 0],
    "regression of numbers on three outputs": _scores,
    "regression of counts": _counts[:, 0],
    "regression of counts on three outputs": _counts,
}
SOLVERS = {
    "plain sgd": {"solver": "sgd", "momentum": 0.0, "learning_rate_init": 0.05},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False, "learning_rate_init": 0.02},
    "nesterov": {"solver": "sgd", "nesterovs_momentum": True, "learning_rate_init": 0.02},
    "adam": {"solver": "adam", "learning_rate_init": 0.01},
}
ACTIVATIONS = ["identity", "logistic", "tanh", "relu"]

every_target = pytest.mark.parametrize("target", TARGETS)


def targets(target, weight=None):
    """Labels, or numbers in the units that our networks learn."""
    for kind, in_units in UNITS.items():
        if kind in target:
            return in_units(TARGETS[target], weight)
    return TARGETS[target]


def twins(target, **parameters):
    """Our estimator and scikit-learn's, fitted once and then given the same weights.

    ``n_iter_no_change`` of ours is one more: MLP waits for one epoch more than it says.
    """
    parameters = {
        "hidden_layer_sizes": (9, 7),
        "solver": "sgd",
        "alpha": 0.01,
        "batch_size": 16,
        "shuffle": False,
        "tol": 0.0,
        "n_iter_no_change": 1000,
        "random_state": 0,
    } | parameters
    if "counts" in target:
        if "loss" not in signature(MLPRegressor).parameters:
            pytest.skip("MLPRegressor has other losses since scikit-learn 1.7")
        parameters["loss"] = "poisson"
    of_set, of_mlp = (
        (SETRegressor, MLPRegressor) if "regression" in target else (SETClassifier, MLPClassifier)
    )
    y = targets(target)
    mlp = of_mlp(**parameters, max_iter=1).fit(X, y)
    parameters["n_iter_no_change"] += 1
    ours = of_set(**parameters, max_iter=1, epsilon=1e6, zeta=0.0).fit(X, y)

    rng = np.random.default_rng(7)
    for depth, coef in enumerate(mlp.coefs_):
        assert ours.coefs_[depth].nnz == coef.size  # fully connected
        mlp.coefs_[depth] = rng.normal(0, 1 / np.sqrt(coef.shape[0]), coef.shape)
        mlp.intercepts_[depth] = rng.normal(0, 0.3, coef.shape[1])
        ours.coefs_[depth].data[:] = mlp.coefs_[depth].ravel()
        ours.intercepts_[depth][:] = mlp.intercepts_[depth]
    # MLP's search for the best loss goes on across warm starts, ours does not.
    mlp.best_loss_, mlp._no_improvement_count = np.inf, 0
    for model in (ours, mlp):
        model.set_params(warm_start=True, max_iter=N_EPOCHS)
    return ours, mlp


def deviation(ours, theirs):
    """Assert that two arrays agree; return the largest difference over the largest number."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    scale = np.abs(theirs).max()
    np.testing.assert_allclose(ours, theirs, rtol=RTOL, atol=ATOL * scale)
    return np.abs(ours - theirs).max() / scale


def compare(target, *, weighted=False, convert=np.asarray, **parameters):
    """Train both and compare all there is; return the largest deviation."""
    ours, mlp = twins(target, **parameters)
    weight = WEIGHT if weighted else None
    y = targets(target, weight)
    given = convert(X)
    start = ours.coefs_[0].data.copy()
    sample_weight = {"sample_weight": weight} if weighted else {}
    if weighted and "sample_weight" not in signature(mlp.fit).parameters:
        pytest.skip("MLPClassifier and MLPRegressor take weights since scikit-learn 1.7")
    ours.fit(given, y, **sample_weight)
    mlp.fit(given, y, **sample_weight)
    assert np.abs(ours.coefs_[0].data - start).max() > 1e-3  # something was learned

    assert ours.n_iter_ == mlp.n_iter_
    assert ours.t_ == mlp.t_
    assert ours.n_layers_ == mlp.n_layers_
    assert ours.n_outputs_ == mlp.n_outputs_
    assert ours.out_activation_ == mlp.out_activation_
    # The first loss is that of the fit before, which began with other weights.
    agreed = [deviation(ours.loss_curve_[1:], mlp.loss_curve_[1:])]
    agreed.append(deviation(ours.loss_, mlp.loss_))
    agreed.append(deviation(ours.best_loss_, mlp.best_loss_))
    for depth, coef in enumerate(mlp.coefs_):
        agreed.append(deviation(ours.coefs_[depth].toarray(), coef))
        agreed.append(deviation(ours.intercepts_[depth], mlp.intercepts_[depth]))
    if "regression" in target:
        agreed.append(deviation(ours.predict(given), mlp.predict(given)))
    else:
        np.testing.assert_array_equal(ours.predict(given), mlp.predict(given))
        np.testing.assert_array_equal(ours.classes_, mlp.classes_)
        agreed.append(deviation(ours.predict_proba(given), mlp.predict_proba(given)))
        agreed.append(deviation(ours.predict_log_proba(given), mlp.predict_log_proba(given)))
    assert ours.score(given, y) == pytest.approx(mlp.score(given, y), rel=1e-9)
    return max(agreed)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("solver", SOLVERS)
@every_target
def test_every_solver_activation_and_target(target, solver, activation):
    compare(target, activation=activation, **SOLVERS[solver])


# 50 samples: a last batch of 2, one of 1, none that is partial, one batch for all
@pytest.mark.parametrize(
    "batch_size", [16, *(pytest.param(n, marks=pytest.mark.slow) for n in (7, 10, 50))]
)
@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array], ids=["dense", "csr"])
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@every_target
def test_every_weighting_format_and_batch_size(target, weighted, convert, batch_size):
    for solver in ("nesterov", "adam"):
        compare(
            target,
            weighted=weighted,
            convert=convert,
            batch_size=batch_size,
            activation="tanh",
            # MLP divides the penalty by the actual weight of the batch.
            alpha=0 if weighted and batch_size < N_SAMPLES else 0.01,
            **SOLVERS[solver],
        )


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("alpha", [0.0, 1.0])
@pytest.mark.parametrize("hidden_layer_sizes", [(), 12, (3, 4, 5)], ids=str)
def test_every_depth_and_penalty(hidden_layer_sizes, alpha, solver):
    for options in ({"weighted": True, "batch_size": N_SAMPLES}, {"batch_size": 16}):
        compare(
            "multiclass",
            hidden_layer_sizes=hidden_layer_sizes,
            alpha=alpha,
            **options,
            **SOLVERS[solver],
        )


@pytest.mark.parametrize("solver", ["plain sgd", "momentum", "nesterov"])
@pytest.mark.parametrize(
    "schedule",
    [
        {"learning_rate": "invscaling", "power_t": 0.3},
        {"learning_rate": "invscaling", "power_t": 0.0},
        {"learning_rate": "adaptive", "tol": 100.0, "n_iter_no_change": 3},
        {"learning_rate": "adaptive", "tol": 0.01, "n_iter_no_change": 1},
    ],
    ids=str,
)
@pytest.mark.parametrize("target", ["binary", "regression of numbers"])
def test_every_schedule(target, schedule, solver):
    compare(target, **SOLVERS[solver] | schedule)


def test_adaptive_gives_up_in_the_same_epoch():
    # Nothing improves by 1000: the rate falls until it is too small, well before max_iter.
    parameters = {"learning_rate": "adaptive", "tol": 1000.0, "n_iter_no_change": 1}
    ours, mlp = twins("binary", learning_rate_init=1e-4, **parameters)
    for model in (ours, mlp):
        model.fit(X, TARGETS["binary"])
    assert ours.n_iter_ == mlp.n_iter_ < N_EPOCHS
    assert len(ours.loss_curve_) == len(mlp.loss_curve_)


@pytest.mark.parametrize(
    "beta", [{"beta_1": 0.0}, {"beta_2": 0.9}, {"beta_1": 0.5, "beta_2": 0.5}], ids=str
)
def test_every_decay_of_adam(beta):
    compare("binary", **SOLVERS["adam"], **beta)


def test_adams_constant_is_used_as_mlp_uses_it():
    ours, mlp = twins("multiclass", **SOLVERS["adam"])
    ours.set_params(adam_epsilon=0.1)
    mlp.set_params(epsilon=0.1)
    for model in (ours, mlp):
        model.fit(X, TARGETS["multiclass"])
    deviation(ours.loss_curve_[1:], mlp.loss_curve_[1:])
    deviation(ours.coefs_[0].toarray(), mlp.coefs_[0])


def test_partial_fit_is_mlps_partial_fit():
    ours, mlp = twins("multiclass", **SOLVERS["adam"])
    for model in (ours, mlp):
        model.set_params(warm_start=False)
    # The fit before has left MLP an optimizer: it goes on with it, ours must start afresh.
    del mlp._optimizer
    for part in (slice(0, 30), slice(20, 50), slice(10, 40)):
        for model in (ours, mlp):
            model.partial_fit(X[part], TARGETS["multiclass"][part])
    deviation(ours.loss_curve_[1:], mlp.loss_curve_[1:])
    for depth, coef in enumerate(mlp.coefs_):
        deviation(ours.coefs_[depth].toarray(), coef)


def test_the_comparison_can_fail():
    # One weight of many, changed by a hundred-thousandth, must be noticed.
    ours, mlp = twins("binary")
    ours.coefs_[1].data[5] *= 1 + 1e-5
    for model in (ours, mlp):
        model.fit(X, TARGETS["binary"])
    with pytest.raises(AssertionError):
        deviation(ours.coefs_[1].toarray(), mlp.coefs_[1])
