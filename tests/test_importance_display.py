"""The strongest features, with their names and their spread."""

import re
from itertools import pairwise

import numpy as np
import pytest
from drawing import SETTINGS
from sklearn.feature_selection import SelectKBest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_set import SETClassifier
from sklearn_set.inspection import FeatureImportanceDisplay, TrainingCurveDisplay
from sklearn_set.validation import InvalidParameterError

pytestmark = pytest.mark.usefixtures("pyplot")


def bars_of(drawn):
    return [bar.get_width() for bar in drawn.bars_]


def names_of(drawn):
    return [label.get_text() for label in drawn.ax_.get_yticklabels()]


def test_the_strongest_features_come_first(evolved):
    drawn = FeatureImportanceDisplay.from_estimator(evolved, max_features=6)
    order = np.argsort(-evolved.feature_importances_, kind="stable")[:6]
    assert drawn.features_.tolist() == order.tolist()
    assert bars_of(drawn) == evolved.feature_importances_[order].tolist()
    assert names_of(drawn) == [f"x{feature}" for feature in order]
    heights = [bar.get_y() for bar in drawn.bars_]
    bottom, top = drawn.ax_.get_ylim()
    assert heights == sorted(heights)
    assert bottom > top  # the first bar is the highest on the page
    assert drawn.errorbar_ is None


def test_equal_importances_keep_the_order_of_the_features():
    drawn = FeatureImportanceDisplay.from_importances([0.1, 0.3, 0.1, 0.3], max_features=3)
    assert drawn.features_.tolist() == [1, 3, 0]


def test_resamples_have_a_mean_and_a_spread():
    importances = np.random.default_rng(0).random((4, 30))
    drawn = FeatureImportanceDisplay.from_importances(importances, max_features=40)
    means = importances.mean(axis=0)
    np.testing.assert_allclose(bars_of(drawn), np.sort(means)[::-1])
    (segments,) = drawn.errorbar_.lines[2]
    lengths = [np.ptp(segment[:, 0]) for segment in segments.get_segments()]
    np.testing.assert_allclose(lengths, 2 * importances.std(axis=0)[drawn.features_])
    assert "standard deviation of 4 resamples" in drawn.ax_.get_xlabel()


@pytest.mark.parametrize("importances", [[0.5, 0.2], [[0.5, 0.2]]])
def test_a_single_network_has_no_spread(importances):
    drawn = FeatureImportanceDisplay.from_importances(importances)
    assert bars_of(drawn) == [0.5, 0.2]
    assert drawn.errorbar_ is None
    assert drawn.ax_.get_xlabel() == "Importance"


def test_names_come_from_where_they_are_known(digits):
    pandas = pytest.importorskip("pandas")
    X, y = digits
    X = X + np.random.default_rng(0).uniform(0, 0.01, X.shape)  # no feature is constant
    frame = pandas.DataFrame(X, columns=[f"pixel{pixel}" for pixel in range(64)])
    network = SETClassifier((5,), **{**SETTINGS, "max_iter": 2})

    def names_drawn(estimator, data, **options):
        return names_of(FeatureImportanceDisplay.from_estimator(estimator.fit(data, y), **options))

    assert all(name.startswith("pixel") for name in names_drawn(network, frame))
    select = make_pipeline(StandardScaler(), SelectKBest(k=7), network)
    chosen = select.fit(frame, y)[1].get_support()
    assert set(names_drawn(select, frame)) == set(frame.columns[chosen])
    assert set(names_drawn(select, X)) == {f"x{pixel}" for pixel in np.flatnonzero(chosen)}
    given = names_drawn(select, frame, feature_names=list("abcdefg"))
    assert sorted(given) == list("abcdefg")
    # A function does not tell names; the network's own are the last resort.
    silent = make_pipeline(FunctionTransformer(np.log1p, validate=True), network)
    assert all(name.startswith("x") for name in names_drawn(silent, frame))
    alone = make_pipeline(SETClassifier((5,), **{**SETTINGS, "max_iter": 2}))
    assert all(name.startswith("pixel") for name in names_drawn(alone, frame))


def test_bar_keywords_win():
    drawn = FeatureImportanceDisplay.from_importances(
        np.eye(3), bar_kw={"color": "r"}, errorbar_kw={"ecolor": "b"}
    )
    assert drawn.bars_[0].get_facecolor() == (1, 0, 0, 1)
    assert drawn.errorbar_.lines[2][0].get_color().tolist() == [[0, 0, 1, 1]]


def test_negative_importances_are_seen():
    drawn = FeatureImportanceDisplay.from_importances([0.5, -0.5])
    low, high = drawn.ax_.get_xlim()
    assert low < -0.5
    assert high > 0.5


def test_many_bars_get_a_high_figure():
    high = FeatureImportanceDisplay.from_importances(np.arange(60.0), max_features=60)
    assert high.figure_.get_figheight() == pytest.approx(16)
    # No name touches the next one.
    high.figure_.canvas.draw()
    boxes = [label.get_window_extent() for label in high.ax_.get_yticklabels()]
    assert all(upper.y0 > lower.y1 for upper, lower in pairwise(boxes))


@pytest.mark.parametrize(
    ("importances", "options", "message"),
    [
        ([1.0], {"max_features": 0}, "must be an int in the range [1, inf). Got 0 instead."),
        ([1.0, 2.0], {"feature_names": ["a"]}, "one name per feature, shape (2,). Got shape (1,)."),
        ([1.0, np.nan], {}, "importances must be finite, got NaN or infinity."),
        ([], {}, "importances must have the shape (n_features,) or (n_resamples, n_features)"),
        (np.ones((2, 2, 2)), {}, "Got shape (2, 2, 2)."),
        ([1.0], {"bar_kw": "red"}, "must be an instance of 'dict' or None. Got 'red' instead."),
    ],
)
def test_bad_importances_are_refused_before_drawing(importances, options, message, pyplot):
    with pytest.raises(ValueError, match=re.escape(message)):
        FeatureImportanceDisplay.from_importances(importances, **options)
    assert pyplot.get_fignums() == []


def test_bad_keywords_are_refused_in_scikit_learn_s_words(stopped):
    with pytest.raises(InvalidParameterError, match="The 'line_kw' parameter of TrainingCurve"):
        TrainingCurveDisplay.from_estimator(stopped, line_kw="red")
