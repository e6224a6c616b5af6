"""The same bits for any number of threads; many threads of the user; threads that do not pay."""

import functools
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from conftest import (
    FLOAT64_KERNELS,
    as_csr,
    every_kernel,
    irregular_network,
    make_data,
    make_stepper,
    random_network,
    samples,
    serial_work,
    some_rows,
)
from stepping import IRREGULAR, ROOT, assert_same_bits, values_of

from sklearn_set import machine
from sklearn_set._core import measured, system
from sklearn_set.network import SparseNetwork
from sklearn_set.optimizers import SGD, Adam
from sklearn_set.samples import Samples
from sklearn_set.topology import Topology
from sklearn_set.workspace import Workspace

# -------------------------------------------------------------------------------- threads


# Layers of enough work to wake threads, and a last one of little.
LARGE = (8000, 500, 400, 3)
LARGE_BATCH = 200


# Inputs of many connections, so that each has some with every thread's part of the outputs.
LONG_RUNS = (300, 2000, 3)


@functools.cache
def large_network(dtype):
    return random_network(LARGE, 8.5, ["relu", "silu"], dtype, seed=1)


@functools.cache
def network_of_long_runs(dtype):
    return random_network(LONG_RUNS, 60, ["relu"], dtype, seed=1)


@functools.cache
def large_data(dtype):
    data = make_data(210, LARGE, "softmax_log_loss", dtype, seed=2)
    return data, as_csr(data.X)


def train_large(kernel, n_threads, sparse_input, batch_size=LARGE_BATCH):
    network = large_network(kernel[1]).copy()
    data, X_sparse = large_data(kernel[1])
    optimizer = Adam().attach(network)
    stepper = make_stepper(
        kernel,
        network,
        optimizer,
        data,
        batch_size=batch_size,
        X=X_sparse if sparse_input else None,
        n_threads=n_threads,
        alpha=0.01,
        dropout=0.3,
        dropout_seed=3,
    )
    losses = []
    for step in range(2):
        rows = some_rows(210, batch_size - step, seed=step)
        losses.append(stepper.step(rows, 0.01, optimizer.next_step_size(0.01), step))
    return losses, values_of(network, optimizer)


def test_large_network_is_large_enough():
    """Each of the two first layers is shared among threads, in several chunks, and so is X."""
    network = large_network("float32")
    for layer in network.layers[:2]:
        assert layer.topology.n_connections * (LARGE_BATCH + 16) > serial_work()
        assert layer.topology.chunks.shape[0] > 2
        assert layer.topology.t_chunks.shape[0] > 2
    assert LARGE[0] * LARGE_BATCH > serial_work()
    # In a narrow batch, whose forward pass goes by input neuron, the first layer still is.
    assert network.layers[0].topology.n_connections * (8 + 16) > serial_work()
    # Predictions are made in blocks of 64 samples.
    assert network.layers[0].topology.n_connections * (64 + 16) > serial_work()


@pytest.mark.parametrize("batch_size", [8, LARGE_BATCH])
@pytest.mark.parametrize("sparse_input", [False, True])
@every_kernel()
def test_same_bits_for_any_number_of_threads(kernel, sparse_input, batch_size):
    losses, values = train_large(kernel, 1, sparse_input, batch_size)
    for n_threads in (2, 3, 4):
        other_losses, other_values = train_large(kernel, n_threads, sparse_input, batch_size)
        assert other_losses == losses
        assert_same_bits(other_values, values)


@pytest.mark.parametrize("batch_size", [1, 8, 30])
@pytest.mark.parametrize("make", [large_network, network_of_long_runs])
@every_kernel()
def test_same_bits_however_the_outputs_are_cut(kernel, make, batch_size):
    """Where the connections of each part are listed, and where inputs have many with it."""
    results = []
    for n_threads in (1, 2, 4, 9):
        network = make(kernel[1]).copy()
        topology = network.layers[0].topology
        topology._by_part = None
        data = make_data(60, network.sizes, "softmax_log_loss", kernel[1], seed=3)
        optimizer = SGD().attach(network)
        stepper = make_stepper(
            kernel, network, optimizer, data, batch_size=batch_size, n_threads=n_threads
        )
        rows = some_rows(60, batch_size, seed=4)
        losses = [stepper.step(rows, 0.01, 0.01, step) for step in range(2)]
        results.append((losses, values_of(network, optimizer)))
        assert (topology._by_part is not None) == (make is large_network and n_threads > 2)
    for losses, values in results[1:]:
        assert losses == results[0][0]
        assert_same_bits(values, results[0][1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_same_predictions_for_any_number_of_threads(monkeypatch, dtype):
    monkeypatch.setattr(measured, "SERIAL_PREDICTION", 0)
    network = large_network(dtype)
    X = large_data(dtype)[0].X
    outputs = [network.forward(samples(X), n_threads) for n_threads in (1, 2, 4)]
    for other in outputs[1:]:
        assert other.tobytes() == outputs[0].tobytes()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="counts threads as Linux does")
def test_threads_are_really_used():
    """Or the two tests above would prove nothing."""
    if machine.effective_n_threads(2) == 1:
        pytest.skip("a build without OpenMP")
    script = (
        "import os, sys\n"
        f"sys.path.insert(0, {str(ROOT / 'tests')!r})\n"
        "from sklearn_set import machine\n"
        "from test_step_threads import train_large\n"
        "count = lambda: len(os.listdir('/proc/self/task'))\n"
        "kernel = (machine.active_variant(), 'float32')\n"
        "train_large(kernel, 1, False)\n"
        "before = count()\n"
        "train_large(kernel, 4, False)\n"
        "print(count() - before)\n"
    )
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_DYNAMIC": "false"}
    result = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) == 3


