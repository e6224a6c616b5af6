"""A drawn topology has exactly the connections it should, anywhere with equal probability.

Counts are exact, no connection exists twice, both directions tell the same story, and drawing
costs memory by connections, never by positions.
"""

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle

import numpy as np
import pytest
from peaks import peak_of
from scipy.stats import chi2, chisquare

from sklearn_set import topology as topology_module
from sklearn_set._core import measured
from sklearn_set.topology import (
    Topology,
    draw_distinct,
    empty,
    erdos_renyi,
    n_erdos_renyi,
    regrown,
)

# (n_in, n_out, epsilon): single neurons, sparse, half full, exactly full, asking for more
LAYERS = [
    (1, 1, 1),
    (1, 7, 0.5),
    (9, 1, 0.4),
    (6, 5, 0.1),
    (30, 20, 1),
    (30, 20, 6),
    (30, 20, 11.9),
    (30, 20, 12),
    (30, 20, 1e6),
    (300, 2, 1.9),
    (2, 300, 0.3),
    (1000, 500, 2.5),
]


def pairs(topology):
    """The connections as (input, output), by slot."""
    inputs = np.repeat(np.arange(topology.n_in), np.diff(topology.indptr))
    return np.column_stack([inputs, topology.indices])


def positions(topology):
    """The connections as numbers below n_in * n_out, by slot."""
    inputs, outputs = pairs(topology).T
    return inputs.astype(np.int64) * topology.n_out + outputs


def draw(n_in, n_out, epsilon, seed=0):
    return erdos_renyi(n_in, n_out, epsilon, np.random.default_rng(seed))


# ------------------------------------------------------------------------------ the structure


@pytest.mark.parametrize(("n_in", "n_out", "epsilon"), LAYERS)
def test_number_of_connections_is_exact(n_in, n_out, epsilon):
    expected = min(round(epsilon * (n_in + n_out)), n_in * n_out)
    assert n_erdos_renyi(n_in, n_out, epsilon) == expected
    for seed in range(5):
        topology = draw(n_in, n_out, epsilon, seed)
        assert topology.n_connections == expected
        assert topology.n_positions == n_in * n_out


@pytest.mark.parametrize(("n_in", "n_out", "epsilon"), LAYERS)
def test_rows_are_sorted_and_no_connection_exists_twice(n_in, n_out, epsilon):
    topology = draw(n_in, n_out, epsilon)
    assert topology.indptr.dtype == topology.indices.dtype == np.int32
    assert topology.indptr.shape == (n_in + 1,)
    assert topology.indptr[0] == 0
    assert topology.indptr[-1] == topology.indices.shape[0]
    assert (np.diff(topology.indptr) >= 0).all()
    assert topology.indices.min(initial=0) >= 0
    assert topology.indices.max(initial=0) < n_out
    # Strictly ascending numbers of positions: sorted within a row, and none twice.
    assert (np.diff(positions(topology)) > 0).all()


@pytest.mark.parametrize(("n_in", "n_out", "epsilon"), LAYERS)
def test_both_directions_tell_the_same_story(n_in, n_out, epsilon):
    topology = draw(n_in, n_out, epsilon)
    assert topology.t_indptr.shape == (n_out + 1,)
    outputs = np.repeat(np.arange(n_out), np.diff(topology.t_indptr))
    told = np.column_stack([topology.t_indices, outputs])
    np.testing.assert_array_equal(told, pairs(topology)[topology.t_slots])
    np.testing.assert_array_equal(np.sort(topology.t_slots), np.arange(topology.n_connections))
    # Inputs ascend within an output neuron.
    assert (np.diff(outputs * n_in + topology.t_indices) > 0).all()
    for array in (topology.t_indptr, topology.t_indices, topology.t_slots):
        assert array.dtype == np.int32


@pytest.mark.parametrize("epsilon", [12, 13, 1e6])
def test_large_epsilon_gives_a_full_layer(epsilon):
    topology = draw(30, 20, epsilon)
    np.testing.assert_array_equal(positions(topology), np.arange(600))
    np.testing.assert_array_equal(topology.indptr, np.arange(0, 601, 20))


def test_same_seed_same_topology_other_seed_another():
    first, again, other = draw(40, 30, 3, 1), draw(40, 30, 3, 1), draw(40, 30, 3, 2)
    np.testing.assert_array_equal(positions(first), positions(again))
    assert not np.array_equal(positions(first), positions(other))


def test_empty_topology_has_both_directions():
    topology = empty(4, 3)
    assert topology.n_connections == 0
    np.testing.assert_array_equal(topology.indptr, np.zeros(5))
    np.testing.assert_array_equal(topology.t_indptr, np.zeros(4))
    assert topology.t_indices.shape == topology.t_slots.shape == (0,)


