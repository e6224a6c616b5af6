"""Partitions on the workers: what is read and checked there, and what a client must know of it.

Every function is pure, and runs where the partition is.  Knows arrays and the local estimators'
checks; must not know Dask, or how a network is trained.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_array

from sklearn_set.data_checks import check_sparse
from sklearn_set.refusals import raise_explained
from sklearn_set.sample_weights import check_sample_weight, is_whole
from sklearn_set.samples import Samples, check_n_samples
from sklearn_set.scaling import TargetUnits


@dataclass(frozen=True)
class Part:
    """One partition.

    Attributes
    ----------
    number : int
        Of the partition among all.
    X : Samples
        Once prepared; before, an array or CSR matrix.
    y : ndarray
        What the network learns, once prepared; before, what the user passed.
    weight : ndarray of shape (n_samples,) or None
    """

    number: int
    X: object
    y: np.ndarray
    weight: np.ndarray | None

    @property
    def n_samples(self):
        """Number of samples."""
        return self.y.shape[0]

    @property
    def nbytes(self):
        """Bytes of all arrays."""
        X = self.X
        if isinstance(X, Samples):
            arrays = [X.values, X.indices, X.indptr]
        else:
            arrays = [X.data, X.indices, X.indptr] if sparse.issparse(X) else [X]
        return sum(each.nbytes for each in [*arrays, self.y, self.weight] if each is not None)

    def __sizeof__(self):
        return self.nbytes


@dataclass(frozen=True)
class Facts:
    """What a client must know of a partition before training.

    Attributes
    ----------
    n_samples, n_features, n_bytes : int
    dtype : numpy.dtype
        Of X.
    n_dims : int
        Of y.
    y : ndarray or None
        Labels that occur, or for numbers and matrices the lowest and the highest of each column;
        None without samples.
    counts : ndarray
        How often each label occurs, or of a matrix of labels how many are 1.
    names : list or None
        Of the features, if they have names.
    """

    n_samples: int
    n_features: int
    n_bytes: int
    dtype: np.dtype
    n_dims: int
    y: np.ndarray | None
    counts: np.ndarray | None
    names: list | None


def examined(X, y, weight, number, local):
    """Check a partition; return it as arrays, and the facts.

    Parameters
    ----------
    X, y, weight : object
        Blocks of the user's collections; `weight` may be None.
    number : int
    local : SETClassifier or SETRegressor
        It knows what X and y may be.

    Returns
    -------
    Part, Facts
    """
    try:
        names = list(X.columns) if hasattr(X, "columns") else None
        check_sparse(X, "X")
        try:
            X = check_array(
                X,
                accept_sparse="csr",
                dtype=local._accepted_dtypes(),
                order="C",
                ensure_min_samples=0,
                input_name="X",
            )
        except (ValueError, TypeError) as error:
            raise_explained(error, X, "X", type(local).__name__)
        local._check_targets(y, "y")
        y = check_array(
            y,
            accept_sparse="csr",
            ensure_2d=False,
            dtype="numeric" if local._y_numeric else None,
            ensure_min_samples=0,
            input_name="y",
        )
        if sparse.issparse(y):
            y = y.toarray()
        if y.ndim == 2 and y.shape[1] == 1:
            y = y.ravel()
        check_n_samples(X.shape[0])
        if X.shape[0] != y.shape[0]:
            raise ValueError(f"X has {X.shape[0]} samples, but y has {y.shape[0]}.")
        if weight is not None:
            weight = np.asarray(weight)
            weight = weight.ravel() if weight.ndim == 2 and weight.shape[1] == 1 else weight
            if X.shape[0] == 0:
                weight = np.empty(0)
            weight = check_sample_weight(weight, X.shape[0], may_be_zero=True)
    except (ValueError, TypeError) as error:
        raise type(error)(f"Partition {number} of the data cannot be used: {error}") from None
    part = Part(number, X, y, weight)
    found = counts = None
    if y.shape[0] and (y.ndim == 2 or local._y_numeric):
        found = np.stack([y.min(axis=0), y.max(axis=0)])
        counts = None if local._y_numeric else (y != 0).sum(axis=0)
    elif y.shape[0]:
        found, counts = np.unique(y, return_counts=True)
    return part, Facts(*X.shape, part.nbytes, X.dtype, y.ndim, found, counts, names)


def first(pair):
    """The first of two."""
    return pair[0]


def second(pair):
    """The second of two."""
    return pair[1]


def encoded(part, local, dtype):
    """Bring X to the number type, y to what the network learns; weigh samples by class."""
    try:
        X = check_array(part.X, accept_sparse="csr", dtype=dtype, order="C", input_name="X")
        y, targets, _, _ = local._encode(part.y, goes_on=True, is_part=True)
    except (ValueError, TypeError) as error:
        raise type(error)(f"Partition {part.number} of the data cannot be used: {error}") from None
    weight = local._with_class_weight(part.weight, y, False)
    return Part(part.number, Samples(X), targets, weight)


@dataclass(frozen=True)
class WeightFacts:
    """Least and largest weight above zero, their sum and number; all zero without any."""

    least: float
    largest: float
    total: float
    n: int


def weight_facts(part):
    """See `WeightFacts`."""
    positive = part.weight[part.weight > 0]
    if not positive.size:
        return WeightFacts(0.0, 0.0, 0.0, 0)
    return WeightFacts(
        float(positive.min()), float(positive.max()), float(positive.sum()), positive.shape[0]
    )


def has_counts(part, least):
    """Whether all weights are whole multiples of the least."""
    return is_whole(part.weight[part.weight > 0] / least)


def weighed(part, unit, dtype):
    """Weights in a unit."""
    return replace(part, weight=(part.weight / unit).astype(dtype))


def target_units(part, tail, exponential, in_common):
    """Units of a part's targets, and their largest magnitude; units are None without weight."""
    largest = float(np.abs(part.y, dtype=np.float64).max())
    if part.weight is not None and not part.weight.any():
        return None, largest
    units = TargetUnits.of(
        part.y, part.weight, tail=tail, exponential=exponential, in_common=in_common
    )
    return units, largest


def in_units(part, units, dtype):
    """Targets as the network reads them; classes have no units."""
    y = part.y
    if units is None:
        y = np.ascontiguousarray(y, np.int32 if y.ndim == 1 else dtype)
    else:
        y = units.to_network(y, dtype)
    return replace(part, y=y)


def some_rows(part, share):
    """A share of the samples, at least one, evenly spread, and their weights."""
    n_rows = max(1, round(share * part.n_samples))
    rows = np.unique(np.linspace(0, part.n_samples - 1, n_rows).astype(np.int64))
    return part.X.matrix()[rows], None if part.weight is None else part.weight[rows]


def n_samples(part):
    """Number of samples of a part."""
    return part.n_samples
