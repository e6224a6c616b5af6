"""What users do with the two estimators works, and what they do wrong is told, without damage.

Targets and formats of every kind, weights, early stopping, streams, warm starts, failures,
persistence, inspection, and the weak spots of scikit-learn's MLP, each with a test of its own.
"""

import contextlib
import copy
import pickle
import tracemalloc
import warnings
from itertools import pairwise

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, NotFittedError
from sklearn.feature_selection import SelectFromModel
from sklearn.metrics import accuracy_score, get_scorer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.class_weight import compute_sample_weight

from sklearn_set import SETClassifier, SETRegressor, base, fitted, training
from sklearn_set.activations import ACTIVATIONS
from sklearn_set.optimizers import SGD, SOLVERS, Adam

# Nearly every fit here is shorter than convergence takes.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)

N = 60
_rng = np.random.default_rng(0)
X = _rng.normal(size=(N, 8)) * (_rng.random((N, 8)) < 0.7)
_scores = X @ _rng.normal(size=(8, 3)) + _rng.normal(size=(N, 3)) / 3
Y = _scores.argmax(axis=1)
BINARY = (_scores[:, 0] > 0).astype(int)
MULTILABEL = (_scores > 0).astype(int)
T = _scores[:, 0]
NAMES = np.array(["ape", "bee", "cat"])[Y]
WEIGHT = _rng.uniform(0.5, 2, N)

SMALL = {
    "hidden_layer_sizes": (15, 10),
    "epsilon": 3,
    "batch_size": 20,
    "max_iter": 5,
    "random_state": 0,
}


# Enough training for a network so small that each evolution and each penalty is felt.
LEARNS = {
    "max_iter": 150,
    "learning_rate_init": 0.02,
    "zeta": 0.05,
    "tol": 0.0,
    "alpha": 1e-4,
    "newborn_weights": "initial",
}


def classifier(**parameters):
    return SETClassifier(**SMALL | parameters)


def regressor(**parameters):
    return SETRegressor(**SMALL | parameters)


# kind of target -> (factory, y, n_outputs, out_activation)
TARGETS = {
    "binary": (classifier, BINARY, 1, "logistic"),
    "two strings": (classifier, np.where(BINARY, "yes", "no"), 1, "logistic"),
    "multiclass": (classifier, Y, 3, "softmax"),
    "strings": (classifier, NAMES, 3, "softmax"),
    "objects": (classifier, NAMES.astype(object), 3, "softmax"),
    "negative numbers": (classifier, Y * 5 - 7, 3, "softmax"),
    "multilabel": (classifier, MULTILABEL, 3, "logistic"),
    "two labels": (classifier, MULTILABEL[:, :2], 2, "logistic"),
    "one output": (regressor, T, 1, "identity"),
    "three outputs": (regressor, _scores, 3, "identity"),
    "integers": (regressor, np.rint(2 * T).astype(int), 1, "identity"),
}
CLASSIFICATION = [name for name, (factory, *_) in TARGETS.items() if factory is classifier]
every_target = pytest.mark.parametrize("target", TARGETS)
every_class_target = pytest.mark.parametrize("target", CLASSIFICATION)
both = pytest.mark.parametrize(("factory", "y"), [(classifier, Y), (regressor, T)])


def arrays(model):
    """Topology, weights and biases of every layer."""
    return [
        array
        for layer in model._network.layers
        for array in (layer.topology.indptr, layer.topology.indices, layer.weights, layer.bias)
    ]


def assert_same_model(one, other):
    """Assert that two models are equal, bit for bit."""
    for ours, theirs in zip(arrays(one), arrays(other), strict=True):
        np.testing.assert_array_equal(ours, theirs, strict=True)


# -------------------------------------------------------------------------------------- targets


@every_target
def test_fit_and_predict_for_every_kind_of_target(target):
    factory, y, n_outputs, out_activation = TARGETS[target]
    model = factory(**LEARNS).fit(X, y)
    predicted = model.predict(X)
    assert predicted.shape == y.shape
    assert model.n_outputs_ == n_outputs
    assert model.out_activation_ == out_activation
    assert model.n_layers_ == 4
    assert model.n_features_in_ == 8
    assert model.score(X, y) > 0.7
    assert len(model.loss_curve_) == model.n_iter_
    assert model.loss_ == model.loss_curve_[-1] < model.loss_curve_[0] / 2
    if factory is classifier:
        labels = np.arange(y.shape[1]) if y.ndim == 2 else np.unique(y)
        np.testing.assert_array_equal(model.classes_, labels)
        assert set(predicted.ravel().tolist()) <= set(np.unique(y).tolist())
    else:
        assert predicted.dtype == np.float64
        assert not hasattr(model, "classes_")


def test_y_may_be_a_list_or_a_column():
    expected = classifier().fit(X, NAMES)
    assert_same_model(classifier().fit(X, NAMES.tolist()), expected)
    for factory, y in ((classifier, Y), (regressor, T)):
        with pytest.warns(DataConversionWarning, match="column-vector y"):
            model = factory().fit(X, y.reshape(-1, 1))
        assert model.predict(X).shape == (N,)
        assert_same_model(model, factory().fit(X, y))


def test_multilabel_y_may_be_sparse():
    assert_same_model(
        classifier().fit(X, sparse.csr_array(MULTILABEL)), classifier().fit(X, MULTILABEL)
    )


@pytest.mark.parametrize(
    ("factory", "y", "message"),
    [
        (classifier, T, "Unknown label type"),
        (classifier, np.column_stack([Y, Y]), "Multioutput target data is not supported"),
        (classifier, np.zeros(N, int), "one class"),
        (classifier, Y[:-1], "inconsistent numbers of samples"),
        (regressor, np.full(N, np.nan), "NaN"),
        (regressor, np.where(T > 0, np.inf, T), "infinity"),
        (regressor, T[:-1], "inconsistent numbers of samples"),
    ],
)
def test_bad_y_is_refused(factory, y, message):
    with pytest.raises(ValueError, match=message):
        factory().fit(X, y)


# ------------------------------------------------------------------------------- formats of X

SPARSE_FORMATS = ["csr", "csc", "coo", "dok", "lil", "dia", "bsr"]


@pytest.mark.parametrize("kind", ["array", "matrix"])
@pytest.mark.parametrize("form", SPARSE_FORMATS)
@both
def test_every_sparse_format_gives_the_bits_of_dense(factory, y, form, kind):
    given = getattr(sparse, f"{form}_{kind}")(X)
    dense = factory().fit(X, y)
    assert_same_model(factory().fit(given, y), dense)
    np.testing.assert_array_equal(dense.predict(given), dense.predict(X))


def test_sparse_indices_may_be_wide_or_in_disorder():
    wide = sparse.csr_array(X)
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    disorder = sparse.csr_array(X[:, ::-1])[:, ::-1]
    disorder.has_sorted_indices = False
    expected = classifier().fit(X, Y)
    for given in (wide, disorder):
        assert_same_model(classifier().fit(given, Y), expected)
        np.testing.assert_array_equal(
            expected.decision_function(given), expected.decision_function(X)
        )


