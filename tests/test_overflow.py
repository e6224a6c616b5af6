"""Numbers that overflow, and numbers of NumPy's types: told in words, or taken as they are."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_set import SETClassifier, SETRegressor
from sklearn_set.datasets import make_microarray

quiet = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")

N = 40
_rng = np.random.default_rng(0)
X = _rng.normal(size=(N, 6))
Y = (X[:, 0] > 0).astype(int)
T = X[:, 0] + 0.1 * _rng.normal(size=N)
SMALL = {"hidden_layer_sizes": 10, "max_iter": 5, "random_state": 0}


@quiet
@pytest.mark.filterwarnings("ignore:The features of X")
@pytest.mark.parametrize("sparse_input", [False, True])
def test_a_network_that_overflows_after_its_last_step_is_told(sparse_input):
    # After the only step weights and loss are finite, but the network's outputs are not.
    huge = sparse.csr_array(X * 1e50) if sparse_input else X * 1e50
    model = SETRegressor(
        (5, 5),
        activation="identity",
        solver="sgd",
        alpha=0,
        max_iter=1,
        batch_size=N,
        random_state=0,
    )
    with pytest.raises(ValueError, match="predictions for the training data are not finite"):
        model.partial_fit(huge, T)  # fit would measure them in another unit
    assert not hasattr(model, "coefs_")
    # Samples of weight zero may have any features.
    weight, given = np.ones(N), X.copy()
    weight[:3], given[:3] = 0, 1e300
    assert np.isfinite(model.fit(given, T, weight).loss_)


@quiet
def test_overflow_of_predictions_is_told_where_it_is_called():
    model = SETRegressor(5, max_iter=1, dtype="float32", random_state=0).fit(X, T)
    judge = SETClassifier(5, max_iter=1, dtype="float32", random_state=0).fit(X, Y)
    for layer in (*model._network.layers, *judge._network.layers):
        layer.weights *= 1e6
    far = np.full((1, X.shape[1]), 3e38, np.float32)
    for predict in (model.predict, judge.predict, judge.predict_proba, judge.decision_function):
        with pytest.warns(RuntimeWarning, match="overflow") as told:
            predict(far)
        assert {warning.filename for warning in told} == {__file__}
    # A package of the user's own, whose name begins like ours.
    names = {"__name__": "sklearn_set_more"}
    exec(compile("def call(predict, X):\n    return predict(X)", "more.py", "exec"), names)
    with pytest.warns(RuntimeWarning, match="overflow") as told:
        names["call"](model.predict, far)
    assert {warning.filename for warning in told} == {"more.py"}


@quiet
@pytest.mark.parametrize("power_t", [200.0, 2**31, 1e308, 10**300])
def test_a_rate_that_falls_below_every_number_is_zero(power_t):
    model = SETClassifier(
        solver="sgd", momentum=0, zeta=0, learning_rate="invscaling", power_t=power_t, **SMALL
    ).fit(X, Y)  # fmt: skip
    assert model.loss_curve_[0] != model.loss_curve_[1]
    np.testing.assert_allclose(model.loss_curve_[1:], model.loss_curve_[1], rtol=1e-12)


@quiet
@pytest.mark.parametrize(
    "parameters",
    [
        {"epsilon": np.int8(10)},
        {"epsilon": np.uint8(10)},
        {"epsilon": np.int16(10)},
        {"epsilon": np.float16(10)},
        {"rewire_interval": np.uint8(1)},
        {"max_iter": np.uint8(5), "warm_start": True},
        {"n_snapshots": np.int8(3), "n_iter_no_change": np.inf},
        {"batch_size": np.uint8(20)},
        {"hidden_layer_sizes": np.array([10], np.uint8)},
        {"hidden_layer_sizes": [np.int8(10)]},
        {"n_iter_no_change": np.uint8(10)},
        {"random_state": np.uint8(0)},
    ],
    ids=str,
)
def test_numpys_numbers_are_pythons(parameters):
    wide = np.random.default_rng(1).normal(size=(20, 400))
    labels = np.arange(20) % 2
    python = {
        name: value.tolist() if isinstance(value, (np.generic, np.ndarray)) else value
        for name, value in parameters.items()
    }
    ours, theirs = (
        SETClassifier(**SMALL | given).fit(wide, labels) for given in (parameters, python)
    )
    assert ours.n_connections_ == theirs.n_connections_
    np.testing.assert_array_equal(ours.predict_proba(wide), theirs.predict_proba(wide))
    if parameters.get("warm_start"):
        np.testing.assert_array_equal(
            ours.fit(wide, labels).predict_proba(wide), theirs.fit(wide, labels).predict_proba(wide)
        )
    for name, value in parameters.items():
        assert ours.get_params()[name] is value  # the user's own object


def test_numpys_numbers_count_connections():
    wide = np.random.default_rng(1).normal(size=(6, 21_000)).astype(np.float32)
    model = SETClassifier(1000, epsilon=np.int16(10), max_iter=1, n_iter_no_change=np.inf)
    model.fit(wide, np.arange(6) % 2)
    assert model.n_connections_ == 10 * 22_000 + 1000


def test_numpys_numbers_make_data():
    given, labels = make_microarray(np.uint8(10), np.int16(300), n_informative=np.int8(30))
    assert given.shape == (10, 300)
    assert labels.shape == (10,)


@pytest.mark.parametrize(
    "parameters",
    [
        *({name: 10**400} for name in ("alpha", "weight_decay", "learning_rate_init", "tol")),
        *({name: 10**400} for name in ("epsilon", "adam_epsilon", "mixup", "power_t")),
        {"hidden_layer_sizes": 10**400},
        {"beta_1": 1 - 1e-12, "dtype": "float32"},
        {"beta_2": 1 - 1e-12, "dtype": "float32"},
        {"adam_epsilon": 1e-60, "dtype": "float32"},
        {"alpha": 1e39, "dtype": "float32"},
        {"max_iter": np.timedelta64(3, "s")},
    ],
    ids=lambda given: next(iter(given)),
)
def test_values_that_no_number_type_holds_are_refused_by_name(parameters):
    model = SETClassifier(**SMALL | parameters)
    with pytest.raises(ValueError, match=next(iter(parameters))):
        model.fit(X, Y)
    assert not hasattr(model, "coefs_")


@quiet
@pytest.mark.parametrize("epsilon", [1e308, 2**63, 10**300])
def test_more_than_all_connections_are_all(epsilon):
    assert SETClassifier(**SMALL | {"epsilon": epsilon}).fit(X, Y).density_ == 1
