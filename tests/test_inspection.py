"""Displays draw what the fitted network says, where they are told, and refuse what they cannot."""

import re
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_set import SETClassifier, SETRegressor
from sklearn_set.inspection import (
    FeatureImportanceDisplay,
    TopologyDisplay,
    TrainingCurveDisplay,
)
from sklearn_set.validation import InvalidParameterError

DISPLAYS = [FeatureImportanceDisplay, TopologyDisplay, TrainingCurveDisplay]
every_display = pytest.mark.parametrize("display", DISPLAYS)


@pytest.fixture(autouse=True)
def pyplot():
    """Pyplot, whose figures are closed afterwards."""
    import matplotlib.pyplot as pyplot

    yield pyplot
    pyplot.close("all")


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:300] / 16, y[:300]


SETTINGS = {"epsilon": 3, "max_iter": 8, "n_iter_no_change": np.inf, "random_state": 0}


@pytest.fixture(scope="module")
def evolved(digits):
    return SETClassifier((30, 20), **SETTINGS).fit(*digits)


@pytest.fixture(scope="module")
def initial(digits):
    return SETClassifier((30, 20), zeta=0, **SETTINGS).fit(*digits)


@pytest.fixture(scope="module")
def stopped(digits):
    return SETClassifier((30,), early_stopping=True, **SETTINGS).fit(*digits)


def legend_in(figure):
    (legend,) = [ax.get_legend() for ax in figure.axes if ax.get_legend()]
    return legend


def legend_of(ax):
    return [text.get_text() for text in legend_in(ax.figure).get_texts()]


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
        (lambda: SETClassifier, "Got SETClassifier."),
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
    assert legend_of(drawn.ax_) == ["training loss", f"best epoch: {evolved.best_iter_}"]


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


# --------------------------------------------------------------------------------------- topology


@pytest.mark.parametrize("layer", [0, 1, 2, -1])
def test_degrees_are_counted(evolved, initial, layer):
    drawn = TopologyDisplay.from_estimator(evolved, initial=initial, layer=layer)
    for row, network in enumerate((initial, evolved)):
        stored = network.coefs_[layer].copy()
        stored.data[:] = 1.0  # a connection may have a weight of zero
        np.testing.assert_array_equal(drawn.input_degrees[row], stored.sum(axis=1))
        np.testing.assert_array_equal(drawn.output_degrees[row], stored.sum(axis=0))


def test_distributions_hold_all_neurons(evolved, initial):
    drawn = TopologyDisplay.from_estimator(evolved, initial=initial)
    assert legend_of(drawn.ax_) == [
        "input neurons, initial",
        "input neurons, evolved",
        "output neurons, initial",
        "output neurons, evolved",
    ]
    tables = (drawn.input_degrees, drawn.output_degrees)
    degrees = [table[record] for table in tables for record in (0, 1)]
    for patch, values in zip(drawn.distributions_, degrees, strict=True):
        shares, edges, _ = patch.get_data()
        assert shares.sum() == pytest.approx(1)
        assert len(shares) <= 41
        expected = [((values > low) & (values < high)).mean() for low, high in pairwise(edges)]
        np.testing.assert_allclose(shares, expected)
    dashed = [patch.get_linestyle() for patch in drawn.distributions_]
    assert dashed == ["--", "solid", "--", "solid"]


@pytest.mark.parametrize("neurons", ["input", "output"])
def test_distributions_of_one_side(evolved, neurons):
    drawn = TopologyDisplay.from_estimator(evolved, neurons=neurons)
    assert legend_of(drawn.ax_) == [f"{neurons} neurons"]
    (patch,) = drawn.distributions_
    assert patch.get_data().values.sum() == pytest.approx(1)


def test_a_full_layer_has_one_degree():
    drawn = TopologyDisplay(np.full((1, 7), 3), output_degrees=np.full((1, 3), 7)).plot()
    shares = [patch.get_data().values for patch in drawn.distributions_]
    assert [values.max() for values in shares] == [1, 1]
    assert TopologyDisplay(np.full((1, 7), 3)).plot().distributions_[0].get_data().values[0] == 1


