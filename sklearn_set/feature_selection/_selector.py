"""SETSelector: the strongest input neurons of several sparse networks.

Checks parameters and data, and makes a selection of what the networks say.  `ranking` trains them.
Knows estimators, by their public parameters, methods and attributes; must not know
layers, topologies or training.
"""

from __future__ import annotations

from math import inf
from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.parallel import delayed

from sklearn_set._typing import Float, Floats, Int, Ints, Matrix, RandomState, Scoring
from sklearn_set.classifier import SETClassifier
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
    of_samples,
)
from sklearn_set.feature_selection._n_features import CV, RULES, cross_validated, splitter
from sklearn_set.ranking import (
    AUTOENCODER,
    SUPERVISED,
    fit_autoencoder,
    fit_supervised,
    ranks,
    seeded,
    shares,
)
from sklearn_set.regressor import SETRegressor
from sklearn_set.sample_weights import check_sample_weight
from sklearn_set.validation import (
    BOOLEAN,
    CONSTRAINTS,
    NONE,
    RANDOM_STATE,
    InvalidParameterError,
    interval,
    options,
)
from sklearn_set.validator import scorer_of
from sklearn_set.version import DOCUMENTATION
from sklearn_set.warning import warn

_AUTO = (options("auto"),)
_CONSTRAINTS = {
    "estimator": (ESTIMATOR, NONE),
    "n_features_to_select": (
        interval(Integral, 1, inf),
        interval(Real, 0, 1, "right"),
        options(*RULES),
        NONE,
    ),
    "cv": CV,
    "scoring": CONSTRAINTS["scoring"],
    "unsupervised": BOOLEAN,
    "n_networks": (interval(Integral, 1, 2**31 - 1, "both"),),
    "noise_factor": (interval(Real, 0, inf),),
    "epsilon": (*_AUTO, *CONSTRAINTS["epsilon"]),
    "zeta": (*_AUTO, *CONSTRAINTS["zeta"]),
    "max_iter": (*_AUTO, *CONSTRAINTS["max_iter"]),
    "random_state": RANDOM_STATE,
    "n_jobs": N_JOBS,
}

# How many features QuickSelection keeps.
_QUICK_SELECTION = 50


