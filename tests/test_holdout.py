"""Every class is in both parts, in proportion; sizes are exact; impossible splits are refused."""

import numpy as np
import pytest

from sklearn_set.holdout import split_rows


@pytest.mark.parametrize(
    ("sizes", "fraction", "expected"),
    [
        ([30, 20, 8], 0.25, [8, 5, 2]),  # ideal 7.76, 5.17, 2.07
        ([5, 5, 5, 5], 0.2, [1, 1, 1, 1]),
        ([28, 28, 2], 0.1, [3, 2, 1]),  # ideal 2.9, 2.9, 0.2: the rare class is not left out
        ([28, 28, 2], 0.9, [26, 26, 1]),  # nor used up
        ([2, 2], 0.5, [1, 1]),
        ([1000, 3, 3], 0.01, [9, 1, 1]),
    ],
)
def test_every_class_has_its_share_in_both_parts(sizes, fraction, expected):
    labels = np.repeat(np.arange(len(sizes)), sizes)[::-1]
    for seed in range(5):
        rows, held_out = split_rows(len(labels), fraction, labels, np.random.default_rng(seed))
        assert rows.dtype == held_out.dtype == np.int32
        np.testing.assert_array_equal(
            np.sort(np.concatenate([rows, held_out])), np.arange(len(labels))
        )
        np.testing.assert_array_equal(np.bincount(labels[held_out]), expected)


def test_without_labels_every_sample_is_equally_likely():
    counts = np.zeros(10)
    for seed in range(2000):
        held_out = split_rows(10, 0.25, None, np.random.default_rng(seed))[1]
        assert held_out.shape == (3,)
        counts[held_out] += 1
    # 600 each; the standard deviation of one count is about 20
    assert np.abs(counts - 600).max() < 100


@pytest.mark.parametrize(
    ("labels", "fraction", "message"),
    [
        ([0, 0, 0, 1], 0.5, "class 1 has only 1 sample"),
        ([0, 0, 0, 1, 1, 2, 2], 0.2, "validation set is too small"),
        ([0, 0, 1, 1, 2, 2], 0.7, "part to train on is too small"),
        ([0, 0, 1, 1], 0.0, "validation set is too small"),
    ],
)
def test_impossible_splits_are_refused(labels, fraction, message):
    with pytest.raises(ValueError, match=message):
        split_rows(len(labels), fraction, np.array(labels), np.random.default_rng(0))


def test_a_part_of_one_sample_is_refused():
    with pytest.raises(ValueError, match="validation set is too small"):
        split_rows(5, 0.2, None, np.random.default_rng(0))
