"""SGD and Adam step by their formulas, and their moments follow the connections.

Every solver against a few lines of NumPy over several steps, with L2, decoupled weight decay and
a changing rate; moments through an evolution and from one optimizer to the next.
"""

import numpy as np
import pytest
import reference
from conftest import (
    OPTIMIZERS,
    TOLERANCES,
    assert_close,
    enum_of,
    every_kernel,
    irregular_network,
    make_data,
    make_network,
    make_stepper,
    needs_sources,
    random_network,
    some_rows,
)
from stepping import values_of

from sklearn_set.evolution import evolve, n_renewable
from sklearn_set.optimizers import HYPER_PARAMETERS, SGD, SOLVERS, UPDATES, Adam

THIRD = reference.THIRD
SIZES = (16, 19, 9, 3)


def run(kernel, network, optimizer, data, dense, rates, first=0, **options):
    """Step the kernel and the reference at each rate; assert that they report the same loss."""
    stepper = make_stepper(kernel, network, optimizer, data, batch_size=16, **options)
    for step, rate in enumerate(rates, start=first):
        rows = some_rows(data.X.shape[0], 16 - 3 * (step % 2), seed=step)
        loss = stepper.step(rows, rate, optimizer.next_step_size(rate), step)
        expected = dense.step(
            data.X[rows],
            data.y[rows],
            data.loss,
            optimizer.kernel,
            rate,
            sample_weight=data.sample_weight[rows],
            **options,
            **optimizer.hyper,
        )
        # From the second step on, the L2 term is a sum that the step before has made.
        assert abs(loss - expected) <= TOLERANCES[kernel[1]] * abs(expected)


def assert_same_state(network, optimizer, dense, dtype):
    """Weights, biases and all moments are those of the reference."""
    for depth, layer in enumerate(network.layers):
        pattern = dense.patterns[depth]
        assert_close(layer.weights, dense.weights[depth][pattern], dtype, f"weights {depth}")
        assert_close(layer.bias, dense.biases[depth], dtype, f"biases {depth}")
        for m in range(optimizer.n_moments):
            expected = dense.moments[depth][m][pattern]
            assert_close(optimizer.moments[depth][m], expected, dtype, f"moment {m} of {depth}")
            assert_close(
                optimizer.bias_moments[depth][m],
                dense.bias_moments[depth][m],
                dtype,
                f"moment {m} of the biases {depth}",
            )


@pytest.mark.parametrize("weight_decay", [0.0, THIRD / 10])
@pytest.mark.parametrize("alpha", [0.0, THIRD])
@pytest.mark.parametrize("solver", list(OPTIMIZERS))
@every_kernel()
def test_formula(kernel, solver, alpha, weight_decay):
    dtype = kernel[1]
    network = irregular_network(SIZES, ["tanh", "gelu"], dtype, seed=1)
    data = make_data(40, SIZES, "squared_error", dtype, seed=2)
    dense = reference.DenseMLP.of(network)
    optimizer = OPTIMIZERS[solver]().attach(network)
    assert optimizer.kernel == solver
    assert [len(moments) for moments in optimizer.moments] == [optimizer.n_moments] * 3
    rates = [THIRD / 10, THIRD / 10, THIRD / 7, THIRD / 20, THIRD / 30, THIRD / 10]
    run(kernel, network, optimizer, data, dense, rates, alpha=alpha, weight_decay=weight_decay)
    assert_same_state(network, optimizer, dense, dtype)