@pytest.mark.parametrize(
    "convert",
    [
        np.asfortranarray,
        lambda X: np.repeat(X, 2, axis=1)[:, ::2],
        lambda X: X.tolist(),
        lambda X: pd.DataFrame(X),
        lambda X: pl.DataFrame(X, schema=[f"gene {i}" for i in range(8)]),
        lambda X: X.astype(">f8"),
    ],
    ids=["fortran", "strided", "list", "pandas", "polars", "big-endian"],
)
@both
def test_every_dense_container_gives_the_same_model(factory, y, convert):
    expected = factory().fit(X, y)
    model = factory().fit(convert(X), y)
    assert_same_model(model, expected)
    np.testing.assert_array_equal(model.predict(convert(X)), expected.predict(X))


@pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
def test_names_of_features_are_kept_and_compared(library):
    columns = [f"gene {i}" for i in range(8)]
    frame = library.DataFrame(dict(zip(columns, X.T, strict=True)))
    labels = library.Series(NAMES.tolist())
    model = classifier().fit(frame, labels)
    np.testing.assert_array_equal(model.feature_names_in_, columns)
    assert set(model.predict(frame)) <= {"ape", "bee", "cat"}
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[columns[::-1]])
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        model.predict(X)


def test_names_and_numbers_of_features_are_forgotten_by_a_new_fit():
    model = regressor().fit(pd.DataFrame(X, columns=[f"gene {i}" for i in range(8)]), T)
    model.fit(X[:, :5], T)
    assert not hasattr(model, "feature_names_in_")
    assert model.n_features_in_ == 5
    assert model.predict(X[:, :5]).shape == (N,)


@pytest.mark.parametrize("dtype", [np.int32, np.uint8, bool, np.float16])
def test_other_numbers_become_float64(dtype):
    given = (X * 3).astype(dtype)
    model = classifier().fit(given, Y)
    assert model.coefs_[0].dtype == np.float64
    assert_same_model(model, classifier().fit(given.astype(np.float64), Y))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.where(X > 1, np.nan, X), "NaN"),
        (np.where(X > 1, np.inf, X), "infinity"),
        (X[0], "Expected 2D array"),
        (X[:0], "minimum of 1 is required"),
        (X[:, :0], "minimum of 1 is required"),
        (X + 1j, "Complex data not supported"),
        (X.astype(str) + "x", "could not convert"),
    ],
    ids=["nan", "inf", "1d", "no sample", "no feature", "complex", "words"],
)
def test_bad_X_is_refused(bad, message):
    with pytest.raises(ValueError, match=message):
        classifier().fit(bad, Y[: len(bad)])


@both
def test_predict_with_another_number_of_features_is_refused(factory, y):
    model = factory().fit(X, y)
    message = "X has 7 features, but SET.* is expecting 8 features as input"
    for given in (X[:, :7], sparse.csr_array(X[:, :7])):
        with pytest.raises(ValueError, match=message):
            model.predict(given)


@both
def test_predictions_of_a_sample_do_not_depend_on_its_neighbours(factory, y):
    model = factory().fit(X, y)
    together = model.predict(np.tile(X, (5, 1)))
    np.testing.assert_array_equal(together, np.tile(model.predict(X), 5))
    one_by_one = np.concatenate([model.predict(X[i : i + 1]) for i in range(N)])
    np.testing.assert_array_equal(one_by_one, together[:N])


# ------------------------------------------------------------------------------- sample weights


@both
def test_weights_of_one_change_nothing(factory, y):
    plain = factory().fit(X, y)
    for weight in (1, 1.0, np.float32(1), np.ones(N), np.ones(N, int), [1.0] * N):
        assert_same_model(factory().fit(X, y, sample_weight=weight), plain)


@both
def test_a_scalar_weight_is_that_weight_for_all(factory, y):
    assert_same_model(
        factory(alpha=0.3).fit(X, y, sample_weight=2.5),
        factory(alpha=0.3).fit(X, y, sample_weight=np.full(N, 2.5)),
    )


@both
def test_only_ratios_of_weights_matter(factory, y):
    # A power of two: not even rounding may differ.
    one, other = (factory(alpha=0).fit(X, y, sample_weight=c * WEIGHT) for c in (1, 4))
    assert_same_model(one, other)


@both
def test_a_weight_is_worth_repetitions(factory, y):
    counts = np.arange(N) % 4
    options = {"shuffle": False, "batch_size": 200, "alpha": 0.1, "max_iter": 20}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Got `batch_size`")
        weighted = factory(**options).fit(X, y, sample_weight=counts)
        repeated = factory(**options).fit(np.repeat(X, counts, axis=0), np.repeat(y, counts))
    for ours, theirs in zip(weighted.coefs_, repeated.coefs_, strict=True):
        np.testing.assert_array_equal(ours.indices, theirs.indices)
        np.testing.assert_allclose(ours.data, theirs.data, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (-WEIGHT, "Negative values in data passed to `sample_weight`"),
        (np.where(np.arange(N) == 5, -1e-9, 1), "Negative values"),
        (-1.0, "Negative values"),
        (np.zeros(N), "Sample weights must contain at least one non-zero number"),
        (0, "Sample weights must contain at least one non-zero number"),
        (WEIGHT[:-1], r"sample_weight.shape == \(59,\), expected \(60,\)"),
        (np.ones((N, 2)), "Sample weights must be 1D array or scalar"),
        (np.where(WEIGHT > 1, np.nan, 1), "sample_weight contains NaN"),
        (np.where(WEIGHT > 1, np.inf, 1), "sample_weight contains infinity"),
    ],
    ids=[
        "negative",
        "one negative",
        "negative scalar",
        "zeros",
        "zero",
        "short",
        "2d",
        "nan",
        "inf",
    ],
)
def test_bad_weights_are_refused(weight, message, method):
    with pytest.raises(ValueError, match=message):
        getattr(regressor(), method)(X, T, sample_weight=weight)


@both
def test_weights_may_be_a_series(factory, y):
    expected = factory().fit(X, y, sample_weight=WEIGHT)
    assert_same_model(factory().fit(X, y, sample_weight=pd.Series(WEIGHT)), expected)


# -------------------------------------------------------------------------------- class weights


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("y", "class_weight"),
    [
        (Y, "balanced"),
        (Y, {0: 2.0, 1: 0.5, 2: 1.0}),
        (Y, {1: 3.0}),
        (BINARY, "balanced"),
        (BINARY, {0: 0.0, 1: 4}),
        (NAMES, "balanced"),
        (NAMES, {"bee": 0.25}),
        (MULTILABEL, "balanced"),
        (MULTILABEL, [{0: 1, 1: 3}, {0: 2, 1: 1}, {0: 1, 1: 1}]),
    ],
)
def test_class_weights_are_sample_weights(y, class_weight, dtype):
    given = X.astype(dtype)
    expected = classifier().fit(given, y, sample_weight=compute_sample_weight(class_weight, y))
    model = classifier(class_weight=class_weight).fit(given, y)
    assert model.coefs_[0].dtype == dtype
    assert_same_model(model, expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_class_weights_multiply_sample_weights(dtype):
    given, weight = X.astype(dtype), WEIGHT.astype(dtype)
    model = classifier(class_weight={0: 2.0, 2: 0.5}).fit(given, Y, sample_weight=weight)
    factor = np.array([2.0, 1.0, 0.5])[Y]
    expected = classifier().fit(given, Y, sample_weight=factor * weight)
    assert_same_model(model, expected)


def test_class_weights_favour_their_class():
    noise = np.random.default_rng(1).normal(size=(N, 8))
    favoured = classifier(class_weight={0: 1000.0}, **LEARNS)
    favoured.fit(noise, Y)
    assert np.mean(favoured.predict(noise) == 0) > 0.9


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ({7: 1.0}, "not in class_weight"),
        ("heavy", "'class_weight' parameter of SETClassifier must be"),
        (3, "'class_weight' parameter of SETClassifier must be"),
        ({0: -1.0}, "(?i)negative"),
        ({0: 0.0, 1: 0.0, 2: 0.0}, "at least one non-zero number"),
    ],
)
def test_bad_class_weights_are_refused(class_weight, message):
    with pytest.raises(ValueError, match=message):
        classifier(class_weight=class_weight).fit(X, Y)


