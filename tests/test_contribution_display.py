"""Reasons are drawn as they are: bars of one sample with their signs, points of all samples."""

import re
import sys
from itertools import pairwise

import numpy as np
import pytest
from estimator_cases import BINARY, X, classifier
from explaining import BASELINE, fitted
from matplotlib.colors import to_hex, to_rgba
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_set import SETClassifier
from sklearn_set.inspection import ContributionDisplay, Contributions, contributions
from sklearn_set.inspection._contribution_display import _shades, _spread
from sklearn_set.inspection._drawing import BLUE, GREY, ORANGE
from sklearn_set.validation import InvalidParameterError

pytestmark = pytest.mark.usefixtures("pyplot")


def made(values, base=0.5, names=None, data=None, method="integrated"):
    """Contributions to one output."""
    values = np.array(values, dtype=float)
    n_features = values.shape[1]
    return Contributions(
        values,
        base_values=np.array(base),
        data=values * 10 if data is None else data,
        feature_names=np.array(names or [f"x{i}" for i in range(n_features)], dtype=object),
        output_names=np.array(["ill"]),
        method=method,
    )


def names_of(drawn):
    return [label.get_text() for label in drawn.ax_.get_yticklabels()]


def bars_of(drawn):
    return [bar.get_width() for bar in drawn.bars_]


# -------------------------------------------------------------------------------------- one sample


def test_bars_have_signs_names_and_values():
    found = made([[0, 0, 0, 0], [0.1, -3, 2, 0]], names=["ant", "bee", "cat", "dog"])
    drawn = ContributionDisplay.from_contributions(found, sample=1)
    assert drawn.features_.tolist() == [1, 2, 0]
    assert bars_of(drawn) == [-3, 2, 0.1]
    assert names_of(drawn) == ["bee = -30", "cat = 20", "ant = 1"]
    assert [to_hex(bar.get_facecolor()).upper() for bar in drawn.bars_] == [BLUE, ORANGE, ORANGE]
    bottom, top = drawn.ax_.get_ylim()
    assert bottom > top  # the strongest is the highest on the page
    label = "Contribution to the output for ill\n(it is 0.5 at the baseline, -0.4 here)"
    assert drawn.ax_.get_xlabel() == label
    assert drawn.points_ is None
    assert drawn.colorbar_ is None


def test_the_last_bar_is_the_sum_of_all_others():
    drawn = ContributionDisplay.from_contributions(made([[5, 1, -2, 0, -4, 0.5]]), max_features=2)
    assert drawn.features_.tolist() == [0, 4]
    assert bars_of(drawn) == [5, -4, -0.5]
    assert names_of(drawn)[-1] == "3 others"
    assert to_hex(drawn.bars_[-1].get_facecolor()).upper() == GREY


def test_a_sample_may_be_counted_from_the_end():
    found = contributions(fitted("binary"), X)
    for sample in (-1, np.int64(len(X) - 1)):
        drawn = ContributionDisplay.from_contributions(found, sample=sample, max_features=8)
        assert bars_of(drawn) == found.values[-1, drawn.features_].tolist()


def test_gradients_add_up_to_nothing_that_is_told():
    drawn = ContributionDisplay.from_contributions(made([[1, 2]], method="gradient"))
    assert drawn.ax_.get_xlabel() == "Contribution to the output for ill"


def test_a_sample_without_reasons_is_drawn_all_the_same():
    for n_samples in (1, 3):
        drawn = ContributionDisplay.from_contributions(made(np.zeros((n_samples, 4))))
        assert len(drawn.features_) == 0
        drawn.figure_.canvas.draw()


# -------------------------------------------------------------------------------------- all samples


def test_points_are_contributions_and_colours_are_values():
    found = contributions(fitted("binary"), X)
    drawn = ContributionDisplay.from_contributions(found, max_features=3)
    order = np.argsort(-np.abs(found.values).mean(axis=0), kind="stable")[:3]
    assert drawn.features_.tolist() == order.tolist()
    assert names_of(drawn)[:3] == [f"x{feature}" for feature in order]
    x, y = drawn.points_.get_offsets().T
    np.testing.assert_array_equal(x.reshape(3, -1), found.values[:, order].T)
    assert np.abs(y.reshape(3, -1) - np.arange(3)[:, np.newaxis]).max() < 0.5
    shades = drawn.points_.get_array().reshape(3, -1)
    for shade, column in zip(shades, X[:, order].T, strict=True):
        assert (np.diff(shade[np.argsort(column)]) >= 0).all()
        assert (shade.min(), shade.max()) == (0, 1)
    labels = [label.get_text() for label in drawn.colorbar_.ax.get_yticklabels()]
    assert labels == ["low", "high"]
    assert drawn.bars_ is None
    assert drawn.ax_.get_xlabel() == "Contribution to the output for 1"


