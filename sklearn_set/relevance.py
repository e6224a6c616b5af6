"""How relevant each feature is by itself: what it tells of the targets, beside what chance would.

Where features are many and samples too few for a search among networks, this is what can be known
of a feature: the association of it alone with the targets, and from all features together how much
of that will be found again.  Knows arrays; must not know networks, estimators or time.
"""

import numpy as np
from scipy import sparse
from scipy.special import betainc, betaincinv, chdtrc, chdtri

from sklearn_set._core import measured
from sklearn_set._core.mixture import proportions

# The least relevance: what a feature may still tell with others.
_LEAST = 0.05

# Smaller p-values tell no more: what is certain must not outshine what is likely.
_SUREST = 1e-15

# Strengths of associations beside chance: none, and these powers of two and all above that occur.
# The prior is worth so many features that tell nothing.  So many steps of expectation maximisation
# find how often each strength occurs, from statistics on a grid of so many steps.
_WEAKEST = -4
_PRIOR = 10.0
_N_STEPS = 200
_N_INTERVALS = 256

# Steps of the table from which p-values are read: a p-value takes a tenth of a microsecond.
_N_TABULATED = 1024

# Bits of a relevance.
_BITS = 12

_EPSILON = np.finfo(np.float64).eps


def relevance_of(X, targets, weight, rows, offset=None, factor=1.0):
    """How relevant each feature is by itself.

    A feature's association with the targets has a p-value, by an F test: of class numbers whether
    their means differ, of other targets whether a regression on the feature alone explains anything
    of the one that it explains best.  The relevance is the share of the association that is not
    due to chance: see `shares_of_associations`.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
    targets : ndarray of shape (n_samples,), int, or (n_samples, n_outputs), float
        Class numbers, or targets.
    weight : ndarray of shape (n_samples,) or None
        In the unit of `sample_weights.relative`.
    rows : ndarray of int
        The samples that count.
    offset : ndarray of shape (n_features,), default=None
        Near which features lie.
    factor : float, default=1.0
        By which they are near one.

    Returns
    -------
    ndarray of shape (n_features,), float64, or None
        Above zero, with a quadratic mean of one.  None where nothing tells features apart.
    """
    if weight is not None:
        rows = rows[weight[rows] > 0]
    share = np.ones(rows.shape[0]) if weight is None else weight[rows].astype(np.float64)
    n_samples = _n_samples_of(share)
    share /= share.sum()
    with np.errstate(all="ignore"):  # features that cannot be judged tell nothing
        explained, n_explaining = _explained(X, targets, share, rows, offset, factor)
        n_left = n_samples - 1 - n_explaining
        varies = np.isfinite(explained).any(axis=0)
        if n_explaining == 0 or not n_left > 0 or not varies.any():
            return None
        n_tests = np.count_nonzero(np.isfinite(explained).any(axis=1))
        explained = np.nan_to_num(explained, nan=0.0, posinf=1.0).max(axis=0)[varies]
        p = _p_values(explained, n_explaining, n_left, n_tests)
    relevance = np.full(X.shape[1], _LEAST)
    shares = shares_of_associations(p, n_explaining)
    relevance[varies] = np.maximum(shares, _LEAST)
    if relevance.min() == relevance.max():
        return None
    return _rounded(relevance / np.sqrt(np.mean(relevance**2)))


def _p_values(explained, n_explaining, n_left, n_tests):
    """p-values of F tests, by the share that is explained, the largest of so many tests.

    They are read from a table.  Under chance, what is not explained follows a beta distribution.
    """
    freedom = n_left / 2, n_explaining / 2
    sure = betaincinv(*freedom, _SUREST / n_tests)  # all beyond are as sure
    angles = np.linspace(0, np.arccos(np.sqrt(sure)), _N_TABULATED + 1)
    p = -np.expm1(n_tests * np.log1p(-betainc(*freedom, np.cos(angles) ** 2)))
    return np.interp(explained, np.sin(angles) ** 2, p)


def _n_samples_of(weight):
    """How many equal samples would tell as much: counts add up, other weights tell less."""
    total = weight.sum()
    if np.allclose(weight, np.rint(weight), 1e-6, 0):
        return total
    return total**2 / np.square(weight).sum()


def _rounded(values):
    """To a few bits: dense and sparse data, which are added up differently, are weighed alike."""
    part, exponent = np.frexp(values)
    return np.ldexp(np.rint(np.ldexp(part, _BITS)), exponent - _BITS)