def test_balanced_is_refused_by_partial_fit():
    message = "class_weight='balanced' is not supported for partial_fit"
    with pytest.raises(ValueError, match=message):
        classifier(class_weight="balanced").partial_fit(X, Y, classes=[0, 1, 2])


def test_a_dict_serves_partial_fit_even_where_classes_are_missing():
    model = classifier(class_weight={0: 2.0, 2: 0.5})
    expected = classifier()
    for part in (slice(0, 30), np.flatnonzero(Y == 1), np.flatnonzero(Y != 0)):
        model.partial_fit(X[part], Y[part], classes=[0, 1, 2])
        factor = np.array([2.0, 1.0, 0.5])[Y[part]]
        expected.partial_fit(X[part], Y[part], classes=[0, 1, 2], sample_weight=factor)
    assert_same_model(model, expected)


# --------------------------------------------------------------------------------- probabilities


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@every_class_target
def test_probabilities_logarithms_decisions_and_labels_agree(target, dtype):
    _, y, n_outputs, _ = TARGETS[target]
    given = X.astype(dtype)
    model = classifier(max_iter=20).fit(given, y)
    probabilities, decisions = model.predict_proba(given), model.decision_function(given)
    logarithms = model.predict_log_proba(given)
    assert probabilities.dtype == decisions.dtype == logarithms.dtype == dtype
    n_columns = y.shape[1] if y.ndim == 2 else model.classes_.shape[0]
    assert probabilities.shape == logarithms.shape == (N, n_columns)
    assert decisions.shape == ((N,) if y.ndim == 1 and n_outputs == 1 else (N, n_columns))
    rtol = 1e-12 if dtype == "float64" else 1e-5
    np.testing.assert_allclose(logarithms, np.log(probabilities), rtol=rtol, atol=rtol)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    if y.ndim == 2:
        np.testing.assert_array_equal(model.predict(given), decisions > 0)
        np.testing.assert_array_equal(model.predict(given), probabilities > 0.5)
        return
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=10 * np.finfo(dtype).eps)
    np.testing.assert_array_equal(
        model.predict(given), model.classes_[probabilities.argmax(axis=1)]
    )
    number = (decisions > 0).astype(int) if n_outputs == 1 else decisions.argmax(axis=1)
    np.testing.assert_array_equal(model.predict(given), model.classes_[number])


def test_the_decision_of_two_classes_is_the_log_odds_of_the_second():
    model = classifier().fit(X, BINARY)
    probabilities = model.predict_proba(X)
    np.testing.assert_allclose(
        model.decision_function(X), np.log(probabilities[:, 1] / probabilities[:, 0]), rtol=1e-9
    )


# ------------------------------------------------------------------------------- early stopping


@pytest.fixture
def split(monkeypatch):
    """Rows that the last fit trained on, and those held out."""
    rows = {}
    train = base.train

    def spy(state, data, *args, **kwargs):
        rows["train"] = np.sort(data.rows)
        rows["held out"] = np.setdiff1d(np.arange(len(data.y)), data.rows)
        return train(state, data, *args, **kwargs)

    monkeypatch.setattr(base, "train", spy)
    return rows


@both
def test_a_share_of_the_samples_is_held_out(factory, y, split):
    for fraction in (0.1, 0.25, 0.5):
        model = factory(early_stopping=True, validation_fraction=fraction).fit(X, y)
        assert split["train"].shape == np.unique(split["train"]).shape
        assert split["held out"].shape == (np.ceil(fraction * N),)
        assert model.t_ == model.n_iter_ * split["train"].shape[0]
    factory().fit(X, y)
    assert split["held out"].shape == (0,)


def test_the_split_depends_on_the_seed(split):
    held_out = []
    for seed in (0, 0, 1):
        classifier(early_stopping=True, random_state=seed).fit(X, Y)
        held_out.append(split["held out"].tolist())
    assert held_out[0] == held_out[1] != held_out[2]


@pytest.mark.parametrize("factory_and_y", [(classifier, NAMES), (regressor, T)], ids=["clf", "reg"])
def test_the_default_score_is_that_of_the_estimator(factory_and_y, split):
    factory, y = factory_and_y
    model = factory(early_stopping=True, validation_fraction=0.3).fit(X, y, sample_weight=WEIGHT)
    held_out = split["held out"]
    expected = model.score(X[held_out], y[held_out], sample_weight=WEIGHT[held_out])
    assert model.best_validation_score_ == pytest.approx(expected, rel=1e-9)
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert model.validation_scores_[model.best_iter_ - 1] == model.best_validation_score_


@pytest.mark.parametrize(
    ("factory", "y", "scoring"),
    [
        (classifier, Y, "balanced_accuracy"),
        (classifier, Y, "neg_log_loss"),
        (classifier, BINARY, "roc_auc"),
        (classifier, MULTILABEL, "f1_macro"),
        (classifier, NAMES, get_scorer("f1_macro")),
        (classifier, NAMES, lambda model, X, y: accuracy_score(y, model.predict(X))),
        (regressor, T, "neg_mean_absolute_error"),
        (regressor, _scores, "r2"),
        (regressor, T, lambda model, X, y: -abs(model.predict(X) - y).max()),
    ],
)
def test_any_score_may_decide(factory, y, scoring, split):
    model = factory(early_stopping=True, validation_fraction=0.4, scoring=scoring, max_iter=8).fit(
        X, y
    )
    scorer = get_scorer(scoring) if isinstance(scoring, str) else scoring
    held_out = split["held out"]
    # The model is that of the best epoch: its score is the best.
    assert scorer(model, X[held_out], y[held_out]) == pytest.approx(model.best_validation_score_)
    assert model.best_validation_score_ == max(model.validation_scores_)


def test_a_scorer_sees_what_the_user_gave():
    frame = pd.DataFrame(X, columns=[f"gene {i}" for i in range(8)])
    seen = []

    def scorer(model, X, y):
        seen.append((type(X), X.shape, set(y)))
        return model.score(X, y)

    model = classifier(early_stopping=True, validation_fraction=0.3, scoring=scorer)
    model.fit(frame, NAMES)
    assert seen == [(pd.DataFrame, (18, 8), {"ape", "bee", "cat"})] * model.n_iter_


