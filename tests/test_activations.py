"""Each row of the table of activations is complete, and its formulas agree with the reference.

The kernels' forms are proved in test_rows.py and test_gradient.py, those of ONNX in test_export.py,
over the same table; here are NumPy's, the codes, the bounds, and what other files rely on.
"""

import inspect

import numpy as np
import pytest
import reference
from conftest import (
    assert_close,
    enum_of,
    every_kernel,
    irregular_network,
    make_data,
    make_stepper,
    needs_sources,
)

from sklearn_set import SETClassifier
from sklearn_set.activations import ACTIVATIONS, Activation
from sklearn_set.network import SparseLayer, SparseNetwork, draw_weights
from sklearn_set.optimizers import SGD
from sklearn_set.samples import Samples

every_activation = pytest.mark.parametrize("name", ACTIVATIONS)
every_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])

Z = np.concatenate([np.linspace(-30, 30, 201), [-1e-3, 0.0, 1e-3]])


def numbers_of(name):
    """All values of an activation's own number that are tried."""
    activation = ACTIVATIONS[name]
    return {*np.ravel(activation.parameter).tolist(), *activation.bounds}


def test_the_table_names_what_the_reference_knows():
    """Whoever adds an activation is asked for its reference here."""
    assert list(ACTIVATIONS) == list(reference.ACTIVATIONS)
    assert set(reference.KINKED) <= set(ACTIVATIONS)
    for name, activation in ACTIVATIONS.items():
        expected = [reference.activation_parameter(name, depth) for depth in range(4)]
        assert [activation.parameter_at(depth) for depth in range(4)] == expected, name


@needs_sources
def test_codes_are_those_of_the_kernels():
    codes = enum_of("activations.pxd", "Activation")
    assert {name: activation.code for name, activation in ACTIVATIONS.items()} == codes


@every_dtype
@every_activation
def test_value_and_slope_in_numpy(name, dtype):
    z = Z.astype(dtype)
    for number in numbers_of(name):
        for ours, expected in zip(
            (ACTIVATIONS[name].value, ACTIVATIONS[name].slope),
            reference.ACTIVATIONS[name],
            strict=True,
        ):
            assert ours(z, number).dtype == dtype
            assert_close(ours(z, number), expected(z.astype("float64"), number), dtype)


@every_activation
def test_numbers_are_within_the_bounds_and_others_are_refused(name):
    low, high = ACTIVATIONS[name].bounds
    assert all(low <= number <= high for number in numbers_of(name))
    layer = irregular_network((3, 4), [], "float64", seed=1).layers[0]
    values = layer.topology, layer.weights, layer.bias
    for number in numbers_of(name):
        assert SparseLayer(*values, name, number).activation_parameter == number
    for number in (np.nextafter(low, -np.inf), np.nextafter(high, np.inf), np.nan):
        with pytest.raises(ValueError, match=rf"number of '{name}' must be in \[{low}, {high}\]"):
            SparseLayer(*values, name, number)


@every_activation
def test_magnitudes_are_bounded(name):
    """`SparseNetwork.bound` relies on it."""
    for number in numbers_of(name):
        assert (np.abs(ACTIVATIONS[name].value(Z, number)) <= np.abs(Z) + 1).all()
    network = irregular_network((7, 9, 8, 2), name, "float64", seed=2)
    X = Samples(100 * np.random.default_rng(3).normal(size=(50, 7)))
    assert np.abs(network.forward(X)).max() <= network.bound(X.size)


@every_activation
def test_initial_weights_follow_the_law_that_suits_the_activation(name):
    network = irregular_network((30, 40, 3), name, "float64", seed=4)
    topology = network.layers[0].topology
    law = "he_uniform" if ACTIVATIONS[name].is_rectifier else "glorot_uniform"
    drawn = [
        draw_weights(each, name, topology, 100, np.dtype("float64"), np.random.default_rng(5))
        for each in ("auto", law)
    ]
    np.testing.assert_array_equal(*drawn)


def test_own_numbers_take_turns_in_the_layers():
    network = SparseNetwork.erdos_renyi(
        (9, 8, 7, 6, 2),
        3,
        activations=["all_relu"] * 3,
        weight_init="auto",
        dtype=np.dtype("float64"),
        rng=np.random.default_rng(6),
    )
    numbers = [layer.activation_parameter for layer in network.layers]
    assert numbers == [-0.6, 0.6, -0.6, 0.0]


@pytest.mark.parametrize("code", [-1, len(ACTIVATIONS)])
@every_kernel()
def test_activations_that_the_kernels_do_not_have_are_refused(kernel, code, monkeypatch):
    identity = ACTIVATIONS["identity"]
    odd = Activation(code, "f(x) = x", identity.value, identity.slope, identity.onnx)
    monkeypatch.setitem(ACTIVATIONS, "odd", odd)
    network = irregular_network((3, 4, 2), "odd", kernel[1], seed=1)
    data = make_data(5, (3, 4, 2), "squared_error", kernel[1], seed=2)
    with pytest.raises(ValueError, match=f"no activation of code {code}"):
        make_stepper(kernel, network, SGD().attach(network), data, batch_size=5)


def test_docstrings_list_every_activation():
    told = inspect.cleandoc(SETClassifier.__doc__)
    lines = [f'    - "{name}", {activation.formula}' for name, activation in ACTIVATIONS.items()]
    assert "\n\n" + "\n".join(lines) + "\n\n" in told
    rectifiers = [name for name, activation in ACTIVATIONS.items() if activation.is_rectifier]
    assert f"below rectifiers ({', '.join(rectifiers)})" in " ".join(told.split())
