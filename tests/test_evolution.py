"""Evolution prunes and regrows as its rules say, and everything aligned with slots follows.

What SET prunes is a table of worked examples, and the other rules have a slow reference; the rest
compares positions, weights and moments before and after, for every rule, and the compiled splice
with a slow one in Python.
"""

from itertools import product

import numpy as np
import pytest
import reference
from conftest import OPTIMIZERS
from scipy import stats

from sklearn_set import evolution
from sklearn_set._core import connections
from sklearn_set.evolution import (
    GROWTH_RULES,
    NEWBORN_WEIGHTS,
    PRUNING_RULES,
    ZETA_SCHEDULES,
    evolve,
    grow_at_random,
    grow_guided,
    n_renewable,
    prune_by_magnitude,
    prune_by_relative_importance,
    prune_each_sign,
    prune_nearest_zero,
)
from sklearn_set.network import WEIGHT_LAWS, SparseLayer, SparseNetwork, draw_weights
from sklearn_set.optimizers import SGD, Adam
from sklearn_set.probe import LayerProbe
from sklearn_set.topology import carried, draw_distinct, erdos_renyi, positions_of_ranks

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


@pytest.mark.parametrize("law", ["normal", "misleading"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_relative_importance_equals_the_slow_rule(law, dtype):
    # Numbers without ties: the order of additions decides nothing.
    for n_in, n_out, n in ((1, 1, 1), (5, 3, 7), (20, 30, 60), (20, 30, 400)):
        layer = layer_of(NUMBERS[law](np.random.default_rng(n), n).astype(dtype), n_in, n_out)
        pattern = reference.pattern_of(layer.topology)
        matrix = layer.as_csr().toarray().astype("float64")
        for zeta in (0.0, 0.3, 0.999, 1.0):
            keep = prune_by_relative_importance(layer, zeta, ANY)
            expected = reference.prune_by_relative_importance(matrix, pattern, zeta)
            np.testing.assert_array_equal(keep, expected)


def test_relative_importance_of_a_worked_example():
    # [[4, 1], [1, 4], [., 0.5]]: the last has a neuron of its own, and is kept though smallest.
    layer = SparseLayer(
        evolution.regrown(
            erdos_renyi(3, 2, 0, np.random.default_rng(0)),
            np.zeros(0, bool),
            np.array([0, 1, 2, 3, 5]),
        )[0],
        np.array([4, -1, 1, -4, 0.5]),
        np.zeros(2),
    )
    importance = evolution.relative_importance(layer)
    expected = [4 / 5 + 4 / 5, 1 / 5 + 1 / 5.5, 1 / 5 + 1 / 5, 4 / 5 + 4 / 5.5, 1 + 0.5 / 5.5]
    np.testing.assert_allclose(importance, expected, rtol=1e-15)
    keep = prune_by_relative_importance(layer, 0.4, ANY)
    np.testing.assert_array_equal(keep, [True, False, False, True, True])
    keep = prune_by_relative_importance(layer, 0.4, 1)
    np.testing.assert_array_equal(keep, [True, False, True, True, True])


def test_neurons_that_have_only_zeros_are_unimportant():
    weights = np.zeros(40)
    weights[20:] = 1e-310  # whose reciprocal is infinite
    layer = layer_of(weights, 8, 9)
    assert np.isfinite(evolution.relative_importance(layer)).all()
    assert (~prune_by_relative_importance(layer, 0.5, ANY)).sum() == 20


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


# -------------------------------------------------------------------------------------- networks

every_optimizer = pytest.mark.parametrize("make_optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)


RULES = [
    {"pruning": pruning, "growth": growth, "newborn_weights": newborn_weights}
    for pruning, growth, newborn_weights in product(PRUNING_RULES, GROWTH_RULES, NEWBORN_WEIGHTS)
]
every_rule = pytest.mark.parametrize("rules", RULES, ids=lambda rules: "-".join(rules.values()))


def random_probe(network, seed=3, n_samples=6):
    """Signals of every layer that have nothing to do with its weights."""
    rng = np.random.default_rng(seed)
    return [
        LayerProbe(
            rng.normal(size=(layer.topology.n_in, n_samples)).astype(network.dtype),
            rng.normal(size=(layer.topology.n_out, n_samples)).astype(network.dtype),
        )
        for layer in network.layers
    ]


def make_network(sizes=(30, 20, 25, 3), epsilon=2.0, dtype="float64", seed=0, **options):
    return SparseNetwork.erdos_renyi(
        sizes,
        epsilon,
        activations=options.get("activations", ["relu"] * (len(sizes) - 2)),
        weight_init=options.get("weight_init", "auto"),
        dtype=np.dtype(dtype),
        rng=np.random.default_rng(seed),
    )


def attach(make_optimizer, network, seed=1):
    """An optimizer whose moments are random, none of them zero."""
    rng = np.random.default_rng(seed)
    optimizer = make_optimizer().attach(network)
    for layer in [*optimizer.moments, *optimizer.bias_moments]:
        for moment in layer:
            moment[:] = rng.uniform(1, 2, moment.shape)
    return optimizer


def positions(topology):
    inputs = np.repeat(np.arange(topology.n_in), np.diff(topology.indptr))
    return inputs * topology.n_out + topology.indices


def by_position(layer, moments):
    """Position -> (weight, every moment)."""
    values = zip(layer.weights, *moments, strict=True)
    return dict(zip(positions(layer.topology).tolist(), values, strict=True))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@every_rule
@every_optimizer
def test_survivors_keep_everything_and_newcomers_start_at_zero(make_optimizer, rules, dtype):
    network = make_network(dtype=dtype)
    optimizer = attach(make_optimizer, network)
    rng = np.random.default_rng(5)
    prune = PRUNING_RULES[rules["pruning"]]
    n_renewed = 0
    for _ in range(4):
        before = [
            (
                by_position(layer, moments),
                positions(layer.topology)[prune(layer, 0.3, n_renewable(layer.topology))],
            )
            for layer, moments in zip(network.layers, optimizer.moments, strict=True)
        ]
        evolve(
            network,
            optimizer,
            0.3,
            weight_init="auto",
            rng=rng,
            probe=lambda: random_probe(network),
            **rules,
        )
        for depth, (old, kept) in enumerate(before):
            new = by_position(network.layers[depth], optimizer.moments[depth])
            assert len(new) == len(old) == network.layers[depth].topology.n_connections
            kept = set(kept.tolist())
            assert kept <= set(new)
            for position, values in new.items():
                if position in kept:
                    assert values == old[position]
                else:
                    assert all(moment == 0 for moment in values[1:])
                    assert (values[0] == 0) == (rules["newborn_weights"] == "zero")
                    n_renewed += 1
    assert n_renewed > 50


@every_rule
@every_optimizer
def test_evolution_conserves_the_number_of_connections_and_their_order(make_optimizer, rules):
    for seed in range(10):
        network = make_network(epsilon=1.0 + seed / 2, seed=seed)
        optimizer = attach(make_optimizer, network)
        counts = [layer.topology.n_connections for layer in network.layers]
        for generation in range(3):
            evolve(
                network,
                optimizer,
                0.5,
                weight_init="normal",
                rng=np.random.default_rng([seed, generation]),
                probe=lambda network=network: random_probe(network),
                **rules,
            )
            for layer, moments, n in zip(network.layers, optimizer.moments, counts, strict=True):
                assert layer.topology.n_connections == n
                assert (np.diff(positions(layer.topology)) > 0).all()
                assert layer.topology.t_slots.shape == (n,)
                for array in (layer.weights, *moments):
                    assert array.shape == (n,)
                    assert array.dtype == np.float64


@every_optimizer
def test_biases_do_not_evolve(make_optimizer):
    network = make_network()
    optimizer = attach(make_optimizer, network)
    for layer in network.layers:
        layer.bias[:] = np.arange(layer.bias.shape[0])
    biases = [layer.bias for layer in network.layers]
    copies = [bias.copy() for bias in biases]
    moments = [list(layer) for layer in optimizer.bias_moments]
    evolve(network, optimizer, 0.5, weight_init="auto", rng=np.random.default_rng(0))
    for layer, bias, copy in zip(network.layers, biases, copies, strict=True):
        assert layer.bias is bias
        np.testing.assert_array_equal(bias, copy)
    for ours, theirs in zip(optimizer.bias_moments, moments, strict=True):
        assert all(one is other for one, other in zip(ours, theirs, strict=True))


@pytest.mark.parametrize(
    ("zeta", "epsilon", "untouched"),
    [
        (0.0, 2.0, [True, True, True]),  # nothing is asked for
        (1.0, 1e6, [True, True, True]),  # nothing is free
        (0.3, 3.0, [False, False, True]),  # 3 * 28 > 25 * 3: the output layer is full
        (0.01, 2.0, [True, True, True]),  # floors to nothing
    ],
)
@every_optimizer
def test_an_untouched_layer_consists_of_the_same_objects(make_optimizer, zeta, epsilon, untouched):
    network = make_network(epsilon=epsilon)
    optimizer = attach(make_optimizer, network)
    before = [
        (layer.topology, layer.weights, layer.weights.copy(), list(moments))
        for layer, moments in zip(network.layers, optimizer.moments, strict=True)
    ]
    evolve(network, optimizer, zeta, weight_init="auto", rng=np.random.default_rng(0))
    for depth, (topology, weights, copy, moments) in enumerate(before):
        layer = network.layers[depth]
        assert (layer.topology is topology) == untouched[depth]
        assert (layer.weights is weights) == untouched[depth]
        if untouched[depth]:
            np.testing.assert_array_equal(layer.weights, copy)
            ours = optimizer.moments[depth]
            assert all(one is other for one, other in zip(ours, moments, strict=True))


@pytest.mark.parametrize("n_free", [0, 1, 2, 3, 7, 50])
def test_at_most_half_of_the_free_positions_are_renewed(n_free):
    n_in, n_out = 20, 10
    topology = erdos_renyi(n_in, n_out, (200 - n_free) / 30, np.random.default_rng(0))
    assert topology.n_positions - topology.n_connections == n_free
    assert n_renewable(topology) == n_free // 2
    # Large weights, whose newcomers cannot be taken for survivors.
    weights = np.random.default_rng(1).choice([-5.0, 5.0], topology.n_connections)
    network = SparseNetwork([SparseLayer(topology, weights, np.zeros(n_out))])
    evolve(network, SGD(0).attach(network), 1.0, weight_init="normal", rng=np.random.default_rng(2))
    layer = network.layers[0]
    assert layer.topology.n_connections == 200 - n_free
    assert np.count_nonzero(np.abs(layer.weights) < 2) == n_free // 2


@every_rule
@every_optimizer
def test_evolution_is_deterministic_for_a_seed(make_optimizer, rules):
    results = []
    for seed in (3, 3, 4):
        network = make_network()
        optimizer = attach(make_optimizer, network)
        evolve(
            network,
            optimizer,
            0.3,
            weight_init="auto",
            rng=np.random.default_rng(seed),
            probe=lambda network=network: random_probe(network),
            **rules,
        )
        results.append(
            [np.concatenate([positions(layer.topology), layer.weights]) for layer in network.layers]
        )
    same, again, other = results
    for one, two in zip(same, again, strict=True):
        np.testing.assert_array_equal(one, two)
    assert not any(np.array_equal(one, two) for one, two in zip(same[:2], other[:2], strict=True))


def test_an_interrupt_finds_every_layer_whole(monkeypatch):
    # Ctrl-C while the second layer draws its newcomers: the first is renewed, the second is not.
    network = make_network()
    optimizer = attach(Adam, network)
    old = [layer.topology for layer in network.layers]
    draw, calls = evolution.draw_weights, []

    def interrupted(*args):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return draw(*args)

    monkeypatch.setattr(evolution, "draw_weights", interrupted)
    with pytest.raises(KeyboardInterrupt):
        evolve(network, optimizer, 0.3, weight_init="auto", rng=np.random.default_rng(0))
    assert [layer.topology is o for layer, o in zip(network.layers, old, strict=True)] == [
        False,
        True,
        True,
    ]
    first = by_position(network.layers[0], optimizer.moments[0])
    assert any(moment == 0 for _, moment, _ in first.values())
    assert all(moment > 0 for moment in optimizer.moments[1][0])


# ------------------------------------------------------------------------------------ newcomers

LAWS = {
    # weight_init, activation of the layer -> the law, given connections per output and per input
    ("auto", "relu"): lambda fan_in, fan_out: uniform(6 / fan_in),
    ("auto", "leaky_relu"): lambda fan_in, fan_out: uniform(6 / fan_in),
    ("auto", "gelu"): lambda fan_in, fan_out: uniform(6 / fan_in),
    ("auto", "all_relu"): lambda fan_in, fan_out: uniform(6 / fan_in),
    ("auto", "tanh"): lambda fan_in, fan_out: uniform(6 / (fan_in + fan_out)),
    ("auto", "logistic"): lambda fan_in, fan_out: uniform(6 / (fan_in + fan_out)),
    ("auto", "identity"): lambda fan_in, fan_out: uniform(6 / (fan_in + fan_out)),
    ("he_uniform", "tanh"): lambda fan_in, fan_out: uniform(6 / fan_in),
    ("glorot_uniform", "relu"): lambda fan_in, fan_out: uniform(6 / (fan_in + fan_out)),
    ("normal", "relu"): lambda fan_in, fan_out: stats.norm(scale=0.1),
}


def uniform(limit_squared):
    limit = np.sqrt(limit_squared)
    return stats.uniform(-limit, 2 * limit)


@pytest.mark.parametrize("size", [1, 1000, 70_000])  # the last is drawn in two parts
@pytest.mark.parametrize("weight_init", WEIGHT_LAWS)
def test_one_seed_draws_the_same_in_both_number_types(weight_init, size):
    topology = make_network((200, 100, 2), epsilon=20, dtype="float64", seed=11).layers[0].topology
    drawn, then = {}, {}
    for dtype in ("float32", "float64"):
        rng = np.random.default_rng(3)
        drawn[dtype] = draw_weights(weight_init, "relu", topology, size, dtype, rng)
        then[dtype] = rng.random()
        assert drawn[dtype].dtype == dtype
    # "small" multiplies once more after rounding
    np.testing.assert_allclose(drawn["float32"], drawn["float64"], rtol=2e-7)
    assert then["float32"] == then["float64"]
    # in parts or not, the numbers are those of one draw
    rng = np.random.default_rng(3)
    whole = rng.standard_normal(size) if weight_init == "normal" else 2 * rng.random(size) - 1
    ratio = drawn["float64"] / whole
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("rule", "law"), LAWS.items(), ids=map("-".join, LAWS))
def test_first_and_newborn_weights_follow_one_law(rule, law, dtype):
    weight_init, activation = rule
    network = make_network(
        (200, 100, 2),
        epsilon=20,
        dtype=dtype,
        activations=[activation],
        weight_init=weight_init,
        seed=11,
    )
    layer = network.layers[0]
    expected = law(6000 / 100, 6000 / 200)
    assert layer.weights.dtype == dtype
    # Rounding to float32 makes ties, of which the test takes no notice at this size.
    assert stats.kstest(layer.weights.astype("float64"), expected.cdf).pvalue > 1e-4
    layer.weights[:] = 100  # which no newcomer has
    evolve(
        network,
        SGD(0).attach(network),
        0.5,
        weight_init=weight_init,
        rng=np.random.default_rng(12),
    )
    newborn = network.layers[0].weights[network.layers[0].weights < 99]
    assert newborn.shape == (3000,)
    assert stats.kstest(newborn.astype("float64"), expected.cdf).pvalue > 1e-4


@pytest.mark.parametrize("epsilon", [1.0, 3.0, 4.0])  # about a quarter, two thirds, nearly full
def test_every_free_position_is_equally_likely_to_regrow(epsilon):
    n_in, n_out = 10, 8
    topology = erdos_renyi(n_in, n_out, epsilon, np.random.default_rng(0))
    weights = np.random.default_rng(1).normal(0, 1, topology.n_connections)
    keep = prune_nearest_zero(weights, 0.5, n_renewable(topology))
    n_new = np.count_nonzero(~keep)
    assert n_new > 2
    occupied = positions(topology)[keep]
    n_draws = 4000
    counts = np.zeros(n_in * n_out)
    for seed in range(n_draws):
        network = SparseNetwork([SparseLayer(topology, weights, np.zeros(n_out))])
        evolve(
            network,
            SGD(0).attach(network),
            0.5,
            weight_init="normal",
            rng=np.random.default_rng(20_000 + seed),
        )
        counts[positions(network.layers[0].topology)] += 1
    assert (counts[occupied] == n_draws).all()
    free = np.delete(counts, occupied)
    assert free.sum() == n_draws * n_new
    # As in test_topology: a fixed number per draw, so the variance is that of drawing without
    # replacement.
    share = n_new / free.shape[0]
    statistic = ((free - n_draws * share) ** 2).sum() / (n_draws * share * (1 - share))
    statistic *= (free.shape[0] - 1) / free.shape[0]
    assert stats.chi2.sf(statistic, free.shape[0] - 1) > 1e-4


def test_a_position_just_pruned_may_be_drawn_again():
    topology = erdos_renyi(10, 8, 3, np.random.default_rng(0))
    keep = np.ones(topology.n_connections, dtype=bool)
    keep[:20] = False
    n_free = topology.n_positions - topology.n_connections
    seen = {
        rank
        for seed in range(100)
        for rank in grow_at_random(topology, keep, 20, np.random.default_rng(seed)).tolist()
    }
    assert seen == set(range(n_free + 20))


# -------------------------------------------------------------------------------- guided growth


def pruned_layer(n_in=30, n_out=20, epsilon=3.0, seed=0):
    """A topology, and which of its connections are kept: two thirds."""
    rng = np.random.default_rng(seed)
    topology = erdos_renyi(n_in, n_out, epsilon, rng)
    return topology, rng.random(topology.n_connections) < 2 / 3


def test_positions_of_ranks_equal_counting_the_free_ones():
    for seed in range(200):
        rng = np.random.default_rng(seed)
        n_in, n_out = rng.integers(1, 7, size=2).tolist()
        topology = erdos_renyi(n_in, n_out, rng.uniform(0, n_in * n_out / (n_in + n_out)), rng)
        keep = rng.random(topology.n_connections) < rng.choice([0, 0.5, 1])
        free = np.ones(topology.n_positions, dtype=bool)
        free[positions(topology)[keep]] = False
        ranks = np.arange(np.count_nonzero(free))
        result = positions_of_ranks(topology, keep, ranks)
        np.testing.assert_array_equal(result, np.flatnonzero(free))
        some = ranks[rng.random(ranks.shape[0]) < 0.3]
        np.testing.assert_array_equal(
            positions_of_ranks(topology, keep, some), np.flatnonzero(free)[some]
        )


def test_threads_find_the_same_positions():
    rng = np.random.default_rng(0)
    topology = erdos_renyi(3000, 2000, 10, rng)
    keep = rng.random(topology.n_connections) < 2 / 3
    n_free = topology.n_positions - np.count_nonzero(keep)
    for n_ranks in (0, 1, 100, 60_000):
        ranks = np.unique(rng.integers(n_free, size=n_ranks))
        one = positions_of_ranks(topology, keep, ranks)
        for n_threads in (2, 3, 7):
            result = positions_of_ranks(topology, keep, ranks, n_threads)
            np.testing.assert_array_equal(one, result)


def test_ranks_beyond_the_free_positions_are_refused():
    topology, keep = pruned_layer()
    n_free = topology.n_positions - np.count_nonzero(keep)
    with pytest.raises(ValueError, match="a rank exceeds the number of free positions"):
        positions_of_ranks(topology, keep, np.array([0, n_free]))


def test_positions_beyond_32_bits():
    topology = erdos_renyi(300_000, 300_000, 0.001, np.random.default_rng(0))
    keep = np.ones(topology.n_connections, dtype=bool)
    n_free = topology.n_positions - topology.n_connections
    held = np.sort(positions(topology))
    result = positions_of_ranks(topology, keep, np.array([0, n_free // 2, n_free - 1]))
    assert result[0] == 0
    assert result[2] == topology.n_positions - 1
    assert result[1] - np.searchsorted(held, result[1]) == n_free // 2


def by_dense_gradient(topology, keep, probe, ranks, n_new):
    """Of the free positions of some ranks the `n_new` with the largest dense gradient."""
    free = np.ones(topology.n_positions, dtype=bool)
    free[positions(topology)[keep]] = False
    gradient = np.abs(probe.inputs.astype("float64") @ probe.deltas.T.astype("float64"))
    return np.sort(sorted(ranks, key=lambda rank: -gradient.ravel()[free][rank])[:n_new])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_new", [1, 7, 40])
def test_guided_growth_takes_the_candidates_of_largest_gradient(n_new, dtype):
    for seed in range(20):
        topology, keep = pruned_layer(seed=seed)
        keep[:] = True
        keep[np.random.default_rng(seed).choice(keep.shape[0], n_new, replace=False)] = False
        layer = SparseLayer(topology, np.ones(keep.shape[0], dtype), np.zeros(20, dtype))
        (probe,) = random_probe(SparseNetwork([layer]), seed)
        ranks = grow_guided(topology, keep, n_new, np.random.default_rng(seed), probe)
        n_free = topology.n_positions - np.count_nonzero(keep)
        candidates = draw_distinct(n_free, 4 * n_new, np.random.default_rng(seed))
        expected = by_dense_gradient(topology, keep, probe, candidates, n_new)
        np.testing.assert_array_equal(ranks, expected)


def test_guided_growth_is_growth_by_gradient_where_few_positions_are_free():
    # Four candidates each are more than there are: all free positions are looked at, as by RigL.
    topology, keep = pruned_layer(epsilon=10)
    layer = SparseLayer(topology, np.ones(keep.shape[0]), np.zeros(20))
    (probe,) = random_probe(SparseNetwork([layer]))
    n_new, n_free = np.count_nonzero(~keep), topology.n_positions - np.count_nonzero(keep)
    assert n_free < 4 * n_new
    ranks = grow_guided(topology, keep, n_new, np.random.default_rng(0), probe)
    expected = by_dense_gradient(topology, keep, probe, range(n_free), n_new)
    np.testing.assert_array_equal(ranks, expected)


@pytest.mark.parametrize("value", [0.0, 1.0, np.inf, np.nan])
def test_of_equal_gradients_any_may_be_taken(value):
    topology, keep = pruned_layer(6, 5, 1.2)
    n_new, n_free = np.count_nonzero(~keep), topology.n_positions - np.count_nonzero(keep)
    probe = LayerProbe(np.full((6, 1), value), np.ones((5, 1)))
    counts, n_draws = np.zeros(n_free), 4000
    for seed in range(n_draws):
        ranks = grow_guided(topology, keep, n_new, np.random.default_rng(seed), probe)
        assert ranks.shape == (n_new,)
        counts[ranks] += 1
    share = n_new / n_free
    statistic = ((counts - n_draws * share) ** 2).sum() / (n_draws * share * (1 - share))
    statistic *= (n_free - 1) / n_free
    assert stats.chi2.sf(statistic, n_free - 1) > 1e-4


def test_what_guided_growth_draws_does_not_depend_on_the_probe():
    topology, keep = pruned_layer()
    layer = SparseLayer(topology, np.ones(keep.shape[0]), np.zeros(20))
    n_new, nexts = np.count_nonzero(~keep), []
    for seed in range(3):
        rng = np.random.default_rng(0)
        (probe,) = random_probe(SparseNetwork([layer]), seed, n_samples=seed + 1)
        grow_guided(topology, keep, n_new, rng, probe)
        nexts.append(rng.random())
    assert len(set(nexts)) == 1


@pytest.mark.parametrize("growth", GROWTH_RULES)
def test_a_probe_is_asked_for_once_and_before_anything_changes_where_it_is_needed(growth):
    network = make_network()
    before, asked = [layer.topology for layer in network.layers], []

    def probe():
        asked.append([layer.topology for layer in network.layers] == before)
        return random_probe(network)

    options = {"weight_init": "auto", "rng": np.random.default_rng(0), "growth": growth}
    evolve(network, Adam().attach(network), 0.3, probe=probe, **options)
    assert asked == ([True] if GROWTH_RULES[growth].needs_probe else [])


def test_schedules_fall_from_one_to_nothing():
    parts = np.linspace(0, 1, 11)
    for name, schedule in ZETA_SCHEDULES.items():
        shares = [schedule(part) for part in parts.tolist()]
        assert shares[0] == 1
        assert shares[-1] == (1 if name == "constant" else 0)
        assert (np.diff(shares) <= 0).all()
    assert ZETA_SCHEDULES["linear"](0.25) == 0.75
    np.testing.assert_allclose(ZETA_SCHEDULES["cosine"](0.25), (1 + np.sqrt(0.5)) / 2)


# ------------------------------------------------------------------------------- compiled sweeps


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


@every_rule
def test_threads_evolve_the_same(rules):
    networks = []
    for n_threads in (1, 2, 4):
        network = make_network((300, 2000, 1500, 3), 40, dtype="float32")
        optimizer = attach(Adam, network)
        evolve(
            network,
            optimizer,
            0.3,
            weight_init="auto",
            rng=np.random.default_rng(3),
            n_threads=n_threads,
            probe=lambda network=network: random_probe(network),
            **rules,
        )
        networks.append((network, optimizer))
    for network, optimizer in networks[1:]:
        for depth, layer in enumerate(network.layers):
            first = networks[0][0].layers[depth]
            np.testing.assert_array_equal(layer.topology.indices, first.topology.indices)
            np.testing.assert_array_equal(layer.weights, first.weights)
            np.testing.assert_array_equal(optimizer.moments[depth], networks[0][1].moments[depth])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_carry_moves_survivors_and_fills_in_newcomers(dtype):
    source = np.array([2, -1, 0, -1, -1, 3], dtype=np.int32)
    old = np.array([10, 11, 12, 13], dtype=dtype)
    newborn = np.array([1, 2, 3], dtype=dtype)
    result = carried(source, old, newborn)
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, [12, 1, 10, 2, 3, 13])
    np.testing.assert_array_equal(carried(source, old, newborn[:0]), [12, 0, 10, 0, 0, 13])
    # no bit is lost, and a newcomer's moment is plus zero
    odd = np.array([np.nan, -0.0, -np.inf, -5e-45], dtype=dtype)
    np.testing.assert_array_equal(
        carried(source, odd, newborn[:0]).view(np.uint8),
        np.array([-np.inf, 0, np.nan, 0, 0, -5e-45], dtype=dtype).view(np.uint8),
    )


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


@every_rule
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers_are_evolved_like_others(rules, bad):
    """As many connections as before, as many renewed as asked, and what has overflowed stays."""
    network = make_network((30, 40, 20, 3), 4)
    counts = [layer.topology.n_connections for layer in network.layers]
    for layer in network.layers:
        layer.weights[::3] = bad
    optimizer = attach(Adam, network)
    evolve(
        network,
        optimizer,
        0.2,
        weight_init="auto",
        rng=np.random.default_rng(0),
        probe=lambda: random_probe(network),
        **rules,
    )
    for depth, (layer, count) in enumerate(zip(network.layers, counts, strict=True)):
        assert layer.topology.n_connections == layer.weights.shape[0] == count
        assert all(moment.shape[0] == count for moment in optimizer.moments[depth])
        assert np.count_nonzero(~np.isfinite(layer.weights)) == len(range(0, count, 3))
