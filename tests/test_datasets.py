"""The microarray generator keeps its promises about shape, classes, genes and modules."""

import re

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_set.datasets import make_microarray
from sklearn_set.validation import InvalidParameterError


def test_default_shape_and_types():
    X, y = make_microarray(random_state=0)
    assert X.shape == (200, 20000)
    assert X.dtype == np.float64
    assert X.flags.c_contiguous
    assert y.shape == (200,)
    assert y.dtype == np.int64
    assert np.isfinite(X).all()


def test_small_problems_need_no_other_parameters():
    X, y = make_microarray(4, 1, random_state=0)
    assert X.shape == (4, 1)
    assert sorted(y) == [0, 0, 1, 1]


@pytest.mark.parametrize("dtype", ["float32", np.float32, np.dtype("float32")])
def test_dtype_rounds_the_same_values(dtype):
    X64, y64 = make_microarray(30, 500, random_state=3)
    X32, y32 = make_microarray(30, 500, random_state=3, dtype=dtype)
    assert X32.dtype == np.float32
    np.testing.assert_array_equal(X32, X64.astype(np.float32))
    np.testing.assert_array_equal(y32, y64)


def test_random_state_decides_everything():
    X, y = make_microarray(30, 500, random_state=1)
    again, y_again = make_microarray(30, 500, random_state=1)
    other, _ = make_microarray(30, 500, random_state=2)
    np.testing.assert_array_equal(X, again)
    np.testing.assert_array_equal(y, y_again)
    assert not np.array_equal(X, other)


def test_random_state_instance_moves_on():
    instance = np.random.RandomState(1)
    first, _ = make_microarray(30, 500, random_state=instance)
    second, _ = make_microarray(30, 500, random_state=instance)
    expected, _ = make_microarray(30, 500, random_state=1)
    np.testing.assert_array_equal(first, expected)
    assert not np.array_equal(first, second)


def test_global_state_is_used_for_none():
    np.random.seed(5)  # noqa: NPY002, this is what users of scikit-learn do
    first, _ = make_microarray(10, 50)
    second, _ = make_microarray(10, 50)
    np.random.seed(5)  # noqa: NPY002
    again, _ = make_microarray(10, 50)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, second)


def test_values_do_not_depend_on_the_size_of_blocks(monkeypatch):
    X, _ = make_microarray(30, 500, random_state=1)
    monkeypatch.setattr("sklearn_set.datasets._generator._BLOCK_VALUES", 3500)
    blocked, _ = make_microarray(30, 500, random_state=1)
    np.testing.assert_array_equal(X, blocked)


@pytest.mark.parametrize(
    ("n_samples", "n_classes", "weights", "sizes"),
    [
        (200, 2, None, [100, 100]),
        (200, 3, None, [67, 67, 66]),
        (200, 2, [0.7, 0.3], [140, 60]),
        (200, 2, [0.7], [140, 60]),
        (101, 2, np.array([0.75, 0.25]), [76, 25]),
        (10, 3, (0.15, 0.15, 0.7), [2, 1, 7]),
        (9, 3, [1 / 3, 1 / 3], [3, 3, 3]),
        (1000, 4, [0.1, 0.2, 0.3, 0.4], [100, 200, 300, 400]),
    ],
)
def test_class_sizes_are_exact(n_samples, n_classes, weights, sizes):
    _, y = make_microarray(n_samples, 10, n_classes=n_classes, weights=weights, random_state=0)
    assert np.bincount(y).tolist() == sizes


@pytest.mark.parametrize("n_classes", [2, 3, 6])
def test_informative_genes_differ_and_others_do_not(n_classes):
    data = make_microarray(
        600, 2000, n_informative=40, n_classes=n_classes, random_state=0, return_X_y=False
    )
    groups = [data.data[data.target == label] for label in range(n_classes)]
    p_values = stats.f_oneway(*groups).pvalue
    others = np.delete(p_values, data.informative)
    assert len(others) == 1960
    assert (p_values[data.informative] < 1e-10).all()
    # Under the null hypothesis p-values are uniform: none of 1960 should be below 1e-7, and a
    # twentieth should be below 0.05. Modules correlate them, hence the generous margin.
    assert others.min() > 1e-7
    assert 0.03 < (others < 0.05).mean() < 0.07


@pytest.mark.parametrize("n_classes", [2, 3, 4, 5])
def test_informative_genes_have_two_levels(n_classes):
    class_sep = 4.0
    data = make_microarray(
        4000,
        20,
        n_informative=20,
        n_classes=n_classes,
        class_sep=class_sep,
        random_state=0,
        return_X_y=False,
    )
    means = [data.data[data.target == label].mean(axis=0) for label in range(n_classes)]
    high = np.array(means) > class_sep / 2
    assert (high.sum(axis=0) == n_classes // 2).all()
    # A mean over 800 or more values has a standard error of at most 0.036.
    np.testing.assert_allclose(means, class_sep * high, atol=0.18)


def test_no_informative_genes_is_pure_noise():
    data = make_microarray(50, 100, n_informative=0, random_state=0, return_X_y=False)
    with_signal, _ = make_microarray(50, 100, n_informative=0, class_sep=9.0, random_state=0)
    assert data.informative.size == 0
    np.testing.assert_array_equal(data.data, with_signal)


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.8])
def test_modules_are_correlated_as_told(correlation):
    data = make_microarray(
        2000,
        60,
        n_informative=0,
        n_modules=6,
        module_correlation=correlation,
        random_state=0,
        return_X_y=False,
    )
    assert data.modules.tolist() == np.repeat(np.arange(6), 10).tolist()
    observed = np.corrcoef(data.data, rowvar=False)
    same = data.modules[:, None] == data.modules
    expected = np.where(same, correlation, 0.0)
    np.fill_diagonal(expected, 1.0)
    # The standard error is at most 1 / sqrt(2000) = 0.022; the largest of 1770 is within 5.
    np.testing.assert_allclose(observed, expected, atol=0.112)
    np.testing.assert_allclose(data.data.std(axis=0), 1.0, atol=0.08)


