"""Complementary pairs: two halves without a common sample, with all classes, of whole groups."""

import numpy as np
import pytest

from sklearn_set.feature_selection._halves import complementary_pair

NONE = np.zeros(20, dtype=int)


def pairs(classes, groups=None, n=50):
    return [complementary_pair(classes, groups, seed) for seed in range(n)]


@pytest.mark.parametrize("n_samples", [4, 5, 20, 21])
def test_halves_are_equal_and_have_nothing_in_common(n_samples):
    for first, second in pairs(np.zeros(n_samples, dtype=int)):
        assert len(first) == len(second) == n_samples // 2
        assert (np.diff(first) > 0).all()
        assert (np.diff(second) > 0).all()
        assert not set(first) & set(second)


def test_every_sample_is_as_often_in_a_half_as_any_other():
    drawn = np.concatenate(
        [half for pair in pairs(np.zeros(21, dtype=int), n=2000) for half in pair]
    )
    share = np.bincount(drawn, minlength=21) / 2000
    assert share.min() > 20 / 21 - 0.03  # five standard errors
    assert share.max() < 20 / 21 + 0.03


def test_samples_meet_at_random():
    together = sum(
        {0, 1} <= set(first) or {0, 1} <= set(second) for first, second in pairs(NONE, n=2000)
    )
    assert together / 2000 == pytest.approx(9 / 19, abs=0.06)  # five standard errors


@pytest.mark.parametrize("counts", [(10, 10), (2, 9), (3, 8), (7, 5, 3), (2, 2, 2, 3)])
def test_classes_are_halved_evenly(counts):
    classes = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    for first, second in pairs(classes):
        here, there = (
            np.bincount(classes[half], minlength=len(counts)) for half in (first, second)
        )
        assert np.abs(here - there).max() <= 1
        assert min(here.min(), there.min()) >= 1


def test_groups_stay_together():
    groups = np.repeat(np.arange(8), [1, 2, 3, 4, 1, 2, 3, 4])
    classes = np.array([0, 1] * 10)
    for first, second in pairs(classes, groups):
        here, there = set(groups[first]), set(groups[second])
        assert not here & there
        assert len(here) == len(there) == 4
        assert len(first) + len(second) == 20


def test_groups_of_one_class_are_halved_by_class():
    groups = np.repeat(np.arange(10), 2)
    classes = np.repeat([0] * 6 + [1] * 4, 2)
    for first, second in pairs(classes, groups):
        assert classes[first].sum() == classes[second].sum() == 4


def test_groups_whose_classes_are_not_in_both_halves_are_drawn_again():
    # Class 1 is in two groups only, of different strata: they must not meet.
    groups = np.repeat(np.arange(6), 2)
    classes = np.array([0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1])
    for first, second in pairs(classes, groups):
        assert len(np.unique(classes[first])) == len(np.unique(classes[second])) == 2


def test_groups_that_cannot_be_halved():
    # Two groups have all of classes 1 and 2, and each half needs both of both.
    groups = np.array([0, 0, 1, 1, 2, 2, 3, 3])
    classes = np.array([1, 1, 1, 2, 2, 2, 0, 0])
    with pytest.raises(ValueError, match="so that both halves have every class"):
        complementary_pair(classes, groups, 0)


def test_one_seed_one_pair():
    for first, again in zip(pairs(NONE, n=5), pairs(NONE, n=5), strict=True):
        np.testing.assert_array_equal(first, again)
    assert len({half.tobytes() for pair in pairs(NONE, n=20) for half in pair}) == 40
