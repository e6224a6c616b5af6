"""StabilitySelector: the features that fits to random halves of the samples agree on.

Checks parameters and data, fits an estimator to each half, and counts.  `_halves` draws them, and
`_bounds` knows what the counts prove.  Knows estimators, by their public methods and attributes;
must not know networks.
"""

from __future__ import annotations

from math import inf
from numbers import Integral, Real
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state, column_or_1d, get_tags
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.parallel import delayed

from sklearn_set._typing import Float, Floats, Int, Matrix, RandomState
from sklearn_set.data_checks import (
    check_groups,
    check_labels,
    check_missing,
    check_sparse,
    validated,
)
from sklearn_set.feature_selection._base import (
    ESTIMATOR,
    N_JOBS,
    FeatureSelector,
    check_is_taken,
    in_threads,
    kind_of,
    of_samples,
    part_of,
)
from sklearn_set.feature_selection._bounds import (
    ASSUMPTION,
    N_PAIRS,
    THRESHOLD,
    bound_at,
    halves_needed,
    least_halves,
)
from sklearn_set.feature_selection._halves import complementary_pair
from sklearn_set.feature_selection._selector import SETSelector
from sklearn_set.ranking import ranks, seeded
from sklearn_set.sample_weights import check_sample_weight
from sklearn_set.validation import NONE, RANDOM_STATE, InvalidParameterError, interval, options
from sklearn_set.version import DOCUMENTATION
from sklearn_set.warning import warn

_CONSTRAINTS = {
    "estimator": (ESTIMATOR, NONE),
    "n_features_per_half": (
        interval(Integral, 1, inf),
        interval(Real, 0, 1, "right"),
        NONE,
    ),
    "threshold": (THRESHOLD, options("auto")),
    "max_false_selections": (interval(Real, 0, inf, "neither"),),
    "assumption": ASSUMPTION,
    "n_pairs": N_PAIRS,
    "random_state": RANDOM_STATE,
    "n_jobs": N_JOBS,
}

# Each half must have two samples.
_FEWEST_SAMPLES = 4