def test_sparse_data_have_the_same_colours():
    drawn = [
        ContributionDisplay.from_estimator(fitted("binary"), data)
        for data in (X, sparse.csr_array(X))
    ]
    np.testing.assert_array_equal(*(each.points_.get_array() for each in drawn))
    one = ContributionDisplay.from_estimator(fitted("binary"), sparse.csr_array(X), sample=2)
    dense = ContributionDisplay.from_estimator(fitted("binary"), X, sample=2)
    assert names_of(one) == names_of(dense)


def test_colours_do_not_depend_on_outliers():
    column = np.arange(100.0)
    expected = _shades(column)
    assert expected[50] == pytest.approx(0.505, abs=0.01)
    column[99] = 1e9
    np.testing.assert_allclose(_shades(column), expected)
    assert _shades(np.ones(5)).tolist() == [0.5] * 5
    assert _shades(np.array([0.0] * 50 + [3.0])).tolist() == [0.0] * 50 + [1.0]


def test_neighbours_do_not_hide_each_other():
    values = np.array([0.0, 5.0, 0.0, 0.0, 5.0, 0.0, 9.9])
    places = _spread(values, 10.0)
    assert places[[1, 6]].tolist() == [0, 0]
    assert sorted(places[[0, 2, 3, 5]].tolist()) == pytest.approx([-0.08, 0, 0.08, 0.16])
    assert len({*zip(values, places, strict=True)}) == len(values)
    crowd = _spread(np.zeros(1000), 1.0)
    assert len(set(crowd)) == 1000
    assert np.abs(crowd).max() == pytest.approx(0.38)
    assert _spread(np.zeros(3), 0.0).tolist() == [0, 0, 0]


# ------------------------------------------------------------------------------- outputs and names


@pytest.mark.parametrize("sample", [None, 4])
def test_one_of_several_outputs_is_drawn(sample):
    found = contributions(fitted("strings"), X)
    drawn = ContributionDisplay.from_contributions(found, sample=sample, output="bee")
    alone = ContributionDisplay.from_estimator(fitted("strings"), X, sample=sample, output="bee")
    assert drawn.features_.tolist() == alone.features_.tolist()
    assert drawn.ax_.get_xlabel() == alone.ax_.get_xlabel()
    assert drawn.ax_.get_xlabel().startswith("Contribution to the output for bee")
    if sample is None:
        np.testing.assert_array_equal(*(each.points_.get_offsets() for each in (drawn, alone)))
    else:
        assert bars_of(drawn) == bars_of(alone)


def test_what_is_asked_of_contributions_is_passed_on():
    asked = {"method": "gradient", "baseline": BASELINE, "output": 2, "n_steps": 3}
    for each in (asked, asked | {"method": "integrated"}):
        drawn = ContributionDisplay.from_estimator(
            fitted("multiclass"), X, feature_names=list("abcdefgh"), **each
        )
        found = contributions(fitted("multiclass"), X, **each)
        np.testing.assert_array_equal(drawn.contributions.values, found.values)
        assert set(names_of(drawn)) == set("abcdefgh")


def test_a_pipeline_is_drawn_behind_its_transformers():
    model = make_pipeline(StandardScaler(), classifier(max_iter=1, n_iter_no_change=np.inf))
    model.fit(X * 9, BINARY)
    drawn = ContributionDisplay.from_estimator(model, X * 9, sample=0, max_features=1)
    (feature,) = drawn.features_
    value = model[0].transform(X * 9)[0, feature]
    assert names_of(drawn)[0] == f"x{feature} = {value:.3g}"


# ------------------------------------------------------------------------------------------ drawing


