"""Units of features and targets: an offset that is subtracted, and a scale to divide by.

A network learns best from numbers around zero, of about unit size.  This module brings the user's
numbers there, and predictions back.  Knows arrays, and the first and last layer of a network; must
not know estimators or time.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.special import ndtri

from sklearn_set._core import measured


@dataclass(frozen=True)
class FeatureUnits:
    """Units of features: a network reads ``(X - offset) * factor``.

    Attributes
    ----------
    offset : ndarray of shape (n_features,) and X's number type, or None
        The mean of a feature if its magnitude is larger than the standard deviation, else zero;
        None if all are zero.  Features with an offset are different from zero in most samples, so
        sparse data stay sparse.
    factor : float
        The power of two that brings the typical standard deviation nearest one.
    typical : float
        The quadratic mean of the standard deviations of the features, without the largest
        twentieth.
    disparity : float
        How much the scales of the features differ: the 95th percentile of their standard
        deviations divided by the 5th, or the largest divided by the median, if that is more.
    distance : float
        How many standard deviations the mean of a feature is away from zero: the median over the
        features.

    `typical`, `disparity` and `distance` are those of features that are not constant.
    """

    offset: np.ndarray | None
    factor: float
    typical: float
    disparity: float
    distance: float

    @classmethod
    def of(cls, X, weight, rows):
        """The units of some samples.

        Parameters
        ----------
        X : ndarray or CSR matrix of shape (n_samples, n_features)
        weight : ndarray of shape (n_samples,) or None
        rows : ndarray of int
            The samples that count.
        """
        shares = np.ones(rows.shape[0]) if weight is None else weight[rows].astype(np.float64)
        rows, shares = rows[shares > 0], shares[shares > 0]
        shares /= shares.sum()
        mean, square = np.zeros(X.shape[1]), np.zeros(X.shape[1])
        n_rows = max(1, measured.AT_ONCE // X.shape[1])
        numbers = X.data if sparse.issparse(X) else X
        largest = max(numbers.max(), -numbers.min()) if numbers.size else 0
        exponent = int(np.frexp(np.float64(largest))[1])  # no square overflows
        # Distances from one sample keep their digits, even if the mean is much larger.
        pivot = 0 if sparse.issparse(X) else np.ldexp(X[rows[0]].astype(np.float64), -exponent)
        with np.errstate(under="ignore"):
            for start in range(0, rows.shape[0], n_rows):
                part, share = rows[start : start + n_rows], shares[start : start + n_rows]
                values = X[part].astype(np.float64)
                if sparse.issparse(values):
                    values.data = np.ldexp(values.data, -exponent)
                    square += share @ values.power(2)
                    mean += share @ values
                else:
                    values = np.ldexp(values, -exponent) - pivot
                    # not BLAS, whose sums depend on its threads
                    square += np.einsum("i,ij,ij->j", share, values, values)
                    mean += np.einsum("i,ij->j", share, values)
            variance = square - mean**2
            mean += pivot
            is_rounding = variance <= 8 * _ROUNDING * square
            variance[is_rounding | (variance <= (_ROUNDING * mean) ** 2)] = 0
            far, varies = mean**2 > variance, variance > 0
            deviation = np.sqrt(variance)
            offset = np.where(varies, _to_digits(mean, deviation), _first_row(X, rows, exponent))
            offset = np.ldexp(np.where(far, offset, 0), exponent).astype(X.dtype)
        offset = offset if far.any() else None
        if not varies.any():
            return cls(offset, 1.0, 1.0, 1.0, 0.0)
        mean, deviation = mean[varies], deviation[varies]
        low, median, high = np.quantile(deviation, (0.05, 0.5, 0.95))
        typical = np.sqrt(np.mean(deviation[deviation <= high] ** 2))
        power = -np.rint(np.log2(typical) + exponent)
        limits = np.finfo(X.dtype)  # the power must be a number, and not a subnormal one
        return cls(
            offset,
            float(2.0 ** np.clip(power, limits.minexp, -limits.minexp)),
            float(np.ldexp(typical, exponent)),
            float(max(high / low, deviation.max() / median)),
            float(np.median(np.abs(mean) / deviation)),
        )

    @property
    def matter(self):
        """Whether features are so odd that a network would learn nothing of them as they are."""
        if self.distance < _FAR and 1 / _ODD < self.typical < _ODD:
            return False
        return self.typical <= _ABSURD  # beyond it training will fail, and say why

    @property
    def differ_much(self):
        """Whether few features would count, as long as the user does not scale them."""
        return self.disparity > _MUCH

    def warning(self, estimator):
        """What to tell the user then; `estimator` is the name of a class."""
        return (
            "The features of X are of very different scales: their standard deviations differ "
            f"by a factor of {self.disparity:.0f}, and those that vary little will hardly "
            "count. Scale them before, for example with make_pipeline(StandardScaler(), "
            f"{estimator}()), or take logarithms of raw intensities."
        )

    def install(self, network):
        """Make a trained network read data in these units, and predict the same as before.

        Parameters
        ----------
        network : SparseNetwork
            Its offset, factor and first layer are changed.
        """
        before, now = (0.0 if each is None else each for each in (network.offset, self.offset))
        relevance = 1.0 if network.relevance is None else network.relevance
        shift = np.broadcast_to((now - before) * network.factor * relevance, network.sizes[0])
        layer = network.layers[0]
        if shift.any():
            layer.bias[:] = layer.bias + shift @ layer.as_csr()
        if self.factor != network.factor:
            layer.weights *= network.factor / self.factor
        network.offset, network.factor = self.offset, self.factor


# If standard deviations of features differ by a larger factor, few of them count.
_MUCH = 100

# A network learns nothing if the typical feature is more than _FAR standard deviations from zero,
# or its standard deviation is above _ODD or below 1 / _ODD.  A standard deviation above _ABSURD is
# a mistake in the data.  About LOOKED_AT samples are enough to know.
_FAR = 20
_ODD = 1e4
_ABSURD = 1e100
LOOKED_AT = 500


def units_that_matter(X, weight, rows, must):
    """The units of features, or None if training reads the features as they are.

    Data with more samples than features are read as they are, unless they are so odd that nothing
    would be learned.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
    weight : ndarray of shape (n_samples,) or None
    rows : ndarray of int
        The samples that count.
    must : bool
        Whether units are needed in any case.

    Returns
    -------
    FeatureUnits or None
    """
    if X.shape[1] <= rows.shape[0] and not must:
        few_rows = rows[:: max(1, rows.shape[0] // LOOKED_AT)]
        if weight is not None and not weight[few_rows].any():
            return None
        if not FeatureUnits.of(X, weight, few_rows).matter:
            return None
    return FeatureUnits.of(X, weight, rows)


@dataclass(frozen=True)
class TargetUnits:
    """Units of targets: they bring targets to a middle of zero and a spread of one, and back.

    A network learns ``(y - offset) / scale``.  Its outputs times scale plus offset are predictions,
    so predictions follow when targets are multiplied or shifted.  Middle and spread are mean and
    standard deviation, or median and a distance between quantiles for robust losses.  Targets of
    exponential outputs keep their zero and are divided by their mean.

    Attributes
    ----------
    offset, scale : ndarray of shape (n_outputs,), float64
        `scale` is 1 where the spread (of exponential outputs the mean) is zero.
    middle, spread : ndarray of shape (n_outputs,), float64
        Of the targets so far.
    total : float
        Sum of the weights of these targets.
    exponential : bool
        Whether the outputs are exponentials.
    in_common : bool
        Whether one scale serves all outputs, which keeps the proportions between them.
    """

    offset: np.ndarray
    scale: np.ndarray
    middle: np.ndarray
    spread: np.ndarray
    total: float
    exponential: bool
    in_common: bool

    @classmethod
    def of(cls, targets, weight=None, *, tail=None, exponential=False, in_common=False):
        """The units of some targets.

        Parameters
        ----------
        targets : ndarray of shape (n_samples, n_outputs)
        weight : ndarray of shape (n_samples,), default=None
        tail : float in (0, 0.5), default=None
            Middle and spread are the median and the distance between the quantiles of `tail` and
            1 - `tail`, divided by that of normal numbers; None for mean and standard deviation.
        exponential, in_common : bool, default=False
            See the class.
        """
        targets = targets.astype(np.float64)
        weight = np.ones(targets.shape[0]) if weight is None else weight.astype(np.float64)
        targets, weight = targets[weight > 0], weight[weight > 0]
        total = weight.sum()
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            # Numbers of about one: neither their squares nor their sums overflow or vanish.
            size = _size(targets.max(axis=0), targets.min(axis=0))
            values = targets / size
            # not by BLAS, whose sums depend on its threads
            by_row = weight[:, np.newaxis]
            middle = (by_row * values).sum(axis=0) / total
            spread = np.sqrt((by_row * (values - middle) ** 2).sum(axis=0) / total)
            if tail is not None:
                middle = _quantile(values, weight, 0.5)
                low, high = (_quantile(values, weight, share) for share in (tail, 1 - tail))
                between = (high - low) / (ndtri(1 - tail) - ndtri(tail))
                spread = np.where(between > _ROUNDING * np.abs(middle), between, spread)
            spread[spread <= _ROUNDING * np.abs(middle)] = 0
            return cls._with(middle * size, spread * size, total, exponential, in_common)

    @classmethod
    def _with(cls, middle, spread, total, exponential, in_common):
        scale = np.abs(middle) if exponential else spread
        if in_common:
            size = _size(scale).max()
            scale = np.full_like(scale, np.sqrt(np.mean((scale / size) ** 2)) * size)
        return cls(
            offset=np.zeros_like(middle) if exponential else middle,
            scale=_rounded(np.where(scale > 0, scale, 1.0), 40),
            middle=middle,
            spread=spread,
            total=total,
            exponential=exponential,
            in_common=in_common,
        )

    def joined(self, other):
        """The units of these and other targets together; medians are joined by their mean."""
        total = self.total + other.total
        own, others = self.total / total, other.total / total
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            apart = other.middle - self.middle
            middle = own * self.middle + others * other.middle
            middle = np.where(apart == 0, self.middle, middle)  # the same to the last bit
            size = _size(self.spread, other.spread, apart)
            spread = size * np.sqrt(
                own * (self.spread / size) ** 2
                + others * (other.spread / size) ** 2
                + own * others * (apart / size) ** 2
            )
            spread[spread <= _ROUNDING * np.abs(middle)] = 0
            return self._with(middle, spread, total, self.exponential, self.in_common)

    @property
    def known(self):
        """A mask of the outputs whose scale is known: not all targets were equal, or zero."""
        return (self.middle if self.exponential else self.spread) != 0

    def to_network(self, targets, dtype):
        """Targets as the network learns them, C-ordered."""
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            return np.ascontiguousarray((targets - self.offset) / self.scale, dtype)

    @property
    def need_double(self):
        """Whether targets are so far from zero that single precision cannot tell them apart."""
        with np.errstate(over="ignore"):
            return bool((np.abs(self.offset) > _DIGITS_OF_SINGLE * self.scale).any())

    def to_user(self, predicted):
        """Predictions in the user's units, in double precision if targets need it."""
        dtype = np.float64 if self.need_double else predicted.dtype
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            return (predicted * self.scale + self.offset).astype(dtype, copy=False)

    def is_near(self, other):
        """Whether other units are so similar that predictions of a network may still be right."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            ratio, apart = other.scale / self.scale, np.abs(other.offset - self.offset)
            return bool(
                ((ratio < _NEAR) & (ratio > 1 / _NEAR) & (apart < _NEAR * self.scale)).all()
            )

    def rescale(self, layer, before):
        """Change the last layer of a network so that its predictions are the same in these units.

        Where all targets were equal, no scale is known yet, and the weights stay.  After Pop-Art
        (van Hasselt et al., 2016, arXiv 1602.07714, prop. 1).

        Parameters
        ----------
        layer : SparseLayer
            Changed.
        before : TargetUnits
            The units that the layer has been trained in.
        """
        known = before.known & self.known
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            factor = np.where(known, before.scale / self.scale, 1.0)
            if self.exponential:
                layer.bias[:] = layer.bias + np.log(factor)
                return
            shift = np.where(known, (before.offset - self.offset) / self.scale, 0.0)
            layer.weights *= factor[layer.topology.indices].astype(layer.weights.dtype)
            layer.bias[:] = layer.bias * factor + shift

    def equals(self, other):
        """Whether both standardise targets in the same way."""
        return np.array_equal(self.offset, other.offset) and np.array_equal(self.scale, other.scale)


# If an offset is so many scales, single precision keeps two digits of a target.
_DIGITS_OF_SINGLE = 1e5

# Units are similar if offsets differ by fewer scales than this, and scales by a smaller factor.
_NEAR = 10

# A spread below this share of the middle comes from rounding: the numbers are equal.
_ROUNDING = 8 * np.finfo(np.float64).eps


def _quantile(values, weight, share):
    """A quantile of every column; if the share falls between two values, their mean."""
    order = np.argsort(values, axis=0, kind="stable")
    ascending = np.take_along_axis(values, order, axis=0)
    below = np.cumsum(weight[order], axis=0)
    below /= below[-1]
    # Weights times a constant are rounded differently, and must give the same quantile.
    shares = share - 1e-9, min(share + 1e-9, 1.0)
    low, high = ((below < each).sum(axis=0) for each in shares)
    columns = np.arange(values.shape[1])
    return (ascending[low, columns] + ascending[high, columns]) / 2


def _to_digits(mean, deviation):
    """Means rounded to a millionth of the standard deviation, so that few bits are left.

    Sums over samples, and over counts of them or over sparse data, then are the same number.
    """
    _, exponent = np.frexp(deviation)
    return np.ldexp(np.rint(np.ldexp(mean, 20 - exponent)), exponent - 20)


def _first_row(X, rows, exponent):
    """The first of some samples: the values of constant features."""
    row = X[rows[:1]]
    row = row.toarray() if sparse.issparse(row) else row
    return np.ldexp(row[0].astype(np.float64), -exponent)


def _rounded(values, n_bits):
    """Numbers rounded to `n_bits` bits.

    A sum over repeated samples and a sum over counts differ in their last bits.  Rounded, they are
    the same.
    """
    fraction, exponent = np.frexp(values)
    return np.ldexp(np.rint(np.ldexp(fraction, n_bits)), exponent - n_bits)


def _size(*values):
    """The largest magnitude for each output; 1 where all are zero."""
    size = np.max(np.abs(values), axis=0)
    return np.where(size > 0, size, 1.0)
