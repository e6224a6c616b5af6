"""What doc/compatibility.md says of scikit-learn's multilayer perceptrons is so in 1.9.

One test for each sentence of its table that says more than that a name is missing; the tests of
ours are named in the table itself.
"""

import pickle
from unittest import mock

import numpy as np
import pytest
import sklearn
from scipy import sparse
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils import get_tags

pytestmark = [
    pytest.mark.skipif(
        not sklearn.__version__.startswith("1.9."), reason="the page speaks of scikit-learn 1.9"
    ),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

_rng = np.random.default_rng(0)
X = _rng.normal(size=(60, 6))
Y = np.argmax(X[:, :3], axis=1)
BINARY = (X[:, 0] > 0).astype(int)
T = X[:, 0] - X[:, 1]

SMALL = {"hidden_layer_sizes": 10, "max_iter": 3, "random_state": 0}


def classifier(**parameters):
    return MLPClassifier(
        **{"hidden_layer_sizes": 10, "max_iter": 3, "random_state": 0} | parameters
    )


def regressor(**parameters):
    return MLPRegressor(**SMALL | parameters)


def spy(name):
    """Watch a function that the module of MLP calls."""
    module = sklearn.neural_network._multilayer_perceptron
    return mock.patch.object(module, name, wraps=getattr(module, name))


def test_early_stopping_is_stratified_for_two_classes_only():
    for y, is_stratified in ((BINARY, True), (Y, False)):
        with spy("train_test_split") as split:
            classifier(early_stopping=True).fit(X, y)
        assert (split.call_args.kwargs["stratify"] is not None) == is_stratified


def test_partial_fit_with_an_int_repeats_its_order():
    orders = []
    model = classifier(batch_size=10)
    module = sklearn.neural_network._multilayer_perceptron
    original = module.shuffle
    with mock.patch.object(
        module, "shuffle", lambda *a, **k: orders.append(original(*a, **k)) or orders[-1]
    ):
        for _ in range(3):
            model.partial_fit(X, Y, classes=[0, 1, 2])
    # The first call has also drawn the weights.
    np.testing.assert_array_equal(orders[1], orders[2])


def test_warm_start_ignores_another_architecture_and_forgets_the_moments():
    model = classifier(warm_start=True).fit(X, Y)
    optimizer = model._optimizer
    model.set_params(hidden_layer_sizes=50).fit(X, Y)
    assert [coef.shape for coef in model.coefs_] == [(6, 10), (10, 3)]
    assert model._optimizer is not optimizer
    assert model._optimizer.t == optimizer.t == 3


def test_partial_fit_with_warm_start_wants_every_class():
    model = classifier(warm_start=True).partial_fit(X, Y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="warm_start can only be used"):
        model.partial_fit(X[Y == 1], Y[Y == 1])


def test_log_probabilities_are_infinite():
    model = classifier().fit(X, BINARY)
    model.coefs_[-1] *= 1e6
    with np.errstate(divide="ignore"):
        assert np.isneginf(model.predict_log_proba(X)).any()


def test_a_batch_without_weight_is_an_error():
    weight = np.where(np.arange(60) < 20, 0.0, 1.0)
    with pytest.raises(ZeroDivisionError):
        classifier(batch_size=20, shuffle=False).fit(X, Y, sample_weight=weight)


def test_the_penalty_grows_as_weights_shrink():
    parameters = {"alpha": 1.0, "learning_rate_init": 0.01, "max_iter": 100}
    plain, weighted = (classifier(**parameters) for _ in range(2))
    plain.fit(X, Y)
    weighted.fit(X, Y, sample_weight=np.full(len(Y), 1e-3))
    assert np.abs(weighted.coefs_[0]).sum() < 0.5 * np.abs(plain.coefs_[0]).sum()


@pytest.mark.parametrize(("factor", "shift"), [(1e-4, 0), (1, 1000)])
def test_targets_far_from_zero_or_of_small_scale_are_not_learned(factor, shift):
    model = regressor(max_iter=50)
    assert model.fit(X, factor * X[:, 0] + shift).score(X, factor * X[:, 0] + shift) < 0


def test_negative_weights_are_accepted():
    weight = np.ones(60)
    weight[0] = -0.5
    classifier().fit(X, Y, sample_weight=weight)


def test_divergence_is_told_after_the_last_epoch(capsys):
    model = regressor(solver="sgd", learning_rate_init=1e10, max_iter=7, verbose=True)
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="non-finite"):
        model.fit(X, T)
    assert capsys.readouterr().out.count("Iteration") == 7


