"""Reasons for predictions: they explain what estimators predict, in the user's terms."""

import sys
from math import inf

import numpy as np
import pytest
from estimator_cases import BINARY, TARGETS, T, X, Y, every_target
from explaining import BASELINE, both_methods, classifier, fitted, regressor
from scipy import sparse
from sklearn.feature_selection import SelectKBest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_set import SETClassifier
from sklearn_set.inspection import attribution_importances, contributions


def scores(estimator, data):
    """What is explained: scores of classes, or predictions."""
    outputs = getattr(estimator, "decision_function", estimator.predict)(data)
    return outputs.astype(np.float64)


# ------------------------------------------------------------------------------- what they explain


@every_target
@pytest.mark.parametrize("n_snapshots", [1, 3])
def test_contributions_add_up_to_the_scores(target, n_snapshots):
    estimator = fitted(target, n_snapshots=n_snapshots)
    found = contributions(estimator, X, baseline=BASELINE)
    expected = scores(estimator, X)
    assert found.values.shape == (len(X), 8, *expected.shape[1:])
    assert found.base_values.shape == expected.shape[1:]
    size = np.abs(expected).max()
    base = scores(estimator, BASELINE[np.newaxis])[0]
    np.testing.assert_allclose(found.base_values, base, atol=1e-12 * size)
    total = found.base_values + found.values.sum(axis=1)
    np.testing.assert_allclose(total, expected, atol=1e-12 * size)
    assert found.method == "integrated"
    assert len(found.output_names) == TARGETS[target][2]


@every_target
@pytest.mark.parametrize("n_snapshots", [1, 3])
def test_gradients_are_those_of_the_scores(target, n_snapshots):
    estimator = fitted(target, n_snapshots=n_snapshots, activation="silu")
    found = contributions(estimator, X, baseline=BASELINE, method="gradient")
    h = 1e-5
    for feature in range(8):
        change = h * np.eye(8)[feature]
        slope = (scores(estimator, X + change) - scores(estimator, X - change)) / (2 * h)
        way = (X - BASELINE)[:, feature].reshape(-1, *[1] * (slope.ndim - 1))
        np.testing.assert_allclose(found.values[:, feature], slope * way, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(
        found.base_values, scores(estimator, BASELINE[np.newaxis])[0], rtol=1e-9
    )
    assert found.method == "gradient"


def test_integrated_gradients_are_the_integral_of_gradients():
    estimator = regressor(hidden_layer_sizes=(15,), dtype="float64", activation="tanh").fit(X, T)
    found = contributions(estimator, X[:5], baseline=BASELINE).values
    share = (np.arange(1000) + 0.5)[:, np.newaxis] / 1000
    for sample, values in zip(X[:5], found, strict=True):
        path = BASELINE + share * (sample - BASELINE)
        slopes = contributions(estimator, path, baseline=BASELINE, method="gradient").values
        expected = (slopes / share).mean(axis=0)
        np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-7)


def test_more_steps_come_nearer_to_the_integral_of_a_deep_network():
    estimator = fitted("multiclass")
    few, default, many = (
        contributions(estimator, X, baseline=BASELINE, n_steps=n_steps).values
        for n_steps in (1, 32, 2000)
    )
    np.testing.assert_array_equal(default, contributions(estimator, X, baseline=BASELINE).values)
    size = np.abs(many).max()
    assert np.abs(default - many).max() < 0.01 * size
    assert np.abs(few - many).max() > np.abs(default - many).max()


def test_a_regressor_is_explained_in_units_of_its_targets():
    y = np.column_stack([1e3 * T + 1e5, 1e-3 * T, X[:, 0]])
    estimator = regressor(dtype="float64").fit(X, y)
    found = contributions(estimator, X)
    total = found.base_values + found.values.sum(axis=1)
    np.testing.assert_allclose(total, estimator.predict(X), rtol=1e-9, atol=1e-9)
    assert found.output_names.tolist() == ["y0", "y1", "y2"]
    assert contributions(regressor().fit(X, T), X).output_names.tolist() == ["y"]


@pytest.mark.parametrize("n_targets", [1, 2])
def test_of_exponential_outputs_the_logarithm_is_explained(n_targets):
    y = np.exp(np.column_stack([T, -T])[:, :n_targets] + 3).squeeze()
    estimator = regressor(dtype="float64", loss="poisson").fit(X, y)
    found = contributions(estimator, X)
    total = found.base_values + found.values.sum(axis=1)
    np.testing.assert_allclose(np.exp(total), estimator.predict(X), rtol=1e-9)