def shares_of_associations(p, n_explaining):
    """Which share of each association is not due to chance, as far as all of them together tell.

    A p-value is that of a sum of squares of `n_explaining` normal numbers, which are chance with a
    variance of one, and what is real with a variance of t.  The share is t / (1 + t), by which an
    estimate is to be multiplied.  How often each t occurs is found from all p-values (Stephens,
    2017, Biostatistics 18, 275); a share is the mean over what a feature's t may be.  So a feature
    that stands out has a share near one, and others have next to none; where all associations are
    somewhat larger than by chance, all shares are the same.

    Parameters
    ----------
    p : ndarray of shape (n,)
        Uniform between 0 and 1 where chance alone is at work.
    n_explaining : int
        Degrees of freedom.

    Returns
    -------
    ndarray of shape (n,)
        Between 0 and 1; it does not grow with p.
    """
    largest = chdtri(n_explaining, _SUREST)
    sums = np.square(np.linspace(0, np.sqrt(largest), _N_INTERVALS + 1))
    strength = 2.0 ** np.arange(_WEAKEST, np.log2(largest / n_explaining) + 1)
    strength = np.concatenate([[0.0], strength])
    # Between two points of the grid a feature counts for both: no rounding decides.
    surprises = -np.log(chdtrc(n_explaining, sums))
    place = np.interp(-np.log(np.maximum(p, _SUREST)), surprises, np.arange(_N_INTERVALS + 1))
    below = np.minimum(place.astype(np.intp), _N_INTERVALS - 1)
    above = place - below
    counts = np.bincount(below, 1 - above, _N_INTERVALS + 1)
    counts += np.bincount(below + 1, above, _N_INTERVALS + 1)

    likelihood = -0.5 * np.outer(sums, 1 / (1 + strength))
    likelihood -= 0.5 * n_explaining * np.log1p(strength)
    likelihood = np.exp(likelihood - likelihood.max(axis=1, keepdims=True))
    often = proportions(likelihood, counts, _PRIOR, _N_STEPS)
    shares = np.einsum("t,st->s", often * strength / (1 + strength), likelihood)
    shares /= np.einsum("t,st->s", often, likelihood)
    return shares[below] * (1 - above) + shares[below + 1] * above


def _explained(X, targets, share, rows, offset, factor):
    """The share of each feature's variance that targets explain, and their degrees of freedom.

    Of shape (1, n_features) for class numbers, else (n_outputs, n_features).  It is nan where
    feature or target is constant.
    """
    if targets.ndim == 1:
        classes, codes = np.unique(targets[rows], return_inverse=True)
        tables = np.zeros((classes.shape[0], rows.shape[0]))
        tables[codes, np.arange(rows.shape[0])] = share
        weights = tables.sum(axis=1)
    else:
        centred = _centred(targets[rows], share)
        tables = (share[:, np.newaxis] * centred).T
        weights = np.einsum("ib,bi->i", tables, centred)
    mean, variance, products = _moments(X, tables, share, rows, offset, factor)
    if targets.ndim == 1:
        apart = products / weights[:, np.newaxis] - mean
        between = np.einsum("i,ij,ij->j", weights, apart, apart)
        return (between / variance)[np.newaxis], classes.shape[0] - 1
    return products**2 / weights[:, np.newaxis] / variance, 1


def _centred(targets, share):
    """Targets of about one without their means; zero where they are constant."""
    targets = targets.astype(np.float64)
    size = np.ldexp(1.0, -np.frexp(np.abs(targets).max(axis=0))[1])  # no square overflows
    targets *= size
    apart = targets - targets[0]
    apart -= np.einsum("b,bi->i", share, apart)  # not BLAS, whose sums depend on its threads
    spread = np.abs(apart).max(axis=0)
    apart[:, spread <= 8 * _EPSILON * np.abs(targets[0])] = 0
    return apart * np.ldexp(1.0, -np.frexp(spread)[1])


def _moments(X, tables, share, rows, offset, factor):
    """Mean and variance of the features, and the products of some tables with them."""
    n_features = X.shape[1]
    mean, square = np.zeros(n_features), np.zeros(n_features)
    products = np.zeros((tables.shape[0], n_features))
    # Distances from the middle keep their digits, even if the mean is much larger.
    middle = None if offset is None or sparse.issparse(X) else offset.astype(np.float64)
    n_rows = max(1, measured.AT_ONCE // n_features)
    for start in range(0, rows.shape[0], n_rows):
        part = slice(start, start + n_rows)
        values = X[rows[part]].astype(np.float64)
        if sparse.issparse(values):
            values.data *= factor
            mean += share[part] @ values
            square += share[part] @ values.power(2)
            products += tables[:, part] @ values
        else:
            if middle is not None:
                values -= middle
            if factor != 1:
                values *= factor
            # not BLAS, whose sums depend on its threads
            mean += np.einsum("b,bj->j", share[part], values)
            for table, product in zip(tables, products, strict=True):
                product += np.einsum("b,bj->j", table[part], values)
            square += np.einsum("b,bj->j", share[part], np.square(values, out=values))
    variance = square - mean**2
    variance[variance <= 64 * _EPSILON * square] = np.nan  # rounding, no variance
    return mean, variance, products
