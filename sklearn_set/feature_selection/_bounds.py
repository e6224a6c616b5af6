"""How many features a stability selection selects by mistake, at most.

Theorems of Meinshausen and Buehlmann (2010) and of Shah and Samworth (2013), in the words of the
latter: B complementary pairs of halves, of which each selects q of p features.  The threshold is a
number of halves, from B + 1 to 2 B, since frequencies are multiples of 1 / (2 B).  Knows numbers;
must not know data or estimators.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, inf
from numbers import Integral, Real

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from sklearn_set._typing import Float, Int
from sklearn_set.validation import InvalidParameterError, check_values, interval, options

ASSUMPTIONS = ("none", "unimodal", "r-concave")
ASSUMPTION = (options(*ASSUMPTIONS),)
N_PAIRS = (interval(Integral, 1, 2**31 - 1, "both"),)
THRESHOLD = interval(Real, 0.5, 1, "right")
_CONSTRAINTS = {
    "n_features_per_half": (interval(Real, 0, inf, "neither"),),
    "n_features": (interval(Integral, 1, inf),),
    "threshold": (THRESHOLD,),
    "n_pairs": N_PAIRS,
    "assumption": ASSUMPTION,
}

# How far from even the r-concave distributions are that bounds compare.
_LEAST, _MOST = 1e-30, 1e9


def expected_false_selections(
    n_features_per_half: Float,
    n_features: Int,
    threshold: Float,
    *,
    n_pairs: Int = 50,
    assumption: str = "unimodal",
) -> float:
    """Bound the number of features that a stability selection selects by mistake.

    It needs no data, so a selection can be planned before it is computed.

    A feature is selected by mistake if a fit to half of the samples selects it with a probability
    of at most q / p only, that of a random choice. The bound is on the expected number of these
    features among the selected ones ([1]_). If noise features are exchangeable, and the fits are
    no worse than random choices, all noise features are among them ([2]_).

    Parameters
    ----------
    n_features_per_half : int or float
        How many features the fit to a half selects, or their mean number: q. At most `n_features`.
    n_features : int
        How many features there are: p.
    threshold : float
        The share of the halves from which on a feature is selected, in (0.5, 1].
    n_pairs : int, default=50
        Number of complementary pairs of halves: B.
    assumption : {"none", "unimodal", "r-concave"}, default="unimodal"
        What is taken for granted of the distribution of the selection frequencies of such
        features, and of the share of pairs in which both halves select one. "none": nothing. The
        bound is q² / ((2 threshold - 1) p), as in [2]_. "unimodal": the share of pairs has one
        mode. "r-concave": moreover, both are r-concave, with r = -1/4 and r = -1/2. The more is
        assumed, the lower the bound.

    Returns
    -------
    bound : float
        The expected number of false selections is at most this.

    Raises
    ------
    ValueError
        If a parameter is outside its range.

    See Also
    --------
    StabilitySelector : Selects features with such a bound.

    References
    ----------
    .. [1] R. D. Shah, R. J. Samworth, "Variable selection with error control: another look at
       stability selection", Journal of the Royal Statistical Society B 75, 2013, arXiv:1105.5578.
    .. [2] N. Meinshausen, P. Bühlmann, "Stability selection", Journal of the Royal Statistical
       Society B 72, 2010, arXiv:0809.2932.

    Examples
    --------
    >>> from sklearn_set.feature_selection import expected_false_selections
    >>> for assumption in ("none", "unimodal", "r-concave"):
    ...     bound = expected_false_selections(40, 2000, 0.75, assumption=assumption)
    ...     print(assumption, round(bound, 3))
    none 1.6
    unimodal 0.816
    r-concave 0.195
    """
    given = {
        "n_features_per_half": n_features_per_half,
        "n_features": n_features,
        "threshold": threshold,
        "n_pairs": n_pairs,
        "assumption": assumption,
    }
    values = check_values(given, _CONSTRAINTS, expected_false_selections.__name__)
    q, p, n_pairs = values["n_features_per_half"], values["n_features"], values["n_pairs"]
    if q > p:
        raise InvalidParameterError(
            f"n_features_per_half={q} must be at most n_features={p}: no half selects more "
            "features than there are."
        )
    n_halves = halves_needed(values["threshold"], n_pairs)
    return bound_at(n_halves, q, p, n_pairs, values["assumption"])


def halves_needed(threshold, n_pairs):
    """In how many halves a feature is selected whose frequency reaches a threshold."""
    n_halves = ceil(round(2 * n_pairs * threshold, 9))  # 0.7 is not 7 / 10 to the last bit
    return max(n_halves, n_pairs + 1)


def bound_at(n_halves, q, p, n_pairs, assumption):
    """The lowest of the bounds that hold under an assumption.

    Parameters
    ----------
    n_halves : int
        Features are selected that so many halves select, from ``n_pairs + 1`` to ``2 * n_pairs``.
    q : float
        Features that a half selects.
    p : int
        Features.
    n_pairs : int
    assumption : str
        One of `ASSUMPTIONS`.

    Returns
    -------
    float
    """
    if q == 0:
        return 0.0
    bounds = [_in_the_worst_case(n_halves, q, p, n_pairs)]
    if assumption != "none":  # what is r-concave is unimodal
        bounds.append(_if_unimodal(n_halves, q, p, n_pairs))
    if assumption == "r-concave":
        bounds.append(_if_r_concave(n_halves, q, p, n_pairs))
    return float(min(bounds))


def least_halves(most, q, p, n_pairs, assumption):
    """The lowest threshold whose bound is at most `most`, in halves; None if there is none."""
    low, high = n_pairs + 1, 2 * n_pairs  # the bound falls from one to the other
    if bound_at(high, q, p, n_pairs, assumption) > most:
        return None
    while low < high:
        middle = (low + high) // 2
        if bound_at(middle, q, p, n_pairs, assumption) <= most:
            high = middle
        else:
            low = middle + 1
    return low


def _in_the_worst_case(n_halves, q, p, n_pairs):
    """Theorem 1 of Shah and Samworth; the number is that of Meinshausen and Buehlmann."""
    return q**2 / p / (n_halves / n_pairs - 1)


def _if_unimodal(n_halves, q, p, n_pairs):
    """Theorem 2 of Shah and Samworth; infinite where it says nothing."""
    chance, share = q / p, n_halves / (2 * n_pairs)
    lowest = 0.5 + min(chance**2, 1 / (2 * n_pairs) + 0.75 * chance**2)
    if 3 * chance**2 > 1 or n_halves < n_pairs + 2 or share <= lowest:
        return inf
    if share <= 0.75:
        factor = 1 / (2 * (2 * share - 1 - 1 / (2 * n_pairs)))
    else:
        factor = 4 * (1 - share + 1 / (2 * n_pairs)) / (1 + 1 / n_pairs)
    return factor * q**2 / p


def _if_r_concave(n_halves, q, p, n_pairs):
    """The bound of section 3.3 of Shah and Samworth."""
    chance = q / p
    in_pairs = r_concave_tail(chance**2, n_halves - n_pairs, n_pairs, -1 / 2)
    in_halves = r_concave_tail(chance, n_halves, 2 * n_pairs, -1 / 4)
    return min(in_pairs, in_halves) * p


def r_concave_tail(mean, t, n, r):
    """The largest probability of {t, ..., n} under r-concave distributions on {0, ..., n}.

    The largest is that of a distribution in proportion to ``(a + i) ** (1 / r)`` on {0, ..., k},
    with what is missing in the mean at k + 1.

    Parameters
    ----------
    mean : float
        The mean is at most ``n * mean``.
    t, n : int
    r : float
        Below zero.

    Returns
    -------
    float
    """
    first, limits = _limits(mean, n, r)
    if t < first or first >= n:
        return 1.0  # nothing is known of so low thresholds, or of so few pairs
    largest = 0.0
    for k in range(max(first, t - 1), n):
        low, high = np.log(limits[k + 1 - first]), np.log(limits[k - first])

        def below(log_a, k=k):
            return _below(t, np.exp(log_a), k, n * mean, r)

        candidates = [below(low), below(high)]
        if low < high:
            found = minimize_scalar(below, bounds=(low, high), method="bounded")
            candidates.append(found.fun)
        largest = max(largest, 1 - min(candidates))
    return float(min(largest, 1.0))


def _below(t, a, k, mean, r):
    """The probability of {0, ..., t - 1} under the distribution whose main part ends at k."""
    i = np.arange(k + 1)
    density = (1 + i / a) ** (1 / r)
    return (k + 1 - mean) * density[:t].sum() / ((k + 1 - i) * density).sum()


@lru_cache(maxsize=64)
def _limits(mean, n, r):
    """For each k the `a` with which a distribution that ends at k has the mean, and the first k.

    Returns
    -------
    first : int
        The lowest k that is long enough for the mean.
    limits : list of float
        They fall.  Empty if there is no such k.
    """
    first, limits, high = ceil(2 * n * mean) + 1, [], _MOST
    for k in range(first, n + 1):
        i = np.arange(k + 1)

        def excess(log_a, i=i):
            density = (1 + i / np.exp(log_a)) ** (1 / r)
            return (i * density).sum() / density.sum() - n * mean

        if excess(np.log(_LEAST)) > 0:  # all of it is at zero, as far as numbers can tell
            high = _LEAST
        elif excess(np.log(high)) > 0:
            high = float(np.exp(brentq(excess, np.log(_LEAST), np.log(high), xtol=1e-13)))
        limits.append(high)
    return first, limits
