"""Selection frequencies are drawn with names, threshold and bound, also from pipelines."""

import re

import numpy as np
import pandas as pd
import pytest
from drawing import legend_of
from selecting import X, Y
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_set.feature_selection import StabilitySelector
from sklearn_set.inspection import SelectionFrequencyDisplay

pytestmark = pytest.mark.usefixtures("pyplot")

SELECTOR = StabilitySelector(SelectKBest(k=8), n_pairs=5, random_state=0)


def names_of(drawn):
    return [label.get_text() for label in drawn.ax_.get_yticklabels()]


def widths_of(drawn):
    return [bar.get_width() for bar in drawn.bars_]


def test_the_most_frequent_features_come_first():
    selector = SELECTOR.fit(X, Y)
    drawn = SelectionFrequencyDisplay.from_estimator(selector, max_features=12)
    order = np.argsort(-selector.selection_frequencies_, kind="stable")[:12]
    assert drawn.features_.tolist() == order.tolist()
    assert widths_of(drawn) == selector.selection_frequencies_[order].tolist()
    assert names_of(drawn) == [f"x{feature}" for feature in order]
    bottom, top = drawn.ax_.get_ylim()
    assert bottom > top
    colors = [bar.get_facecolor() for bar in drawn.bars_]
    n_selected = selector.n_features_
    assert 0 < n_selected < 12
    assert len(set(colors[:n_selected])) == len(set(colors[n_selected:])) == 1
    assert colors[0] != colors[-1]


def test_threshold_and_bound_are_told():
    selector = SELECTOR.fit(X, Y)
    drawn = SelectionFrequencyDisplay.from_estimator(selector)
    assert drawn.line_.get_xdata() == [selector.threshold_] * 2
    assert legend_of(drawn.ax_) == [f"Threshold {selector.threshold_:.3g}"]
    bound = selector.expected_false_selections_
    assert drawn.ax_.get_title() == (
        f"{selector.n_features_} of 100 features selected,\nat most {bound:.2g} false ones expected"
    )


def test_frequencies_alone_will_do():
    drawn = SelectionFrequencyDisplay([0.2, 1, 0.2]).plot(max_features=2)
    assert drawn.features_.tolist() == [1, 0]
    assert drawn.line_ is None
    assert drawn.ax_.get_title() == ""
    assert drawn.ax_.get_legend() is None
    drawn = SelectionFrequencyDisplay(np.arange(11) / 10, threshold=0.1 + 0.2).plot()
    assert drawn.ax_.get_title() == "8 of 11 features selected"


def test_names_come_from_where_they_are_known():
    frame = pd.DataFrame(X, columns=[f"gene_{i}" for i in range(100)])

    def names_drawn(estimator, data, **options):
        drawn = SelectionFrequencyDisplay.from_estimator(estimator.fit(data, Y), **options)
        return names_of(drawn)

    strongest = SELECTOR.fit(frame, Y).selection_frequencies_.argmax()
    assert names_drawn(SELECTOR, frame)[0] == f"gene_{strongest}"
    model = make_pipeline(StandardScaler(), SELECTOR, LogisticRegression())
    assert names_drawn(model, frame)[0] == f"gene_{strongest}"
    assert names_drawn(make_pipeline(model[:2], LogisticRegression()), frame)[0].startswith("gene")
    given = [f"g{i}" for i in range(100)]
    assert names_drawn(model, X, feature_names=given)[0] == f"g{strongest}"
    silent = make_pipeline(FunctionTransformer(np.abs, validate=True), SELECTOR)
    assert names_drawn(silent, X)[0].startswith("x")


def test_keywords_win():
    drawn = SelectionFrequencyDisplay([0.2, 1], threshold=0.5).plot(
        bar_kw={"color": "r"}, line_kw={"ls": ":", "label": "cut"}
    )
    assert {bar.get_facecolor() for bar in drawn.bars_} == {(1, 0, 0, 1)}
    assert drawn.line_.get_linestyle() == ":"
    assert legend_of(drawn.ax_) == ["cut"]


def test_axes_may_be_given(pyplot):
    ax = pyplot.subplots()[1]
    drawn = SelectionFrequencyDisplay.from_estimator(SELECTOR.fit(X, Y), ax=ax)
    assert drawn.ax_ is ax
    assert drawn.figure_ is ax.figure


@pytest.mark.parametrize(
    ("estimator", "error", "message"),
    [
        (StabilitySelector(), NotFittedError, "not fitted"),
        (make_pipeline(StandardScaler(), StabilitySelector()), NotFittedError, "not fitted"),
        (StabilitySelector, TypeError, "Got StabilitySelector. From a search"),
        (LogisticRegression().fit(X, Y), TypeError, "needs a fitted StabilitySelector, or a Pipe"),
        (3, TypeError, "Got int."),
    ],
)
def test_other_estimators_are_refused(estimator, error, message, pyplot):
    with pytest.raises(error, match=message):
        SelectionFrequencyDisplay.from_estimator(estimator)
    assert pyplot.get_fignums() == []


@pytest.mark.parametrize(
    ("frequencies", "options", "message"),
    [
        ([[1.0]], {}, "frequencies must have the shape (n_features,), and not be empty"),
        ([], {}, "Got shape (0,)"),
        ([0.5, 1.5], {}, "frequencies must be in the range [0, 1]"),
        ([0.5, np.nan], {}, "frequencies must be in the range [0, 1]"),
        ([0.5], {"threshold": 2}, "The 'threshold' parameter of SelectionFrequencyDisplay must be"),
        ([0.5], {"expected_false_selections": -1}, "'expected_false_selections' parameter"),
        ([0.5], {"feature_names": ["a", "b"]}, "one name per feature, shape (1,)"),
    ],
)
def test_bad_frequencies_are_refused_before_drawing(frequencies, options, message, pyplot):
    with pytest.raises(ValueError, match=re.escape(message)):
        SelectionFrequencyDisplay(frequencies, **options).plot()
    with pytest.raises(ValueError, match="'max_features' parameter"):
        SelectionFrequencyDisplay([0.5]).plot(max_features=0)
    assert pyplot.get_fignums() == []
