"""Targets of every kind are learned and predicted; probabilities agree with predictions."""

import numpy as np
import pytest
from estimator_cases import (
    BINARY,
    LEARNS,
    MULTILABEL,
    NAMES,
    TARGETS,
    N,
    T,
    X,
    Y,
    assert_same_model,
    classifier,
    every_class_target,
    every_target,
    regressor,
)
from scipy import sparse
from sklearn.exceptions import DataConversionWarning

# Nearly every fit here is shorter than convergence takes.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)

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


@pytest.mark.parametrize(
    ("label", "words"),
    [("tumour", "'tumour'"), (0.0, "0.0"), (1, "1"), (True, "True")],
)
def test_labels_are_shown_as_python_writes_them(label, words):
    with pytest.raises(ValueError, match=f"only one class: {words}$"):
        classifier().fit(X, np.full(N, label))
    weights = {np.array(label)[()]: np.float64(-0.5)}
    with pytest.raises(ValueError, match=f"that of class {words} is -0.5"):
        classifier(class_weight=weights).fit(X, Y)


def test_more_labels_are_shown_as_python_writes_them():
    model = classifier().partial_fit(X, Y, classes=[0, 1, 2])
    message = r"`classes=\[0, 1\]` is not the same as on last call .* was: \[0, 1, 2\]"
    with pytest.raises(ValueError, match=message):
        model.partial_fit(X, Y, classes=[0, 1])
    with pytest.raises(ValueError, match=r"with \(y == 2\)\.astype"):
        classifier().fit(X, 2 * np.column_stack([Y == 1, Y == 2]))


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
