"""Generated data in the shape of microarray studies: few samples, many genes, few informative.

The generator serves examples and tests that must run offline. Knows random numbers; must not know
any estimator, so that its data favour none.
"""

from __future__ import annotations

from math import inf
from numbers import Integral, Real
from typing import Literal, TypedDict, Unpack, overload

import numpy as np
from numpy.typing import ArrayLike, DTypeLike
from sklearn.utils import Bunch, check_random_state, gen_batches

from sklearn_set._typing import Float, Floats, Int, Ints, RandomState
from sklearn_set.validation import (
    BOOLEAN,
    FLOAT_TYPE,
    NONE,
    RANDOM_STATE,
    InvalidParameterError,
    check_values,
    interval,
    options,
    sequence_of,
)

_COUNT = interval(Integral, 1, 2**31 - 1, "both")
_CONSTRAINTS = {
    "n_samples": (_COUNT,),
    "n_features": (_COUNT,),
    "n_informative": (interval(Integral, 0, inf), NONE),
    "n_classes": (interval(Integral, 2, 2**31 - 1, "both"),),
    "weights": (
        sequence_of(interval(Real, 0, 1, "neither"), "an array-like of floats in the range (0, 1)"),
        NONE,
    ),
    "class_sep": (interval(Real, 0, inf),),
    "n_modules": (_COUNT, NONE),
    "module_correlation": (interval(Real, 0, 1),),
    "log_intensity": BOOLEAN,
    "random_state": RANDOM_STATE,
    "dtype": (options("float32", "float64"), FLOAT_TYPE),
    "return_X_y": BOOLEAN,
}

# Scratch rows are drawn in blocks of about this many values (2 MB), so that memory holds X once.
_BLOCK_VALUES = 2**18

# The base-2 logarithm of the brightest pixel that a 16-bit scanner can tell from a brighter one.
_SATURATION = 16.0

_DESCR = """\
Synthetic data in the shape of a microarray study.

{n_samples} samples, {n_features} genes, {n_classes} classes with {class_counts} samples.
{n_informative} genes (their indices are in `informative`) differ between classes by {class_sep:g}
standard deviations. Genes are correlated in {n_modules} modules of neighbours (`modules` has the
module of each gene); two genes of a module have a correlation of {module_correlation:g} within a
class.
"""


class _Settings(TypedDict, total=False):
    """Parameters that do not change the type of the result."""

    n_informative: Int | None
    n_classes: Int
    weights: ArrayLike | None
    class_sep: Float
    n_modules: Int | None
    module_correlation: Float
    log_intensity: bool
    random_state: RandomState
    dtype: DTypeLike


