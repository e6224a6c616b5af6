"""Every class is in both parts, in proportion; sizes are exact; impossible splits are refused.

Of groups, all samples are in one part.
"""

import numpy as np
import pytest

from sklearn_set.holdout import draw_groups, split_for_search, split_rows


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


def test_one_in_five_of_each_class_judges_a_search():
    y = np.repeat([0, 1, 2], [50, 30, 20])
    rows = np.arange(100, dtype=np.int32)
    rng = np.random.default_rng(0)
    trained, held_out = split_for_search(rows, None, y, rng)
    np.testing.assert_array_equal(np.bincount(y[held_out]), [10, 6, 4])
    np.testing.assert_array_equal(np.sort(np.concatenate([trained, held_out])), rows)
    assert trained.dtype == held_out.dtype == np.int32
    weight = (np.arange(100) % 2).astype(float)
    held_out = split_for_search(rows, weight, None, rng)[1]
    assert held_out.shape == (10,)
    assert weight[held_out].all()


# ------------------------------------------------------------------------------------------ groups


def assert_apart(groups, rows, held_out):
    """Both parts together are all samples, and no group is in both."""
    np.testing.assert_array_equal(
        np.sort(np.concatenate([rows, held_out])), np.arange(len(groups), dtype=np.int32)
    )
    assert rows.dtype == held_out.dtype == np.int32
    assert not np.isin(groups[rows], groups[held_out]).any()


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5])
@pytest.mark.parametrize("n_classes", [1, 2, 5])
@pytest.mark.parametrize("of_group", ["one class", "any classes"])
def test_groups_stay_together_and_classes_have_their_shares(fraction, n_classes, of_group):
    rng = np.random.default_rng(0)
    groups = rng.integers(80, size=400)
    labels = rng.integers(n_classes, size=80)[groups]
    if of_group == "any classes":
        labels = rng.integers(n_classes, size=400)
    drawn = set()
    for seed in range(5):
        rng = np.random.default_rng(seed)
        rows, held_out = split_rows(400, fraction, labels, rng, groups)
        assert_apart(groups, rows, held_out)
        shares = np.bincount(labels[held_out]) / np.bincount(labels)
        # One group of a class is a twentieth or more of it.
        assert np.abs(shares - fraction).max() < 0.06
        drawn.add(held_out.tobytes())
    assert len(drawn) == 5


def test_without_classes_every_group_is_equally_likely():
    groups, counts = np.repeat(np.arange(10), 3), np.zeros(10)
    for seed in range(1000):
        held_out = split_rows(30, 0.2, None, np.random.default_rng(seed), groups)[1]
        assert held_out.shape == (6,)
        counts[np.unique(groups[held_out])] += 1
    # 200 each; the standard deviation of one count is about 13
    assert np.abs(counts - 200).max() < 60


def test_rare_classes_and_large_groups_are_split_as_well_as_can_be():
    # Class 1 has two small groups.  A group of class 0 has most of its samples.
    groups = np.repeat(np.arange(9), [60, 6, 6, 6, 6, 6, 6, 1, 1])
    labels = (groups >= 7).astype(int)
    for seed in range(20):
        rows, held_out = split_rows(98, 0.1, labels, np.random.default_rng(seed), groups)
        assert_apart(groups, rows, held_out)
        assert sorted(np.bincount(labels[held_out])) in ([1, 6], [1, 12])


def test_no_class_is_taken_from_the_part_to_train_on():
    # Each two of three groups have a class that the third has not.
    groups = np.repeat([0, 1, 2], 20)
    labels = np.concatenate([np.repeat([0, 1], 10), np.repeat([1, 2], 10), np.repeat([2, 0], 10)])
    for seed in range(10):
        chosen = draw_groups(groups, 0.2, labels, np.random.default_rng(seed), "", "")
        assert chosen.sum() == 20
        assert set(labels[~chosen]) == {0, 1, 2}
    with pytest.raises(
        ValueError, match=r"none of class \d: each of the 2 groups that have it can"
    ):
        split_rows(60, 0.2, labels, np.random.default_rng(0), groups)


@pytest.mark.parametrize("split", ["early stopping", "search"])
def test_groups_may_have_any_numbers(split):
    groups = np.repeat(np.arange(20), 3)
    rows = np.arange(60, dtype=np.int32)
    found = []
    for named in (groups, groups * 7 - 50):
        rng = np.random.default_rng(0)
        if split == "search":
            found.append(split_for_search(rows, None, None, rng, named))
        else:
            found.append(split_rows(60, 0.2, None, rng, named))
    assert_apart(groups, *found[0])
    np.testing.assert_array_equal(found[0][1], found[1][1])


def test_of_a_group_that_judges_a_search_nothing_is_trained_on():
    groups, y = np.repeat(np.arange(20), 5), np.repeat(np.arange(20) % 2, 5)
    rows, weight = np.arange(100, dtype=np.int32), np.ones(100)
    weight[::5] = 0
    weight[:5] = 0
    trained, held_out = split_for_search(rows, weight, y, np.random.default_rng(0), groups)
    assert weight[held_out].all()
    np.testing.assert_array_equal(np.bincount(y[held_out]), [8, 8])
    assert not np.isin(groups[trained], groups[held_out]).any()
    assert trained.shape == (80,)
    # A part of the rows: the others are in neither part.
    some = rows[40:]
    trained, held_out = split_for_search(some, None, y, np.random.default_rng(0), groups)
    np.testing.assert_array_equal(np.sort(np.concatenate([trained, held_out])), some)
    assert not np.isin(groups[trained], groups[held_out]).any()


@pytest.mark.parametrize(
    ("groups", "labels", "fraction", "message"),
    [
        ([4] * 12, None, 0.2, "The groups parameter contains fewer than 2 unique groups"),
        ([0, 1] * 6, [0, 1] * 6, 0.2, "every group has all samples of a class"),
        ([0] * 4 + [1] * 4 + [2] * 4, [0] * 8 + [1] * 4, 0.2, "none of class 1: only 1 group has"),
        ([0] * 6 + [1] * 6, None, 0.0, "validation set is too small: 0 of 12"),
        ([0] * 11 + [1], None, 0.1, "validation set is too small: 1 of 12"),
        (range(12), [0] * 11 + [1], 0.2, "class 1 has only 1 sample"),
    ],
)
def test_impossible_splits_of_groups_are_refused(groups, labels, fraction, message):
    labels = None if labels is None else np.array(labels)
    with pytest.raises(ValueError, match=message):
        split_rows(12, fraction, labels, np.random.default_rng(0), np.array(groups))


def test_many_groups_are_split_in_little_time():
    groups = np.random.default_rng(0).integers(10**5, size=3 * 10**5)
    labels = np.random.default_rng(1).integers(3, size=3 * 10**5)
    rows, held_out = split_rows(3 * 10**5, 0.1, labels, np.random.default_rng(0), groups)
    assert_apart(groups, rows, held_out)
    np.testing.assert_allclose(np.bincount(labels[held_out]) / np.bincount(labels), 0.1, atol=0.01)