def test_a_scorer_gets_the_weights():
    sums = []

    def scorer(model, X, y, sample_weight):
        sums.append(sample_weight.shape)
        return 0.5

    classifier(early_stopping=True, scoring=scorer).fit(X, Y, sample_weight=WEIGHT)
    assert sums == [(6,)] * 5


def test_scoring_is_idle_without_early_stopping():
    assert classifier(scoring="neg_log_loss").fit(X, Y).validation_scores_ is None


def test_an_unknown_score_is_refused():
    with pytest.raises(ValueError, match="scoring"):
        classifier(early_stopping=True, scoring="no such score").fit(X, Y)


@pytest.mark.parametrize(
    ("factory", "n_of_classes", "fraction"),
    [
        (classifier, [10, 10], 0.0),
        (classifier, [10, 10], 0.05),
        (classifier, [2, 2, 2], 0.3),
        (regressor, [1], 0.5),
        (regressor, [3], 0.1),
    ],
)
def test_a_validation_set_that_is_too_small_is_refused(factory, n_of_classes, fraction):
    y = np.repeat(np.arange(len(n_of_classes)), n_of_classes)
    model = factory(early_stopping=True, validation_fraction=fraction)
    message = "The validation set is too small.* Increase 'validation_fraction'"
    with pytest.raises(ValueError, match=message):
        model.fit(X[: len(y)], y)


@pytest.mark.parametrize(
    ("factory", "n_of_classes", "fraction"),
    [(classifier, [2, 2, 2], 0.7), (classifier, [2, 2], 0.9), (regressor, [3], 0.9)],
)
def test_a_training_part_that_is_too_small_is_refused(factory, n_of_classes, fraction):
    y = np.repeat(np.arange(len(n_of_classes)), n_of_classes)
    model = factory(early_stopping=True, validation_fraction=fraction)
    message = "The part to train on is too small.* Decrease 'validation_fraction'"
    with pytest.raises(ValueError, match=message):
        model.fit(X[: len(y)], y)


def test_a_class_of_one_sample_cannot_be_held_out():
    with pytest.raises(ValueError, match="class 2 has only 1 sample"):
        classifier(early_stopping=True).fit(X[:21], [0] * 10 + [1] * 10 + [2])


@pytest.mark.parametrize(
    ("weighty", "fraction", "part"), [(6, 0.1, "validation set"), (1, 0.5, "training part")]
)
def test_early_stopping_needs_weights_in_both_parts(weighty, fraction, part):
    # Only the first samples weigh anything: of 20 splits some leave one part without any.
    weight, refused = np.where(np.arange(N) < weighty, 1.0, 0.0), []
    for seed in range(20):
        model = regressor(
            early_stopping=True, validation_fraction=fraction, max_iter=1, random_state=seed
        )
        try:
            model.fit(X, T, sample_weight=weight)
        except ValueError as error:
            refused.append(str(error))
        else:
            assert np.isfinite(model.validation_loss_curve_).all()
            assert np.isfinite(model.loss_curve_).all()
    assert any(part in message for message in refused)
    advice = "Decrease" if part == "training part" else "Increase"
    assert all("have a sample_weight of zero" in message for message in refused)
    assert any(f"{part} have a sample_weight of zero. {advice}" in message for message in refused)


def test_partial_fit_does_not_support_early_stopping():
    with pytest.raises(ValueError, match=r"^partial_fit does not support early_stopping=True$"):
        regressor(early_stopping=True).partial_fit(X, T)


# ---------------------------------------------------------------------------------- partial_fit


def test_classes_are_required_first_and_may_be_left_out_later():
    model = classifier()
    with pytest.raises(ValueError, match="classes must be passed on the first call to partial_fit"):
        model.partial_fit(X, Y)
    model.partial_fit(X, Y, classes=[2, 0, 1])
    np.testing.assert_array_equal(model.classes_, [0, 1, 2])
    model.partial_fit(X, Y).partial_fit(X, Y, classes=[0, 1, 2])
    assert len(model.loss_curve_) == 3
    assert model.n_iter_ == 1


def test_other_classes_and_unseen_labels_are_refused():
    model = classifier().partial_fit(X, Y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="is not the same as on last call to partial_fit"):
        model.partial_fit(X, Y, classes=[0, 1, 2, 3])
    with pytest.raises(ValueError, match=r"`y` has classes not in `self\.classes_`"):
        model.partial_fit(X, Y + 1)
    with pytest.raises(ValueError, match=r"`y` has classes not in `self\.classes_`"):
        classifier().partial_fit(X, Y, classes=[0, 1])


def test_labels_may_be_unseen_for_a_while():
    model = classifier()
    for name in ("bee", "cat", "bee", "ape"):
        part = np.flatnonzero(np.isin(NAMES, name))
        model.partial_fit(X[part], NAMES[part], classes=["ape", "bee", "cat", "dog"])
    assert model.predict_proba(X).shape == (N, 4)
    assert (model.predict_proba(X) > 0).all()


def test_partial_fit_of_one_sample():
    model = classifier()
    for i in range(5):
        model.partial_fit(X[i : i + 1], Y[i : i + 1], classes=[0, 1, 2])
    assert model.t_ == 5
    regressor().partial_fit(X[:1], T[:1]).partial_fit(X[1:2], T[1:2])
    multilabel = classifier().partial_fit(X[:1], MULTILABEL[:1], classes=[0, 1, 2])
    assert multilabel.partial_fit(X[1:2], MULTILABEL[1:2]).predict(X).shape == (N, 3)


def test_partial_fit_never_warns():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = classifier(batch_size=1000)
        model.partial_fit(X, Y, classes=[0, 1, 2]).partial_fit(X[:5], Y[:5])


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("options", [{}, {"dropout": 0.2}], ids=str)
@both
def test_parts_make_the_same_model_as_epochs(factory, y, options, solver):
    streamed = factory(solver=solver, **options)
    for _ in range(5):
        if factory is classifier:
            streamed.partial_fit(X, y, classes=[0, 1, 2])
        else:
            streamed.partial_fit(X, y)
    fitted = factory(solver=solver, max_iter=5, **options).fit(X, y)
    assert_same_model(streamed, fitted)
    assert streamed.loss_curve_ == fitted.loss_curve_


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_pickled_stream_goes_on_as_its_twin(solver):
    model = classifier(solver=solver, dropout=0.1)
    for _ in range(3):
        model.partial_fit(X, Y, classes=[0, 1, 2])
    twin = pickle.loads(pickle.dumps(model))
    other = copy.deepcopy(model)
    assert_same_model(twin, model)
    before = model.coefs_[0].data.copy()
    for part in (slice(0, 40), slice(20, 60), slice(0, 60)):
        for each in (model, twin, other):
            each.partial_fit(X[part], Y[part])
    assert not np.array_equal(before, model.coefs_[0].data)
    assert_same_model(twin, model)
    assert_same_model(other, model)
    assert twin.loss_curve_ == model.loss_curve_