def test_modules_of_unequal_sizes_cover_all_genes():
    modules = make_microarray(4, 11, n_modules=3, random_state=0, return_X_y=False).modules
    sizes = np.bincount(modules)
    assert sizes.sum() == 11
    assert sizes.max() - sizes.min() <= 1
    assert (np.diff(modules) >= 0).all()


def test_log_intensities_are_positive_and_standardize_to_the_same_data():
    plain, y = make_microarray(60, 800, random_state=4)
    logged, y_logged = make_microarray(60, 800, log_intensity=True, random_state=4)
    np.testing.assert_array_equal(y, y_logged)
    assert logged.min() >= 0.0
    assert logged.max() <= 16.0
    assert logged.mean(axis=0).min() > 4.5
    assert np.ptp(logged.mean(axis=0)) > 5.0
    kept = ((logged > 0.0) & (logged < 16.0)).all(axis=0)
    assert kept.mean() > 0.99
    np.testing.assert_allclose(
        StandardScaler().fit_transform(logged)[:, kept],
        StandardScaler().fit_transform(plain)[:, kept],
        atol=1e-10,
    )


def test_no_intensity_is_beyond_a_scanner():
    logged, _ = make_microarray(60, 800, class_sep=200, log_intensity=True, random_state=4)
    assert logged.min() >= 0.0
    assert logged.max() == 16.0


def test_informative_genes_are_anywhere():
    first, second = (
        make_microarray(20, 300, n_informative=30, random_state=seed, return_X_y=False).informative
        for seed in (0, 1)
    )
    assert not np.array_equal(first, second)
    assert min(first[-1], second[-1]) >= 200


def test_bunch_describes_the_data():
    data = make_microarray(20, 300, n_classes=3, random_state=0, return_X_y=False)
    X, y = make_microarray(20, 300, n_classes=3, random_state=0)
    np.testing.assert_array_equal(data.data, X)
    np.testing.assert_array_equal(data.target, y)
    assert data.informative.shape == (3,)
    assert (np.diff(data.informative) > 0).all()
    assert data.modules.shape == (300,)
    assert len(data.feature_names) == 300
    assert data.target_names.tolist() == ["class_0", "class_1", "class_2"]
    assert "20 samples, 300 genes, 3 classes with 7, 7, 6 samples" in data.DESCR


@pytest.mark.slow
def test_default_difficulty_is_learnable_but_not_trivial():
    X, y = make_microarray(n_features=5000, weights=[0.7, 0.3], random_state=0)
    model = make_pipeline(StandardScaler(), RidgeClassifier())
    score = cross_val_score(model, X, y, cv=5).mean()
    assert 0.78 < score < 0.97  # always answering the larger class gives 0.7


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"n_samples": 0},
            "The 'n_samples' parameter of make_microarray must be an int in the range "
            "[1, 2147483647]. Got 0 instead.",
        ),
        ({"n_features": 10.0}, "must be an int in the range [1, 2147483647]. Got 10.0 instead."),
        ({"n_informative": -1}, "must be an int in the range [0, inf) or None. Got -1 instead."),
        (
            {"n_features": 10, "n_informative": 11},
            "n_informative=11 must be less than or equal to n_features=10.",
        ),
        (
            {"n_features": 10, "n_modules": 11},
            "n_modules=11 must be less than or equal to n_features=10.",
        ),
        ({"n_classes": 1}, "must be an int in the range [2, 2147483647]. Got 1 instead."),
        ({"class_sep": -1}, "must be a float in the range [0.0, inf). Got -1 instead."),
        ({"n_modules": 0}, "must be an int in the range [1, 2147483647] or None. Got 0 instead."),
        ({"module_correlation": 1.0}, "a float in the range [0.0, 1.0). Got 1.0 instead."),
        ({"log_intensity": "yes"}, "The 'log_intensity' parameter of make_microarray must be"),
        ({"dtype": "int32"}, "a str among {'float32', 'float64'}"),
        ({"random_state": -1}, "The 'random_state' parameter of make_microarray must be"),
        ({"return_X_y": None}, "The 'return_X_y' parameter of make_microarray must be"),
        ({"weights": 0.7}, "must be an array-like of floats in the range (0, 1) or None."),
        ({"weights": [1.5, -0.5]}, "must be an array-like of floats in the range (0, 1) or None."),
        ({"weights": [0.2, 0.3, 0.5]}, "incompatible with number of classes: got 3 weights"),
        ({"weights": [0.7, 0.2]}, "weights must be positive and sum to 1. Got [0.7, 0.2]."),
        ({"weights": [0.7, 0.4], "n_classes": 3}, "weights must be positive and sum to 1."),
        (
            {"n_samples": 10, "weights": [0.99, 0.01]},
            "n_samples=10 is too small: class 1 would have no sample with these weights.",
        ),
    ],
)
def test_bad_parameters_are_refused_before_any_work(parameters, message):
    state = np.random.RandomState(0)
    before = state.get_state()[1].copy()
    with pytest.raises(InvalidParameterError, match=re.escape(message)):
        make_microarray(**{"random_state": state, **parameters})
    np.testing.assert_array_equal(state.get_state()[1], before)