# --------------------------------------------------------------------------------- the chances


def equally_likely(counts, probability, n_draws):
    """P-value of "each of these positions is hit with this probability".

    A draw takes a fixed number of the positions, so the counts vary less than independent ones:
    their sum of squares over variance is chi-square after correction by (population - 1) /
    population, with population - 1 degrees of freedom.
    """
    population = counts.shape[0]
    variance = n_draws * probability * (1 - probability)
    statistic = ((counts - n_draws * probability) ** 2).sum() / variance
    return chi2.sf(statistic * (population - 1) / population, population - 1)


@pytest.mark.parametrize(
    ("n_in", "n_out", "epsilon"),
    [(12, 8, 0.5), (12, 8, 1.2), (12, 8, 2.4), (12, 8, 3.6), (12, 8, 4.5)],
    ids=["sparse", "quarter", "half", "three quarters", "nearly full"],
)
def test_each_position_is_equally_likely(n_in, n_out, epsilon):
    n_draws = 1200
    counts = np.zeros(n_in * n_out)
    for seed in range(n_draws):
        counts[positions(draw(n_in, n_out, epsilon, 10_000 + seed))] += 1
    share = n_erdos_renyi(n_in, n_out, epsilon) / (n_in * n_out)
    assert equally_likely(counts, share, n_draws) > 1e-4


@pytest.mark.parametrize("draws_in_a_part", [measured.DRAWS_IN_A_PART, 2])
@pytest.mark.parametrize(("population", "size"), [(5, 2), (5, 3), (6, 1), (6, 3), (4, 3)])
def test_each_set_is_equally_likely(population, size, draws_in_a_part, monkeypatch):
    monkeypatch.setattr(measured, "DRAWS_IN_A_PART", draws_in_a_part)
    # Stronger than equal chances for each number: sets, not only numbers, are uniform.
    rng = np.random.default_rng(7)
    seen = {}
    n_draws = 2000
    for _ in range(n_draws):
        chosen = tuple(draw_distinct(population, size, rng).tolist())
        seen[chosen] = seen.get(chosen, 0) + 1
    n_sets = np.prod(np.arange(population, population - size, -1)) // np.prod(
        np.arange(1, size + 1)
    )
    assert len(seen) == n_sets
    assert chisquare(list(seen.values())).pvalue > 1e-4


# -------------------------------------------------------------------------------- draw_distinct


@pytest.mark.parametrize(
    ("population", "size"),
    [
        (0, 0),
        (1, 0),
        (1, 1),
        (2, 1),
        (10, 0),
        (10, 5),
        (10, 6),
        (10, 9),
        (10, 10),
        (10**6, 3),
        (10**6, 10**4),
        (1000, 499),
        (1000, 501),
        (9 * 10**10, 1000),
        (2**62, 10),
    ],
)
def test_draw_distinct_gives_ascending_numbers_below_the_population(population, size):
    for seed in range(20):
        drawn = draw_distinct(population, size, np.random.default_rng(seed))
        assert drawn.dtype == np.int64
        assert drawn.shape == (size,)
        assert (np.diff(drawn) > 0).all()
        if size:
            assert drawn[0] >= 0
            assert drawn[-1] < population


@pytest.mark.parametrize("population", [300_000, 10**6, 2**32 - 1, 2**32, 9 * 10**10])
def test_many_numbers_are_drawn_in_parts(population):
    size = 150_000
    drawn = draw_distinct(population, size, np.random.default_rng(1))
    assert drawn.shape == (size,)
    assert (np.diff(drawn) > 0).all()
    counts, _ = np.histogram(drawn, bins=20, range=(0, population))
    assert chisquare(counts).pvalue > 1e-4


def test_a_huge_population_is_not_allocated():
    # 300,000 x 300,000 neurons: a bit for each position would be 11 GB, the numbers are 8 MB.
    size = 10**6
    rng, draws = np.random.default_rng(0), []
    peak = peak_of(lambda: draws.append(draw_distinct(9 * 10**10, size, rng)))
    assert draws[0].shape == (size,)
    assert peak < 5 * draws[0].nbytes


def test_a_large_topology_costs_memory_by_connections():
    topologies = []
    peak = peak_of(lambda: topologies.append(draw(300_000, 300_000, 1)))
    assert topologies[0].n_connections == 600_000
    # 8 bytes for a rank and 4 for index and source each, some of them several times.
    assert peak < 100 * 600_000