@both
def test_fit_then_partial_fit_goes_on(factory, y):
    model = factory(max_iter=30).fit(X, y)
    n_epochs, start = len(model.loss_curve_), model.score(X, y)
    for _ in range(30):
        model.partial_fit(X, y)
    assert len(model.loss_curve_) == n_epochs + 30
    assert model.score(X, y) >= start
    assert model.loss_ < model.loss_curve_[n_epochs - 1]


def test_partial_fit_refuses_another_number_of_features():
    model = regressor().partial_fit(X, T)
    with pytest.raises(ValueError, match="X has 7 features, but SETRegressor is expecting 8"):
        model.partial_fit(X[:, :7], T)


@pytest.mark.parametrize(("first", "then"), [(Y, MULTILABEL), (MULTILABEL, Y)])
@pytest.mark.parametrize("how", ["partial_fit", "warm_start"])
def test_a_model_refuses_another_kind_of_target(first, then, how):
    # Three classes and three labels give networks of the same shape, but not of the same meaning.
    model = classifier(warm_start=how == "warm_start").fit(X, first)
    with pytest.raises(ValueError):  # noqa: PT011  (whatever the words)
        model.partial_fit(X, then) if how == "partial_fit" else model.fit(X, then)


def test_a_new_learning_rate_is_used_at_once(monkeypatch):
    rates = []
    original = Adam.next_step_size
    monkeypatch.setattr(
        Adam, "next_step_size", lambda self, rate: (rates.append(rate), original(self, rate))[1]
    )
    model = regressor(batch_size=N).partial_fit(X, T).partial_fit(X, T)
    model.set_params(learning_rate_init=0.01).partial_fit(X, T)
    assert rates == [0.001, 0.001, 0.01]


# ----------------------------------------------------------------------------------- warm_start


@pytest.mark.parametrize("solver", SOLVERS)
@both
def test_warm_fits_make_the_same_model_as_a_long_one(factory, y, solver):
    options = {"solver": solver, "rewire_interval": 2, "dropout": 0.1, "n_iter_no_change": 12}
    warm = factory(warm_start=True, max_iter=3, **options)
    for _ in range(4):
        warm.fit(X, y)
    long = factory(max_iter=12, **options).fit(X, y)
    assert_same_model(warm, long)
    assert warm.loss_curve_ == long.loss_curve_
    assert warm.t_ == long.t_
    assert (warm.n_iter_, long.n_iter_) == (3, 12)


def test_warm_start_begins_like_any_fit():
    assert_same_model(regressor(warm_start=True).fit(X, T), regressor().fit(X, T))


