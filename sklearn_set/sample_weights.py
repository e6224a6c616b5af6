"""Sample weights: checks of them, and the unit that they are brought to.

Only the proportions of the weights count.  Knows arrays; must not know networks or estimators.
"""

from numbers import Number

import numpy as np
from sklearn.utils.validation import check_array, check_non_negative

# Weights are counts if they are whole multiples of the smallest one, and on average at most so many
# times as large.
FEW = 10
_WHOLE = 1e-6  # relative tolerance: counts times a constant in single precision are still counts


def check_sample_weight(sample_weight, n_samples, name="sample_weight", *, may_be_zero=False):
    """Sample weights as an array of double precision.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,), number or None
    n_samples : int
    name : str, default="sample_weight"
        Name of the argument, for messages.
    may_be_zero : bool, default=False
        Whether all may be zero, or none given: these are not all of the weights.

    Returns
    -------
    ndarray of shape (n_samples,), float64, or None

    Raises
    ------
    ValueError
        If some are not numbers, negative or infinite, if all are zero, or if there is not one for
        each sample.
    """
    if sample_weight is None:
        return None
    if isinstance(sample_weight, Number):
        sample_weight = np.full(n_samples, sample_weight)
    kind = getattr(getattr(sample_weight, "dtype", None), "kind", None)
    if kind == "c":
        raise ValueError(f"{name} must be real numbers, got complex numbers.")
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # too large is refused in words
            weight = check_array(
                sample_weight,
                ensure_2d=False,
                dtype=np.float64,
                order="C",
                ensure_min_samples=0 if may_be_zero else 1,
                input_name=name,
            )
    except (ValueError, TypeError, OverflowError) as error:
        if name in str(error):
            raise
        raise ValueError(f"{name} must be real numbers: {error}") from None
    if weight.ndim != 1:
        raise ValueError(f"Sample weights must be 1D array or scalar, got {name} of {weight.ndim}D")
    if weight.shape[0] != n_samples:
        raise ValueError(f"{name}.shape == {weight.shape}, expected {(n_samples,)}!")
    if weight.size:
        check_non_negative(weight, f"`{name}`")
    if not (may_be_zero or weight.any()):
        raise ValueError(
            f"Sample weights must contain at least one non-zero number, but all of {name} are zero."
        )
    return weight


def relative(weight, dtype):
    """Divide sample weights by a unit taken from them, so that only their proportions count.

    The unit is the mean of the weights above zero, so the penalty is as strong as without weights.
    Counts have another unit, the smallest weight above zero: a sample of count k is the sample
    given k times.  Weights are counts if they are whole multiples of the smallest one, and on
    average at most ten times as large.

    Parameters
    ----------
    weight : ndarray of shape (n_samples,), float64, or None
        Finite, not negative, not all zero.
    dtype : numpy.dtype

    Returns
    -------
    ndarray of shape (n_samples,) of `dtype`, or None
    """
    if weight is None:
        return None
    with np.errstate(under="ignore"):
        weight = weight / weight.max()  # now neither sums nor quotients overflow
        positive = weight[weight > 0]
        unit, multiples = positive.mean(), positive / positive.min()
        if multiples.mean() <= FEW and is_whole(multiples):
            unit = positive.min()
        return (weight / unit).astype(dtype)


def is_whole(multiples):
    """Whether numbers are whole, up to rounding."""
    return bool(np.allclose(multiples, np.rint(multiples), _WHOLE, 0))


def near_one(weight):
    """Weights times a power of two that brings the largest near one; None stays None.

    The proportions keep every bit, and neither sums nor products overflow.
    """
    return None if weight is None else np.ldexp(weight, -np.frexp(weight.max())[1])


def mean_weight(weight, rows):
    """Mean weight of those of the rows whose weight is above zero; 1.0 without weights.

    Parameters
    ----------
    weight : ndarray of shape (n_samples,) or None
    rows : ndarray of int

    Returns
    -------
    float
    """
    if weight is None:
        return 1.0
    weight = weight[rows]
    return float(weight.sum(dtype=np.float64) / max(np.count_nonzero(weight), 1))


def n_counting(weight, rows):
    """Number of the rows whose weight is above zero."""
    return rows.shape[0] if weight is None else int(np.count_nonzero(weight[rows]))
