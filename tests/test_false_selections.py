"""Bounds on the number of false selections: by hand, by slow references, and as published."""

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.stats import binom

from sklearn_set.feature_selection import expected_false_selections
from sklearn_set.feature_selection._bounds import bound_at, least_halves, r_concave_tail
from sklearn_set.validation import InvalidParameterError

# ------------------------------------------------------------------------------- by hand


@pytest.mark.parametrize(
    ("arguments", "assumption", "expected"),
    [
        # q^2 / ((2 t - 1) p)
        ((10, 100, 0.75), "none", 2),
        ((40, 2000, 0.9), "none", 1),
        ((1, 1, 1), "none", 1),
        # t <= 3/4: q^2 / p / (2 (2 t - 1 - 1 / (2 B))), with B = 50
        ((10, 100, 0.75), "unimodal", 1 / 0.98),
        ((10, 1000, 0.6), "unimodal", 0.1 / 0.38),
        # t > 3/4: 4 (1 - t + 1 / (2 B)) / (1 + 1 / B)
        ((10, 100, 0.9), "unimodal", 4 * 0.11 / 1.02),
        ((10, 100, 1), "unimodal", 4 * 0.01 / 1.02),
        # Where the theorem says nothing, the worst case holds: many features, low thresholds.
        ((60, 100, 0.9), "unimodal", 45),
        ((10, 1000, 0.51), "unimodal", 5),
        # The threshold is met by whole halves: 0.701 by 71 of 100.
        ((10, 100, 0.701), "none", 1 / 0.42),
        ((10, 100, 0.7), "none", 1 / 0.4),
        ((10, 100, 0.5000001), "none", 50),
    ],
)
def test_bounds_by_hand(arguments, assumption, expected):
    bound = expected_false_selections(*arguments, assumption=assumption)
    assert bound == pytest.approx(expected, rel=1e-12)


def test_fewer_pairs_prove_less_of_unimodal_frequencies():
    assert expected_false_selections(10, 100, 1, n_pairs=5) == pytest.approx(4 * 0.1 / 1.2)
    assert expected_false_selections(10, 100, 1, n_pairs=500) == pytest.approx(4 * 0.001 / 1.002)


# Printed by the R package stabs 0.7 for 50 pairs: q, p, threshold, unimodal and r-concave bound.
PUBLISHED = [
    (1, 100, 0.6, 0.02631579, 0.006971364),
    (2, 100, 0.6, 0.1052632, 0.03342845),
    (3, 100, 0.6, 0.2368421, 0.08691176),
    (5, 100, 0.6, 0.6578947, 0.2605329),
    (6, 100, 0.6, 0.9473684, 0.3820466),
    (8, 100, 0.6, 1.684211, 0.7042719),
    (6, 200, 0.6, None, 0.174),
    (7, 200, 0.6, None, 0.248),
    (7, 200, 0.62, None, 0.196),
    (7, 200, 0.61, None, 0.219),
]


@pytest.mark.parametrize(("q", "p", "threshold", "unimodal", "r_concave"), PUBLISHED)
def test_bounds_as_published(q, p, threshold, unimodal, r_concave):
    if unimodal is not None:
        assert expected_false_selections(q, p, threshold) == pytest.approx(unimodal, rel=1e-6)
    bound = expected_false_selections(q, p, threshold, assumption="r-concave")
    # They search less finely for the worst distribution: to four digits of its shape.
    assert bound == pytest.approx(r_concave, rel=4e-3)


def test_thresholds_as_published():
    assert least_halves(0.2, 7, 200, 50, "r-concave") == 62
    assert least_halves(0.2, 7, 200, 50, "unimodal") == 81
    assert least_halves(0.2, 3, 10, 50, "unimodal") == 96
    assert least_halves(0.2, 3, 10, 50, "none") is None  # 0.9 at best


# ------------------------------------------------------------------------------- slow references


def largest_unimodal_tail(mean, t, n):
    """The largest probability of {t, ..., n} of a distribution with one mode: linear programs."""
    largest = 0
    for mode in range(n + 1):
        steps = np.zeros((n, n + 1))  # no step may go down before the mode, or up after it
        for i in range(n):
            steps[i, i : i + 2] = (1, -1) if i < mode else (-1, 1)
        found = linprog(
            -(np.arange(n + 1) >= t).astype(float),
            A_ub=np.vstack([steps, np.arange(n + 1)]),
            b_ub=np.append(np.zeros(n), n * mean),
            A_eq=np.ones((1, n + 1)),
            b_eq=[1],
        )
        if found.status != 2:  # the mean is too low for this mode
            largest = max(largest, -found.fun)
    return largest


@pytest.mark.parametrize("n_pairs", [4, 10])
@pytest.mark.parametrize("chance", [0.05, 0.2, 0.5])
def test_the_worst_unimodal_distribution_has_the_bound(n_pairs, chance):
    """If a half selects a feature with the probability c, both do with c^2.

    The frequency reaches t only if both halves do in at least 2 t - 1 of the pairs.
    """
    p, n_tight = 1000, 0
    for n_halves in range(n_pairs + 2, 2 * n_pairs + 1):
        largest = largest_unimodal_tail(chance**2, n_halves - n_pairs, n_pairs)
        bound = bound_at(n_halves, chance * p, p, n_pairs, "unimodal") / p
        assert largest <= bound * (1 + 1e-7)
        if bound < bound_at(n_halves, chance * p, p, n_pairs, "none") / p:
            assert largest == pytest.approx(bound, rel=1e-7)
            n_tight += 1
    assert n_tight >= 2