def test_a_huge_population_is_used_to_its_end():
    # Numbers above 2**32 occur as often as they should: nothing is cut to 32 bits on the way.
    drawn = draw_distinct(9 * 10**10, 20_000, np.random.default_rng(3))
    counts, _ = np.histogram(drawn, bins=20, range=(0, 9 * 10**10))
    assert chisquare(counts).pvalue > 1e-4


# -------------------------------------------------------------------------------------- regrown


def test_regrown_refuses_a_rank_beyond_the_free_positions():
    topology = draw(5, 4, 1)
    keep = np.ones(topology.n_connections, dtype=bool)
    n_free = topology.n_positions - topology.n_connections
    regrown(topology, keep, np.array([n_free - 1]))
    with pytest.raises(ValueError, match="free positions"):
        regrown(topology, keep, np.array([n_free]))


# --------------------------------------------------------------------------------------- chunks


@pytest.mark.parametrize(
    ("n_in", "n_out", "epsilon"), [*LAYERS, (20_000, 300, 3), (300, 20_000, 20), (50_000, 1, 0.9)]
)
def test_chunks_cover_every_neuron_once_and_are_balanced(n_in, n_out, epsilon):
    topology = draw(n_in, n_out, epsilon)
    for cuts, indptr in (
        (topology.chunks, topology.indptr),
        (topology.t_chunks, topology.t_indptr),
    ):
        n_neurons = indptr.shape[0] - 1
        assert cuts.dtype == np.int32
        assert cuts[0] == 0
        assert cuts[-1] == n_neurons
        assert (np.diff(cuts) > 0).all()
        # A chunk may exceed its fair share by what one neuron adds, at either end.
        work = np.diff(indptr[cuts]) + np.diff(cuts)
        fair = work.sum() / work.shape[0]
        assert work.max() <= fair + 2 * (np.diff(indptr).max() + 1)


def test_large_layers_have_many_chunks_and_small_ones_a_single_one():
    assert draw(30, 20, 12).chunks.shape == (2,)
    assert draw(20_000, 20_000, 5).chunks.shape[0] > 30


# -------------------------------------------------------------------------------------- pickles


