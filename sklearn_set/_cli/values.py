"""The numbers of a table: whether they are logarithms, which are missing, what is refused.

Knows matrices of numbers; must not know labels or files.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from sklearn_set._cli.files.messages import Refusal, count, some

RAW = ("auto", "log", "keep")
_CODES = (-99, -999, -9999, -99999)
_BEYOND_LOGARITHMS = 50


def log2_of(X):
    """log2(1 + x), and -log2(1 - x) of negative numbers, such as those of a background."""
    if sparse.issparse(X):
        return type(X)((log2_of(X.data), X.indices, X.indptr), shape=X.shape)
    return np.sign(X) * np.log2(1 + np.abs(X))


def checked(samples):
    """Values in single precision, C-contiguous or CSR, and how many cells are missing."""
    values = samples.values
    if values.shape[1] == 0:
        raise Refusal(f"has no column of numbers beside {samples.label}.")
    stored = values.data if sparse.issparse(values) else values
    with np.errstate(invalid="ignore"):
        large = np.abs(stored) > np.finfo(np.float32).max
    if large.any():
        where = values.indices[large] if sparse.issparse(values) else np.nonzero(large)[1]
        raise Refusal(
            f"has {count(large.sum(), 'cell')}, infinite or too large for float32, in "
            f"{names_of(samples.features, np.unique(where))}. Take logarithms, or correct them."
        )
    n_missing = int(np.isnan(stored).sum())
    if sparse.issparse(values):
        if n_missing:
            raise Refusal(
                f"lacks {count(n_missing, 'cell')} of its sparse matrix. Fill them first, or take "
                "these samples out."
            )
        return sparse.csr_array(values.astype(np.float32)), 0
    return np.ascontiguousarray(values, dtype=np.float32), n_missing


def names_of(features, columns):
    """A few features in words."""
    if features is None:
        return "columns " + some([str(column) for column in columns], str)
    return some([features[column] for column in columns])


def described(X, raw, genes):
    """Whether to take logarithms, what the numbers look like, and a sentence that says why.

    The rule for "auto" is the one by which GEO2R of NCBI decides: the largest numbers are beyond
    all logarithms, or they spread widely and hardly any is below zero. A few columns that are
    unlike the others, such as an age among genes, have no say.
    """
    odd = _odd_columns(X)
    usual = np.delete(X, odd, axis=1) if odd.size else X
    stored = usual.data if sparse.issparse(X) else usual
    n_zero = int(np.prod(X.shape)) - X.data.size if sparse.issparse(X) else 0
    finite = stored[np.isfinite(stored)]
    if raw == "auto" and not n_zero:
        _refuse_codes(X[np.isfinite(X)] if odd.size else finite)
    whole = bool(finite.size) and bool((finite >= 0).all() and (finite == np.round(finite)).all())
    low, quarter, median, high, top = _quantiles(finite, n_zero)
    counts = whole and top > _BEYOND_LOGARITHMS
    looks_raw = counts or high > 100 or (top - low > _BEYOND_LOGARITHMS and quarter > 0)
    kind = "counts" if counts else "raw intensities" if looks_raw else "logarithms or the like"
    told = f"Values run from {low:.4g} to {top:.4g}, median {median:.4g}: {kind}"
    apart = _told_odd(X, odd, genes)
    if raw == "log" or (raw == "auto" and looks_raw):
        negative = " (-log2(1 - x) where x is negative)" if low < 0 else ""
        off = "" if raw == "log" else "; --raw keep takes them as they are"
        return True, kind, f"{told}. log2(1 + x) is taken{negative}{off}.{apart}"
    on = "; --raw log takes logarithms" if raw == "auto" else ", as told"
    return False, kind, f"{told}. They are taken as they are{on}.{apart}"


def _odd_columns(X):
    """The few columns of a table that are far larger, or broken where others are whole numbers."""
    if sparse.issparse(X):
        return np.array([], dtype=int)  # of genes alone: other columns would not be sparse
    with np.errstate(all="ignore"):
        low, high = np.fmin.reduce(X, axis=0), np.fmax.reduce(X, axis=0)
        whole = (np.isnan(X) | ((np.round(X) == X) & (X >= 0))).all(axis=0)
        wide = np.fmax(high, high - low) > _BEYOND_LOGARITHMS
    n = X.shape[1]
    few, very_few = max(int(n > 3), n // 5), max(int(n > 3), min(5, n // 10))
    broken = np.flatnonzero(~whole)
    if broken.size <= very_few:  # counts, or levels such as 0, 1 and 2
        # Some of many counts are large; a handful that is large in every sample is of another kind.
        return np.union1d(broken, _far_larger(wide & whole, low, high, very_few))
    return _far_larger(wide, low, high, few)


def _far_larger(wide, low, high, most):
    """Columns that are wide, if they are few, and hardly any other comes near."""
    others = np.fmax(high, high - low)[~wide & np.isfinite(high)]
    if not others.size or wide.sum() > most or np.quantile(others, 0.95) > _BEYOND_LOGARITHMS / 2:
        return np.array([], dtype=int)
    return np.flatnonzero(wide)


def _told_odd(X, odd, genes):
    """Which columns had no say, in words."""
    if not odd.size:
        return ""
    ranges = [
        f"{genes[gene]!r} ({np.nanmin(X[:, gene]):.4g} to {np.nanmax(X[:, gene]):.4g})"
        for gene in odd
    ]
    verb = "is" if odd.size == 1 else "are"
    return (
        f" Unlike the others {verb} {some(ranges, str)}, which had no say: if that is no gene, "
        "leave it out with --ignore."
    )


def _refuse_codes(finite):
    """Refuse a number far below all others that often stands for a missing cell."""
    low = finite.min() if finite.size else 0
    others = finite[finite > low]
    if low in _CODES and others.size and others.min() > low / 2:
        n = finite.size - others.size
        raise Refusal(
            f"has {count(n, 'cell')} of {low:g}, far below all others, which run from "
            f"{others.min():.4g}. If that stands for missing cells, leave them empty; else say "
            "--raw keep or --raw log."
        )


def _quantiles(stored, n_zero):
    """Minimum, quartile, median, 99th percentile and maximum of numbers and some more zeros."""
    order = np.sort(stored, axis=None)
    n = order.size + n_zero
    n_below = int(np.searchsorted(order, 0.0))

    def at(share):
        place = int(share * (n - 1))
        if place < n_below:
            return order[place]
        if place < n_below + n_zero:
            return 0.0
        return order[place - n_zero]

    return [float(at(share)) for share in (0, 0.25, 0.5, 0.99, 1)]