def test_zeta_of_zero_keeps_the_topology_that_evolution_starts_from(digits, initial):
    young = SETClassifier((30, 20), **{**SETTINGS, "max_iter": 1}).fit(*digits)
    for layer, weights in enumerate(young.coefs_):
        np.testing.assert_array_equal(weights.indices, initial.coefs_[layer].indices)
        np.testing.assert_array_equal(weights.indptr, initial.coefs_[layer].indptr)


def test_initial_may_be_a_sparse_array(evolved, initial):
    network = TopologyDisplay.from_estimator(evolved, initial=initial)
    for layer in (initial.coefs_[0], sparse.csc_matrix(initial.coefs_[0])):
        drawn = TopologyDisplay.from_estimator(evolved, initial=layer)
        np.testing.assert_array_equal(drawn.input_degrees, network.input_degrees)
        np.testing.assert_array_equal(drawn.output_degrees, network.output_degrees)


def test_neurons_without_connections_count(evolved):
    single = sparse.csr_array(([0.0], ([2], [1])), shape=(64, 30))
    drawn = TopologyDisplay.from_estimator(evolved, initial=single)
    assert drawn.input_degrees[0].tolist() == [0, 0, 1] + [0] * 61
    assert drawn.output_degrees[0].tolist() == [0, 1] + [0] * 28


def test_image_has_the_degrees_of_the_pixels(evolved):
    drawn = TopologyDisplay.from_estimator(evolved, kind="input_image", image_shape=(8, 8))
    image = drawn.image_.get_array()
    assert image.shape == (8, 8)
    assert image[2, 5] == evolved.coefs_[0].indptr[22] - evolved.coefs_[0].indptr[21]
    assert drawn.colorbar_.mappable is drawn.image_
    assert drawn.distributions_ is drawn.lines_ is drawn.bands_ is None
    wide = TopologyDisplay.from_estimator(
        evolved, kind="input_image", image_shape=[4, 16], im_kw={"cmap": "gray"}
    )
    assert wide.image_.get_array().shape == (4, 16)
    assert wide.image_.get_cmap().name == "gray"


RECORD = np.random.default_rng(0).integers(0, 30, size=(5, 12))


def test_evolution_of_a_record():
    epochs = [1, 2, 4, 8, 16]
    drawn = TopologyDisplay.from_record(epochs, list(RECORD), RECORD[:, :3])
    medians = [drawn.lines_[0], drawn.lines_[2]]
    largest = [drawn.lines_[1], drawn.lines_[3]]
    for table, median, top in zip((RECORD, RECORD[:, :3]), medians, largest, strict=True):
        assert median.get_xdata().tolist() == epochs
        np.testing.assert_allclose(median.get_ydata(), np.median(table, axis=1))
        np.testing.assert_array_equal(top.get_ydata(), table.max(axis=1))
    corners = drawn.bands_[0].get_paths()[0].vertices
    at_last = corners[corners[:, 0] == 16][:, 1]
    assert at_last.min() == pytest.approx(np.quantile(RECORD[-1], 0.05))
    assert at_last.max() == pytest.approx(np.quantile(RECORD[-1], 0.95))
    assert len(legend_of(drawn.ax_)) == 6


def test_a_record_has_first_and_last_distributions_too():
    drawn = TopologyDisplay.from_record([1, 2, 4, 8, 16], RECORD, kind="degrees")
    assert legend_of(drawn.ax_) == ["input neurons, epoch 1", "input neurons, epoch 16"]
    for patch, row in zip(drawn.distributions_, (0, -1), strict=True):
        shares, edges, _ = patch.get_data()
        np.testing.assert_allclose(shares, np.histogram(RECORD[row], edges)[0] / 12)
    image = TopologyDisplay.from_record(range(5), RECORD, kind="input_image", image_shape=(3, 4))
    np.testing.assert_array_equal(image.image_.get_array(), RECORD[-1].reshape(3, 4))


def test_record_of_partial_fit(digits):
    network = SETClassifier((20,), epsilon=3, random_state=0)
    degrees = []
    for _ in range(3):
        network.partial_fit(*digits, classes=np.arange(10))
        degrees.append(np.diff(network.coefs_[0].indptr))
    drawn = TopologyDisplay.from_record([1, 2, 3], degrees)
    assert len(drawn.lines_) == 2  # the output neurons are not known
    assert len({row.sum() for row in degrees}) == 1
    assert not np.array_equal(degrees[0], degrees[2])