@both_methods
def test_single_precision_is_explained_to_its_own_rounding(method):
    estimator = classifier().fit(X.astype(np.float32), Y)
    assert estimator.coefs_[0].dtype == np.float32
    found = contributions(estimator, X, method=method)
    assert found.values.dtype == np.float64
    if method == "integrated":
        total = found.base_values + found.values.sum(axis=1)
        np.testing.assert_allclose(total, estimator.decision_function(X), rtol=1e-4, atol=1e-5)


# ------------------------------------------------------------------------------------- baselines


def test_the_default_baseline_is_zero_or_the_offset():
    estimator = fitted("binary")
    assert estimator.feature_offset_ is None
    expected = contributions(estimator, X, baseline=np.zeros(8)).values
    np.testing.assert_array_equal(contributions(estimator, X).values, expected)

    far = X + np.linspace(-50, 50, 8)
    moved = classifier(dtype="float64", input_dropout=0.1).fit(far, BINARY)
    assert np.count_nonzero(moved.feature_offset_) >= 6
    expected = contributions(moved, far, baseline=moved.feature_offset_).values
    found = contributions(moved, far)
    np.testing.assert_array_equal(found.values, expected)
    total = found.base_values + found.values.sum(axis=1)
    np.testing.assert_allclose(total, moved.decision_function(far), rtol=1e-9, atol=1e-9)


@both_methods
def test_several_baselines_count_by_their_mean(method):
    estimator = fitted("multiclass")
    found = contributions(estimator, X[:7], method=method, baseline=X[40:44])
    single = [contributions(estimator, X[:7], method=method, baseline=row) for row in X[40:44]]
    np.testing.assert_allclose(
        found.values, np.mean([each.values for each in single], axis=0), atol=1e-12
    )
    np.testing.assert_allclose(found.base_values, scores(estimator, X[40:44]).mean(axis=0))
    as_sparse = contributions(estimator, X[:7], method=method, baseline=sparse.csr_array(X[40:44]))
    np.testing.assert_array_equal(as_sparse.values, found.values)
    listed = contributions(estimator, X[:7], method=method, baseline=X[40:44].tolist())
    np.testing.assert_array_equal(listed.values, found.values)


# --------------------------------------------------------------------------------- some outputs


@both_methods
@every_target
def test_one_output_is_explained_as_among_all(target, method):
    estimator = fitted(target)
    every = contributions(estimator, X, method=method)
    values = every.values.reshape(len(X), 8, -1)
    base = np.atleast_1d(every.base_values)
    labels = getattr(estimator, "classes_", np.arange(values.shape[2]))
    if len(labels) == 2 and values.shape[2] == 1:
        values, base = np.dstack([-values, values]), np.array([-base[0], base[0]])
    for place, label in enumerate(labels):
        one = contributions(estimator, X, method=method, output=label)
        np.testing.assert_array_equal(one.values, values[:, :, place])
        assert one.base_values == base[place]
        if hasattr(estimator, "classes_"):
            assert one.output_names.tolist() == [label]


def test_names_of_outputs_are_classes():
    strings = contributions(fitted("strings"), X)
    assert strings.output_names.tolist() == ["ape", "bee", "cat"]
    assert contributions(fitted("two strings"), X).output_names.tolist() == ["yes"]
    assert contributions(fitted("multilabel"), X).output_names.tolist() == [0, 1, 2]


@pytest.mark.parametrize(("target", "n_outputs"), [("two strings", 1), ("strings", 3)])
def test_printed_they_tell_their_size(target, n_outputs):
    found = contributions(fitted(target), X[:5])
    assert repr(found) == f"<Contributions: n_samples=5, n_features=8, n_outputs={n_outputs}>"


# --------------------------------------------------------------------------------- data, pipelines


@both_methods
def test_sparse_samples_give_the_same_bits(method):
    estimator = fitted("multiclass", n_snapshots=3)
    expected = contributions(estimator, X, method=method).values
    for form in (sparse.csr_array, sparse.csc_matrix, sparse.coo_array):
        found = contributions(estimator, form(X), method=method)
        np.testing.assert_array_equal(found.values, expected)
        assert sparse.issparse(found.data)
        np.testing.assert_array_equal(found.data.toarray(), X)


@both_methods
def test_threads_change_no_bit(method):
    rng = np.random.default_rng(0)
    data = rng.normal(size=(70, 2000))
    y = rng.integers(3, size=70)
    estimator = SETClassifier(
        (200, 100), max_iter=2, n_iter_no_change=inf, n_snapshots=2, random_state=0
    )
    estimator.fit(data, y)
    one = contributions(estimator.set_params(n_jobs=1), data, method=method).values
    for n_jobs in (2, 5):
        other = contributions(estimator.set_params(n_jobs=n_jobs), data, method=method).values
        np.testing.assert_array_equal(one, other)


