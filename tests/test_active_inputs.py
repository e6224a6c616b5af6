"""Evolution among the active features: only they have connections, by every rule."""

import itertools

import numpy as np
import pytest
from evolving import make_network, positions, random_probe

from sklearn_set import evolution
from sklearn_set.evolution import GROWTH_RULES, PRUNING_RULES, evolve
from sklearn_set.network import ActiveInputs
from sklearn_set.optimizers import Adam
from sklearn_set.topology import positions_of_ranks

pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)


rules = pytest.mark.parametrize(
    ("growth", "pruning"), list(itertools.product(GROWTH_RULES, PRUNING_RULES))
)


@rules
@pytest.mark.parametrize("n_active", [30, 12, 3, 1])
def test_only_active_features_have_connections(growth, pruning, n_active):
    network = make_network((30, 20, 2), epsilon=2.0)
    optimizer = Adam().attach(network)
    for moment in optimizer.moments[0]:
        moment[:] = np.random.default_rng(1).random(moment.shape)
    layer = network.layers[0]
    active = np.zeros(30, bool)
    active[np.random.default_rng(2).permutation(30)[:n_active]] = True
    before = dict(zip(positions(layer.topology), layer.weights, strict=True))
    carried = dict(zip(positions(layer.topology), optimizer.moments[0][0], strict=True))
    wanted = layer.topology.n_connections
    network.inputs = ActiveInputs(active, wanted)
    evolve(
        network,
        optimizer,
        0.3,
        weight_init="auto",
        rng=np.random.default_rng(0),
        growth=growth,
        pruning=pruning,
        newborn_weights="zero",
        probe=lambda: random_probe(network),
    )
    topology = layer.topology
    assert topology.n_in == 30
    assert topology.n_connections == min(wanted, n_active * 20)
    assert not np.diff(topology.indptr)[~active].any()
    after = positions(topology)
    assert (np.diff(after) > 0).all()
    survivors = 0
    for position, weight, moment in zip(after, layer.weights, optimizer.moments[0][0], strict=True):
        if weight != 0:
            survivors += 1
            assert weight == before[position]
            assert moment == carried[position]
        else:
            assert moment == 0
    n_before = sum(active[position // 20] for position in before)
    n_free = n_active * 20 - n_before
    assert survivors >= n_before - min(int(0.3 * n_before), n_free // 2)
    assert survivors <= n_before - min(int(0.3 * n_before), n_free // 2) + 1
    assert (
        network.layers[1].topology.n_connections
        == make_network((30, 20, 2), epsilon=2.0).layers[1].topology.n_connections
    )


@pytest.mark.parametrize("growth", GROWTH_RULES)
def test_an_evolution_with_all_features_active_is_one_without_a_search(growth):
    results = []
    for inputs in (None, ActiveInputs(np.ones(30, bool), 100)):
        network = make_network((30, 20, 2), epsilon=2.0)
        network.inputs = inputs
        optimizer = Adam().attach(network)
        assert network.layers[0].topology.n_connections == 100
        probe = random_probe(network)
        evolve(
            network,
            optimizer,
            0.3,
            weight_init="auto",
            rng=np.random.default_rng(0),
            growth=growth,
            probe=lambda probe=probe: probe,
        )
        results.append(network.layers[0])
    np.testing.assert_array_equal(positions(results[0].topology), positions(results[1].topology))
    np.testing.assert_array_equal(results[0].weights, results[1].weights)


def test_guided_growth_reads_the_gradients_of_the_active_features(monkeypatch):
    network = make_network((30, 20, 2), epsilon=2.0)
    network.layers[0].weights[:] = 1.0
    active = np.arange(30) >= 10
    network.inputs = ActiveInputs(active, network.layers[0].topology.n_connections)
    before = set(positions(network.layers[0].topology))
    probe = random_probe(network)
    # Only one active feature has gradients, and so have features that are not active.
    probe[0].inputs[10:] = 0
    probe[0].inputs[17] = 1
    compared = []

    def noted(*given):
        compared.append(positions_of_ranks(*given))
        return compared[-1]

    monkeypatch.setattr(evolution, "positions_of_ranks", noted)
    evolve(
        network,
        Adam().attach(network),
        0.3,
        weight_init="auto",
        rng=np.random.default_rng(0),
        growth="guided",
        pruning="magnitude",
        probe=lambda: probe,
    )
    grown = [each for each in positions(network.layers[0].topology) if each not in before]
    of_feature = np.bincount(np.array(grown) // 20, minlength=30)
    # Of the positions that are compared, all of this feature win: the eighth of the active ones.
    assert of_feature[17] == np.count_nonzero(compared[0] // 20 == 7) > 0
    assert of_feature[17] > 1.5 * np.delete(of_feature, 17).max()