def test_topology_keywords_win(evolved):
    drawn = TopologyDisplay.from_estimator(evolved, line_kw={"linewidth": 4})
    assert {patch.get_linewidth() for patch in drawn.distributions_} == {4}
    drawn = TopologyDisplay.from_record(
        range(5), RECORD, line_kw={"linewidth": 4}, fill_kw={"alpha": 1}
    )
    assert {line.get_linewidth() for line in drawn.lines_} == {4}
    assert drawn.bands_[0].get_alpha() == 1


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"kind": "evolution"}, "must be a str among {'degrees', 'input_image'}. Got 'evolution'"),
        ({"neurons": "hidden"}, "must be a str among {'both', 'input', 'output'}. Got 'hidden'"),
        ({"layer": 1.0}, "The 'layer' parameter of TopologyDisplay must be"),
        ({"layer": 3}, "layer=3 must be between 0 and 2, or -1."),
        ({"kind": "input_image"}, "kind='input_image' needs image_shape, such as (8, 8)."),
        (
            {"kind": "input_image", "image_shape": (8, 9)},
            "image_shape=(8, 9) must be (height, width) with a product of 64, the number of",
        ),
        ({"kind": "input_image", "image_shape": (4, 4, 4)}, "must be (height, width)"),
        ({"image_shape": 8}, "must be a sequence of two ints above 0 or None. Got 8 instead."),
        ({"initial": sparse.csr_array((64, 5))}, "initial must have the shape of the layer, (64,"),
        (
            {"line_kw": 3},
            "The 'line_kw' parameter of TopologyDisplay must be an instance of 'dict'",
        ),
    ],
)
def test_bad_topologies_are_refused_before_drawing(evolved, parameters, message, pyplot):
    with pytest.raises(ValueError, match=re.escape(message)):
        TopologyDisplay.from_estimator(evolved, **parameters)
    assert pyplot.get_fignums() == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 2], [[1, 2], [3]]), "input_degrees must have one array per record, all of the same"),
        (([1, 2], RECORD[:2], RECORD[:3]), "output_degrees must have one array per record"),
        (([1, 2], [1, 2]), "input_degrees must be ints of shape (n_records, n_neurons). Got int64"),
        (([1, 2], [[0.5], [1.0]]), "input_degrees must be ints of shape (n_records, n_neurons)."),
        (([1, 2], [[-1], [1]]), "input_degrees must not be negative."),
        (([], []), "input_degrees must have one array per record"),
        (([1], RECORD[:2]), "epochs must be 2 increasing numbers, one per record. Got [1]."),
        (([1, 1], RECORD[:2]), "epochs must be 2 increasing numbers, one per record. Got [1, 1]."),
        (([2, 1], RECORD[:2]), "epochs must be 2 increasing numbers, one per record. Got [2, 1]."),
    ],
)
def test_bad_records_are_refused_before_drawing(arguments, message, pyplot):
    with pytest.raises(ValueError, match=re.escape(message)):
        TopologyDisplay.from_record(*arguments)
    assert pyplot.get_fignums() == []


def test_what_is_not_known_is_not_drawn(evolved):
    message = "kind='evolution' needs epochs. Make the TopologyDisplay by from_record."
    with pytest.raises(ValueError, match=message):
        TopologyDisplay.from_estimator(evolved).plot(kind="evolution")
    with pytest.raises(ValueError, match="neurons='output' needs output_degrees"):
        TopologyDisplay.from_record(range(5), RECORD, neurons="output")


def test_a_failed_plot_leaves_the_display_as_it_was(evolved):
    drawn = TopologyDisplay.from_estimator(evolved)
    before = dict(vars(drawn))
    with pytest.raises(AttributeError, match="no_such_property"):
        drawn.plot(line_kw={"no_such_property": 1})
    assert vars(drawn) == before


def test_dense_networks_have_no_topology(digits):
    with pytest.warns(UserWarning, match="Maximum iterations"):
        dense = MLPClassifier((5,), max_iter=1).fit(*digits)
    with pytest.raises(TypeError, match=r"needs sparse `coefs_`\. Got ndarray\."):
        TopologyDisplay.from_estimator(dense)


# ----------------------------------------------------------------------------- feature importance


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