class StabilitySelector(FeatureSelector):
    """Select the features that fits to random halves of the samples agree on.

    A selection from one data set depends on chance: other samples would have led to other features.
    So the samples are halved at random, many times, and each half selects features of its own. The
    share of the halves that select a feature is its selection frequency. Features with a frequency
    of at least `threshold_` are selected. The expected number of false selections among them is
    bounded: complementary pairs stability selection ([1]_), which refines [2]_.

    A selection is false if a fit to half of the samples selects the feature with a probability of
    at most that of a random choice. If features of noise are exchangeable, and the fits no worse
    than random choices, this holds for all features of noise. The bound is on an expectation over
    data sets; it is no statement on a single feature.

    The samples must be independent of each other, except within `groups`. Features must be on the
    scale that the estimator needs, such as that of :class:`~sklearn.preprocessing.StandardScaler`.

    Parameters
    ----------
    estimator : estimator object, default=None
        What selects features from a half: a selector with `get_support`, or an estimator with
        `feature_importances_` or `coef_` after `fit`. Each half has a clone of it, in which every
        `random_state` is set. None is :class:`SETSelector` with one network.

    n_features_per_half : int or float, default=None
        How many features a half selects: an int of at least 1, or a share in (0, 1] of all
        features. Of an estimator that is no selector, these are the strongest, without those of
        strength zero. None is the largest number for which a threshold of 0.9 always keeps to
        `max_false_selections`, sqrt(0.8 * max_false_selections * n_features), but at most half of
        the features. It must be None for a selector, which decides itself.

    threshold : float or "auto", default="auto"
        The least frequency of a selected feature, in (0.5, 1]. "auto" is the lowest for which the
        bound is at most `max_false_selections`.

    max_false_selections : float, default=1.0
        How many false selections are accepted, above 0. With a number as `threshold`, it decides
        no more than what `n_features_per_half=None` means.

    assumption : {"none", "unimodal", "r-concave"}, default="unimodal"
        What the bound takes for granted of selection frequencies: see
        :func:`expected_false_selections`.

    n_pairs : int, default=50
        Number of pairs of halves, at least 1. There are twice as many fits.

    random_state : int, RandomState instance or None, default=None
        Seed of the halves and of the estimators. The same int selects the same features, for any
        `n_jobs`.

    n_jobs : int or None, default=None
        Number of halves that are fitted at the same time, in threads. None is 1 unless in a
        :obj:`joblib.parallel_config` context, -1 is all processors.

    Attributes
    ----------
    selection_frequencies_ : ndarray of shape (n_features,)
        The share of the halves that select each feature.

    threshold_ : float
        The least frequency of a selected feature.

    expected_false_selections_ : float
        The bound on the expected number of false selections at `threshold_`, under `assumption`.

    support_ : ndarray of shape (n_features,) and dtype bool
        Which features are selected. There may be none.

    n_features_ : int
        Number of selected features.

    n_features_per_half_ : float
        Mean number of features that a half selects.

    n_features_in_ : int
        Number of features seen during `fit`.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X has names that are all strings.

    See Also
    --------
    expected_false_selections : The bound, before anything is computed.
    SETSelector : Selects features from all samples, once.
    sklearn_set.inspection.SelectionFrequencyDisplay : Draws the frequencies.

    References
    ----------
    .. [1] R. D. Shah, R. J. Samworth, "Variable selection with error control: another look at
       stability selection", Journal of the Royal Statistical Society B 75, 2013, arXiv:1105.5578.
    .. [2] N. Meinshausen, P. Bühlmann, "Stability selection", Journal of the Royal Statistical
       Society B 72, 2010, arXiv:0809.2932.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_set.datasets import make_microarray
    >>> from sklearn_set.feature_selection import StabilitySelector
    >>> study = make_microarray(
    ...     n_samples=100, n_features=500, n_informative=5, random_state=0, return_X_y=False
    ... )
    >>> X = StandardScaler().fit_transform(study.data)
    >>> selector = StabilitySelector(LogisticRegression(), random_state=0).fit(X, study.target)
    >>> selector.expected_false_selections_ <= 1
    True
    >>> bool(np.isin(selector.get_support(indices=True), study.informative).sum() >= 3)
    True
    """

    selection_frequencies_: Floats
    threshold_: float
    expected_false_selections_: float
    n_features_: int
    n_features_per_half_: float
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]

    _doc_link_module = "sklearn_set"
    _doc_link_template = f"{DOCUMENTATION}/generated/{__package__}.{{estimator_name}}.html"

    def __init__(
        self,
        estimator: BaseEstimator | None = None,
        *,
        n_features_per_half: Float | None = None,
        threshold: Float | Literal["auto"] = "auto",
        max_false_selections: Float = 1.0,
        assumption: str = "unimodal",
        n_pairs: Int = 50,
        random_state: RandomState = None,
        n_jobs: Int | None = None,
    ) -> None:
        self.estimator = estimator
        self.n_features_per_half = n_features_per_half
        self.threshold = threshold
        self.max_false_selections = max_false_selections
        self.assumption = assumption
        self.n_pairs = n_pairs
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(
        self,
        X: Matrix,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Fit the estimator to the halves and select the features that they agree on.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data, scaled.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            The targets. Classes are in proportion in both halves. Whole numbers are classes,
            unless the estimator is a regressor, or is a selector and one of them is unique.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples, not negative. Samples of weight zero are in no half.
        groups : array-like of shape (n_samples,), default=None
            What belongs together, such as the patient of each sample. Halves are of whole groups,
            in equal number. A given `estimator` gets those of its half if its `fit` takes `groups`.

        Returns
        -------
        self : StabilitySelector
            The fitted selector.
        """
        return self._fit_or_stay(_CONSTRAINTS, X, y, sample_weight, groups)

    def _fit_draft(self, X, y, sample_weight, groups):
        """Check the data, fit the halves and set the fitted attributes."""
        self._check_estimator(sample_weight)
        X, y, arguments, groups = self._checked(X, y, sample_weight, groups)
        n_features = X.shape[1]
        n_wanted = None if _is_selector(self.estimator) else self._n_wanted(n_features)
        estimator = self.estimator
        if estimator is None:
            estimator = SETSelector(n_features_to_select=n_wanted, n_networks=1)
        classes = self._classes(y, groups, X.shape[0])
        rng = check_random_state(self.random_state)
        seeds = rng.randint(np.iinfo(np.int32).max, size=(self.n_pairs, 3)).tolist()
        halves = [
            (half, seed)
            for of_pair, *of_halves in seeds
            for half, seed in zip(
                complementary_pair(classes, groups, of_pair), of_halves, strict=True
            )
        ]
        selections = in_threads(
            self.n_jobs,
            (
                delayed(_selected)(estimator, X, y, arguments, half, seed, n_wanted)
                for half, seed in halves
            ),
        )
        counts = np.bincount(np.concatenate(selections), minlength=n_features)
        self._decide(counts, sum(map(len, selections)) / len(selections))

    def _check_estimator(self, sample_weight):
        """Refuse a given estimator that cannot do what the parameters ask for."""
        if self.estimator is None:
            return
        if _is_selector(self.estimator) and self.n_features_per_half is not None:
            name = type(self.estimator).__name__
            raise InvalidParameterError(
                f"n_features_per_half={self.n_features_per_half!r} is for estimators that are no "
                f"selectors. {name} decides itself how many features it selects: set it there, "
                "and leave it at None."
            )
        check_is_taken(self.estimator, "sample_weight", sample_weight)

    def _checked(self, X, y, sample_weight, groups):
        """The data of the samples that count, and what is passed to `fit` beside them."""
        check_sparse(X, "X")
        check_missing(y)
        check_labels(y)
        accepted = {"accept_sparse": "csr", "dtype": (np.float64, np.float32)}
        accepted["ensure_min_samples"] = _FEWEST_SAMPLES
        if y is None and not get_tags(self).target_tags.required:
            X = validated(self, X, **accepted)
        else:
            X, y = validated(self, X, y, multi_output=True, **accepted)
            if y.ndim == 2 and y.shape[1] == 1:
                y = column_or_1d(y, warn=True)
        sample_weight = check_sample_weight(sample_weight, X.shape[0])
        numbers = check_groups(groups, X.shape[0])
        arguments = of_samples(self.estimator, sample_weight, groups)
        groups = numbers
        if sample_weight is not None:
            counting = np.flatnonzero(sample_weight)
            if len(counting) < len(sample_weight):
                X, y = X[counting], None if y is None else y[counting]
                groups = check_groups(None if groups is None else groups[counting], len(counting))
                arguments = part_of(arguments, counting)
        n_units = X.shape[0] if groups is None else len(np.unique(groups))
        needed = _FEWEST_SAMPLES if groups is None else 2
        if n_units < needed:
            what = "samples with a weight above zero" if groups is None else "groups"
            raise ValueError(f"Halves need at least {needed} {what}, but got {n_units}.")
        return X, y, arguments, groups

    def _n_wanted(self, n_features):
        """How many features a half selects; refused if no threshold would keep to the limit."""
        wanted = self.n_features_per_half
        if wanted is None:
            number = int(np.sqrt(0.8 * min(self.max_false_selections, n_features) * n_features))
            number = max(1, min(number, n_features // 2))
        elif isinstance(wanted, Integral):
            if wanted > n_features:
                raise InvalidParameterError(
                    f"n_features_per_half={wanted} must be at most n_features={n_features}."
                )
            number = wanted
        else:
            number = max(1, int(n_features * wanted))
        if self.threshold == "auto" and self._least_halves(number, n_features) is None:
            bound = bound_at(2 * self.n_pairs, number, n_features, self.n_pairs, self.assumption)
            raise ValueError(
                f"No threshold keeps to max_false_selections={self.max_false_selections}: with "
                f"{number} of {n_features} features per half and n_pairs={self.n_pairs} the bound "
                f"is {bound:.3g} even for a threshold of 1. Lower n_features_per_half, or raise "
                "max_false_selections."
            )
        return number

    def _least_halves(self, n_selected, n_features):
        """The threshold "auto" in halves, or None."""
        return least_halves(
            self.max_false_selections, n_selected, n_features, self.n_pairs, self.assumption
        )

    def _classes(self, y, groups, n_samples):
        """The classes to halve evenly, as numbers; all zero if there are none."""
        none = np.zeros(n_samples, dtype=np.int64)
        kind = kind_of(self.estimator)
        if y is None or kind == "regressor":
            return none
        if type_of_target(y, input_name="y") not in ("binary", "multiclass"):
            return none
        names, classes = np.unique(y, return_inverse=True)
        units = np.arange(n_samples) if groups is None else groups
        found = np.unique(np.column_stack([classes, units]), axis=0)[:, 0]
        n_units = np.bincount(found)
        if n_units.min() >= 2 or len(names) == 1:
            return classes
        if self.estimator is not None and kind != "classifier":
            return none  # quantities, as far as anyone can tell
        unit = "member" if groups is None else "group"
        raise ValueError(
            f"The least populated classes in y have only 1 {unit}, which is too few: every class "
            f"must be in both halves of the samples. Classes with too few {unit}s are: "
            f"{names[n_units < 2].tolist()}."
        )

    def _decide(self, counts, n_selected):
        """Set the fitted attributes.

        Parameters
        ----------
        counts : ndarray of shape (n_features,) of int
            How many halves select each feature.
        n_selected : float
            Mean number of features that a half selects.
        """
        n_features, n_halves = len(counts), 2 * self.n_pairs
        if self.threshold != "auto":
            needed = halves_needed(self.threshold, self.n_pairs)
        else:
            needed = self._least_halves(n_selected, n_features)
        if needed is None:
            needed = n_halves
            warn(
                f"No threshold keeps to max_false_selections={self.max_false_selections}: the "
                f"estimator selects {n_selected:.1f} of {n_features} features per half. Features "
                "that all halves select are kept; expected_false_selections_ is the bound for "
                "them. Let the estimator select fewer features."
            )
        self.selection_frequencies_ = counts / n_halves
        self.threshold_ = needed / n_halves
        self.expected_false_selections_ = bound_at(
            needed, n_selected, n_features, self.n_pairs, self.assumption
        )
        self.support_ = counts >= needed
        self.n_features_ = int(self.support_.sum())
        self.n_features_per_half_ = float(n_selected)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        if hasattr(self.estimator, "__sklearn_tags__"):
            tags.target_tags.required = get_tags(self.estimator).target_tags.required
        else:
            tags.target_tags.required = True
        return tags


def _is_selector(estimator):
    return hasattr(estimator, "get_support")


def _selected(estimator, X, y, arguments, half, seed, n_wanted):
    """The features that a half selects, as an array of int."""
    fitted = seeded(estimator, seed)
    fitted.fit(X[half], None if y is None else y[half], **part_of(arguments, half))
    if _is_selector(fitted):
        return np.flatnonzero(fitted.get_support())
    strength = _strength(fitted, X.shape[1])
    return np.flatnonzero((ranks(strength) <= n_wanted) & (strength > 0))


def _strength(fitted, n_features):
    """The strength of every feature: `feature_importances_`, or the size of `coef_`."""
    name = type(fitted).__name__
    found = getattr(fitted, "feature_importances_", None)
    if found is None:
        found = getattr(fitted, "coef_", None)
    if found is None:
        raise ValueError(
            f"The estimator {name} is no selector with get_support, and has neither "
            "feature_importances_ nor coef_ after fit."
        )
    found = found.toarray() if hasattr(found, "toarray") else np.asarray(found)
    strength = np.abs(np.atleast_2d(found)).sum(axis=0)
    if strength.shape != (n_features,) or not np.isfinite(strength).all():
        raise ValueError(
            f"feature_importances_ or coef_ of the estimator {name} must be finite, one number for "
            f"each of {n_features} features."
        )
    return strength