@pytest.mark.parametrize("weight_decay", [0.0, 5.0])
@pytest.mark.parametrize("alpha", [0.0, THIRD])
@pytest.mark.parametrize("solver", list(OPTIMIZERS))
@every_kernel()
def test_nothing_stays_subnormal(kernel, solver, alpha, weight_decay):
    """Without gradients numbers shrink to zero; below the normal ones they would stay for ever."""
    dtype = np.dtype(kernel[1])
    network = irregular_network(SIZES, "relu", dtype, seed=1)
    optimizer = OPTIMIZERS[solver]().attach(network)
    data = make_data(40, SIZES, "squared_error", dtype, seed=2)
    data.X[:, ::2] = 0
    network.layers[0].bias[::2] = -100  # these neurons are silent, too
    silent = np.repeat(np.arange(SIZES[0]) % 2 == 0, np.diff(network.layers[0].topology.indptr))
    # So near to subnormal numbers that few steps decide: for the reference, to those of its own.
    small = np.random.default_rng(3).uniform(-16, 16, silent.shape)
    dense = reference.DenseMLP.of(network)
    dense.begin(solver)
    for values, of_dense in zip(
        [network.layers[0].weights, *optimizer.moments[0]],
        [dense.weights[0], *dense.moments[0]],
        strict=True,
    ):
        values[silent] = np.finfo(dtype).tiny * small[silent]
        of_dense[::2][dense.patterns[0][::2]] = np.finfo(float).tiny * small[silent]
    for values, of_dense in zip(optimizer.bias_moments[0], dense.bias_moments[0], strict=True):
        values[::2] = np.finfo(dtype).tiny * small[: SIZES[1] : 2]
        of_dense[::2] = np.finfo(float).tiny * small[: SIZES[1] : 2]
    for values in (*optimizer.moments[0][1:], *optimizer.bias_moments[0][1:]):
        values[:] = np.abs(values)  # squares
    for values in (*dense.moments[0][1:], *dense.bias_moments[0][1:]):
        values[:] = np.abs(values)
    stepper = make_stepper(
        kernel, network, optimizer, data, batch_size=16, alpha=alpha, weight_decay=weight_decay
    )
    rows = some_rows(40, 16, seed=4)
    for step in range(300):
        stepper.step(rows, 0.01, optimizer.next_step_size(0.01), step)
        dense.step(
            data.X[rows], data.y[rows], data.loss, solver, 0.01, alpha=alpha,
            weight_decay=weight_decay, sample_weight=data.sample_weight[rows], **optimizer.hyper,
        )  # fmt: skip
    for name, values in values_of(network, optimizer).items():
        assert not ((values != 0) & (np.abs(values) < np.finfo(dtype).tiny)).any(), name
    for m in range(optimizer.n_moments):
        assert not optimizer.moments[0][m][silent].any()
        assert not optimizer.bias_moments[0][m][::2].any()
        assert not dense.moments[0][m][::2].any()
        assert not dense.bias_moments[0][m][::2].any()
    if alpha > 0 or weight_decay > 0:
        assert not network.layers[0].weights[silent].any()
        assert not dense.weights[0][::2].any()


def test_solvers_and_their_kernels():
    """Every class and every compiled update is tested, by the name that its settings choose."""
    assert list(UPDATES) == list(reference.SOLVERS)
    assert {type(make()) for make in OPTIMIZERS.values()} == set(SOLVERS.values())
    for name, make in OPTIMIZERS.items():
        optimizer = make()
        assert optimizer.kernel == name
        assert optimizer.n_moments == reference.SOLVERS[name][1]
    parameters = {name for kind in SOLVERS.values() for name in kind.parameters.values()}
    assert parameters == set(HYPER_PARAMETERS)


@needs_sources
def test_codes_are_those_of_the_kernels():
    codes = enum_of("updates.pxd", "Solver")
    assert {name: update.code for name, update in UPDATES.items()} == codes


@every_kernel()
def test_hyper_parameters_are_read_by_name(kernel):
    """A name that the kernels do not know is refused; one that is not given is not-a-number."""
    network = irregular_network(SIZES, "tanh", kernel[1], seed=1)
    data = make_data(16, SIZES, "squared_error", kernel[1], seed=2)

    def adam_with(**hyper):
        optimizer = type("Odd", (Adam,), {"hyper": hyper})().attach(network)
        return make_stepper(kernel, network, optimizer, data, batch_size=16)

    given = {"beta_1": 0.9, "beta_2": 0.999}
    with pytest.raises(ValueError, match=r"no hyper-parameters \['adam_epsilom'\]"):
        adam_with(**given, adam_epsilom=1e-8)
    with pytest.raises(TypeError):
        adam_with(**given, adam_epsilon="small")
    adam_with(**given).step(np.arange(16, dtype=np.int32), 0.1, 0.1, 0)
    assert all(np.isnan(layer.weights).all() for layer in network.layers)


def test_misspelt_attributes_are_refused():
    optimizer = Adam()
    del optimizer.beta_2
    with pytest.raises(AttributeError, match="beta_2"):
        optimizer.hyper  # noqa: B018


@pytest.mark.parametrize("code", [-1, len(UPDATES)])
@every_kernel()
def test_updates_that_the_kernels_do_not_have_are_refused(kernel, code):
    network = irregular_network(SIZES, "tanh", kernel[1], seed=1)
    data = make_data(16, SIZES, "squared_error", kernel[1], seed=2)
    optimizer = type("Odd", (Adam,), {"kernel_code": code})().attach(network)
    with pytest.raises(ValueError, match=f"no update of code {code}"):
        make_stepper(kernel, network, optimizer, data, batch_size=16)


