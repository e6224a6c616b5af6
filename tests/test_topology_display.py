"""Degrees of neurons, as distributions, as an image of pixels, and over the epochs."""

import re
from itertools import pairwise

import numpy as np
import pytest
from drawing import RECORD, SETTINGS, legend_of
from scipy import sparse
from sklearn.neural_network import MLPClassifier

from sklearn_set import SETClassifier
from sklearn_set.inspection import TopologyDisplay

pytestmark = pytest.mark.usefixtures("pyplot")


@pytest.fixture(scope="module")
def initial(digits):
    return SETClassifier((30, 20), zeta=0, **SETTINGS).fit(*digits)


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