def test_a_failed_fit_spoils_the_model():
    model = classifier().fit(X, Y)
    before = model.predict_proba(X)
    with pytest.raises(ValueError, match="The validation set is too small"):
        model.set_params(early_stopping=True).fit(X[:6, :3], Y[:6])
    with pytest.raises(ValueError, match="expecting 3 features"):
        model.predict_proba(X)
    assert before.shape == (60, 3)


def test_patience_lasts_an_epoch_longer():
    assert classifier(n_iter_no_change=3, tol=1e6, max_iter=50).fit(X, Y).n_iter_ == 3 + 2


def test_schedules_are_ignored_by_adam():
    fitted = [
        classifier(learning_rate=schedule, max_iter=10).fit(X, Y)
        for schedule in ("constant", "invscaling", "adaptive")
    ]
    for other in fitted[1:]:
        np.testing.assert_array_equal(fitted[0].coefs_[0], other.coefs_[0])


def test_pickle_is_four_times_the_weights():
    model = classifier(hidden_layer_sizes=300).fit(
        np.random.default_rng(0).normal(size=(60, 2000)).astype(np.float32), Y
    )
    size = sum(coef.nbytes for coef in model.coefs_)
    assert model.coefs_[0].dtype == np.float32
    assert 3.9 < len(pickle.dumps(model)) / size < 4.2


def test_the_tag_of_several_targets_is_missing():
    regressor().fit(X, np.column_stack([T, T]))
    assert not get_tags(regressor()).target_tags.multi_output


def test_one_activation_for_all_layers_of_four():
    for activation in ("leaky_relu", "elu", "gelu", "silu", ["relu", "tanh"]):
        with pytest.raises(ValueError, match="'activation' parameter"):
            classifier(activation=activation, hidden_layer_sizes=(5, 5)).fit(X, Y)


def test_cosine_is_no_schedule():
    with pytest.raises(ValueError, match="'learning_rate' parameter"):
        classifier(solver="sgd", learning_rate="cosine").fit(X, Y)


@pytest.mark.parametrize("make", [classifier, regressor])
def test_the_validation_score_is_that_of_score(make):
    y = Y if make is classifier else T
    model = make(early_stopping=True, max_iter=1)
    original, parts = sklearn.neural_network._multilayer_perceptron.train_test_split, []

    def split(*arrays, **options):
        parts.extend(original(*arrays, **options))
        return parts

    with mock.patch.object(
        sklearn.neural_network._multilayer_perceptron, "train_test_split", split
    ):
        model.fit(X, y)
    held_out = next(part for part in parts if np.shape(part) == (6, 6))
    rows = [np.flatnonzero((row == X).all(axis=1))[0] for row in held_out]
    # After one epoch the best network is the last one.
    assert model.validation_scores_ == [pytest.approx(model.score(held_out, y[rows]))]


def test_a_seed_draws_the_same_weights_in_both_precisions():
    double, single = (classifier(max_iter=1).fit(X.astype(kind), Y) for kind in ("f8", "f4"))
    assert single.coefs_[0].dtype == np.float32
    np.testing.assert_allclose(single.coefs_[0], double.coefs_[0], atol=1e-4)


def test_ctrl_c_leaves_a_model():
    module = sklearn.neural_network._multilayer_perceptron
    calls = iter([None, KeyboardInterrupt])
    original = module.shuffle

    def shuffle(*args, **options):
        if next(calls):
            raise KeyboardInterrupt
        return original(*args, **options)

    model = classifier(max_iter=5)
    with (
        mock.patch.object(module, "shuffle", shuffle),
        pytest.warns(UserWarning, match="interrupted by user"),
    ):
        model.fit(X, Y)
    assert model.predict(X).shape == (60,)


def test_every_sparse_format_is_accepted():
    for form in ("csr", "csc", "coo", "lil", "dok", "bsr", "dia"):
        model = classifier().fit(sparse.csr_array(X).asformat(form), Y)
        np.testing.assert_array_equal(model.predict(X), classifier().fit(X, Y).predict(X))
