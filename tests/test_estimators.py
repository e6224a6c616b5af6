"""The two estimators as a whole: architectures, warnings, determinism, and use inside others."""

from itertools import pairwise

import numpy as np
import pytest
from estimator_cases import (
    LEARNS,
    NAMES,
    WEIGHT,
    N,
    T,
    X,
    Y,
    arrays,
    assert_same_model,
    both,
    classifier,
    regressor,
)
from peaks import peak_of
from scipy import sparse
from sklearn import config_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_set import SETClassifier
from sklearn_set.activations import ACTIVATIONS

# Nearly every fit here is shorter than convergence takes.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)

# ----------------------------------------------------------------------------------- architecture


@pytest.mark.parametrize(
    ("hidden_layer_sizes", "sizes"),
    [
        ((), (8, 3)),
        ([], (8, 3)),
        (7, (8, 7, 3)),
        ((7,), (8, 7, 3)),
        ([7, 5], (8, 7, 5, 3)),
        (np.array([7, 5, 4]), (8, 7, 5, 4, 3)),
        (np.int64(7), (8, 7, 3)),
    ],
)
def test_hidden_layer_sizes(hidden_layer_sizes, sizes):
    model = classifier(hidden_layer_sizes=hidden_layer_sizes).fit(X, Y)
    assert [coef.shape for coef in model.coefs_] == list(pairwise(sizes))
    assert model.n_layers_ == len(sizes)
    expected = sum(min(round(3 * (n_in + n_out)), n_in * n_out) for n_in, n_out in pairwise(sizes))
    assert model.n_connections_ == expected


def test_without_hidden_layers_it_is_linear():
    model = regressor(hidden_layer_sizes=(), max_iter=300, learning_rate_init=0.05).fit(X, T)
    np.testing.assert_allclose(
        model.predict(2 * X) - model.predict(X), model.predict(X) - model.predict(0 * X), atol=1e-10
    )
    assert model.score(X, T) > 0.9


@pytest.mark.parametrize("activation", ACTIVATIONS)
@both
def test_every_activation_learns(factory, y, activation):
    model = factory(activation=activation, **LEARNS).fit(X, y)
    assert model.score(X, y) > 0.7


@pytest.mark.parametrize("epsilon", [1e-8, 0.01, 0.2])
@pytest.mark.parametrize("hidden_layer_sizes", [(15, 10), ()])
def test_too_small_an_epsilon_names_the_parameter_that_was_meant(epsilon, hidden_layer_sizes):
    model = classifier(epsilon=epsilon, hidden_layer_sizes=hidden_layer_sizes)
    with pytest.raises(ValueError, match="adam_epsilon") as error:
        model.fit(X, Y)
    assert f"epsilon={epsilon}" in str(error.value)


def test_too_many_neurons_are_refused():
    model = classifier(hidden_layer_sizes=(3 * 10**9,), epsilon=1e-9)
    with pytest.raises(ValueError, match=r"3000000000 neurons .* Lower hidden_layer_sizes"):
        model.fit(X, Y)


def test_too_many_connections_are_refused_before_memory_is():
    model = classifier(hidden_layer_sizes=(100_000, 100_000), epsilon=20_000)

    def refused():
        with pytest.raises(ValueError, match="4000000000 connections, more than the 2147483647"):
            model.fit(X, Y)

    assert peak_of(refused, n_runs=3) < 10**6


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"activation": "gleu"}, "The 'activation' parameter of SETClassifier must be"),
        ({"activation": ("relu", "tanh")}, "activation must have one name per hidden layer"),
        ({"hidden_layer_sizes": (5, 0)}, r"hidden_layer_sizes must be > 0, got \[5, 0\]"),
        ({"hidden_layer_sizes": (5.5,)}, "'hidden_layer_sizes' parameter of SETClassifier"),
        ({"zeta": 1.5}, r"'zeta' parameter .* in the range \[0.0, 1.0\]. Got 1.5 instead"),
        ({"epsilon": 0}, "'epsilon' parameter"),
        ({"solver": "lbfgs"}, "'solver' parameter"),
        ({"max_iter": 0}, "'max_iter' parameter"),
        ({"n_jobs": 0}, "'n_jobs' parameter"),
        ({"dropout": 1.0}, "'dropout' parameter"),
        ({"random_state": "seed"}, "'random_state' parameter"),
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_bad_parameters_are_told_when_used(parameters, message, method):
    model = SETClassifier(**parameters)  # which stores anything
    classes = {"classes": [0, 1, 2]} if method == "partial_fit" else {}
    with pytest.raises(ValueError, match=message) as error:
        getattr(model, method)(X, Y, **classes)
    assert isinstance(error.value, TypeError)


