"""Pruning chooses the connections that its rules name.

What SET prunes is a table of worked examples; the other rule has a slow reference.
"""

from time import process_time

import numpy as np
import pytest
import reference

from sklearn_set.evolution import (
    PRUNING_RULES,
    prune_by_magnitude,
    prune_each_sign,
    prune_nearest_zero,
)
from sklearn_set.network import SparseLayer
from sklearn_set.topology import erdos_renyi

ANY = 10**6  # an `at_most` that never matters

# name: weights, zeta, at_most, and for each weight whether it is kept (1) or pruned (0)
PRUNING = {
    "nearest zero of each sign": (
        [0.5, -0.1, 0.2, -0.4, 0.9, -0.3, 0.1, -0.9],
        0.5,
        ANY,
        [1, 0, 0, 1, 1, 0, 0, 1],
    ),
    "counts are floors": ([0.3, 0.1, 0.2, -0.5, -0.4], 0.5, ANY, [1, 0, 1, 1, 0]),
    "too few of a sign to lose one": ([3.0, 2.0, 1.0, -0.1], 0.4, ANY, [1, 1, 0, 1]),
    "ties fall by slot": ([0.2, 0.1, 0.1, 0.1, 0.3], 0.4, ANY, [1, 0, 0, 1, 1]),
    "ties of both signs": ([-0.5, 0.5, -0.5, 0.5], 0.5, ANY, [0, 0, 1, 1]),
    "all equal": ([1.0, 1.0, 1.0, 1.0, 1.0], 0.6, ANY, [0, 0, 0, 1, 1]),
    "only positive": ([4.0, 3.0, 2.0, 1.0], 0.5, ANY, [1, 1, 0, 0]),
    "only negative": ([-4.0, -3.0, -2.0, -1.0], 0.5, ANY, [1, 1, 0, 0]),
    "zero counts as positive": ([0.0, 1.0, -1.0, -2.0], 0.5, ANY, [0, 1, 0, 1]),
    "only zeros": ([0.0, 0.0, 0.0, 0.0], 0.5, ANY, [0, 0, 1, 1]),
    "minus zero is zero": ([1.0, -0.0, -1.0, -2.0], 0.5, ANY, [1, 0, 0, 1]),
    "zeta 0": ([0.1, -0.1, 0.0], 0.0, ANY, [1, 1, 1]),
    "zeta 1": ([0.1, -0.1, 0.0, 5.0], 1.0, ANY, [0, 0, 0, 0]),
    "no connection": ([], 0.5, ANY, []),
    "full layer": ([0.1, -0.1, 0.2, -0.2], 0.5, 0, [1, 1, 1, 1]),
    "half of what was asked": (
        [0.1, 0.2, 0.3, 0.4, -0.1, -0.2, -0.3, -0.4],
        0.5,
        2,
        [0, 1, 1, 1, 0, 1, 1, 1],
    ),
    "one of what was asked": ([0.1, 0.2, -0.3, -0.1], 0.5, 1, [1, 1, 1, 0]),
    "in proportion to the signs": (
        [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, -0.1, -0.2, -0.3],
        1.0,
        3,
        [0, 0, 1, 1, 1, 1, 0, 1, 1],
    ),
    "at most as many as asked": ([0.1, 0.2, -0.3, -0.1], 0.5, 2, [0, 1, 1, 0]),
    "not-a-number is large": ([np.nan, 0.3, np.nan, 0.1, -0.2, -0.1], 0.5, ANY, [1, 0, 1, 0, 1, 0]),
    "as large as infinity": ([np.inf, np.nan, 5.0, np.nan], 0.75, ANY, [0, 0, 0, 1]),
    "only numbers that are none": ([np.nan, np.nan, np.nan, np.nan], 0.5, ANY, [0, 0, 1, 1]),
    "no more than asked, whatever they are": ([np.nan] * 3 + [-np.inf], 1.0, 2, [0, 1, 1, 0]),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("weights", "zeta", "at_most", "keep"), PRUNING.values(), ids=PRUNING)
def test_pruning(weights, zeta, at_most, keep, dtype):
    result = prune_nearest_zero(np.array(weights, dtype=dtype), zeta, at_most)
    assert result.dtype == bool
    np.testing.assert_array_equal(result, np.array(keep, dtype=bool))


@pytest.mark.parametrize("zeta", [0.0, 0.1, 0.3, 0.5, 0.77, 1.0])
def test_pruning_of_random_weights_has_exact_counts(zeta):
    for seed in range(20):
        weights = np.random.default_rng(seed).normal(size=101)
        keep = prune_nearest_zero(weights, zeta, ANY)
        for sign in (weights > 0, weights < 0):
            size = np.abs(weights[sign])
            pruned = ~keep[sign]
            assert pruned.sum() == int(zeta * sign.sum())
            if pruned.any() and not pruned.all():
                assert size[pruned].max() < size[~pruned].min()


def slow_pruning(weights, zeta):
    """The same choice by sorting all weights."""
    keep = np.ones(weights.shape[0], dtype=bool)
    weights = np.nan_to_num(weights, nan=np.inf, posinf=np.inf, neginf=-np.inf)
    for sign in (weights >= 0, weights < 0):
        slots = np.flatnonzero(sign)
        nearest = slots[np.argsort(np.abs(weights[slots]), kind="stable")]
        keep[nearest[: int(zeta * slots.shape[0])]] = False
    return keep


