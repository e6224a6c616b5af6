"""What grows: newcomers at random or guided by gradients, their places and initial weights."""

import numpy as np
import pytest
from evolving import make_network, positions, random_probe
from scipy import stats

from sklearn_set.evolution import (
    GROWTH_RULES,
    evolve,
    grow_at_random,
    grow_guided,
    n_renewable,
    prune_nearest_zero,
)
from sklearn_set.network import WEIGHT_LAWS, SparseLayer, SparseNetwork, draw_weights
from sklearn_set.optimizers import SGD, Adam
from sklearn_set.probe import LayerProbe
from sklearn_set.topology import draw_distinct, erdos_renyi, positions_of_ranks

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
    n_draws = 1200
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
    counts, n_draws = np.zeros(n_free), 1200
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