class SETSelector(FeatureSelector):
    """Select the features whose input neurons are strongest in sparse networks.

    The strength of an input neuron is the sum of the absolute weights of its connections. In a
    network that evolves, features that are of no use lose their connections ([1]_). A single
    network depends on chance, so several are trained, each with a random topology of its own.
    The score of a feature is its mean share of the strength of all input neurons of a network.

    Supervised, the networks are `SETClassifier` or `SETRegressor`, and learn y from X.
    Unsupervised, they are QuickSelection's denoising autoencoders, which learn X from a noisy X.

    Features must be on one scale (:class:`~sklearn.preprocessing.StandardScaler`). Otherwise
    their strengths cannot be compared. An autoencoder judges features that do not depend on each
    other by their spread alone: for it, keep differences in spread that mean something.

    Parameters
    ----------
    estimator : estimator object, default=None
        The network to train. It must have `feature_importances_` after `fit`. Each network is a
        clone of it, in which every `random_state` is set. None stands for a network made here.
        With `unsupervised` it must be a regressor with `max_iter` and `partial_fit`, such as
        `SETRegressor`.

    n_features_to_select : int, float or {"auto", "best"}, default=None
        How many features are kept: an int of at least 1, or a share in (0, 1] of all features.
        At least one is kept. None is half of the features, but at most 50, as in [1]_. "auto" and
        "best" choose a number by cross-validation, from 1, 2, 4, 8 and so on to all features.
        "best" has the highest mean score. "auto" is the least number whose mean score is within
        one standard error of it. Each fold selects features of its own from its training part.

    unsupervised : bool, default=False
        Whether to reconstruct X, without regard to y.

    n_networks : int, default=10
        Number of networks, at least 1. More make the selection steadier, at proportional cost.

    noise_factor : float, default=0.2
        Standard deviation of the Gaussian noise that an autoencoder has to remove, at least 0.
        The noise is drawn anew for every epoch. It has no effect unless `unsupervised`.

    cv : int, cross-validation generator or iterable, default=None
        The folds that choose the number of features: None is five, an int so many. They are
        stratified for classes, and keep `groups` together. It has no effect unless
        `n_features_to_select` is "auto" or "best"; nor has `scoring`.

    scoring : str or callable, default=None
        The score that chooses the number of features: a name
        (:func:`~sklearn.metrics.get_scorer_names` lists them) or a callable with the signature
        ``scorer(estimator, X, y)``, and `sample_weight` if weights are given. None is the `score`
        of the network: accuracy or R².

    epsilon : float or "auto", default="auto"
        SET sparsity of the networks, above 0; "auto" is 20, or 13 with `unsupervised`. If an
        `estimator` is given, `epsilon`, `zeta` and `max_iter` must be "auto".

    zeta : float or "auto", default="auto"
        Share of the connections renewed by an evolution, in [0, 1]; "auto" is 0.3, or 0.2 with
        `unsupervised`.

    max_iter : int or "auto", default="auto"
        Number of epochs, at least 1; "auto" is 100.

    random_state : int, RandomState instance or None, default=None
        Seed of the networks and of the noise. The same int selects the same features, for any
        `n_jobs`.

    n_jobs : int or None, default=None
        Number of networks that are trained at the same time, in threads. None is 1 unless in a
        :obj:`joblib.parallel_config` context, -1 is all processors. Networks that are made here
        use one thread each.

    Attributes
    ----------
    scores_ : ndarray of shape (n_features,)
        Mean share of each feature in the strength of a network. They sum to 1, unless all
        weights of a network are zero.

    ranking_ : ndarray of shape (n_features,)
        Rank of each feature by its score, 1 for the strongest. Features of equal score are ranked
        in the order of X. Features of the ranks 1 to `n_features_` are selected.

    support_ : ndarray of shape (n_features,) and dtype bool
        Which features are selected.

    n_features_ : int
        Number of selected features.

    estimators_ : list of estimators
        The trained networks.

    cv_results_ : dict of ndarrays or None
        What cross-validation found for each number of features: `n_features`, `mean_test_score`,
        `std_test_score`, and `split(k)_test_score` for each fold, all of shape (n_candidates,).
        None without it.

    n_iter_ : int
        Largest number of epochs of a network; 1 for an `estimator` that has no `n_iter_`.

    n_features_in_ : int
        Number of features seen during `fit`.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X has names that are all strings.

    See Also
    --------
    StabilitySelector : Tells how certain a selection is.
    SETClassifier : Its `feature_importances_` are the strengths in one network.
    sklearn.feature_selection.SelectFromModel : Selection by one fitted model.
    sklearn.feature_selection.RFE : Features leave in rounds, with a new model for each.

    References
    ----------
    .. [1] Z. Atashgahi, G. Sokar, T. van der Lee, E. Mocanu, D. C. Mocanu, R. Veldhuis,
       M. Pechenizkiy, "Quick and robust feature selection: the strength of energy-efficient
       sparse training for autoencoders", Machine Learning, 2021, arXiv:2012.00560.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_set.datasets import make_microarray
    >>> from sklearn_set.feature_selection import SETSelector
    >>> study = make_microarray(
    ...     n_samples=100, n_features=1000, n_informative=10, random_state=0, return_X_y=False
    ... )
    >>> X = StandardScaler().fit_transform(study.data)
    >>> selector = SETSelector(n_features_to_select=10, random_state=0).fit(X, study.target)
    >>> selector.transform(X).shape
    (100, 10)
    >>> bool(np.isin(selector.get_support(indices=True), study.informative).sum() >= 8)
    True
    """

    scores_: Floats
    ranking_: Ints
    n_features_: int
    estimators_: list[Any]
    cv_results_: dict[str, Any] | None
    n_iter_: int
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]

    _doc_link_module = "sklearn_set"
    _doc_link_template = f"{DOCUMENTATION}/generated/{__package__}.{{estimator_name}}.html"

    def __init__(
        self,
        estimator: BaseEstimator | None = None,
        *,
        n_features_to_select: Float | Literal["auto", "best"] | None = None,
        unsupervised: bool = False,
        n_networks: Int = 10,
        noise_factor: Float = 0.2,
        cv: Any = None,
        scoring: Scoring = None,
        epsilon: Float | Literal["auto"] = "auto",
        zeta: Float | Literal["auto"] = "auto",
        max_iter: Int | Literal["auto"] = "auto",
        random_state: RandomState = None,
        n_jobs: Int | None = None,
    ) -> None:
        self.estimator = estimator
        self.n_features_to_select = n_features_to_select
        self.unsupervised = unsupervised
        self.n_networks = n_networks
        self.noise_factor = noise_factor
        self.cv = cv
        self.scoring = scoring
        self.epsilon = epsilon
        self.zeta = zeta
        self.max_iter = max_iter
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
        """Train the networks and select the strongest features.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data, scaled. With `unsupervised`, sparse data become dense.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            The targets. If no `estimator` is given, their type
            (:func:`~sklearn.utils.multiclass.type_of_target`) decides: a classifier learns
            classes or several labels, a regressor real numbers. Whole numbers are classes.
            Ignored with `unsupervised`.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples, not negative.
        groups : array-like of shape (n_samples,), default=None
            Group of each sample, such as its patient, for the folds that choose the number of
            features, and for an `estimator` that holds samples out, such as
            ``SETClassifier(early_stopping=True)``. Networks that are made here hold none out.
            Ignored with `unsupervised`.

        Returns
        -------
        self : SETSelector
            The fitted selector.
        """
        groups = None if self.unsupervised else groups
        return self._fit_or_stay(_CONSTRAINTS, X, y, sample_weight, groups)

    def _check_estimator(self, sample_weight, groups):
        """Refuse a given estimator that cannot do what the parameters ask for."""
        if self.unsupervised and self.n_features_to_select in RULES:
            raise InvalidParameterError(
                f"n_features_to_select={self.n_features_to_select!r} needs targets to compare "
                "numbers of features, and unsupervised=True uses none. Give a number instead."
            )
        if self.estimator is None:
            return
        name = type(self.estimator).__name__
        for parameter in ("epsilon", "zeta", "max_iter"):
            if getattr(self, parameter) != "auto":
                raise InvalidParameterError(
                    f"{parameter}={getattr(self, parameter)!r} is for the networks of "
                    f"{type(self).__name__} itself, not for a given estimator. Set it in {name}, "
                    "and leave it at 'auto'."
                )
        method = "partial_fit" if self.unsupervised else "fit"
        if self.unsupervised and not (
            hasattr(self.estimator, method) and hasattr(self.estimator, "max_iter")
        ):
            raise InvalidParameterError(
                "With unsupervised=True, estimator must have 'partial_fit' and 'max_iter', as "
                f"SETRegressor has. Got {name} instead."
            )
        check_is_taken(self.estimator, "sample_weight", sample_weight, method)
        if self.n_features_to_select not in RULES:  # the folds would keep groups together
            check_is_taken(self.estimator, "groups", groups, method)

    def _fit_draft(self, X, y, sample_weight, groups):
        """Check the data, train the networks and set the fitted attributes."""
        self._check_estimator(sample_weight, groups)
        check_sparse(X, "X")
        if not self.unsupervised:
            check_missing(y)
            check_labels(y)
        accepted = {"accept_sparse": "csr", "dtype": (np.float64, np.float32)}
        if self.unsupervised:
            X = validated(self, X, **accepted)
            network, fit = self._autoencoder(), fit_autoencoder
            X = X.toarray() if sparse.issparse(X) else X
            targets = X
        else:
            X, y = validated(self, X, y, multi_output=True, **accepted)
            if y.ndim == 2 and y.shape[1] == 1:
                y = column_or_1d(y, warn=True)
            network, targets = self._learner(y)
            fit = fit_supervised
        numbers = check_groups(groups, X.shape[0])
        sample_weight = check_sample_weight(sample_weight, X.shape[0])
        arguments = of_samples(self.estimator, sample_weight, groups)
        n_selected = self._n_selected(X.shape[1])
        rng = check_random_state(self.random_state)
        seeds = rng.randint(np.iinfo(np.int32).max, size=self.n_networks).tolist()
        self.cv_results_ = None
        if n_selected in RULES:
            scorer = scorer_of(network, self.scoring, self)
            folds = splitter(self.cv, network, targets, numbers)
            data = X, targets, arguments, numbers
            n_selected, self.cv_results_ = cross_validated(
                n_selected, network, data, seeds, folds, scorer, self.n_jobs
            )
        trained = in_threads(
            self.n_jobs,
            (
                delayed(fit)(seeded(network, seed), X, targets, arguments, self.noise_factor, seed)
                for seed in seeds
            ),
        )
        networks, n_iter = zip(*trained, strict=True)
        self.scores_ = sum(shares(each, X.shape[1]) for each in networks) / self.n_networks
        self.ranking_ = ranks(self.scores_)
        self.support_ = self.ranking_ <= n_selected
        self.n_features_ = n_selected
        self.n_iter_ = max(n_iter)
        self.estimators_ = list(networks)

    def _made_here(self, kind, settings):
        """An estimator with the given settings, and those parameters that are not "auto"."""
        chosen = {
            name: getattr(self, name)
            for name in ("epsilon", "zeta", "max_iter")
            if getattr(self, name) != "auto"
        }
        return kind(**settings | chosen)

    def _autoencoder(self):
        if self.estimator is not None:
            return self.estimator
        return self._made_here(SETRegressor, AUTOENCODER)

    def _learner(self, y):
        """Return the estimator to train, and the targets for it."""
        if self.estimator is not None:
            return self.estimator, y
        target_type = type_of_target(y, input_name="y")
        if target_type.startswith("continuous"):
            return self._made_here(SETRegressor, SUPERVISED), y
        if target_type == "multiclass-multioutput":
            raise ValueError(
                "Several targets that are whole numbers may be classes or quantities. "
                "Give an estimator, such as SETRegressor(), to say which."
            )
        check_classification_targets(y)
        # Nobody asks for probabilities.
        return self._made_here(SETClassifier, SUPERVISED | {"temperature": 1.0}), y

    def _n_selected(self, n_features):
        """How many features are kept, from 1 to `n_features`, or the rule that decides."""
        wanted = self.n_features_to_select
        if wanted in RULES:
            return wanted
        if wanted is None:
            return max(1, min(_QUICK_SELECTION, n_features // 2))
        if not isinstance(wanted, Integral):
            return max(1, int(n_features * wanted))
        if wanted > n_features:
            warn(
                f"Found n_features_to_select={wanted} > n_features={n_features}. There will be "
                "no feature selection and all features will be kept."
            )
        return min(int(wanted), n_features)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = not self.unsupervised
        return tags