def test_without_warm_start_fit_begins_anew():
    model = regressor().fit(X, T)
    first = [array.copy() for array in arrays(model)]
    model.fit(X, T)
    for ours, theirs in zip(arrays(model), first, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert len(model.loss_curve_) == 5


@pytest.mark.parametrize(
    "change",
    [
        {"hidden_layer_sizes": (15, 11)},
        {"hidden_layer_sizes": (15,)},
        {"hidden_layer_sizes": 15},
        {"activation": "tanh"},
        {"activation": ("relu", "tanh")},
        {"epsilon": 2.5},
    ],
    ids=str,
)
@pytest.mark.parametrize("how", ["warm_start=True", "partial_fit"])
@both
def test_a_changed_architecture_is_refused(factory, y, how, change):
    model = factory(warm_start=how == "warm_start=True").fit(X, y)
    before = model.predict(X)
    ((name, value),) = change.items()
    model.set_params(**change)
    with pytest.raises(ValueError, match=f"^{how} goes on with the network it has") as error:
        model.fit(X, y) if model.warm_start else model.partial_fit(X, y)
    assert f"{name}={value!r}" in str(error.value)
    assert f"Set {name} back" in str(error.value)
    np.testing.assert_array_equal(model.predict(X), before)
    model.set_params(**{name: SMALL.get(name, "relu")})
    model.fit(X, y) if model.warm_start else model.partial_fit(X, y)


def test_the_same_architecture_in_other_words_is_accepted():
    model = classifier(warm_start=True).fit(X, Y)
    model.set_params(hidden_layer_sizes=[15, 10], activation=["relu", "relu"], epsilon=3.0)
    assert len(model.fit(X, Y).loss_curve_) == 10


def test_other_classes_are_refused():
    model = classifier(warm_start=True).fit(X, Y)
    message = "warm_start can only be used where `y` has the same classes as in the previous call"
    for y in (Y + 1, BINARY, NAMES):
        with pytest.raises(ValueError, match=message):
            model.fit(X, y)


def test_another_number_of_outputs_is_refused():
    model = regressor(warm_start=True).fit(X, T)
    with pytest.raises(ValueError, match="of 1 outputs, but y has 3"):
        model.fit(X, _scores)


def test_other_data_are_accepted_by_a_warm_start():
    model = regressor(warm_start=True).fit(X, T)
    model.fit(X[:25].astype(np.float32), T[:25])
    assert model.coefs_[0].dtype == np.float64
    assert model.t_ == 5 * N + 5 * 25


def test_another_solver_starts_with_new_moments():
    model = regressor(warm_start=True).fit(X, T)
    assert isinstance(model._optimizer, Adam)
    model.set_params(solver="sgd").fit(X, T)
    assert isinstance(model._optimizer, SGD)
    assert len(model.loss_curve_) == 10


# --------------------------------------------------------------------------------- failed calls

# what goes wrong -> (parameters to set, X, y of the classifier, y of the regressor, weights);
# None stands for something good
FAILURES = {
    "bad parameter": ({"zeta": 2}, None, None, None, None),
    "bad size": ({"hidden_layer_sizes": (5, 0)}, None, None, None, None),
    "nan in X": ({}, np.where(X > 1, np.nan, X), None, None, None),
    "flat X": ({}, X[0], None, None, None),
    "short y": ({}, None, Y[:-1], T[:-1], None),
    "bad y": ({}, None, T, np.full(N, np.inf), None),
    "one class": ({}, None, np.full(N, 9), np.full(N, np.nan), None),
    "bad weights": ({}, None, None, None, -WEIGHT),
    "divergence": ({"solver": "sgd", "learning_rate_init": 1e200}, X, None, None, None),
}
# state -> how it is reached
STATES = {
    "fresh": lambda model, y: model,
    "fitted": lambda model, y: model.fit(X, y),
    "warm": lambda model, y: model.set_params(warm_start=True).fit(X, y),
    "streaming": lambda model, y: model.partial_fit(
        X, y, **({"classes": [0, 1, 2]} if isinstance(model, SETClassifier) else {})
    ),
}


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("failure", FAILURES)
@both
def test_a_failed_call_leaves_no_trace(factory, y, failure, state, method):
    parameters, bad_X, bad_class_y, bad_real_y, weight = FAILURES[failure]
    bad_y = bad_class_y if factory is classifier else bad_real_y
    model = STATES[state](factory(), y)
    before = model.predict(X) if state != "fresh" else None
    model.set_params(**parameters)
    attributes, frozen = dict(vars(model)), pickle.dumps(model)
    classes = {}
    if factory is classifier and method == "partial_fit":
        classes["classes"] = [0, 1, 2]
    with pytest.raises(ValueError):  # noqa: PT011  (the words are tested elsewhere)
        getattr(model, method)(
            X if bad_X is None else bad_X,
            y if bad_y is None else bad_y,
            sample_weight=weight,
            **classes,
        )
    assert vars(model).keys() == attributes.keys()
    for name, value in attributes.items():
        assert vars(model)[name] is value, name
    assert pickle.dumps(model) == frozen
    if state == "fresh":
        assert not hasattr(model, "n_features_in_")
        with pytest.raises(NotFittedError):
            model.predict(X)
    else:
        np.testing.assert_array_equal(model.predict(X), before)


@pytest.mark.parametrize("state", ["fitted", "warm", "streaming"])
def test_a_part_that_makes_it_diverge_leaves_no_trace(state):
    model = STATES[state](regressor(solver="sgd"), T)
    before, frozen = model.predict(X), pickle.dumps(model)
    with pytest.raises(ValueError, match="non-finite"):
        model.partial_fit(X * 1e200, T)
    assert pickle.dumps(model) == frozen
    np.testing.assert_array_equal(model.predict(X), before)
    model.partial_fit(X, T)


def test_a_scorer_that_fails_leaves_no_trace():
    def scorer(model, X, y):
        raise RuntimeError("out of order")

    model = classifier(warm_start=True).fit(X, Y)
    model.set_params(early_stopping=True, scoring=scorer)
    attributes = dict(model.__dict__)
    weights = [array.copy() for array in arrays(model)]
    with pytest.raises(RuntimeError, match="out of order"):
        model.fit(X, Y)
    assert all(model.__dict__[name] is value for name, value in attributes.items())
    assert model.__dict__.keys() == attributes.keys()
    for ours, theirs in zip(arrays(model), weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@both
def test_a_fit_leaves_its_input_alone(factory, y):
    given, weight = X.copy(), WEIGHT.copy()
    labels = y.copy()
    for array in (given, weight, labels):
        array.flags.writeable = False
    model = factory().fit(given, labels, sample_weight=weight)
    model.predict(given)
    np.testing.assert_array_equal(given, X)


def test_methods_before_fit_say_so():
    model = classifier()
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        with pytest.raises(NotFittedError, match="This SETClassifier instance is not fitted yet"):
            getattr(model, method)(X)
    for name in ("coefs_", "intercepts_", "feature_importances_"):
        with pytest.raises(AttributeError, match=f"not fitted yet: it has no {name}"):
            getattr(model, name)
        assert not hasattr(model, name)


# ---------------------------------------------------------------------------- clone and pickle

ODD = {
    "hidden_layer_sizes": [4, 3],
    "epsilon": 2.5,
    "zeta": 0.1,
    "rewire_interval": 2,
    "zeta_schedule": "linear",
    "pruning": "magnitude",
    "growth": "guided",
    "newborn_weights": "zero",
    "activation": ["tanh", "relu"],
    "dropout": 0.1,
    "input_dropout": 0.2,
    "mixup": 0.4,
    "weight_init": "normal",
    "dtype": "float32",
    "solver": "sgd",
    "alpha": 0.5,
    "weight_decay": 0.1,
    "batch_size": 7,
    "learning_rate": "cosine",
    "learning_rate_init": 0.1,
    "power_t": 0.1,
    "momentum": 0.1,
    "nesterovs_momentum": False,
    "beta_1": 0.1,
    "beta_2": 0.2,
    "adam_epsilon": 0.3,
    "max_iter": 3,
    "shuffle": False,
    "tol": 0.2,
    "n_iter_no_change": 2,
    "n_snapshots": 3,
    "early_stopping": True,
    "validation_fraction": 0.3,
    "scoring": "r2",
    "warm_start": True,
    "random_state": 5,
    "n_jobs": 1,
    "verbose": 0,
}


@pytest.mark.parametrize(
    ("estimator", "only"),
    [
        (SETClassifier, {"class_weight": {0: 2}, "label_smoothing": 0.3}),
        (SETRegressor, {"loss": "quantile", "quantile": 0.2, "huber_delta": 3}),
    ],
)
def test_every_parameter_survives_clone(estimator, only):
    parameters = ODD | only
    model = estimator(**parameters)
    assert model.get_params() == parameters
    for name, value in parameters.items():
        assert getattr(model, name) is value
    assert clone(model).get_params() == parameters
    assert estimator().set_params(**parameters).get_params() == parameters
    assert "adam_epsilon=0.3" in repr(model)


def test_a_clone_is_not_fitted():
    model = classifier().fit(X, Y)
    copied = clone(model)
    assert {name for name in vars(copied) if name[0] != "_"} == copied.get_params().keys()
    assert not copied.__sklearn_is_fitted__()
    assert_same_model(copied.fit(X, Y), model)


@every_target
def test_a_pickled_model_predicts_the_same(target):
    factory, y, *_ = TARGETS[target]
    model = factory().fit(X, y)
    loaded = pickle.loads(pickle.dumps(model))
    assert_same_model(loaded, model)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert vars(loaded).keys() == vars(model).keys()


def test_another_version_is_told():
    state = classifier().fit(X, Y).__getstate__()
    assert state["_sklearn_set_version"] == fitted.__version__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SETClassifier().__setstate__(dict(state))
    for other in ("0.0.1", None):
        changed = state | {"_sklearn_set_version": other}
        if other is None:
            del changed["_sklearn_set_version"]
        loaded = SETClassifier()
        with pytest.warns(UserWarning, match=f"SETClassifier from sklearn_set {other} with"):
            loaded.__setstate__(changed)
        assert loaded.predict(X).shape == (N,)
        assert not hasattr(loaded, "_sklearn_set_version")


@pytest.mark.parametrize("compress", [0, 3])
def test_joblib_may_map_the_model_into_memory(compress, tmp_path):
    path = tmp_path / "model.joblib"
    model = classifier(hidden_layer_sizes=(150, 100)).fit(X, Y)
    joblib.dump(model, path, compress=compress)
    content = path.read_bytes()
    loaded = joblib.load(path, mmap_mode=None if compress else "r")
    if not compress:
        assert not loaded.coefs_[0].data.flags.writeable
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(loaded.feature_importances_, model.feature_importances_)
    for each in (loaded, model):
        each.partial_fit(X, Y).partial_fit(X, Y)
    assert_same_model(loaded, model)
    assert path.read_bytes() == content


def test_a_stream_may_be_mapped_into_memory(tmp_path):
    path = tmp_path / "model.joblib"
    model = regressor(hidden_layer_sizes=(150, 100)).partial_fit(X, T).partial_fit(X, T)
    joblib.dump(model, path)
    loaded = joblib.load(path, mmap_mode="r")
    assert_same_model(loaded.partial_fit(X, T), model.partial_fit(X, T))


# ------------------------------------------------------------------------------------ inspection


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@both
def test_coefs_are_the_models_own_memory(factory, y, dtype):
    model = factory(dtype=dtype).fit(X, y)
    sizes = (8, 15, 10, 3 if factory is classifier else 1)
    assert len(model.coefs_) == len(model.intercepts_) == 3
    layers = model._network.layers
    for depth, (coef, intercept) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
        assert isinstance(coef, sparse.csr_array)
        assert coef.shape == (sizes[depth], sizes[depth + 1])
        assert intercept.shape == (sizes[depth + 1],)
        assert coef.dtype == intercept.dtype == dtype
        assert coef.has_canonical_format
        assert np.shares_memory(coef.data, layers[depth].weights)
        assert np.shares_memory(coef.indices, layers[depth].topology.indices)
        assert np.shares_memory(coef.indptr, layers[depth].topology.indptr)
        assert np.shares_memory(intercept, layers[depth].bias)
    assert model.n_connections_ == sum(coef.nnz for coef in model.coefs_)
    n_positions = sum(np.prod(coef.shape) for coef in model.coefs_)
    assert model.density_ == pytest.approx(model.n_connections_ / n_positions)


def test_predictions_are_those_of_coefs_and_intercepts():
    model = regressor(activation=("tanh", "relu")).fit(X, _scores)
    assert model.feature_offset_ is None
    hidden = np.tanh(X @ model.coefs_[0] + model.intercepts_[0])
    hidden = np.maximum(hidden @ model.coefs_[1] + model.intercepts_[1], 0)
    outputs = hidden @ model.coefs_[2] + model.intercepts_[2]
    expected = outputs * model.target_scale_ + model.target_offset_
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-10, atol=1e-12)
    model.coefs_[2].data[:] = 0
    model.intercepts_[2][:] = [1, 2, 3]
    expected = np.array([1, 2, 3]) * model.target_scale_ + model.target_offset_
    np.testing.assert_array_equal(model.predict(X), np.tile(expected, (N, 1)))


def test_methods_of_coefs_cannot_corrupt_the_model():
    # Values may be written; who tries to drop connections is stopped, or changes a copy.
    model = regressor().fit(X, T)
    for coef in model.coefs_:
        coef.data[::3] = 0
    expected = model.predict(X)
    for method in ("eliminate_zeros", "sum_duplicates", "sort_indices"):
        for coef in model.coefs_:
            with contextlib.suppress(ValueError):
                getattr(coef, method)()
    np.testing.assert_array_equal(model.predict(X), expected)
    model.partial_fit(X, T)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_feature_importances_are_strengths_that_sum_to_one(dtype):
    model = classifier(epsilon=0.5, hidden_layer_sizes=(4,), dtype=dtype).fit(X, BINARY)
    importances = model.feature_importances_
    strengths = abs(model.coefs_[0]).sum(axis=1)
    assert model.coefs_[0].nnz == 6  # so that some of the 8 features have no connection
    assert importances.shape == (8,)
    assert importances.dtype == np.float64
    assert (importances >= 0).all()
    assert importances.sum() == pytest.approx(1, rel=1e-12)
    np.testing.assert_allclose(importances, strengths / strengths.sum(), rtol=1e-5)
    np.testing.assert_array_equal(importances == 0, np.diff(model.coefs_[0].indptr) == 0)


def test_feature_importances_of_dead_weights_are_zero():
    model = classifier().fit(X, Y)
    model.coefs_[0].data[:] = 0
    np.testing.assert_array_equal(model.feature_importances_, np.zeros(8))


def test_features_can_be_selected():
    selector = SelectFromModel(classifier(max_iter=30), max_features=3, threshold=-np.inf)
    assert selector.fit_transform(X, Y).shape == (N, 3)
    assert not hasattr(selector.estimator_, "coef_")


def test_looking_changes_nothing():
    model = classifier().fit(X, Y)
    before = pickle.dumps(model)
    attributes = dict(vars(model))
    model._repr_html_()
    for name in dir(model):
        getattr(model, name, None)
    model.predict_proba(X)
    assert all(vars(model)[name] is value for name, value in attributes.items())
    assert vars(model).keys() == attributes.keys()
    assert pickle.dumps(model) == before


# ----------------------------------------------------------------------------------- number type


@pytest.mark.parametrize(
    ("dtype", "of_X", "expected"),
    [
        ("auto", "float32", "float32"),
        ("auto", "float64", "float64"),
        ("auto", "int64", "float64"),
        ("float32", "float64", "float32"),
        ("float32", "float32", "float32"),
        ("float64", "float32", "float64"),
        (np.float32, "float64", "float32"),
        (np.dtype("float64"), "float32", "float64"),
    ],
)
@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array], ids=["dense", "csr"])
@both
def test_number_type_follows_X_or_the_parameter(factory, y, convert, dtype, of_X, expected):
    given = convert(X.astype(of_X))
    model = factory(dtype=dtype, early_stopping=True, validation_fraction=0.3)
    model.fit(given, y, sample_weight=WEIGHT)
    assert {array.dtype.name for array in model.intercepts_} == {expected}
    assert {array.dtype.name for array in model.coefs_} == {expected}
    # Outputs have the wider type of network and data, as a product of the two would.
    for data in (X.astype(np.float32), X):
        outputs = model.predict_proba(data) if factory is classifier else model.predict(data)
        assert outputs.dtype == np.result_type(np.dtype(expected), data)


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array], ids=["dense", "csr"])
@both
def test_numbers_too_large_for_single_precision_are_refused(factory, y, convert):
    model = factory(dtype="float32").fit(X, y)
    large = convert(X * 1e200)
    with pytest.raises(ValueError, match="too large for dtype"):
        model.predict(large)
    for method in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match="too large for dtype"):
            method(large, y)
    if factory is regressor:
        with pytest.raises(ValueError, match=r"^y contains values too large for float32"):
            model.fit(X, T * 1e200)


