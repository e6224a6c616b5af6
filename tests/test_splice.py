"""The compiled sweeps of evolution equal slow ones in Python, for any number of threads."""

import numpy as np
import pytest
from evolving import positions

from sklearn_set._core import connections
from sklearn_set.topology import carried, erdos_renyi


def slow_splice(topology, keep, ranks):
    """Splice by looking at every position in turn."""
    held = dict(zip(positions(topology).tolist(), range(topology.n_connections), strict=True))
    rows, outputs, source = np.zeros(topology.n_in + 1, int), [], []
    rank = 0
    for position in range(topology.n_positions):
        slot = held.get(position)
        if slot is not None and keep[slot]:
            source.append(slot)
        else:
            taken = rank in ranks
            rank += 1
            if not taken:
                continue
            source.append(-1)
        outputs.append(position % topology.n_out)
        rows[position // topology.n_out + 1] += 1
    return np.cumsum(rows), outputs, source


def test_splice_equals_a_slow_splice():
    for seed in range(400):
        rng = np.random.default_rng(seed)
        n_in, n_out = rng.integers(1, 7, size=2).tolist()
        topology = erdos_renyi(n_in, n_out, rng.uniform(0, n_in * n_out / (n_in + n_out)), rng)
        keep = rng.random(topology.n_connections) < rng.choice([0, 0.5, 0.8, 1])
        n_free = topology.n_positions - np.count_nonzero(keep)
        ranks = np.flatnonzero(rng.random(n_free) < rng.choice([0, 0.2, 0.7, 1]))
        result = connections.splice(
            topology.indptr, topology.indices, keep.view(np.uint8), ranks, n_out
        )
        expected = slow_splice(topology, keep, set(ranks.tolist()))
        for actual, desired in zip(result, expected, strict=True):
            assert actual.dtype == np.int32
            np.testing.assert_array_equal(actual, desired)


def test_threads_splice_the_same():
    rng = np.random.default_rng(0)
    topology = erdos_renyi(500, 400, 90, rng)
    assert topology.n_connections > 75_000
    keep = rng.random(topology.n_connections) < 0.7
    keep[topology.indptr[100] : topology.indptr[300]] = False  # whole rows, cuts among them
    n_free = topology.n_positions - np.count_nonzero(keep)
    ranks = np.flatnonzero(rng.random(n_free) < 0.2)
    expected = slow_splice(topology, keep, set(ranks.tolist()))
    newborn = rng.normal(size=ranks.shape[0])
    old = rng.normal(size=keep.shape[0])
    kept = np.where(np.array(expected[2]) < 0, 0, old[expected[2]])
    born = kept.copy()
    born[np.array(expected[2]) < 0] = newborn
    for n_threads in (1, 2, 3, 5):
        result = connections.splice(
            topology.indptr, topology.indices, keep.view(np.uint8), ranks, 400, n_threads
        )
        for actual, desired in zip(result, expected, strict=True):
            np.testing.assert_array_equal(actual, desired)
        for values, desired in ((newborn, born), (newborn[:0], kept)):
            actual = carried(result[2], old, values, n_threads)
            np.testing.assert_array_equal(actual, desired)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [0, 5, 20_000])
def test_carry_of_newcomers_alone(dtype, n):
    """There was no connection before: newcomers take their values, or zeros."""
    source, old = np.full(n, -1, dtype=np.int32), np.empty(0, dtype)
    newborn = np.arange(1, n + 1).astype(dtype)
    for n_threads in (1, 2):
        for values, expected in ((newborn, newborn), (old, np.zeros(n, dtype))):
            result = carried(source, old, values, n_threads)
            assert result.dtype == dtype
            np.testing.assert_array_equal(result, expected)
            assert not np.shares_memory(result, values) or n == 0


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("n_newborn", [1, 9, 11])
@pytest.mark.parametrize("n_old", [0, 20_000])
def test_carry_refuses_another_number_of_values(n_old, n_newborn, n_threads):
    source = np.concatenate([np.arange(n_old), np.full(10, -1)]).astype(np.int32)
    with pytest.raises(ValueError, match="as many newborn values as newcomers"):
        carried(source, np.ones(n_old), np.ones(n_newborn), n_threads)


def test_carry_refuses_survivors_of_nothing():
    with pytest.raises(ValueError, match="no old values"):
        carried(np.array([-1, 0], np.int32), np.empty(0), np.ones(1))
