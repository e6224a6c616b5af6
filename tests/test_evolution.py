"""Evolution conserves connections, and everything aligned with slots follows.

Positions, weights and moments before and after are compared, for every rule.
"""

from itertools import product

import numpy as np
import pytest
from conftest import OPTIMIZERS
from evolving import make_network, positions, random_probe

from sklearn_set import evolution
from sklearn_set.evolution import (
    GROWTH_RULES,
    NEWBORN_WEIGHTS,
    PRUNING_RULES,
    evolve,
    n_renewable,
)
from sklearn_set.network import SparseLayer, SparseNetwork
from sklearn_set.optimizers import SGD, Adam
from sklearn_set.topology import carried, erdos_renyi

# -------------------------------------------------------------------------------------- networks


every_optimizer = pytest.mark.parametrize("make_optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)

RULES = [
    {"pruning": pruning, "growth": growth, "newborn_weights": newborn_weights}
    for pruning, growth, newborn_weights in product(PRUNING_RULES, GROWTH_RULES, NEWBORN_WEIGHTS)
]
every_rule = pytest.mark.parametrize("rules", RULES, ids=lambda rules: "-".join(rules.values()))


def attach(make_optimizer, network, seed=1):
    """An optimizer whose moments are random, none of them zero."""
    rng = np.random.default_rng(seed)
    optimizer = make_optimizer().attach(network)
    for layer in [*optimizer.moments, *optimizer.bias_moments]:
        for moment in layer:
            moment[:] = rng.uniform(1, 2, moment.shape)
    return optimizer


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
    for seed in range(0, 10, 3):
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


# ------------------------------------------------------------------------------- compiled sweeps


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