# ------------------------------------------------------------------------ threads of the user


def test_many_threads_predict_with_one_network(monkeypatch):
    """Right after it was made, when nothing of its topologies has been derived, and again."""
    monkeypatch.setattr(measured, "SERIAL_PREDICTION", 0)
    data, X_sparse = large_data("float32")
    network = large_network("float32").copy()
    expected = network.forward(samples(data.X))
    n_users = 6
    for _ in range(3):
        for layer in network.layers:
            old = layer.topology
            layer.topology = Topology(old.n_in, old.n_out, old.indptr, old.indices)
        together = threading.Barrier(n_users)

        def predict(user, together=together):
            together.wait(30)
            return [
                network.forward(samples(X), n_threads)
                for X in (data.X, X_sparse)
                for n_threads in (1 + user % 4, 5 - user % 4)
            ]

        with ThreadPoolExecutor(n_users) as pool:
            for predicted in pool.map(predict, range(n_users)):
                for outputs in predicted:
                    assert outputs.tobytes() == expected.tobytes()


@every_kernel(FLOAT64_KERNELS)
@pytest.mark.parametrize("batch_size", [8, 40])  # by input neuron, and by output neuron
def test_a_stepper_reads_each_array_of_a_topology_once(kernel, batch_size):
    """Another thread may put an equal one in its place, and only what was read is kept alive."""
    reads = []

    class Noted(Topology):
        chunks = property(lambda topology: reads.append("chunks") or Topology.chunks.fget(topology))
        t_chunks = property(
            lambda topology: reads.append("t_chunks") or Topology.t_chunks.fget(topology)
        )

    network = irregular_network(IRREGULAR, "relu", kernel[1], seed=31)
    data = make_data(50, IRREGULAR, "squared_error", kernel[1], seed=32)
    network.layers[0].topology.__class__ = Noted
    make_stepper(kernel, network, SGD().attach(network), data, batch_size=batch_size)
    assert reads == ["chunks"] if batch_size == 8 else sorted(reads) == ["chunks", "t_chunks"]


# ----------------------------------------------------------------------------------- builds


def paced(serial):
    """A step of two threads, where one thread is said to need `serial` seconds."""
    network = SparseNetwork.erdos_renyi(
        (100, 400, 300, 4),
        20,
        activations=["relu", "relu"],
        weight_init="auto",
        dtype=np.dtype("float32"),
        rng=np.random.default_rng(0),
    )
    rng = np.random.default_rng(1)
    X = rng.normal(size=(64, 100)).astype(np.float32)
    y = rng.integers(4, size=64).astype(np.int32)
    workspace = Workspace(network, 64, 2)
    stepper = machine.kernels("float32").Stepper(
        network,
        SGD().attach(network),
        workspace,
        Samples(X),
        y,
        None,
        loss="softmax_log_loss",
        n_threads=2,
    )
    workspace.pace[0] = serial
    rows = np.arange(64, dtype=np.int32)
    return lambda: stepper.step(rows, 0.01, 0.01, 0), stepper, workspace, network


def test_threads_that_do_not_pay_are_given_a_rest():
    """A step on threads slower than one on a single thread is noticed; its result is the same."""
    results = []
    for serial in (1e-9, 1e9):  # seconds that one thread is said to need: none, and very many
        step, stepper, workspace, network = paced(serial)
        losses = [step() for _ in range(200)]
        assert stepper.seconds.keys() == {"gather", "forward", "backward"}
        assert min(stepper.seconds.values()) > 0
        if system.openmp_version():
            assert (workspace.pace[1] > 0) == (serial < 1)
            assert (workspace.pace[2] > 0) == (serial < 1)
        results.append((losses, network.layers[0].weights))
    assert results[0][0] == results[1][0]
    np.testing.assert_array_equal(results[0][1], results[1][1])


@pytest.mark.skipif(not system.openmp_version(), reason="built without threads")
def test_one_good_step_does_not_bring_threads_back_for_good():
    """Beside another program, threads run well now and then."""
    step, _, workspace, _ = paced(1e-9)
    pace = workspace.pace
    for _ in range(200):
        step()
    assert pace[1] > 0
    # The rest is over, and threads are quick from now on.
    pace[:] = 1e9, pace[1] - 2 * pace[2], 100.0, 1.0
    step()
    assert pace[2] == 100  # they have not run for as long
    assert pace[3] == 0  # what they gain makes good, and is no credit
    pace[2] = 1e-9
    step()
    assert pace[2] == 0