def test_single_precision_is_near_double_precision():
    options = {"zeta": 0.0, "max_iter": 10}
    double = regressor(**options).fit(X, T)
    single = regressor(**options).fit(X.astype(np.float32), T)
    # The same initial weights, rounded: after few epochs the curves differ by rounding only.
    np.testing.assert_allclose(single.loss_curve_, double.loss_curve_, rtol=1e-4)
    for coefs, expected in zip(single.coefs_, double.coefs_, strict=True):
        np.testing.assert_array_equal(coefs.indices, expected.indices)
        np.testing.assert_allclose(coefs.data, expected.data, atol=1e-4)
    again = regressor(dtype="float32", **options).fit(X, T)
    assert_same_model(single, again)


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
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="4000000000 connections, more than the 2147483647"):
            model.fit(X, Y)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10**6


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


@pytest.fixture
def threads_always_pay(monkeypatch):
    """As if one thread were slow: on a busy machine training would else be serial at times."""

    class Impatient(training.Workspace):
        def __init__(self, *args):
            super().__init__(*args)
            self.pace[0] = 1e9

    monkeypatch.setattr(training, "Workspace", Impatient)


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


# ------------------------------------------------ weak spots of MLPClassifier and MLPRegressor


@pytest.mark.parametrize(
    ("n_of_classes", "fraction"),
    [([30, 20, 8], 0.25), ([5, 5, 5, 5], 0.2), ([24, 30], 0.1), ([28, 28, 2], 0.1)],
    ids=["three", "four small", "two", "a rare one"],
)
@pytest.mark.parametrize("seed", range(5))
def test_weak_spot_01_early_stopping_is_stratified(n_of_classes, fraction, seed, split):
    y = np.repeat([f"class {i}" for i in range(len(n_of_classes))], n_of_classes)
    model = classifier(
        early_stopping=True, validation_fraction=fraction, random_state=seed, batch_size=10
    )
    model.fit(X[: len(y)], y)
    for part in ("train", "held out"):
        classes, counts = np.unique(y[split[part]], return_counts=True)
        np.testing.assert_array_equal(classes, np.unique(y))
        shares = np.array(n_of_classes) * len(split[part]) / len(y)
        assert (np.abs(counts - shares) <= 1).all()