@pytest.mark.parametrize("rate", [0.1, 0.37])
def test_adam_corrects_the_bias_of_the_first_moments(rate):
    """With a vanishing epsilon the first step has the length of the rate, whatever the betas."""
    for beta_1, beta_2 in [(0.9, 0.999), (0.5, 0.9), (0.0, 0.0)]:
        optimizer = Adam(beta_1, beta_2, adam_epsilon=1e-300)
        gradient = 0.123
        step_size = optimizer.next_step_size(rate)
        first, second = (1 - beta_1) * gradient, (1 - beta_2) * gradient**2
        np.testing.assert_allclose(step_size * first / np.sqrt(second), rate, rtol=1e-12)
    sgd = SGD()
    assert [sgd.next_step_size(rate), sgd.next_step_size(rate)] == [rate, rate]


# ----------------------------------------------------------------------- decay and biases


@pytest.mark.parametrize("solver", list(OPTIMIZERS))
@every_kernel()
def test_biases_are_neither_penalised_nor_decayed(kernel, solver):
    """Without a gradient, weights shrink by the decay alone, and biases keep every bit."""
    dtype = kernel[1]
    network = make_network([np.ones((5, 4), bool)], [], dtype, np.random.default_rng(3))
    data = make_data(8, (5, 4), "squared_error", dtype, seed=4, weighted=False)
    data.X[...] = 0
    data.y[...] = network.layers[0].bias
    before = network.copy().layers[0]
    optimizer = OPTIMIZERS[solver]().attach(network)
    rows = np.arange(8, dtype=np.int32)

    stepper = make_stepper(kernel, network, optimizer, data, batch_size=8, weight_decay=0.3)
    stepper.step(rows, 0.1, optimizer.next_step_size(0.1), 0)
    layer = network.layers[0]
    assert_close(layer.weights, before.weights * (1 - 0.1 * 0.3), dtype)
    np.testing.assert_array_equal(layer.bias, before.bias)

    stepper = make_stepper(kernel, network, optimizer, data, batch_size=8, alpha=0.5)
    weights = layer.weights.copy()
    stepper.step(rows, 0.1, optimizer.next_step_size(0.1), 1)
    assert (np.abs(layer.weights) < np.abs(weights)).all()
    np.testing.assert_array_equal(layer.bias, before.bias)


@every_kernel()
def test_decay_follows_the_schedule_not_adams_correction(kernel):
    """`weight_decay` is multiplied by the learning rate, not by the corrected step size."""
    dtype = kernel[1]
    network = irregular_network(SIZES, "tanh", dtype, seed=5)
    data = make_data(10, SIZES, "squared_error", dtype, seed=6, weighted=False)
    before = network.copy()
    optimizer = SGD(momentum=0).attach(network)
    stepper = make_stepper(kernel, network, optimizer, data, batch_size=10, weight_decay=0.5)
    stepper.step(np.arange(10, dtype=np.int32), 0.2, 0.0, 0)
    for layer, old in zip(network.layers, before.layers, strict=True):
        assert_close(layer.weights, old.weights * 0.9, dtype)
        np.testing.assert_array_equal(layer.bias, old.bias)


# ----------------------------------------------------------------------- through evolution