# Numbers that fall into few buckets, or at their edges.
NUMBERS = {
    "normal": lambda rng, n: rng.normal(size=n),
    "few values": lambda rng, n: rng.integers(-3, 4, size=n) / 8,
    "all magnitudes": lambda rng, n: rng.choice([-1, 1], n) * 10.0 ** rng.uniform(-46, 38, n),
    "equal in single precision": lambda rng, n: 1 + rng.integers(1000, size=n) * 1e-12,
    "one bucket": lambda rng, n: rng.uniform(1, 1.01, size=n) * rng.choice([-1, 1], n),
    # some small: a sample of equal distances may see these alone, or none
    "misleading": lambda rng, n: np.where(np.arange(n) % 39 == 0, 1e-3, 1) * rng.normal(size=n),
    # equal but for one bit, anywhere
    "a digit each": lambda rng, n: 1 + 2.0 ** -rng.integers(1, 53, size=n),
    "infinities": lambda rng, n: rng.choice([np.inf, -np.inf, 1, -1, 0, -0.0], n),
    "some are none": lambda rng, n: np.where(rng.random(n) < 0.01, np.nan, rng.normal(size=n)),
    "many are none": lambda rng, n: rng.choice([np.nan, -np.nan, np.inf, -np.inf, 2, -1, 0], n),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("law", NUMBERS.values(), ids=NUMBERS)
def test_pruning_many_weights_equals_sorting_them(law, dtype):
    for n in (1, 17, 1000, 60_001):
        weights = law(np.random.default_rng(n), n).astype(dtype)
        for zeta in (0.01, 0.3, 0.999):
            expected = slow_pruning(weights, zeta)
            for n_threads in (1, 2, 3):
                keep = prune_nearest_zero(weights, zeta, ANY, n_threads)
                np.testing.assert_array_equal(keep, expected)


def rising(n):
    """Different numbers of one bucket."""
    return np.linspace(1, 1.01, n)


# Orders in which the middle number is an extreme one, or which have other patterns.
ORDERS = {
    "sorted": rising,
    "reversed": lambda n: rising(n)[::-1],
    "rise and fall": lambda n: np.concatenate([rising(n)[::2], rising(n)[1::2][::-1]]),
    "fall and rise": lambda n: np.concatenate([rising(n)[::2][::-1], rising(n)[1::2]]),
    "from both ends": lambda n: np.where(np.arange(n) % 2, rising(n), rising(n)[::-1]),
    "saw": lambda n: rising(n).reshape(-1, 100).T.ravel(),
    "constant": np.ones,
    "few values": lambda n: 1 + np.arange(n) % 5 / 1000,
    # at each digit all but a few go on to the next
    "a digit each": lambda n: 1 + 2.0 ** -np.minimum(5 + np.arange(n) // 10, 52),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_time_is_linear_whatever_the_order(order, dtype):
    """A selection by pivots may compare all numbers with each one."""
    n = 50_000

    def seconds(weights):
        times = []
        for _ in range(5):
            start = process_time()
            keep = prune_nearest_zero(weights, 0.3, ANY)
            times.append(process_time() - start)
        np.testing.assert_array_equal(keep, slow_pruning(weights, 0.3))
        return min(times)

    numbers = order(n).astype(dtype)
    shuffled = np.random.default_rng(0).permutation(numbers)
    assert seconds(numbers) < 10 * seconds(shuffled)


def test_pruning_changes_no_weight():
    weights = np.random.default_rng(0).normal(size=50)
    weights.flags.writeable = False
    prune_nearest_zero(weights, 0.3, ANY)


# ------------------------------------------------------------------------- other rules of pruning


def layer_of(weights, n_in=1, n_out=None):
    """A layer with these weights, at random positions or, by default, all in one row."""
    n_out = n_out or len(weights)
    epsilon = len(weights) / (n_in + n_out)
    topology = erdos_renyi(n_in, n_out, epsilon, np.random.default_rng(len(weights)))
    assert topology.n_connections == len(weights)
    return SparseLayer(topology, np.asarray(weights), np.zeros(n_out))


every_law = pytest.mark.parametrize("law", NUMBERS.values(), ids=NUMBERS)


@every_law
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_rule_of_set_is_that_of_its_weights(law, dtype):
    layer = layer_of(law(np.random.default_rng(0), 500).astype(dtype), 40, 50)
    np.testing.assert_array_equal(
        prune_each_sign(layer, 0.3, ANY), prune_nearest_zero(layer.weights, 0.3, ANY)
    )


@every_law
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_magnitude_equals_sorting_all_weights(law, dtype):
    for n in (1, 17, 1000):
        layer = layer_of(law(np.random.default_rng(n), n).astype(dtype))
        for zeta in (0.0, 0.01, 0.3, 0.999, 1.0):
            np.testing.assert_array_equal(
                prune_by_magnitude(layer, zeta, ANY),
                reference.prune_by_magnitude(layer.weights, zeta),
            )


@pytest.mark.parametrize("rule", PRUNING_RULES.values(), ids=PRUNING_RULES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_pruning_rule_keeps_to_its_contract(rule, dtype):
    rng = np.random.default_rng(0)
    layer = layer_of(rng.normal(size=60_001).astype(dtype), 400, 500)
    layer.weights.flags.writeable = False
    for zeta, at_most in ((0.0, ANY), (0.3, ANY), (1.0, ANY), (0.3, 0), (0.3, 1), (1.0, 777)):
        keep = rule(layer, zeta, at_most)
        assert keep.dtype == bool
        n_pruned = np.count_nonzero(~keep)
        assert min(zeta * 60_001, at_most) - 2 < n_pruned <= min(zeta * 60_001, at_most)
        for n_threads in (2, 3):
            np.testing.assert_array_equal(keep, rule(layer, zeta, at_most, n_threads))
