"""All displays: where they find an estimator, what they refuse; curves; legends overlap nothing."""

import pickle
import re
import subprocess
import sys
import warnings

import numpy as np
import pytest
from drawing import RECORD, SETTINGS, legend_in, legend_of
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_set import SETClassifier, SETRegressor
from sklearn_set.inspection import FeatureImportanceDisplay, TopologyDisplay, TrainingCurveDisplay

pytestmark = pytest.mark.usefixtures("pyplot")

DISPLAYS = [FeatureImportanceDisplay, TopologyDisplay, TrainingCurveDisplay]
every_display = pytest.mark.parametrize("display", DISPLAYS)


# -------------------------------------------------------------------------------------- in common


@every_display
def test_the_estimator_is_found_in_pipelines(display, digits, evolved):
    inner = Pipeline([("scale", "passthrough"), ("net", evolved)])
    pipeline = Pipeline([("first", StandardScaler().fit(digits[0])), ("inner", inner)])
    drawn = [display.from_estimator(estimator) for estimator in (evolved, pipeline)]
    for name in vars(drawn[0]):
        if not name.endswith("_") and name != "feature_names":
            np.testing.assert_array_equal(getattr(drawn[0], name), getattr(drawn[1], name))


@every_display
@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda: Ridge().fit([[0.0], [1.0]], [0, 1]), "Got Ridge."),
        (lambda: make_pipeline(Ridge()).fit([[0.0], [1.0]], [0, 1]), "Got Ridge."),
        (lambda: SETClassifier, "Got the class SETClassifier."),
        (lambda: Pipeline([("last", "passthrough")]), "Got 'passthrough'."),
        (lambda: [1.0, 0.5], "Got [1.0, 0.5]."),
    ],
)
def test_other_estimators_are_refused(display, make, found):
    message = (
        r"Display needs a fitted estimator with `\w+_`, such as SETClassifier or SETRegressor, "
        r"or a Pipeline whose last step is one\. " + re.escape(found)
    )
    with pytest.raises(TypeError, match=message):
        display.from_estimator(make())


@every_display
def test_a_search_is_told_from_its_best_estimator(display, digits):
    search = GridSearchCV(SETClassifier((5,), **SETTINGS), {"epsilon": [3, 4]}, cv=2).fit(*digits)
    with pytest.raises(
        TypeError, match=r"Got GridSearchCV\. From a search, pass `best_estimator_`"
    ):
        display.from_estimator(search)
    display.from_estimator(search.best_estimator_)


@every_display
@pytest.mark.parametrize("wrap", [lambda net: net, lambda net: make_pipeline(net)])
def test_unfitted_estimators_are_refused(display, wrap):
    with pytest.raises(NotFittedError):
        display.from_estimator(wrap(SETClassifier()))


@every_display
def test_axes_may_be_given(display, evolved, pyplot):
    figure, ax = pyplot.subplots()
    drawn = display.from_estimator(evolved, ax=ax)
    assert drawn.ax_ is ax
    assert drawn.figure_ is figure
    assert pyplot.get_fignums() == [figure.number]
    assert ax.has_data()
    again = drawn.plot()
    assert again is drawn
    assert drawn.figure_ is not figure


@every_display
def test_making_a_display_draws_and_checks_nothing(display, pyplot):
    junk = object()
    drawn = display(junk)
    assert junk in vars(drawn).values()
    assert not [name for name in vars(drawn) if name.endswith("_")]
    assert pyplot.get_fignums() == []


@every_display
def test_matplotlib_is_asked_for_when_it_is_needed(display, evolved, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    message = rf"{display.__name__} needs matplotlib\. Install it: pip install matplotlib\."
    with pytest.raises(ImportError, match=message):
        display.from_estimator(evolved)
    with pytest.raises(ImportError, match=message):
        display(np.ones((1, 3), int) if display is not TrainingCurveDisplay else [1.0]).plot()


@pytest.mark.slow
def test_importing_the_displays_does_not_import_matplotlib():
    code = "import sys, sklearn_set.inspection; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --------------------------------------------------------------------------------- training curve


def test_curves_are_those_of_the_estimator(stopped):
    drawn = TrainingCurveDisplay.from_estimator(stopped)
    for line, values in (
        (drawn.loss_line_, stopped.loss_curve_),
        (drawn.validation_loss_line_, stopped.validation_loss_curve_),
        (drawn.score_line_, stopped.validation_scores_),
    ):
        assert line.get_xdata().tolist() == list(range(1, len(values) + 1))
        assert line.get_ydata().tolist() == values
    assert drawn.best_line_.get_xdata() == [stopped.best_iter_] * 2
    assert drawn.loss_line_.axes is drawn.ax_
    assert drawn.score_line_.axes is drawn.score_ax_
    assert legend_of(drawn.ax_) == [
        "training loss",
        "validation loss",
        "validation score",
        f"best epoch: {stopped.best_iter_}",
    ]
    # Colours and styles both tell the lines apart.
    lines = [drawn.loss_line_, drawn.validation_loss_line_, drawn.score_line_, drawn.best_line_]
    assert len({line.get_color() for line in lines}) == 4
    assert len({line.get_linestyle() for line in lines}) == 4


def test_what_was_not_recorded_is_not_drawn(evolved):
    drawn = TrainingCurveDisplay.from_estimator(evolved)
    assert drawn.validation_loss_line_ is drawn.score_line_ is drawn.score_ax_ is None
    assert legend_of(drawn.ax_) == ["training loss"]


@pytest.mark.parametrize(
    ("how", "has_best_epoch"),
    [
        ({"n_iter_no_change": np.inf}, False),
        ({"n_iter_no_change": "auto", "mixup": 1.0}, False),
        ({"n_iter_no_change": "auto", "mixup": 0}, True),
        ({"n_iter_no_change": np.inf, "early_stopping": True}, True),
    ],
    ids=str,
)
def test_the_best_epoch_is_drawn_where_one_was_looked_for(how, has_best_epoch, digits):
    X, y = digits
    model = SETClassifier((5,), **SETTINGS | how)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y)
    for each in (model, pickle.loads(pickle.dumps(model))):
        drawn = TrainingCurveDisplay.from_estimator(each)
        assert (drawn.best_line_ is not None) == has_best_epoch


