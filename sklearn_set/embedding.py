"""A sparse network as a transformer: the outputs of one of its hidden layers.

Knows the estimators, their networks and how far they predict; must not know training, or what the
outputs are good for.
"""

from __future__ import annotations

from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import get_config
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    MetaEstimatorMixin,
    TransformerMixin,
    clone,
)
from sklearn.frozen import FrozenEstimator
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.multiclass import unique_labels
from sklearn.utils.validation import check_is_fitted

from sklearn_set import machine
from sklearn_set._typing import Floats, Int, Matrix, RandomState
from sklearn_set.attributes import Estimator
from sklearn_set.base import BaseSET
from sklearn_set.classifier import SETClassifier
from sklearn_set.data_checks import check_labels, check_missing, validated_as
from sklearn_set.network import sum_of_outputs, threads_pay
from sklearn_set.samples import Samples
from sklearn_set.validation import (
    NONE,
    RANDOM_STATE,
    Constraint,
    InvalidParameterError,
    check_parameters,
    check_values,
    hidden_sizes,
    interval,
)
from sklearn_set.version import DOCUMENTATION
from sklearn_set.warning import warn

__all__ = ["SETEmbedding"]

_CONSTRAINTS = {
    "estimator": (
        Constraint(
            lambda value: isinstance(_unfrozen(value), BaseSET),
            "a SETClassifier, a SETRegressor, a FrozenEstimator of one of them",
        ),
        NONE,
    ),
    "layer": (interval(Integral, -(2**31), 2**31 - 1, "both"),),
    "random_state": RANDOM_STATE,
}