def test_weak_spot_02_memory():
    # 61,000 features, 1000 hidden neurons, 620,000 connections in single precision.
    rng = np.random.default_rng(0)
    wide = sparse.random_array((20, 61_000), density=0.01, rng=rng, dtype=np.float32, format="csr")
    y = np.arange(20) % 2
    model = SETClassifier(1000, epsilon=10, max_iter=3, n_snapshots=1, mixup=0, random_state=0)
    tracemalloc.start()
    try:
        model.fit(wide, y)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    n_connections = model.n_connections_
    assert n_connections > 620_000
    assert model.coefs_[0].dtype == np.float32
    # Kept: weight, index, the other direction.  Peak: two moments more, all of it twice while a
    # layer evolves, and the activations of a batch (a dozen bytes per feature and sample).
    assert kept < 20 * n_connections
    assert peak < 60 * n_connections + 4 * 32 * 62_000
    # The pickle has weights and indices (8 bytes), and neither moments nor the other direction.
    assert model._optimizer is None
    assert len(pickle.dumps(model)) < 14 * n_connections


def test_weak_spot_03_partial_fit_with_a_seed_does_not_replay_the_shuffle(monkeypatch):
    orders = []
    train = base.train

    def spy(state, *args, **kwargs):
        orders.append(tuple(state.randomness.copy().order.permutation(N)))
        return train(state, *args, **kwargs)

    monkeypatch.setattr(base, "train", spy)
    model = classifier(random_state=7)
    for _ in range(5):
        model.partial_fit(X, Y, classes=[0, 1, 2])
    assert len(set(orders)) == 5


@pytest.mark.parametrize("solver", SOLVERS)
def test_weak_spot_04_warm_start_keeps_the_optimizer(solver):
    model = regressor(warm_start=True, solver=solver).fit(X, T)
    first = model._optimizer
    assert first is not None
    assert any(moment.any() for layer in first.moments for moment in layer)
    n_steps = first.n_steps
    model.fit(X, T)
    second = model._optimizer
    assert second is not first
    if solver == "adam":
        assert n_steps == 15
        assert second.n_steps == 30
    # Whoever forgets the moments makes another model.
    kept, forgot = (regressor(warm_start=True, solver=solver).fit(X, T) for _ in range(2))
    forgot._optimizer = None
    assert not np.array_equal(kept.fit(X, T).predict(X), forgot.fit(X, T).predict(X))


def test_weak_spot_05_partial_fit_with_warm_start_needs_not_every_class():
    model = classifier(warm_start=True).partial_fit(X, Y, classes=[0, 1, 2])
    part = Y == 1
    model.partial_fit(X[part], Y[part])
    assert len(model.loss_curve_) == 2


def test_weak_spot_06_partial_fit_is_what_it_says():
    # No solver pretends to stream: lbfgs is refused by name.
    with pytest.raises(ValueError, match="The 'solver' parameter of SETRegressor must be"):
        regressor(solver="lbfgs").partial_fit(X, T)
    assert regressor(max_iter=30).partial_fit(X, T).n_iter_ == 1


def test_weak_spot_07_a_loss_that_targets_do_not_fit_is_refused():
    with pytest.raises(ValueError, match="loss='poisson' requires non-negative y and sum"):
        regressor(loss="poisson").fit(X, -np.abs(T))


@both
def test_weak_spot_08_weights(factory, y):
    with pytest.raises(ValueError, match="Negative values"):
        factory().fit(X, y, sample_weight=-WEIGHT)
    # A batch whose weights are all zero is skipped.
    weight = np.where(np.arange(N) < 20, 0.0, 1.0)
    model = factory(shuffle=False, batch_size=20).fit(X, y, sample_weight=weight)
    assert np.isfinite(model.loss_curve_).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@every_class_target
def test_weak_spot_09_log_probabilities_are_finite(target, dtype):
    _, y, *_ = TARGETS[target]
    model = classifier(dtype=dtype).fit(X, y)
    model.coefs_[-1].data[:] *= 1e6
    probabilities, logarithms = model.predict_proba(X), model.predict_log_proba(X)
    assert (probabilities == 0).any()  # saturated
    assert np.isfinite(logarithms).all()
    assert logarithms.min() < -1000
    likely = probabilities > 1e-30
    np.testing.assert_allclose(logarithms[likely], np.log(probabilities[likely]), atol=1e-5)


@pytest.mark.parametrize("k", [1, 3, 6])
def test_weak_spot_10_stops_after_exactly_n_iter_no_change_epochs(k):
    model = classifier(n_iter_no_change=k, tol=1e6, max_iter=50).fit(X, Y)
    assert model.n_iter_ == k + 1


def test_weak_spot_11_tags_tell_what_targets_are_supported():
    assert get_tags(regressor()).target_tags.multi_output
    assert get_tags(classifier()).classifier_tags.multi_label
    assert not get_tags(classifier()).classifier_tags.poor_score
    for factory in (classifier, regressor):
        assert get_tags(factory()).input_tags.sparse


@pytest.mark.parametrize("learning_rate", ["constant", "invscaling", "adaptive", "cosine"])
def test_weak_spot_12_schedules_metrics_and_validation_loss(learning_rate):
    model = classifier(
        solver="adam",
        learning_rate=learning_rate,
        early_stopping=True,
        validation_fraction=0.3,
        scoring="neg_log_loss",
        alpha=0,
    ).fit(X, Y)
    assert len(model.validation_loss_curve_) == len(model.validation_scores_) == 5
    # The metric is the loss: both curves tell the same.
    np.testing.assert_allclose(model.validation_loss_curve_, -np.array(model.validation_scores_))
    expected = {"constant": 1e-3, "adaptive": 1e-3, "invscaling": 1e-3 / (42 * 5 + 1) ** 0.5}
    rate = model._progress.learning_rate
    assert rate == pytest.approx(expected.get(learning_rate, 0.0), abs=1e-15)


@both
def test_weak_spot_13_the_best_network_is_kept(factory, y):
    scores = [0.3, 0.9, 0.1, 0.2]
    calls, best = [], []

    def scorer(model, X, y):
        calls.append(None)
        if len(calls) == 2:
            best.extend(array.copy() for array in arrays(model))
        return scores[len(calls) - 1]

    model = factory(early_stopping=True, scoring=scorer, max_iter=4).fit(X, y)
    assert model.best_iter_ == 2
    assert model.best_validation_score_ == 0.9
    for ours, theirs in zip(arrays(model), best, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    # Plain training keeps the last network and tells which epoch was best.
    plain = factory(max_iter=4).fit(X, y)
    assert plain.best_iter_ == 1 + int(np.argmin(plain.loss_curve_))
    assert plain.best_loss_ == min(plain.loss_curve_)