@both_methods
def test_features_that_a_search_has_left_contribute_exactly_nothing(method):
    rng = np.random.default_rng(0)
    data = rng.normal(size=(300, 60))
    y = (data[:, 0] + data[:, 1] > 0).astype(int)
    estimator = SETClassifier((30,), feature_search=True, random_state=0).fit(data, y)
    left = ~estimator.active_features_
    assert left.sum() > 30
    found = contributions(estimator, data, method=method, baseline=data[:3])
    assert (found.values[:, left] == 0).all()
    importances = attribution_importances(estimator, data, method=method)
    assert (importances[left] == 0).all()
    assert set(np.argsort(-importances)[:2]) == {0, 1}


def test_names_are_those_of_the_data_frame():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=[f"gene{number}" for number in range(8)])
    named = classifier().fit(frame, Y)
    assert contributions(named, frame).feature_names.tolist() == frame.columns.tolist()
    assert contributions(fitted("binary"), X).feature_names.tolist() == [f"x{i}" for i in range(8)]
    select = make_pipeline(StandardScaler(), SelectKBest(k=3), classifier()).fit(frame, Y)
    chosen = frame.columns[select[1].get_support()]
    assert contributions(select, frame).feature_names.tolist() == chosen.tolist()
    turned = make_pipeline(FunctionTransformer(lambda data: data[:, ::-1]), classifier())
    nested = make_pipeline(StandardScaler(), turned).fit(frame, Y)
    assert contributions(nested, frame).feature_names.tolist() == [f"x{i}" for i in range(8)]
    silent = make_pipeline(FunctionTransformer(np.abs, validate=True), classifier()).fit(X, Y)
    assert contributions(silent, X).feature_names.tolist() == [f"x{i}" for i in range(8)]


@both_methods
def test_a_pipeline_is_explained_behind_its_transformers(method):
    data = X * 10 + 3
    model = make_pipeline(StandardScaler(), classifier(dtype="float64")).fit(data, BINARY)
    inner = model[0].transform(data)
    found = contributions(model, data, method=method)
    np.testing.assert_array_equal(found.data, inner)
    alone = contributions(model[-1], inner, method=method)
    np.testing.assert_array_equal(found.values, alone.values)
    nested = make_pipeline(model[0], make_pipeline(make_pipeline(model[1])))
    np.testing.assert_array_equal(contributions(nested, data, method=method).values, found.values)
    np.testing.assert_array_equal(
        attribution_importances(model, data, method=method),
        attribution_importances(model[-1], inner, method=method),
    )


# ------------------------------------------------------------------------------------------ shap


def test_shap_gets_the_same_numbers():
    shap = pytest.importorskip("shap")
    for target in ("binary", "multiclass"):
        found = contributions(fitted(target), sparse.csr_array(X))
        handed = found.to_shap()
        assert isinstance(handed, shap.Explanation)
        np.testing.assert_array_equal(handed.values, found.values)
        assert handed.base_values.shape == (len(X), *found.base_values.shape)
        np.testing.assert_array_equal(handed.data, X)
        assert list(handed.feature_names) == found.feature_names.tolist()


def test_what_shap_gets(monkeypatch):
    """The same without shap: a module of this name records what it is given."""
    given = {}

    class Explanation:
        def __init__(self, values, **others):
            given.update(others, values=values)

    monkeypatch.setitem(sys.modules, "shap", type(sys)("shap"))
    sys.modules["shap"].Explanation = Explanation
    found = contributions(fitted("strings"), sparse.csr_array(X))
    assert isinstance(found.to_shap(), Explanation)
    np.testing.assert_array_equal(given["values"], found.values)
    np.testing.assert_array_equal(given["base_values"], np.tile(found.base_values, (len(X), 1)))
    np.testing.assert_array_equal(given["data"], X)
    assert given["feature_names"] == [f"x{number}" for number in range(8)]
    assert given["output_names"] == ["ape", "bee", "cat"]
    contributions(fitted("binary"), X).to_shap()
    assert given["values"].shape == (len(X), 8)
    assert given["base_values"].shape == (len(X),)
    assert given["output_names"] is None


def test_without_shap_a_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "shap", None)
    with pytest.raises(ImportError, match=r"to_shap needs shap\. Install it: pip install shap"):
        contributions(fitted("binary"), X).to_shap()


def test_an_estimator_stays_as_it_was():
    estimator = fitted("multiclass", n_snapshots=3)
    before = estimator.__getstate__()
    weights = [coef.data.copy() for coef in estimator.coefs_]
    data = X.copy()
    contributions(estimator, data)
    attribution_importances(estimator, data, method="gradient")
    after = estimator.__getstate__()
    assert after.keys() == before.keys()
    assert all(after[name] is before[name] for name in before if name.startswith("_net"))
    for coef, expected in zip(estimator.coefs_, weights, strict=True):
        np.testing.assert_array_equal(coef.data, expected)
    np.testing.assert_array_equal(data, X)