# ---------------------------------------------------------------------------------------- warnings


@both
def test_too_large_a_batch_is_clipped_with_a_warning(factory, y):
    message = "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped"
    with pytest.warns(UserWarning, match=message) as caught:
        model = factory(batch_size=N + 1).fit(X, y)
    assert caught[0].filename == __file__
    assert_same_model(model, factory(batch_size=N).fit(X, y))


@both
def test_the_convergence_warning_has_mlps_words(factory, y):
    with pytest.warns(ConvergenceWarning) as caught:
        factory(max_iter=3, tol=0).fit(X, y)
    assert len(caught) == 1
    assert str(caught[0].message) == (
        "Stochastic Optimizer: Maximum iterations (3) reached and the optimization hasn't "
        "converged yet."
    )
    assert caught[0].filename == __file__


# ------------------------------------------------------------------------------------ determinism


# The middle layer has 60,000 connections and a batch 50 samples: enough work to wake threads.
WIDE = {"hidden_layer_sizes": (1500, 1500), "epsilon": 20, "batch_size": 50, "max_iter": 3}


@pytest.mark.usefixtures("threads_always_pay")
@pytest.mark.parametrize("solver", ["adam", pytest.param("sgd", marks=pytest.mark.slow)])
@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=pytest.mark.slow)])
@both
def test_same_bits_for_any_number_of_threads_and_format(factory, y, dtype, solver):
    given = X.astype(dtype)
    options = WIDE | {"solver": solver, "dropout": 0.1}
    expected = factory(n_jobs=1, **options).fit(given, y)
    for n_jobs, convert in [
        (1, np.asarray),
        (1, sparse.csr_array),
        (2, np.asarray),
        (2, sparse.csr_array),
        (4, np.asarray),
    ]:
        model = factory(n_jobs=n_jobs, **options).fit(convert(given), y)
        assert_same_model(model, expected)
        assert model.loss_curve_ == expected.loss_curve_
        method = "predict_proba" if factory is classifier else "predict"
        np.testing.assert_array_equal(
            getattr(model, method)(convert(given)), getattr(expected, method)(given)
        )


@both
def test_fitting_twice_gives_the_same_bits(factory, y):
    model = factory().fit(X, y)
    first = [array.copy() for array in arrays(model)]
    for ours, theirs in zip(arrays(model.fit(X, y)), first, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@both
def test_other_seeds_give_other_models(factory, y):
    models = [factory(random_state=seed).fit(X, y) for seed in (0, 1, None, None)]
    curves = {tuple(model.loss_curve_) for model in models}
    assert len(curves) == 4


def test_the_global_generator_is_left_alone():
    np.random.seed(0)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    classifier(early_stopping=True, validation_fraction=0.3).fit(X, Y)
    assert np.random.random() == expected  # noqa: NPY002


# ------------------------------------------------------------------------------------ composition


def test_grid_search_over_epsilon_and_zeta():
    pipeline = make_pipeline(StandardScaler(), classifier(max_iter=40, learning_rate_init=0.02))
    grid = {"setclassifier__epsilon": [1, 5], "setclassifier__zeta": [0.0, 0.3]}
    search = GridSearchCV(pipeline, grid, cv=3, scoring="balanced_accuracy").fit(X, NAMES)
    assert search.best_score_ > 0.6
    assert len(search.cv_results_["params"]) == 4
    assert set(search.predict(X)) == {"ape", "bee", "cat"}
    best = search.best_estimator_[-1]
    assert best.epsilon == search.best_params_["setclassifier__epsilon"]


def test_cross_validation_of_a_regressor():
    scores = cross_val_score(regressor(max_iter=200, learning_rate_init=0.02), X, T, cv=3)
    assert scores.mean() > 0.5


@both
def test_weights_pass_through_a_pipeline(factory, y):
    pipeline = make_pipeline(StandardScaler(with_mean=False), factory())
    step = pipeline.steps[-1][0]
    pipeline.fit(X, y, **{f"{step}__sample_weight": WEIGHT})
    scaled = StandardScaler(with_mean=False).fit_transform(X)
    assert_same_model(pipeline[-1], factory().fit(scaled, y, sample_weight=WEIGHT))


@both
def test_weights_can_be_requested(factory, y):
    with config_context(enable_metadata_routing=True):
        model = factory().set_fit_request(sample_weight=True)
        model.set_partial_fit_request(sample_weight=False).set_score_request(sample_weight=True)
        search = GridSearchCV(model, {"zeta": [0.0, 0.1]}, cv=2)
        search.fit(X, y, sample_weight=WEIGHT)
    assert_same_model(
        search.best_estimator_, factory(**search.best_params_).fit(X, y, sample_weight=WEIGHT)
    )
