"""How relevant each feature is by itself: what it tells of the targets, beside what chance would.

Where features are many and samples too few for a search among networks, this is what can be known
of a feature: the association of it alone with the targets, and from all features together how often
chance alone goes as far.  Knows arrays; must not know networks, estimators or time.
"""

import numpy as np
from scipy import sparse
from scipy.optimize import isotonic_regression
from scipy.special import fdtrc

from sklearn_set._core import measured

# The least relevance, as a share of the largest: what a feature may still tell with others.
_LEAST = 0.05

# Smaller p-values tell no more: what is certain must not outshine what is likely.
_SUREST = 1e-15

# Of p-values above this, nearly all are of features that tell nothing.
_BY_CHANCE = 0.5

# Bits of a relevance.
_BITS = 12


def relevance_of(X, targets, weight, rows, offset=None, factor=1.0):
    """How relevant each feature is by itself.

    A feature's association with the targets has a p-value, by an F test: of class numbers whether
    their means differ, of other targets whether a regression on the feature alone explains anything
    of the one that it explains best.  The relevance is the product of -log(p) and of the
    probability that the association is real: one minus the local false discovery rate of Efron et
    al. (2001, JASA 96, 1151), with the decreasing density of p-values estimated as in Strimmer
    (2008, BMC Bioinformatics 9, 303).

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
    targets : ndarray of shape (n_samples,), int, or (n_samples, n_outputs), float
        Class numbers, or targets.
    weight : ndarray of shape (n_samples,) or None
        In the unit of `sample_weights.relative`: they add up to as many samples.
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
    total = share.sum()
    share /= total
    with np.errstate(all="ignore"):  # features that cannot be judged tell nothing
        explained, n_explaining = _explained(X, targets, share, rows, offset, factor)
        n_left = total - 1 - n_explaining
        if n_explaining == 0 or not n_left > 0:
            return None
        explained = np.clip(np.where(np.isfinite(explained), explained, 0), 0, 1 - 1e-12)
        F = explained / (1 - explained) * (n_left / n_explaining)
        n_tests = F.shape[0]
        p = np.minimum(1, n_tests * fdtrc(n_explaining, n_left, F.max(axis=0)))
    relevance = (1 - false_discovery_rates(p)) * -np.log(np.maximum(p, _SUREST))
    largest = relevance.max(initial=0)
    if not largest > 0:
        return None
    relevance = np.maximum(relevance / largest, _LEAST)
    return _rounded(relevance / np.sqrt(np.mean(relevance**2)))


def _rounded(values):
    """To a few bits: dense and sparse data, which are added up differently, are weighed alike."""
    part, exponent = np.frexp(values)
    return np.ldexp(np.rint(np.ldexp(part, _BITS)), exponent - _BITS)


def false_discovery_rates(p):
    """The probability of each p-value that it comes from chance alone.

    Parameters
    ----------
    p : ndarray of shape (n,)
        Uniform between 0 and 1 where chance alone is at work.

    Returns
    -------
    ndarray of shape (n,)
    """
    values, place, counts = np.unique(p, return_inverse=True, return_counts=True)
    # Slopes of the least concave majorant of the distribution: a density that decreases.
    gaps = np.diff(values, prepend=0.0)
    gaps = np.maximum(gaps, 1e-300)  # of zeros; no density is infinite
    slopes = counts / p.shape[0] / gaps
    density = isotonic_regression(slopes, weights=gaps, increasing=False).x
    by_chance = min(1.0, np.mean(p > _BY_CHANCE) / (1 - _BY_CHANCE))
    return np.minimum(1.0, by_chance / density)[place]


def _explained(X, targets, share, rows, offset, factor):
    """The share of each feature's variance that targets explain, and their degrees of freedom.

    Of shape (1, n_features) for class numbers, else (n_outputs, n_features).
    """
    if targets.ndim == 1:
        classes, codes = np.unique(targets[rows], return_inverse=True)
        tables = np.zeros((classes.shape[0], rows.shape[0]))
        tables[codes, np.arange(rows.shape[0])] = share
        weights = tables.sum(axis=1)
    else:
        centred = targets[rows] - share @ targets[rows]
        tables = (share[:, np.newaxis] * centred).T
        weights = np.einsum("ib,bi->i", tables, centred)
    mean, variance, products = _moments(X, tables, share, rows, offset, factor)
    if targets.ndim == 1:
        apart = products / weights[:, np.newaxis] - mean
        between = np.einsum("i,ij,ij->j", weights, apart, apart)
        return (between / variance)[np.newaxis], classes.shape[0] - 1
    return products**2 / weights[:, np.newaxis] / variance, 1


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
    variance[variance <= 64 * np.finfo(np.float64).eps * square] = np.nan  # rounding, no variance
    return mean, variance, products