@overload
def make_microarray(
    n_samples: Int = ...,
    n_features: Int = ...,
    *,
    return_X_y: Literal[True] = ...,
    **settings: Unpack[_Settings],
) -> tuple[Floats, Ints]: ...
@overload
def make_microarray(
    n_samples: Int = ...,
    n_features: Int = ...,
    *,
    return_X_y: Literal[False],
    **settings: Unpack[_Settings],
) -> Bunch: ...
@overload
def make_microarray(
    n_samples: Int = ...,
    n_features: Int = ...,
    *,
    return_X_y: bool,
    **settings: Unpack[_Settings],
) -> tuple[Floats, Ints] | Bunch: ...
def make_microarray(
    n_samples: Int = 200,
    n_features: Int = 20000,
    *,
    n_informative: Int | None = None,
    n_classes: Int = 2,
    weights: ArrayLike | None = None,
    class_sep: Float = 1.5,
    n_modules: Int | None = None,
    module_correlation: Float = 0.3,
    log_intensity: bool = False,
    random_state: RandomState = None,
    dtype: DTypeLike = "float64",
    return_X_y: bool = True,
) -> tuple[Floats, Ints] | Bunch:
    """Generate a classification problem in the shape of a microarray study.

    Within a class, every gene is normal with variance 1. Genes come in modules of neighbours
    that are co-expressed: each module has a latent factor, and the expression of gene j in
    module m is ``sqrt(r) * factor_m + sqrt(1 - r) * noise_j``, where ``r`` is
    `module_correlation`. An informative gene, drawn at random among all, is over-expressed by
    `class_sep` in half of the classes (rounded down), which are drawn for each gene.

    The classes are easy to tell apart by the informative genes alone, and hard for a dense model,
    which sees these among all the others.

    Parameters
    ----------
    n_samples : int, default=200
        Number of samples, at least 1. Each class must get one or more of them.
    n_features : int, default=20000
        Number of genes, at least 1.
    n_informative : int, default=None
        Number of genes that differ between classes, from 0 to `n_features`. None means one gene
        in a hundred, at least one.
    n_classes : int, default=2
        Number of classes, at least 2.
    weights : array-like of float, shape (n_classes,) or (n_classes - 1,), default=None
        The proportions of the classes, each in (0, 1), with sum 1. The last one may be left out.
        Class sizes are exact up to rounding. None means equal proportions.
    class_sep : float, default=1.5
        How far apart the two levels of an informative gene are, in standard deviations of the
        gene within a class. At least 0.
    n_modules : int, default=None
        Number of modules, from 1 to `n_features`, of about equal sizes. None means one module
        per hundred genes, at least one.
    module_correlation : float, default=0.3
        Correlation within a class of two genes of the same module, in [0, 1). Genes of different
        modules are independent.
    log_intensity : bool, default=False
        If True, values look like base-2 logarithms of the intensities of a 16-bit scanner: every
        gene has its own level, from 5 to 12, and its own standard deviation, from 0.2 to 0.8,
        and values are clipped to [0, 16]. Standardizing each gene brings back the data that
        False generates with the same `random_state`, except for clipped values.
    random_state : int, RandomState instance or None, default=None
        Pass an int for the same data at every call.
    dtype : {"float32", "float64"} or numpy type, default="float64"
        The dtype of the expression values. The values are drawn in double precision and then
        rounded, so that the problem is the same for both.
    return_X_y : bool, default=True
        If True, return ``(X, y)``, otherwise a `Bunch`.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features) and dtype `dtype`
        The expression values, C-ordered.
    y : ndarray of shape (n_samples,) and dtype int64
        The class of each sample, from 0 to ``n_classes - 1``, in random order.
    data : :class:`~sklearn.utils.Bunch`
        Returned instead of both if `return_X_y` is False, with these attributes.

        data : ndarray of shape (n_samples, n_features)
            X.
        target : ndarray of shape (n_samples,)
            y.
        informative : ndarray of shape (n_informative,) and dtype int64
            The sorted indices of the informative genes.
        modules : ndarray of shape (n_features,) and dtype int64
            The module of each gene, from 0 to ``n_modules - 1``.
        feature_names : list of str
            The names of the genes.
        target_names : ndarray of shape (n_classes,)
            The names of the classes.
        DESCR : str
            A description of the data.

    Raises
    ------
    ValueError
        If a parameter is outside its range, `n_informative` or `n_modules` exceeds `n_features`,
        `weights` do not fit `n_classes` or do not sum to 1, or a class would have no sample.

    See Also
    --------
    sklearn.datasets.make_classification : A generator of correlated features without modules.

    Examples
    --------
    >>> from sklearn_set.datasets import make_microarray
    >>> X, y = make_microarray(n_samples=60, n_features=1000, weights=[0.7], random_state=0)
    >>> X.shape, (y == 1).sum().item()
    ((60, 1000), 18)
    """
    given = check_values(locals(), _CONSTRAINTS, "make_microarray")
    n_samples, n_features, n_classes = (
        given[name] for name in ("n_samples", "n_features", "n_classes")
    )
    n_informative, n_modules = (
        _count(name, given[name], n_features) for name in ("n_informative", "n_modules")
    )
    class_sep, module_correlation = given["class_sep"], given["module_correlation"]
    class_sizes = _class_sizes(n_samples, n_classes, weights)

    # A Generator is several times faster than the RandomState that users hand over.
    seed = check_random_state(random_state).randint(2**32, size=4, dtype=np.uint32)
    rng = np.random.default_rng(seed)

    y = rng.permutation(np.repeat(np.arange(n_classes, dtype=np.int64), class_sizes))
    modules = np.arange(n_features, dtype=np.int64) * n_modules // n_features
    informative = np.sort(rng.choice(n_features, n_informative, replace=False).astype(np.int64))

    # For each gene, half of the classes have an odd rank in a random order: these are shifted.
    ranks = rng.random((n_classes, n_informative)).argsort(axis=0)
    class_shifts = class_sep * (ranks % 2)  # (n_classes, n_informative)
    factors = np.sqrt(module_correlation) * rng.standard_normal((n_samples, n_modules))

    # Drawn even when unused, so that `log_intensity` does not change what is drawn after them.
    levels = rng.uniform(5.0, 12.0, n_features)
    spreads = rng.uniform(0.2, 0.8, n_features)

    X = np.empty((n_samples, n_features), dtype=dtype)
    for rows in gen_batches(n_samples, max(1, _BLOCK_VALUES // n_features)):
        block = rng.standard_normal((rows.stop - rows.start, n_features))
        block *= np.sqrt(1.0 - module_correlation)
        block += factors[rows][:, modules]
        block[:, informative] += class_shifts[y[rows]]
        if log_intensity:
            block *= spreads
            block += levels
            np.clip(block, 0.0, _SATURATION, out=block)
        X[rows] = block

    if return_X_y:
        return X, y
    settled = given | {"n_informative": n_informative, "n_modules": n_modules}
    return _bunch(X, y, informative, modules, settled, class_sizes)


def _count(name, count, n_features):
    """How many genes, or modules of them: the number given, or one in a hundred genes."""
    if count is None:
        return max(1, n_features // 100)
    if count > n_features:
        raise InvalidParameterError(
            f"{name}={count} must be less than or equal to n_features={n_features}."
        )
    return count


def _class_sizes(n_samples, n_classes, weights):
    """Divide the samples among the classes by the method of largest remainders.

    Parameters
    ----------
    n_samples, n_classes : int
        The two numbers.
    weights : array-like of float, shape (n_classes,) or (n_classes - 1,), or None
        The proportions, each in (0, 1).

    Returns
    -------
    ndarray of shape (n_classes,) and dtype int64
        The sizes, each at least 1, with sum `n_samples`.

    Raises
    ------
    InvalidParameterError
        If the weights do not fit, or a class would have no sample.
    """
    if n_classes > n_samples:
        raise InvalidParameterError(
            f"n_classes={n_classes} must be less than or equal to n_samples={n_samples}."
        )
    if weights is None:
        weights = np.full(n_classes, 1.0 / n_classes)
    weights = np.asarray(weights, dtype=np.float64)
    if len(weights) not in (n_classes, n_classes - 1):
        raise InvalidParameterError(
            "Weights specified but incompatible with number of classes: "
            f"got {len(weights)} weights for n_classes={n_classes}."
        )
    if len(weights) == n_classes - 1:
        weights = np.append(weights, 1.0 - weights.sum())
    if weights[-1] <= 0.0 or abs(weights.sum() - 1.0) > 1e-8:
        raise InvalidParameterError(
            f"weights must be positive and sum to 1. Got {weights.tolist()}."
        )

    # Rounding hides the last bits: 0.7 * 200 must not lose a sample by being 139.99999999999997.
    shares = np.round(n_samples * weights, 9)
    sizes = np.floor(shares).astype(np.int64)
    order = np.argsort(sizes - shares, kind="stable")  # largest remainder first
    sizes[order[: n_samples - sizes.sum()]] += 1
    if sizes.min() == 0:
        raise InvalidParameterError(
            f"n_samples={n_samples} is too small: class {sizes.argmin()} would have no sample with "
            "these weights."
        )
    return sizes


def _bunch(X, y, informative, modules, settings, class_sizes):
    """The data and all that is known of them, with a description of their settings."""
    return Bunch(
        data=X,
        target=y,
        informative=informative,
        modules=modules,
        feature_names=[f"gene_{gene}" for gene in range(X.shape[1])],
        target_names=np.array([f"class_{label}" for label in range(len(class_sizes))]),
        DESCR=_DESCR.format(**settings, class_counts=", ".join(map(str, class_sizes))),
    )
