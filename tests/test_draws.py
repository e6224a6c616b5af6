"""Random numbers that are drawn in parts: ascending, distinct, uniform, for any threads."""

import numpy as np
import pytest
from scipy.stats import chisquare, kstest
from sklearn_set._core.draws import draw_parts, gather_parts

# The sizes of parts, and how often each draws.
PARTS = {
    "one number": ([1], [5]),
    "no draw": ([10], [0]),
    "one draw": ([2**62], [1]),
    "as many as there are": ([50, 50], [50, 50]),
    "many more": ([3, 4], [300, 400]),
    "unequal": ([10**12, 5, 10**6], [1000, 0, 3000]),
    "large": ([2**61, 2**61], [4096, 4097]),
}

every_part = pytest.mark.parametrize(("sizes", "counts"), PARTS.values(), ids=PARTS)


def drawn_in(sizes, counts, seed=0, n_threads=1):
    cuts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return cuts, *draw_parts(cuts, np.array(counts, np.int64), seed, n_threads)


def parts_of(drawn, counts, n_distinct):
    starts = np.cumsum(counts) - counts
    return [drawn[start : start + n] for start, n in zip(starts, n_distinct, strict=True)]


@every_part
def test_each_part_is_ascending_distinct_and_its_own(sizes, counts):
    for seed in (0, 1, 2**64 - 1):
        cuts, drawn, n_distinct = drawn_in(sizes, counts, seed)
        assert drawn.shape == (sum(counts),)
        for part, values in enumerate(parts_of(drawn, counts, n_distinct)):
            assert values.size <= min(counts[part], sizes[part])
            assert values.size or not counts[part]
            assert (np.diff(values) > 0).all()
            assert ((cuts[part] <= values) & (values < cuts[part + 1])).all()


@every_part
def test_threads_change_no_number(sizes, counts):
    _, expected, n_expected = drawn_in(sizes, counts)
    for n_threads in (2, 3, 16):
        _, drawn, n_distinct = drawn_in(sizes, counts, n_threads=n_threads)
        np.testing.assert_array_equal(n_distinct, n_expected)
        for ours, theirs in zip(
            parts_of(drawn, counts, n_distinct), parts_of(expected, counts, n_expected), strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)


def test_numbers_are_uniform_to_the_last_digit():
    _, drawn, n_distinct = drawn_in([2**62], [20_000], seed=3)
    values = drawn[: n_distinct[0]]
    assert n_distinct[0] == 20_000
    assert kstest(values / 2**62, "uniform").pvalue > 1e-4
    assert chisquare(np.bincount(values & 15, minlength=16)).pvalue > 1e-4


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_as_many_are_distinct_as_chance_says(size):
    """All of one value, or on average ``size (1 - (1 - 1 / size) ** n)``."""
    n = 2 * size
    found = [drawn_in([size], [n], seed)[2][0] for seed in range(200)]
    expected = size * (1 - (1 - 1 / size) ** n)
    assert np.mean(found) == pytest.approx(expected, rel=0.02)


def test_parts_and_seeds_have_streams_of_their_own():
    seen = [drawn_in([2**40] * 3, [100] * 3, seed) for seed in (0, 1, 2)]
    values = np.concatenate([drawn % 2**40 for _, drawn, _ in seen])
    # A stream that began within another would repeat its numbers.
    assert np.unique(values).size == values.size


@pytest.mark.parametrize("n_threads", [1, 2, 5])
@pytest.mark.parametrize("left_out", [[], [0], [6], [0, 1, 2, 3, 4, 5, 6], [2, 3, 5]])
def test_what_counts_is_gathered_but_for_some(left_out, n_threads):
    drawn = np.array([10, 11, -1, 20, -1, 30, 31, 32, 33])
    counts, n_distinct = np.array([3, 2, 0, 4]), np.array([2, 1, 0, 4])
    result = gather_parts(drawn, counts, n_distinct, np.array(left_out, np.int64), n_threads)
    expected = np.delete([10, 11, 20, 30, 31, 32, 33], np.array(left_out, np.int64))
    np.testing.assert_array_equal(result, expected)