def test_losses_of_mixed_samples_are_told_from_others(digits):
    X, y = (part[:60] for part in digits)  # wide: "auto" mixes
    for how, mixed in (({}, True), ({"mixup": 0}, False), ({"mixup": 0.5}, True)):
        model = SETClassifier((5,), **SETTINGS | how).fit(X, y)
        drawn = TrainingCurveDisplay.from_estimator(model)
        assert legend_of(drawn.ax_) == ["training loss" + ", of mixed samples" * mixed]
    model.set_params(mixup=0).partial_fit(X, y)  # the curve goes on
    assert TrainingCurveDisplay.from_estimator(model).has_mixed_losses


@pytest.mark.parametrize("n_epochs", [1, 2, 3, 7, 40])
@pytest.mark.parametrize("scale", ["linear", "log"])
def test_epochs_are_whole_numbers(n_epochs, scale, pyplot):
    _, ax = pyplot.subplots(figsize=(9, 3))
    ax.set_xscale(scale)
    TrainingCurveDisplay(np.ones(n_epochs), validation_scores=np.ones(n_epochs)).plot(ax)
    ticks = [tick for tick in ax.get_xticks() if ax.get_xlim()[0] <= tick <= ax.get_xlim()[1]]
    assert scale == "log" or (ticks and all(tick == round(tick) for tick in ticks))


def test_curves_of_other_estimators(digits):
    dense = MLPClassifier((5,), max_iter=5, n_iter_no_change=5, early_stopping=True, random_state=0)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        dense.fit(*digits)
    drawn = TrainingCurveDisplay.from_estimator(dense)
    assert drawn.best_line_ is drawn.validation_loss_line_ is None
    assert drawn.score_line_.get_ydata().tolist() == dense.validation_scores_


def test_curves_of_a_regressor_and_of_a_single_epoch():
    X = np.random.default_rng(0).normal(size=(30, 4))
    model = SETRegressor((5,), max_iter=1, n_iter_no_change=np.inf).fit(X, X[:, 0])
    drawn = TrainingCurveDisplay.from_estimator(model)
    assert drawn.loss_line_.get_marker() == "o"  # a line of one point cannot be seen


def test_line_keywords_win(stopped):
    drawn = TrainingCurveDisplay.from_estimator(
        stopped, line_kw={"linewidth": 3, "color": "k"}, best_line_kw={"color": "r"}
    )
    lines = (drawn.loss_line_, drawn.validation_loss_line_, drawn.score_line_)
    assert {line.get_linewidth() for line in lines} == {3}
    assert {line.get_color() for line in lines} == {"k"}
    assert drawn.best_line_.get_color() == "r"
    drawn.plot(line_kw={"lw": 4, "ls": ":"}, best_line_kw={"c": "b"})
    assert drawn.loss_line_.get_linewidth() == 4
    assert drawn.score_line_.get_linestyle() == ":"
    assert drawn.best_line_.get_color() == "b"


@pytest.mark.parametrize("name", ["validation_loss_curve", "validation_scores"])
def test_curves_must_have_the_same_length(name, pyplot):
    drawn = TrainingCurveDisplay([3.0, 2.0, 1.0], **{name: [1.0, 2.0]})
    message = rf"{name} must have one number per epoch, shape \(3,\). Got shape \(2,\)"
    with pytest.raises(ValueError, match=message):
        drawn.plot()
    assert pyplot.get_fignums() == []


# ---------------------------------------------------------------------------------------- legends


@pytest.mark.parametrize("height", [2.8, 4.8, 9.0])
def test_legends_are_below_the_axes(height, stopped, evolved, pyplot):
    for draw in (
        lambda ax: TrainingCurveDisplay.from_estimator(stopped, ax=ax),
        lambda ax: TopologyDisplay.from_estimator(evolved, ax=ax),
        lambda ax: TopologyDisplay.from_record(range(5), RECORD, RECORD, ax=ax),
    ):
        figure, ax = pyplot.subplots(figsize=(6.4, height), layout="constrained")
        draw(ax)
        figure.canvas.draw()
        legend = legend_in(figure).get_window_extent()
        assert legend.y1 < ax.xaxis.label.get_window_extent().y0
        assert legend.y0 >= 0  # within the figure
        assert legend.x0 >= 0
        assert legend.x1 <= figure.bbox.x1


def test_without_a_layout_the_legend_is_inside_and_in_front(stopped, evolved, pyplot):
    for estimator in (stopped, evolved):
        figure, ax = pyplot.subplots()
        TrainingCurveDisplay.from_estimator(estimator, ax=ax)
        figure.canvas.draw()
        legend = legend_in(figure)
        box, frame = legend.get_window_extent(), ax.get_window_extent()
        assert frame.x0 < box.x0 < box.x1 < frame.x1
        assert frame.y0 < box.y0 < box.y1 < frame.y1
        assert legend.axes is figure.axes[-1]  # drawn last