def test_a_pickle_drops_what_follows_from_the_rest():
    topology = draw(3000, 2000, 4)
    fresh = pickle.dumps(topology)
    # computed when they are asked for
    topology.chunks, topology.t_slots, topology.splits(2), topology.by_part(2)
    assert len(pickle.dumps(topology)) == len(fresh)
    assert len(fresh) < 4 * (topology.n_connections + topology.n_in) + 1000
    copied = pickle.loads(pickle.dumps(topology))
    assert isinstance(copied, Topology)
    for name in ("indptr", "indices", "t_indptr", "t_indices", "t_slots", "chunks", "t_chunks"):
        np.testing.assert_array_equal(getattr(topology, name), getattr(copied, name))
    for ours, theirs in zip(topology.splits(2), copied.splits(2), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for each in (topology, copied):
        assert not each.indptr.flags.writeable  # shared with coefs_
        assert not each.indices.flags.writeable


def test_splits_hold_outputs_without_connection():
    """The last ones too: their output is their bias, and some thread must write it."""
    topology = Topology(2, 9, np.array([0, 2, 4], np.int32), np.array([3, 5, 2, 5], np.int32))
    for n_parts in (1, 2, 3):
        cuts = topology.splits(n_parts)[1]
        assert (cuts[0], cuts[-1]) == (0, 9)


def test_a_second_round_of_draws_repeats_none(monkeypatch):
    first_round = topology_module._draw_in_parts

    def too_few(*how):
        drawn, starts, n_distinct = first_round(*how)
        return drawn, starts, np.minimum(n_distinct, 20)

    monkeypatch.setattr(topology_module, "_draw_in_parts", too_few)
    for seed in range(20):
        drawn = topology_module.draw_distinct(100, 40, np.random.default_rng(seed))
        assert drawn.shape == (40,)
        assert (np.diff(drawn) > 0).all()


@pytest.mark.parametrize("n_parts", [1, 2, 3, 7])
def test_splits_part_the_outputs_of_every_input(n_parts):
    topology = draw(40, 23, 3)
    splits, t_splits = topology.splits(n_parts)
    assert (t_splits[0], t_splits[-1]) == (0, 23)
    assert (np.diff(t_splits) >= 0).all()
    np.testing.assert_array_equal(splits[0], topology.indptr[:-1])
    np.testing.assert_array_equal(splits[-1], topology.indptr[1:])
    for part in range(n_parts):
        for i in range(40):
            outputs = topology.indices[splits[part, i] : splits[part + 1, i]]
            assert ((t_splits[part] <= outputs) & (outputs < t_splits[part + 1])).all()
    shares = np.diff(topology.t_indptr[t_splits])
    assert shares.max() - shares.min() <= 2 * np.diff(topology.t_indptr).max()


@pytest.mark.parametrize("sizes", [(40, 23, 3), (0, 5, 1), (7, 4, 0), (900, 700, 60)])
@pytest.mark.parametrize("n_parts", [1, 2, 7])
def test_lists_hold_the_connections_of_each_part_in_order(sizes, n_parts):
    topology = draw(*sizes)
    rows = np.repeat(np.arange(topology.n_in), np.diff(topology.indptr))
    slots = np.arange(topology.n_connections)
    for n_threads in (1, 2, 5):
        topology = Topology(topology.n_in, topology.n_out, topology.indptr, topology.indices)
        t_splits, p_indptr, p_inputs, p_outputs, p_slots = topology.by_part(n_parts, n_threads)
        np.testing.assert_array_equal(t_splits, topology.splits(n_parts)[1])
        assert (p_indptr[0], p_indptr[-1]) == (0, topology.n_connections)
        for part in range(n_parts):
            low, high = t_splits[part : part + 2]
            expected = slots[(low <= topology.indices) & (topology.indices < high)]
            listed = slice(*p_indptr[part : part + 2])
            np.testing.assert_array_equal(p_slots[listed], expected)
            np.testing.assert_array_equal(p_inputs[listed], rows[expected])
            np.testing.assert_array_equal(p_outputs[listed], topology.indices[expected])


@pytest.mark.parametrize(("n_in", "n_out"), [(8192, 10), (4096, 10), (2048, 64), (3000, 300)])
def test_splits_are_balanced_where_all_rows_are_equal(n_in, n_out):
    """Of more connections than are looked at."""
    topology = erdos_renyi(n_in, n_out, n_out, np.random.default_rng(0))
    assert topology.n_connections == n_in * n_out
    for n_parts in (2, 3, 5):
        work = np.diff(topology.splits(n_parts)[1])
        assert work.max() <= 1.1 * n_out / n_parts + 1


DERIVED = ("t_indptr", "t_indices", "t_slots", "chunks", "t_chunks")


IN_PARTS = ("splits", "by_part")


@pytest.mark.parametrize("attribute", [*DERIVED, *IN_PARTS])
def test_what_another_thread_does_between_two_looks_changes_nothing(attribute):
    """As if another thread replaced the kept arrays between any two looks at them."""
    topology, other = draw(40, 23, 3), draw(40, 23, 3)
    expected = {name: getattr(other, name) for name in DERIVED}
    expected |= {name: getattr(other, name)(2) for name in IN_PARTS}
    kept = {
        "_t_indptr": [other.t_indptr, None],
        "_transposed": [(other.t_indices, other.t_slots), None],
        "_chunks": [other.chunks, None],
        "_t_chunks": [other.t_chunks, None],
        "_splits": [expected["splits"], expected["splits"], other.splits(5), None],
        "_by_part": [expected["by_part"], expected["by_part"], other.by_part(5), None],
    }
    assert kept.keys() == topology_module._NOT_DERIVED.keys()

    class Shared(Topology):
        pass

    for name, values in kept.items():
        looks = cycle(values)
        setattr(Shared, name, property(lambda _, looks=looks: next(looks), lambda *_: None))
    topology.__class__ = Shared
    for _ in range(4):
        found = getattr(topology, attribute)
        found = found(2) if attribute in IN_PARTS else found
        assert len(found) == len(expected[attribute])
        for ours, theirs in zip(found, expected[attribute], strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_many_threads_derive_at_once():
    """Every thread gets the same, in the number of parts that it asks for."""
    expected = draw(300, 200, 8)
    n_threads = 8
    for _ in range(20):
        topology = Topology(300, 200, expected.indptr, expected.indices)
        together = threading.Barrier(n_threads)

        def ask(thread, topology=topology, together=together):
            together.wait(30)
            arrays = [getattr(topology, name) for name in DERIVED]
            return arrays, [topology.splits(thread % 4 + 1) for _ in range(5)]

        with ThreadPoolExecutor(n_threads) as pool:
            results = list(pool.map(ask, range(n_threads)))
        for thread, (arrays, splits) in enumerate(results):
            for name, array in zip(DERIVED, arrays, strict=True):
                np.testing.assert_array_equal(array, getattr(expected, name))
            for pair in splits:
                for ours, theirs in zip(pair, expected.splits(thread % 4 + 1), strict=True):
                    np.testing.assert_array_equal(ours, theirs)