@pytest.mark.parametrize("zeta", [0.3, 1.0])
@pytest.mark.parametrize("solver", list(OPTIMIZERS))
@every_kernel()
def test_moments_follow_their_connections(kernel, solver, zeta):
    """Survivors keep weight and moments, newcomers have none, and the next steps are right.

    The last of the three layers is full, and stays as it is.
    """
    dtype = kernel[1]
    sizes = (20, 30, 15, 3)
    network = random_network(sizes, 3, "relu", dtype, seed=7)
    data = make_data(40, sizes, "softmax_log_loss", dtype, seed=8)
    dense = reference.DenseMLP.of(network)
    optimizer = OPTIMIZERS[solver]().attach(network)
    run(kernel, network, optimizer, data, dense, [0.05] * 3)
    before = network.copy()
    moments = [[moment.copy() for moment in layer] for layer in optimizer.moments]
    bias_moments = [[moment.copy() for moment in layer] for layer in optimizer.bias_moments]

    rng = np.random.default_rng(9)
    evolve(network, optimizer, zeta, weight_init="normal", rng=rng)

    for depth, (old, new) in enumerate(zip(before.layers, network.layers, strict=True)):
        keep = reference.prune(old.weights, zeta, n_renewable(old.topology))
        was = dense.patterns[depth]
        survivors = np.zeros_like(was)
        survivors[was] = keep
        now = reference.pattern_of(new.topology)
        newborn = now & ~survivors
        assert newborn.sum() == (~keep).sum()
        assert newborn.any() == (depth < 2)
        assert now.sum() == was.sum()
        assert (now & survivors).sum() == keep.sum()
        # By slot: which of the new ones survived.
        survived = survivors[now]
        np.testing.assert_array_equal(new.weights[survived], old.weights[keep])
        assert (new.weights[~survived] != 0).all()
        assert len(optimizer.moments[depth]) == optimizer.n_moments
        for m in range(optimizer.n_moments):
            carried = optimizer.moments[depth][m]
            assert carried.dtype == dtype
            np.testing.assert_array_equal(carried[survived], moments[depth][m][keep])
            np.testing.assert_array_equal(carried[~survived], 0)
            np.testing.assert_array_equal(optimizer.bias_moments[depth][m], bias_moments[depth][m])
        np.testing.assert_array_equal(new.bias, old.bias)

    # The reference takes over what has just been proved, and both go on.
    evolved = reference.DenseMLP.of(network)
    evolved.n_steps = dense.n_steps
    evolved.bias_moments = [[m.astype(float) for m in layer] for layer in optimizer.bias_moments]
    evolved.moments = [
        [np.zeros(p.shape) for _ in range(optimizer.n_moments)] for p in evolved.patterns
    ]
    for depth, pattern in enumerate(evolved.patterns):
        for m in range(optimizer.n_moments):
            evolved.moments[depth][m][pattern] = optimizer.moments[depth][m]
    run(kernel, network, optimizer, data, evolved, [0.05] * 2, first=3)
    assert_same_state(network, optimizer, evolved, dtype)


# ------------------------------------------------------------- from one optimizer to the next


@pytest.mark.parametrize("solver", list(OPTIMIZERS))
@every_kernel()
def test_continued_is_as_if_never_interrupted(kernel, solver):
    """Moments and the count of steps go on, in copies of their own."""
    dtype = kernel[1]
    network = irregular_network(SIZES, "tanh", dtype, seed=10)
    data = make_data(40, SIZES, "squared_error", dtype, seed=11)
    dense = reference.DenseMLP.of(network)
    first = OPTIMIZERS[solver]().attach(network)
    run(kernel, network, first, data, dense, [0.05] * 3)
    kept = [[moment.copy() for moment in layer] for layer in first.moments]
    kept_of_biases = [[moment.copy() for moment in layer] for layer in first.bias_moments]

    second = OPTIMIZERS[solver]()
    assert second.can_continue(first)
    assert second.continued(first) is second
    assert second.n_steps == first.n_steps == (3 if solver == "adam" else 0)
    run(kernel, network, second, data, dense, [0.05] * 3, first=3)
    assert_same_state(network, second, dense, dtype)
    for left, right in ((first.moments, kept), (first.bias_moments, kept_of_biases)):
        for moments, expected in zip(left, right, strict=True):
            for moment, same in zip(moments, expected, strict=True):
                np.testing.assert_array_equal(moment, same)
    if solver == "adam":
        assert (first.n_steps, second.n_steps) == (3, 6)


def test_attach_starts_anew():
    """Zeros of the network's number type, one array per moment, for connections and biases."""
    for dtype in ("float32", "float64"):
        network = irregular_network(SIZES, "relu", dtype, seed=12)
        for make in OPTIMIZERS.values():
            optimizer = make()
            assert optimizer.attach(network) is optimizer
            assert optimizer.n_steps == 0
            for layer, moments, of_biases in zip(
                network.layers, optimizer.moments, optimizer.bias_moments, strict=True
            ):
                assert len(moments) == len(of_biases) == optimizer.n_moments
                for moment, values in [
                    *((moment, layer.weights) for moment in moments),
                    *((moment, layer.bias) for moment in of_biases),
                ]:
                    assert moment.shape == values.shape
                    assert moment.dtype == dtype
                    assert not moment.any()


@pytest.mark.parametrize(
    ("previous", "following", "expected"),
    [
        (SGD(0.9), SGD(0.5), True),
        (SGD(0.9, nesterov=True), SGD(0.9, nesterov=False), True),
        (SGD(0.0), SGD(0.0), True),
        (SGD(0.0), SGD(0.9), False),
        (SGD(0.9), SGD(0.0), False),
        (Adam(), Adam(0.5), True),
        (SGD(0.9), Adam(), False),
        (Adam(), SGD(0.9), False),
    ],
)
def test_can_continue(previous, following, expected):
    assert following.can_continue(previous) is expected