class SETEmbedding(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, MetaEstimatorMixin, Estimator
):
    """Represent samples by the outputs of a hidden layer of a sparse network.

    The network learns y from X, and its hidden neurons become new features: the sparse layers up
    to the chosen one are a map to a space in which samples of equal y are near each other. Methods
    that measure distances, such as nearest neighbours, Gaussian processes and maps in two
    dimensions, then see what matters for y, and not what does not.

    Only the network of the last epoch is used. Its snapshots, which predictions of wide data count
    as well, have hidden neurons of their own that tell about the same.

    Parameters
    ----------
    estimator : SETClassifier or SETRegressor, default=None
        The network to train, of which a clone is fitted. In a
        :class:`~sklearn.frozen.FrozenEstimator` it is fitted already, and not trained again. None
        stands for ``SETClassifier(temperature=1)``: hidden neurons have no probabilities, so the
        time to calibrate them is saved.

    layer : int, default=-1
        Which hidden layer: 0 is the first, -1 the last.

    random_state : int, RandomState instance or None, default=None
        Seed of the network, instead of the `random_state` of `estimator`. None leaves that as it
        is. A frozen estimator is not seeded.

    Attributes
    ----------
    estimator_ : SETClassifier or SETRegressor
        The fitted estimator, or the frozen one that was given.

    layer_ : int
        The hidden layer, counted from 0.

    n_features_in_ : int
        Number of features seen during `fit`.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X has names that are all strings.

    See Also
    --------
    SETClassifier : Its predictions come from the last hidden layer.
    sklearn.ensemble.RandomTreesEmbedding : A representation without targets.
    sklearn.feature_selection.SelectFromModel : A transformer that keeps features.
    sklearn.neighbors.NeighborhoodComponentsAnalysis : A linear map that learns distances.

    Notes
    -----
    The new features are dense: about half of the outputs of rectifiers are zero, too few for a
    sparse matrix to be smaller.

    If a model is trained on the representation of the samples that the network was trained on, it
    sees them too far apart. Scores on other samples, as in cross-validation of a pipeline, are
    right; estimates of its own uncertainty may be too certain.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_set.embedding import SETEmbedding
    >>> X, y = make_classification(
    ...     300, 100, n_informative=5, n_redundant=0, n_classes=3, random_state=0
    ... )
    >>> alone = KNeighborsClassifier()
    >>> embedded = make_pipeline(SETEmbedding(random_state=0), alone)
    >>> bool(cross_val_score(embedded, X, y).mean() > cross_val_score(alone, X, y).mean() + 0.2)
    True
    """

    estimator_: Any
    layer_: int
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]

    _doc_link_module = "sklearn_set"
    _doc_link_template = f"{DOCUMENTATION}/generated/{__name__}.{{estimator_name}}.html"

    def __init__(
        self,
        estimator: BaseEstimator | None = None,
        *,
        layer: Int = -1,
        random_state: RandomState = None,
    ) -> None:
        self.estimator = estimator
        self.layer = layer
        self.random_state = random_state

    def fit(self, X: Matrix, y: ArrayLike | None = None, **fit_params: Any) -> Self:
        """Train the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data; scaled features (:class:`~sklearn.preprocessing.StandardScaler`)
            train best.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            The targets that `estimator` learns. Only a frozen one needs none.
        **fit_params : dict
            Further arguments of the estimator's `fit`, such as `sample_weight` and `groups`. With
            ``enable_metadata_routing=True`` those that it requests.

        Returns
        -------
        self : SETEmbedding
            The fitted transformer.
        """
        return self._fit("fit", X, y, fit_params)

    def partial_fit(self, X: Matrix, y: ArrayLike | None = None, **fit_params: Any) -> Self:
        """Train the network for one epoch on the given data, going on from all calls before.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            A part of the data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Its targets. Only a frozen estimator needs none.
        **fit_params : dict
            Further arguments of the estimator's `partial_fit`, such as a classifier's `classes` in
            the first call: without them, it knows only those of y in this call, and refuses others
            later. With ``enable_metadata_routing=True`` those that it requests.

        Returns
        -------
        self : SETEmbedding
            The transformer, trained further.
        """
        return self._fit("partial_fit", X, y, fit_params)

    def transform(self, X: Matrix) -> Floats:
        """Outputs of the hidden layer.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        X_hidden : ndarray of shape (n_samples, n_neurons)
            One column for each neuron of the layer, after its activation. The number type is that
            of X or of the network, whichever is wider.
        """
        check_is_fitted(self)
        # As it is now, whatever a fit in another thread does.
        fitted = object.__new__(type(self))
        fitted.__dict__ = self.__dict__
        networks = fitted._networks()
        dtype, n_threads = networks[0].dtype, 1
        X, wider = validated_as(fitted, X, dtype)
        with np.errstate(all="ignore"):  # too large is told in words
            if threads_pay(networks, X.shape[0]):
                n_threads = machine.effective_n_threads(_unfrozen(fitted.estimator_).n_jobs)
            hidden = sum_of_outputs(networks, Samples(X, dtype), n_threads)
            hidden = hidden.astype(wider, copy=False)
        if not np.isfinite(hidden).all():
            warn(
                f"overflow: outputs of hidden neurons are too large for {dtype}. X may lie far "
                "outside the data of fit.",
                RuntimeWarning,
            )
        return hidden

    def get_metadata_routing(self) -> MetadataRouter:
        """Tell which arguments are passed on to the estimator.

        Returns
        -------
        routing : MetadataRouter
            What `fit`, `fit_transform` and `partial_fit` pass on.
        """
        mapping = MethodMapping()
        for caller in ("fit", "fit_transform"):  # before 1.9, fit_transform is not fit as well
            mapping.add(caller=caller, callee="fit")
        mapping.add(caller="partial_fit", callee="partial_fit")
        return MetadataRouter(owner=self).add(
            estimator=self._given_estimator(), method_mapping=mapping
        )

    def _given_estimator(self):
        """The estimator as the user gave it, or the one that None stands for."""
        # Nobody asks for probabilities.
        return SETClassifier(temperature=1.0) if self.estimator is None else self.estimator

    def _unfitted(self):
        """The estimator to fit: a clone, seeded."""
        estimator = clone(self._given_estimator())
        if self.random_state is not None and not isinstance(estimator, FrozenEstimator):
            estimator.set_params(random_state=self.random_state)
        return estimator

    def _fit(self, method, X, y, params):
        """Fit the estimator, and take it if that succeeds; a call that fails changes nothing."""
        check_values(self.get_params(deep=False), _CONSTRAINTS, type(self).__name__)
        goes_on = method == "partial_fit" and self.__sklearn_is_fitted__()
        estimator = self.estimator_ if goes_on else self._unfitted()
        if isinstance(estimator, FrozenEstimator):
            method = "fit"  # nothing is learned, whatever the method
        layer = self._depth(estimator)
        if get_config()["enable_metadata_routing"]:
            params = process_routing(self, method, **params).estimator[method]
        is_first = method == "partial_fit" and not goes_on
        if is_first and isinstance(estimator, SETClassifier) and y is not None:
            check_missing(y)
            check_labels(y)
            params = {"classes": unique_labels(y)} | params
        try:
            getattr(estimator, method)(X, y, **params)
        except KeyboardInterrupt:
            # An interrupted clone keeps the model that it has, and so do we.
            if _is_fitted(estimator):
                self._take(estimator, layer)
            raise
        self._take(estimator, layer)
        return self

    def _depth(self, estimator):
        """The number of the hidden layer, counted from 0.

        Raises
        ------
        InvalidParameterError
            If there is no such layer.
        """
        network = _unfrozen(estimator)
        if isinstance(estimator, FrozenEstimator):
            check_is_fitted(network)
        if _is_fitted(estimator):
            n_layers = len(network._network.layers) - 1
        else:
            n_layers = len(hidden_sizes(check_parameters(network)["hidden_layer_sizes"]))
        if not -n_layers <= self.layer < n_layers:
            has = f"whose hidden layers are {-n_layers} to {n_layers - 1}"
            if n_layers == 0:
                has = "which has no hidden layer"
            raise InvalidParameterError(
                f"The 'layer' parameter of {type(self).__name__} must be a hidden layer of the "
                f"{type(network).__name__}, {has}. Got {self.layer!r} instead."
            )
        return int(self.layer) % n_layers

    def _take(self, estimator, layer):
        """Set the fitted attributes, all at once."""
        taken = {
            "estimator_": estimator,
            "layer_": layer,
            "n_features_in_": estimator.n_features_in_,
            "_n_features_out": _unfrozen(estimator)._network.sizes[layer + 1],
        }
        if hasattr(estimator, "feature_names_in_"):
            taken["feature_names_in_"] = estimator.feature_names_in_
        kept = {name: value for name, value in vars(self).items() if name != "feature_names_in_"}
        self.__dict__ = kept | taken

    def _networks(self):
        """The part of the network up to the hidden layer, in a list; it shares all arrays."""
        network = _unfrozen(self.estimator_)._network
        layers = network.layers[: self.layer_ + 1]
        return [network.with_layers(layers)]

    def _number_type(self):
        """The number type of the network."""
        return _unfrozen(self.estimator_)._number_type()

    def _units_of_targets(self):
        """The units of the outputs: hidden neurons have none."""
        return None

    def __sklearn_is_fitted__(self):
        return hasattr(self, "estimator_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.required = not isinstance(self.estimator, FrozenEstimator)
        tags.target_tags.multi_output = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _unfrozen(estimator):
    """The estimator inside of a frozen one, or itself."""
    while isinstance(estimator, FrozenEstimator):
        estimator = estimator.estimator
    return estimator


def _is_fitted(estimator):
    return _unfrozen(estimator).__sklearn_is_fitted__()