def test_axes_may_be_given(pyplot):
    figure, axes = pyplot.subplots(1, 2)
    for ax, sample in zip(axes, (None, 0), strict=True):
        drawn = ContributionDisplay.from_estimator(fitted("binary"), X, sample=sample, ax=ax)
        assert drawn.ax_ is ax
        assert drawn.figure_ is figure
    assert pyplot.get_fignums() == [figure.number]
    again = drawn.plot(sample=None)
    assert again is drawn
    assert drawn.figure_ is not figure


def test_keywords_win():
    found = contributions(fitted("binary"), X)
    bars = ContributionDisplay.from_contributions(found, sample=0, bar_kw={"color": "r"}).bars_
    assert {bar.get_facecolor() for bar in bars} == {(1, 0, 0, 1)}
    drawn = ContributionDisplay.from_contributions(found, scatter_kw={"c": "r", "s": 3})
    assert drawn.colorbar_ is None
    assert drawn.points_.get_facecolor().tolist() == [list(to_rgba("r"))]
    assert drawn.points_.get_sizes().tolist() == [3]
    drawn = ContributionDisplay.from_contributions(found, scatter_kw={"cmap": "viridis"})
    assert drawn.points_.get_cmap().name == "viridis"
    assert drawn.colorbar_ is not None


def test_no_name_touches_the_next_one():
    found = made(np.random.default_rng(0).normal(size=(5, 60)))
    for sample in (None, 2):
        drawn = ContributionDisplay.from_contributions(found, sample=sample, max_features=50)
        drawn.figure_.canvas.draw()
        boxes = [label.get_window_extent() for label in drawn.ax_.get_yticklabels()]
        assert all(upper.y0 > lower.y1 for upper, lower in pairwise(boxes))


def test_making_a_display_draws_and_checks_nothing(pyplot):
    junk = object()
    drawn = ContributionDisplay(junk)
    assert vars(drawn) == {"contributions": junk}
    assert pyplot.get_fignums() == []
    with pytest.raises(TypeError, match=r"contributions must be an instance of .* Got object\."):
        drawn.plot()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_features": 0}, "must be an int in the range [1, inf). Got 0 instead."),
        ({"sample": 1.5}, "must be an int in the range (-inf, inf) or None. Got 1.5 instead."),
        ({"sample": 60}, "sample=60 must be between 0 and 59, or negative to count from the end."),
        ({"sample": -61}, "sample=-61 must be between 0 and 59"),
        ({"bar_kw": "red"}, "must be an instance of 'dict' or None. Got 'red' instead."),
        ({"scatter_kw": 3}, "must be an instance of 'dict' or None. Got 3 instead."),
        ({}, "output=None must be one of those that are explained, {'ape', 'bee', 'cat'}."),
        ({"output": "dog"}, "output='dog' must be one of those that are explained"),
    ],
)
def test_bad_parameters_are_refused_before_drawing(options, message, pyplot):
    found = contributions(fitted("strings"), X)
    if options and "output" not in options:
        options = options | {"output": "bee"}
    with pytest.raises(ValueError, match=re.escape(message)):
        ContributionDisplay.from_contributions(found, **options)
    assert pyplot.get_fignums() == []


def test_what_is_not_finite_is_refused(pyplot):
    with pytest.raises(ValueError, match=r"contributions must be finite, got NaN or infinity\."):
        ContributionDisplay.from_contributions(made([[1, np.nan]]))
    with pytest.raises(InvalidParameterError, match="The 'method' parameter of contributions"):
        ContributionDisplay.from_estimator(fitted("binary"), X, method="lime")
    with pytest.raises(ValueError, match=r"feature_names must have one name per feature"):
        ContributionDisplay.from_estimator(fitted("binary"), X, feature_names=["a"])
    assert pyplot.get_fignums() == []


def test_other_estimators_are_refused():
    with pytest.raises(NotFittedError):
        ContributionDisplay.from_estimator(SETClassifier(), X)
    with pytest.raises(TypeError, match=r"contributions needs a fitted estimator .* Got Ridge\."):
        ContributionDisplay.from_estimator(Ridge().fit(X, BINARY), X)


def test_matplotlib_is_asked_for_when_it_is_needed(monkeypatch):
    found = contributions(fitted("binary"), X)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    message = r"ContributionDisplay needs matplotlib\. Install it: pip install matplotlib\."
    with pytest.raises(ImportError, match=message):
        ContributionDisplay.from_estimator(fitted("binary"), X)
    with pytest.raises(ImportError, match=message):
        ContributionDisplay(found).plot()
