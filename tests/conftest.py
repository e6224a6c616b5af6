"""What tests share: which kernels run here, tiny networks, tiny data, spies, models for displays.

Most is a plain function of explicit seeds; the test files say `from conftest import ...`.
"""

import gc
import os
import re
import sys
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

# Pictures are drawn without a window, also by examples in processes of their own.
os.environ["MPLBACKEND"] = "Agg"
# Tests ask for more threads than there are processors, in several processes: those that wait for
# others must not keep a processor busy, and NumPy needs none.  Both are read once, by libraries
# that are loaded.
os.environ["OMP_WAIT_POLICY"] = os.environ.get("OMP_WAIT_POLICY", "passive")
os.environ["OPENBLAS_NUM_THREADS"] = os.environ.get("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_digits

# `reference` and this file are imported by name, whatever pytest's import mode.
HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

import reference  # noqa: E402
from drawing import SETTINGS  # noqa: E402

from sklearn_set import SETClassifier, SETRegressor, base, machine, training  # noqa: E402
from sklearn_set._core import measured  # noqa: E402
from sklearn_set.network import SparseLayer, SparseNetwork  # noqa: E402
from sklearn_set.optimizers import SGD, SOLVERS  # noqa: E402
from sklearn_set.samples import Samples  # noqa: E402
from sklearn_set.settings import decided  # noqa: E402
from sklearn_set.topology import Topology  # noqa: E402
from sklearn_set.workspace import Workspace  # noqa: E402

# Tests of what is installed run on a copy of this folder alone.
needs_documentation = pytest.mark.skipif(
    not (HERE.parent / "doc").is_dir(), reason="the documentation is not in this copy"
)
needs_sources = pytest.mark.skipif(
    not (Path(machine.__file__).parent / "_core" / "step.pxi").is_file(),
    reason="the package is installed without its sources",
)

# Every compiled module that this processor can run.
KERNELS = [
    (variant, dtype) for variant in machine.available_variants() for dtype in ("float32", "float64")
]
FLOAT64_KERNELS = [(variant, dtype) for variant, dtype in KERNELS if dtype == "float64"]

# Largest accepted difference, in units of the largest number of the array.  Every number that is
# compared is a sum of at most some thousand products, of either sign, and has passed through at
# most five layers: a few hundred roundings of 1.1e-16 or 6e-8, most of which cancel.  Taking the
# wrong weight, sample or lane once is wrong by 1e-3 or more.
TOLERANCES = {"float64": 1e-12, "float32": 1e-5}


def pytest_collection_modifyitems(config, items):
    """Let several processes begin with the slow tests, or one would end with them alone."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_collection_finish():
    """Spare the garbage collector the thousands of tests, which stay to the end anyway."""
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Give all cases of a test to one process, which makes what they share once.

    Thousands of cases that were dealt out singly would also keep the process busy that deals.
    """
    if config.getvalue("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadGroupScheduling

    class ByTest(LoadGroupScheduling):
        def _split_scope(self, nodeid):
            group = super()._split_scope(nodeid)
            return nodeid.partition("[")[0] if group == nodeid else group

    config.option.loadscopereorder = False  # slow ones are the first already
    return ByTest(config, log)


@pytest.fixture(autouse=True)
def many_processors(monkeypatch):
    """As if there were eight processors at least: tests ask for so many threads on any machine."""
    n_processors = max(machine.n_processors(), 8)
    monkeypatch.setattr(machine, "n_processors", lambda: n_processors)


@pytest.fixture
def threads_always_pay(monkeypatch):
    """As if one thread were slow: on a busy machine training would else be serial at times."""

    class Impatient(training.Workspace):
        def __init__(self, *args):
            super().__init__(*args)
            self.pace[0] = 1e9

    monkeypatch.setattr(training, "Workspace", Impatient)


@pytest.fixture
def split(monkeypatch):
    """Rows that the last fit trained on, and those held out."""
    rows = {}
    train = base.train

    def spy(state, data, *args, **kwargs):
        rows["train"] = np.sort(data.rows)
        rows["held out"] = np.setdiff1d(np.arange(len(data.y)), data.rows)
        return train(state, data, *args, **kwargs)

    monkeypatch.setattr(base, "train", spy)
    return rows


def serial_work():
    """No layer with less work than this wakes threads.

    The work of a layer is its number of connections times (width of the batch + 16).
    """
    return measured.SERIAL_WORK


def enum_of(file, name):
    """Members of a C enum of the kernels and their numbers, without the one that counts them."""
    source = (Path(machine.__file__).parent / "_core" / file).read_text("utf-8")
    body = source.split(f"cdef enum {name}:\n")[1].split("\n\n")[0]
    members = re.findall(r"^    (\w+) = (\d+)$", body, re.MULTILINE)
    return {member.lower(): int(number) for member, number in members}


def kernel_name(kernel):
    """Name of a (variant, dtype) in the ids of tests."""
    return "-".join(kernel)


def every_kernel(kernels=tuple(KERNELS)):
    """Decorator: run a test for each of the kernels, as its argument `kernel`.

    The best variant and the plainest are enough for a first look: all have one source.
    """
    first_look = KERNELS[0][0], KERNELS[-1][0]
    params = [
        pytest.param(kernel, marks=[] if kernel[0] in first_look else [pytest.mark.slow])
        for kernel in kernels
    ]
    return pytest.mark.parametrize("kernel", params, ids=kernel_name)


def assert_close(actual, expected, dtype, what=""):
    """Assert that two arrays agree up to the rounding of `dtype`; see `TOLERANCES`."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, what
    if expected.size == 0:
        return
    assert np.isfinite(actual).all(), what
    scale = np.abs(expected).max()
    error = np.abs(actual - expected).max()
    assert error <= TOLERANCES[np.dtype(dtype).name] * scale, f"{what}: {error:.3g} of {scale:.3g}"


# ---------------------------------------------------------------------------------- networks


def irregular_pattern(n_in, n_out, rng, degrees=(0, 1000, 1, 2, 3, 4, 5, 7)):
    """Rows of every length modulo four, empty and full ones; an output neuron without inputs.

    Row i has ``degrees[i % 8]`` connections at random places, or as many as fit; a single row is
    full, or nothing would ever pass.
    """
    pattern = np.zeros((n_in, n_out), dtype=bool)
    if n_in == 1:
        degrees = (n_out,)
    for i in range(n_in):
        degree = min(degrees[i % len(degrees)], n_out)
        pattern[i, rng.choice(n_out, degree, replace=False)] = True
    if n_out > 4:
        pattern[:, n_out // 2] = False
    return pattern


def make_network(patterns, activations, dtype, rng, scale=1.0):
    """A `SparseNetwork` with the given patterns and random values.

    Weights are normal with a variance of `scale` ** 2 over the mean fan-in: outputs stay of the
    order of one in any depth, where activations are neither flat nor saturated.

    Parameters
    ----------
    patterns : list of ndarray of shape (n_in, n_out), bool
    activations : str or list of str
        Of the hidden layers.
    dtype : str
    rng : numpy.random.Generator
    scale : float, default=1.0
    """
    n_hidden = len(patterns) - 1
    names = [activations] * n_hidden if isinstance(activations, str) else list(activations)
    layers = []
    for depth, (pattern, name) in enumerate(zip(patterns, [*names, "identity"], strict=True)):
        topology = Topology(*pattern.shape, *reference.slots_of(pattern))
        fan_in = max(topology.n_connections / topology.n_out, 1)
        weights = rng.normal(0, scale / np.sqrt(fan_in), topology.n_connections)
        bias = rng.normal(0, 0.5, topology.n_out)
        layers.append(
            SparseLayer(
                topology,
                weights.astype(dtype),
                bias.astype(dtype),
                name,
                reference.activation_parameter(name, depth),
            )
        )
    return SparseNetwork(layers)


def irregular_network(sizes, activations, dtype, seed):
    """Layers of irregular patterns; a last layer always has all its outputs connected."""
    rng = np.random.default_rng(seed)
    patterns = [irregular_pattern(n_in, n_out, rng) for n_in, n_out in pairwise(sizes)]
    patterns[-1][np.arange(sizes[-1]) % sizes[-2], np.arange(sizes[-1])] = True
    return make_network(patterns, activations, dtype, rng)


def random_network(sizes, epsilon, activations, dtype, seed):
    """Erdős-Rényi layers, drawn the slow way."""
    rng = np.random.default_rng(seed)
    patterns = [reference.erdos_renyi(n_in, n_out, epsilon, rng) for n_in, n_out in pairwise(sizes)]
    return make_network(patterns, activations, dtype, rng)


# -------------------------------------------------------------------------------------- data


@dataclass
class Data:
    """Samples in the number type of a kernel, and targets for one loss."""

    X: np.ndarray
    y: np.ndarray
    sample_weight: np.ndarray | None
    loss: str

    @property
    def loss_parameter(self):
        """The loss's own number, that of the reference."""
        return reference.LOSS_PARAMETERS.get(self.loss, 0.0)


def make_data(n_samples, sizes, loss, dtype, seed, *, weighted=True, zero_features=True):
    """Random samples for a network of the given sizes.

    A third of the numbers is zero, and with `zero_features` so is every fifth feature, in all
    samples: the backward pass skips those.  Sample weights contain a zero.
    """
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, sizes[0])) * (rng.random((n_samples, sizes[0])) < 0.67)
    if zero_features:
        X[:, ::5] = 0
    if loss == "softmax_log_loss":
        y = rng.integers(sizes[-1], size=n_samples).astype(np.int32)
    elif loss == "logistic_log_loss":
        y = rng.integers(2, size=(n_samples, sizes[-1])).astype(dtype)
    elif loss == "soft_log_loss":
        y = rng.dirichlet(np.ones(sizes[-1]), n_samples).astype(dtype)
    elif loss == "poisson":
        y = rng.poisson(1.0, size=(n_samples, sizes[-1])).astype(dtype)
        y[::4] *= 0.3  # counts per exposure need not be whole
    else:
        y = rng.normal(size=(n_samples, sizes[-1])).astype(dtype)
    weight = None
    if weighted:
        weight = rng.uniform(0.5, 2, n_samples).astype(dtype)
        weight[n_samples // 3] = 0
    return Data(X.astype(dtype), y, weight, loss)


def as_csr(X, *, duplicates=False):
    """X as sparse `Samples`; with `duplicates` every number in two parts.

    The parts are halves, whose sum is exact, and stand apart in the row.
    """
    counts = (X != 0).sum(axis=1)
    data, indices = X[X != 0], np.nonzero(X)[1]
    if duplicates:
        rows = np.split(np.arange(len(data)), np.cumsum(counts)[:-1])
        order = np.concatenate([np.concatenate([row, row[::-1]]) for row in rows])
        data, indices, counts = data[order] / 2, indices[order], counts * 2
    indptr = np.concatenate([[0], np.cumsum(counts)])
    return Samples(sparse.csr_array((data.astype(X.dtype), indices, indptr), X.shape))


def samples(X):
    """X as `Samples`, if it is not so already."""
    return X if isinstance(X, Samples) else Samples(X)


def settings(n_samples=10**6, sizes=(10, 10, 1), **parameters):
    """Settings of a plain training, but for some parameters."""
    plain = SETRegressor(learning_rate="constant", n_iter_no_change=10, zeta=0, alpha=0)
    return decided(
        plain.get_params() | parameters,
        sizes=sizes,
        n_connections=100,
        n_samples=n_samples,
        n_counting=n_samples,
        is_part=False,
        goes_on=False,
        n_threads=1,
    )


# ----------------------------------------------------------------------------------- stepping

# One optimizer for each compiled update.
OPTIMIZERS = {
    name: partial(SOLVERS[solver], **settings)
    for name, (_, _, solver, settings) in reference.SOLVERS.items()
}


def poisoned_workspace(network, batch_size, n_threads=1):
    """A `Workspace` full of nan: a kernel that reads what nobody wrote gives itself away."""
    workspace = Workspace(network, batch_size, n_threads)
    for array in [*workspace.tables, *workspace.slopes, workspace.scratch]:
        if array is not None:
            array.fill(np.nan)
    if n_threads > 1:
        # As if one thread were slow: else the first step, and others on a busy machine, would be
        # serial, and tests of threads would test little.
        workspace.pace[0] = 1e9
    return workspace


def make_stepper(kernel, network, optimizer, data, *, batch_size, X=None, n_threads=1, **options):
    """A `Stepper` of one variant with a workspace of its own; X replaces that of `data`."""
    variant, dtype = kernel
    return machine.kernels(dtype, variant).Stepper(
        network,
        optimizer,
        poisoned_workspace(network, batch_size, n_threads),
        samples(data.X if X is None else X),
        data.y,
        data.sample_weight,
        loss=data.loss,
        loss_parameter=data.loss_parameter,
        n_threads=n_threads,
        **options,
    )


def kernel_gradients(kernel, network, data, rows, *, X=None, step_number=0, **options):
    """Loss and gradients of one batch, read from the velocity of a momentum step.

    From a velocity of zero and with a step of one, the velocity afterwards is minus the gradient
    to the last bit.  The network is stepped.

    Returns
    -------
    loss : float
    weight_gradients : list of ndarray of shape (n_connections,)
        By slot.
    bias_gradients : list of ndarray of shape (n_out,)
    """
    optimizer = SGD(momentum=0.9, nesterov=False).attach(network)
    stepper = make_stepper(kernel, network, optimizer, data, batch_size=len(rows), X=X, **options)
    loss = stepper.step(rows, 1.0, 1.0, step_number)
    return (
        loss,
        [-moments[0] for moments in optimizer.moments],
        [-moments[0] for moments in optimizer.bias_moments],
    )


def some_rows(n_samples, n_batch, seed):
    """Distinct sample numbers in random order."""
    rows = np.random.default_rng(seed).permutation(n_samples)[:n_batch]
    return rows.astype(np.int32)


# ----------------------------------------------------------------------------------- displays


@pytest.fixture
def pyplot():
    """Pyplot without figures, which are closed afterwards."""
    import matplotlib.pyplot as pyplot

    pyplot.close("all")  # those of a picture that failed elsewhere
    yield pyplot
    pyplot.close("all")


@pytest.fixture(scope="session")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:300] / 16, y[:300]


@pytest.fixture(scope="session")
def evolved(digits):
    return SETClassifier((30, 20), **SETTINGS).fit(*digits)


@pytest.fixture(scope="session")
def stopped(digits):
    return SETClassifier((30,), early_stopping=True, **SETTINGS).fit(*digits)


# ------------------------------------------------------------------------------------- Dask


@pytest.fixture(scope="session")
def dask_client():
    """A client of two worker processes of one thread each, started once."""
    import distributed
    from dask_cases import start

    with start(2) as cluster, distributed.Client(cluster) as client:
        yield client
