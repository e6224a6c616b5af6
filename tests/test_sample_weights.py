"""Only the proportions of sample weights count, and a count is the sample given so many times."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import AdaBoostClassifier
from sklearn.preprocessing import StandardScaler

from sklearn_set import SETClassifier, SETRegressor
from sklearn_set.losses import REGRESSION_LOSSES
from sklearn_set.optimizers import SOLVERS
from sklearn_set.sample_weights import check_sample_weight, mean_weight, near_one, relative

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")

N = 60
_rng = np.random.default_rng(0)
X = _rng.normal(size=(N, 8))
_scores = X @ _rng.normal(size=(8, 3)) + 0.3 * _rng.normal(size=(N, 3))
Y = _scores.argmax(axis=1)
T = np.abs(_scores[:, 0]) + 0.1  # suits every loss
WEIGHT = _rng.uniform(0.1, 3, N)
CONSTANTS = [1 / N, 1e-3, 7.0, 1e-300, 1e300]

SMALL = {"hidden_layer_sizes": 30, "max_iter": 20, "batch_size": 16, "random_state": 0}
TARGETS = {
    "binary": (SETClassifier, (Y > 0).astype(int)),
    "multiclass": (SETClassifier, Y),
    "multilabel": (SETClassifier, (_scores > 0).astype(int)),
    "regression": (SETRegressor, T),
    "regression on three": (SETRegressor, _scores),
}


def outputs(model, given=X):
    return model.predict_proba(given) if hasattr(model, "predict_proba") else model.predict(given)


def assert_alike(one, other):
    """Models that differ by rounding only."""
    for ours, theirs in zip(one.coefs_, other.coefs_, strict=True):
        np.testing.assert_array_equal(ours.indices, theirs.indices)
    np.testing.assert_allclose(outputs(one), outputs(other), rtol=1e-7, atol=1e-9)


# ----------------------------------------------------------------------------------- constants


@pytest.mark.parametrize("constant", CONSTANTS)
@pytest.mark.parametrize("target", TARGETS)
def test_a_constant_times_all_weights_changes_nothing(target, constant):
    kind, y = TARGETS[target]
    plain = kind(**SMALL).fit(X, y, WEIGHT)
    assert_alike(kind(**SMALL).fit(X, y, constant * WEIGHT), plain)
    assert_alike(kind(**SMALL).fit(X, y, np.full(N, constant)), kind(**SMALL).fit(X, y))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
def test_nor_for_any_loss_and_solver(loss, solver):
    options = SMALL | {"loss": loss, "solver": solver, "alpha": 1.0, "learning_rate_init": 1e-2}
    plain = SETRegressor(**options).fit(X, T, WEIGHT)
    assert_alike(SETRegressor(**options).fit(X, T, 1e-4 * WEIGHT), plain)


@pytest.mark.parametrize("value", [5e-324, 1e-3, 1e308])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_equal_weights_of_any_size_are_none(value, dtype):
    given = X.astype(dtype)
    plain = SETClassifier(**SMALL).fit(given, Y)
    model = SETClassifier(**SMALL).fit(given, Y, np.full(N, value))
    np.testing.assert_array_equal(outputs(model, given), outputs(plain, given))


def test_equal_class_weights_are_none():
    plain = SETClassifier(**SMALL).fit(X, Y)
    for value in (1e-3, 1e308):
        weighted = SETClassifier(class_weight=dict.fromkeys(range(3), value), **SMALL)
        np.testing.assert_array_equal(outputs(weighted.fit(X, Y)), outputs(plain))
    twice_weighted = SETClassifier(class_weight=dict.fromkeys(range(3), 1e200), **SMALL)
    assert_alike(twice_weighted.fit(X, Y, 1e200 * WEIGHT), SETClassifier(**SMALL).fit(X, Y, WEIGHT))


@pytest.mark.parametrize("constant", [1e-6, 1e300])
def test_a_constant_times_the_weights_of_a_validation_set_changes_nothing(constant):
    def fitted(factor):
        return SETClassifier(early_stopping=True, **SMALL).fit(
            X[:40], Y[:40], X_val=X[40:], y_val=Y[40:], sample_weight_val=factor * WEIGHT[40:]
        )

    plain, scaled = fitted(1.0), fitted(constant)
    for name in ("validation_scores_", "validation_loss_curve_"):
        np.testing.assert_allclose(getattr(scaled, name), getattr(plain, name), rtol=1e-12)


@pytest.mark.parametrize("target", TARGETS)
def test_nor_within_any_part_of_a_stream(target):
    # Only proportions within a part count, so each part may have a factor of its own.
    kind, y = TARGETS[target]
    classes = {"classes": np.unique(y)} if kind is SETClassifier and y.ndim == 1 else {}
    if target == "multilabel":
        classes = {"classes": [0, 1, 2]}
    plain, scaled = (kind(**SMALL | {"batch_size": "auto"}) for _ in range(2))
    for number, constant in enumerate((1.0, 1e-5, 1e7, 0.25)):
        part = slice(15 * number, 15 * number + 15)
        plain.partial_fit(X[part], y[part], sample_weight=WEIGHT[part], **classes)
        scaled.partial_fit(X[part], y[part], sample_weight=constant * WEIGHT[part], **classes)
    assert_alike(scaled, plain)


# -------------------------------------------------------------------------------------- counts


@pytest.mark.parametrize("constant", [1.0, 1e-3, 1e5])
@pytest.mark.parametrize("kind", [SETClassifier, SETRegressor])
def test_a_count_is_the_sample_given_so_many_times(kind, constant):
    counts = np.random.default_rng(3).integers(0, 4, N)
    y = Y if kind is SETClassifier else T
    # One batch: into several, the two fits would divide the samples differently.
    options = SMALL | {"batch_size": 300, "alpha": 1.0, "mixup": 0, "tol": 0}
    with pytest.warns(UserWarning, match="batch_size"):
        repeated = kind(**options).fit(X.repeat(counts, axis=0), y.repeat(counts))
    with pytest.warns(UserWarning, match="batch_size"):
        weighted = kind(**options).fit(X, y, constant * counts)
    assert_alike(weighted, repeated)


# ---------------------------------------------------------------------------------- what it is for


@pytest.mark.slow
def test_weights_that_sum_to_one_do_not_destroy_a_model():
    data, y = load_breast_cancer(return_X_y=True)
    data = StandardScaler().fit_transform(data)
    options = {"max_iter": 30, "random_state": 0}
    plain = SETClassifier(**options).fit(data, y).score(data, y)
    assert plain > 0.97
    assert (
        SETClassifier(**options).fit(data, y, np.full(len(y), 1 / len(y))).score(data, y) == plain
    )
    boosted = AdaBoostClassifier(SETClassifier(**options), n_estimators=5, random_state=0)
    assert boosted.fit(data, y).score(data, y) > 0.97


@pytest.mark.slow
def test_samples_that_come_one_by_one_are_learned():
    data, y = load_breast_cancer(return_X_y=True)
    data = StandardScaler().fit_transform(data)
    model = SETClassifier(random_state=0)
    for row in range(len(y)):
        model.partial_fit(data[row : row + 1], y[row : row + 1], classes=[0, 1])
    assert model.score(data, y) > 0.94


def test_a_light_batch_is_not_all_penalty():
    # Nearly all that these samples weigh is in one of ten batches.
    weight = np.where(np.arange(N) < 6, 1000.0, 1.0)
    options = SMALL | {"batch_size": 6, "shuffle": False, "alpha": 0.3, "max_iter": 60, "mixup": 0}
    model = SETClassifier(**options).fit(X, Y, weight)
    assert model.score(X, Y) > 0.9


# ------------------------------------------------------------------------------------- functions


def test_the_unit_of_weights():
    real = relative(np.array([0.3, 0.0, 0.5, 1.1]), np.float64)
    np.testing.assert_allclose(real[[0, 2, 3]].mean(), 1)
    assert real[1] == 0
    np.testing.assert_allclose(relative(np.array([2.0, 0, 6, 4]), np.float64), [1, 0, 3, 2])
    # The smallest is a ten-thousandth: read as counts, the others would drown the penalty.
    far = relative(np.array([1e-4, 1, 1, 1]), np.float64)
    np.testing.assert_allclose(far.mean(), 1)
    assert relative(None, np.float64) is None
    assert near_one(None) is None


def test_the_mean_weight_of_those_that_count():
    weight = np.array([0.0, 2.0, 4.0, 100.0])
    assert mean_weight(weight, np.array([0, 1, 2])) == 3
    assert mean_weight(None, np.array([0, 1])) == 1


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.ones(N) + 1j, "sample_weight must be real numbers"),
        (["a"] * N, "sample_weight"),
        (10**400, "sample_weight must be real numbers"),
        (sparse.csr_array(np.ones((N, 1))), "sample_weight"),
        (np.ones((N, 1)), "sample_weight of 2D"),
        (np.zeros(N), "all of sample_weight are zero"),
        (np.full(N, np.nan), "sample_weight contains NaN"),
    ],
    ids=["complex", "text", "huge", "sparse", "2d", "zero", "nan"],
)
def test_what_is_no_weight_is_refused(weight, message):
    with pytest.raises((ValueError, TypeError), match=message):
        check_sample_weight(weight, N)
    with pytest.raises((ValueError, TypeError), match=message):
        SETClassifier(**SMALL).fit(X, Y, weight)


@pytest.mark.parametrize(
    "value", [np.nan, np.inf, None, "1", -1.0, 10**400], ids=lambda v: repr(v)[:5]
)
def test_class_weights_that_are_none_are_refused_by_name(value):
    with pytest.raises(ValueError, match="class_weight must hold finite numbers"):
        SETClassifier(class_weight={0: value, 1: 1.0, 2: 1.0}, **SMALL).fit(X, Y)