def random_r_concave(n, r, rng):
    """A distribution on {0, ..., k} whose r-th power is convex, since r is below zero."""
    k = rng.integers(1, n + 1)
    slopes = np.sort(rng.normal(size=k) * 10 ** rng.uniform(-2, 2))
    powers = np.append(0, np.cumsum(slopes))
    powers += 10 ** rng.uniform(-3, 1) - powers.min()
    density = np.append(powers ** (1 / r), np.zeros(n - k))
    return density / density.sum()


@pytest.mark.parametrize("r", [-1 / 2, -1 / 4])
def test_no_r_concave_distribution_exceeds_the_bound(r):
    n, rng = 12, np.random.default_rng(0)
    closest = 0
    for _ in range(300):
        density = random_r_concave(n, r, rng)
        mean = density @ np.arange(n + 1) / n
        if mean > 0.35:
            continue
        for t in range(1, n + 1):
            bound = r_concave_tail(float(mean), t, n, r)
            tail = density[t:].sum()
            assert tail <= bound * (1 + 1e-6)
            closest = max(closest, tail / bound if bound < 1 else 0)
    assert closest > 0.9


@pytest.mark.parametrize("r", [-1 / 2, -1 / 4])
@pytest.mark.parametrize(("mean", "t", "n"), [(0.0025, 3, 20), (0.05, 15, 30), (0.2, 20, 25)])
def test_the_r_concave_bound_is_that_of_a_fine_search(mean, t, n, r):
    largest = 0
    a = np.geomspace(1e-4, 1e4, 50_000)
    for k in range(t - 1, n):
        i = np.arange(k + 1)[:, np.newaxis]
        density = (a + i) ** (1 / r)
        # what is missing in the mean is at k + 1
        scale = (k + 1 - n * mean) / ((k + 1 - i) * density).sum(axis=0)
        last = 1 - scale * density.sum(axis=0)
        is_one = (last >= 0) & (last <= scale * (a + k + 1) ** (1 / r))
        tails = 1 - scale * density[:t].sum(axis=0)
        largest = max(largest, tails[is_one].max(initial=0))
    bound = r_concave_tail(mean, t, n, r)
    assert largest * (1 - 1e-9) <= bound <= largest * 1.002


# ------------------------------------------------------------------------------- laws


@pytest.mark.parametrize("p", [3, 200, 50_000])
@pytest.mark.parametrize("n_pairs", [1, 2, 50])
def test_more_assumed_and_higher_thresholds_lower_the_bound(p, n_pairs):
    for q in (0.5, 1, p // 20, p // 3, p):
        bounds = np.array(
            [
                [
                    bound_at(k, q, p, n_pairs, assumption)
                    for k in range(n_pairs + 1, 2 * n_pairs + 1)
                ]
                for assumption in ("none", "unimodal", "r-concave")
            ]
        )
        assert np.isfinite(bounds).all()
        assert (bounds >= 0).all()
        assert (np.diff(bounds, axis=0) <= 0).all()
        assert (np.diff(bounds, axis=1) <= 1e-9 * bounds[:, 1:]).all()


def test_the_lowest_threshold_is_the_lowest():
    for assumption in ("none", "unimodal", "r-concave"):
        needed = least_halves(1, 40, 2000, 50, assumption)
        assert bound_at(needed, 40, 2000, 50, assumption) <= 1
        assert needed == 51 or bound_at(needed - 1, 40, 2000, 50, assumption) > 1


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((0, 10, 0.6), {}, "'n_features_per_half' parameter of expected_false_selections must be"),
        ((11, 10, 0.6), {}, "n_features_per_half=11 must be at most n_features=10"),
        ((1, 0, 0.6), {}, "'n_features' parameter"),
        ((1, 10, 0.5), {}, r"a float in the range \(0.5, 1.0\]. Got 0.5 instead"),
        ((1, 10, 0.6), {"n_pairs": 0}, "'n_pairs' parameter"),
        ((1, 10, 0.6), {"assumption": "normal"}, "{'none', 'unimodal', 'r-concave'}. Got 'normal'"),
    ],
)
def test_bad_arguments_are_refused(arguments, options, message):
    with pytest.raises(InvalidParameterError, match=message):
        expected_false_selections(*arguments, **options)


@pytest.mark.parametrize("assumption", ["none", "unimodal", "r-concave"])
def test_no_bound_is_below_what_independent_halves_select(assumption):
    """A binomial distribution is log-concave, so it satisfies every assumption."""
    for n_pairs in (1, 2, 3, 5, 20):
        halves = 2 * n_pairs
        for share in (0.01, 0.1, 0.3):
            for k in range(n_pairs + 1, halves + 1):
                selected = 100 * binom.sf(k - 1, halves, share)
                bound = expected_false_selections(
                    100 * share, 100, k / halves, n_pairs=n_pairs, assumption=assumption
                )
                assert bound >= selected * (1 - 1e-9)
