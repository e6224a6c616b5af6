"""The estimators for Dask: their parameters, their methods, and what they return lazily.

Knows the local estimators; must not know how a fit on a cluster goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self, TypeAlias

import numpy as np
from distributed import Client
from numpy.typing import DTypeLike
from sklearn.utils.validation import check_is_fitted

from sklearn_set._typing import Auto, Float, Int, LayerSizes, Names, RandomState, Scoring
from sklearn_set.classifier import SETClassifier
from sklearn_set.dask._base import DaskSET
from sklearn_set.dask._collections import is_lazy
from sklearn_set.dask._docstrings import of_local
from sklearn_set.problem import Call
from sklearn_set.regressor import SETRegressor

_ClassWeight: TypeAlias = Literal["balanced"] | dict[Any, Any] | Sequence[dict[Any, Any]] | None


@of_local(SETClassifier)
class DaskSETClassifier(DaskSET, SETClassifier):
    """

    Examples
    --------
    >>> import dask.array as da
    >>> from distributed import Client
    >>> from sklearn_set.dask import DaskSETClassifier
    >>> X = da.random.default_rng(0).normal(size=(200, 20), chunks=(50, 20))
    >>> y = (X[:, 0] > 0).astype(int)
    >>> with Client(processes=False, dashboard_address=None) as client:
    ...     model = DaskSETClassifier(50, max_iter=2, n_iter_no_change=float("inf"), random_state=0)
    ...     predicted = model.fit(X, y).predict(X).compute()
    >>> predicted.shape
    (200,)
    """

    _local_class = SETClassifier

    def __init__(
        self,
        hidden_layer_sizes: LayerSizes = (1000,),
        *,
        epsilon: Float = 10,
        zeta: Float = 0.3,
        rewire_interval: Int = 1,
        pruning: str = "set",
        growth: str = "random",
        newborn_weights: str = "zero",
        activation: Names = "relu",
        dropout: Float = 0.0,
        input_dropout: Float | Auto = "auto",
        mixup: Float | Auto = "auto",
        label_smoothing: Float = 0.0,
        weight_init: str = "auto",
        dtype: DTypeLike = "auto",
        solver: str = "adam",
        alpha: Float = 0.3,
        weight_decay: Float = 0.0,
        batch_size: Int | Auto = "auto",
        learning_rate: str = "auto",
        learning_rate_init: Float = 1e-3,
        power_t: Float = 0.5,
        momentum: Float = 0.9,
        nesterovs_momentum: bool = True,
        beta_1: Float = 0.9,
        beta_2: Float = 0.999,
        adam_epsilon: Float = 1e-8,
        max_iter: Int = 100,
        shuffle: bool = True,
        tol: Float = 1e-4,
        n_iter_no_change: Float | Auto = "auto",
        n_snapshots: Int | Auto = "auto",
        feature_search: bool | Auto = "auto",
        feature_relevance: bool | Auto = "auto",
        early_stopping: bool = False,
        validation_fraction: Float = 0.1,
        scoring: Scoring = None,
        temperature: Float | Auto | Literal["cv"] = "auto",
        class_weight: _ClassWeight = None,
        warm_start: bool = False,
        random_state: RandomState = None,
        n_jobs: Int | None = None,
        verbose: bool | Int = False,
        n_replicas: Int | Auto = "auto",
        interval: Int | Literal["epoch"] = "epoch",
        client: Client | None = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.epsilon = epsilon
        self.zeta = zeta
        self.rewire_interval = rewire_interval
        self.pruning = pruning
        self.growth = growth
        self.newborn_weights = newborn_weights
        self.activation = activation
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.mixup = mixup
        self.weight_init = weight_init
        self.dtype = dtype
        self.solver = solver
        self.alpha = alpha
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.adam_epsilon = adam_epsilon
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.n_snapshots = n_snapshots
        self.feature_search = feature_search
        self.feature_relevance = feature_relevance
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.scoring = scoring
        self.warm_start = warm_start
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.temperature = temperature
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing
        self.n_replicas = n_replicas
        self.interval = interval
        self.client = client

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        groups: Any = None,
    ) -> Self:
        """Fit the network to data X and labels y, on the workers that hold them.

        Parameters
        ----------
        X : Dask array, Dask data frame or list of delayed blocks
            The input data, of shape (n_samples, n_features): dense blocks or CSR matrices.
        y : Dask collection of shape (n_samples,) or (n_samples, n_outputs)
            Its labels, chunked like X.
        sample_weight : Dask collection of shape (n_samples,), default=None
            Weights of the samples, not negative, chunked like X. Only their proportions in all
            data together count.
        X_val, y_val, sample_weight_val, groups : None
            The local class takes them; here they are refused, since nothing is held out.

        Returns
        -------
        self : DaskSETClassifier
            The fitted estimator.
        """
        return self._fit(Call(X, y, sample_weight, X_val, y_val, sample_weight_val, groups))

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Train for one epoch on the given data, going on from all calls before.

        Parameters
        ----------
        X : Dask array, Dask data frame or list of delayed blocks
            A part of the data.
        y : Dask collection of shape (n_samples,) or (n_samples, n_outputs)
            Its labels, chunked like X.
        sample_weight : Dask collection of shape (n_samples,), default=None
            Weights of the samples, not negative, chunked like X.
        classes : array-like of shape (n_classes,), default=None
            All classes that will ever occur: required in the first call, may be left out later.

        Returns
        -------
        self : DaskSETClassifier
            The estimator, trained further.
        """
        return self._fit(Call(X, y, sample_weight, classes=classes, is_part=True))

    def decision_function(self, X: Any) -> Any:
        """Outputs of the network before the logistic function or softmax.

        Parameters
        ----------
        X : Dask collection or array-like of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        scores : Dask array of shape (n_samples,) or (n_samples, n_classes)
            Computed when you ask for it; a list of delayed blocks for a list of blocks. For
            two classes the log-odds of ``classes_[1]``, one number per sample.
        """
        check_is_fitted(self)
        if not is_lazy(X):
            return super().decision_function(X)
        return self._lazily(
            "decision_function", X, self._n_columns_of_scores(), self._type_of_outputs(X)
        )

    def predict_proba(self, X: Any) -> Any:
        """Probability estimates.

        Parameters
        ----------
        X : Dask collection or array-like of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        probabilities : Dask array of shape (n_samples, n_classes)
            Computed when you ask for it; a list of delayed blocks for a list of blocks. Ordered as
            `classes_`; for multilabel targets the probability of each label.
        """
        check_is_fitted(self)
        if not is_lazy(X):
            return super().predict_proba(X)
        return self._lazily("predict_proba", X, self.classes_.shape[0], self._type_of_outputs(X))

    def predict_log_proba(self, X: Any) -> Any:
        """Logarithms of the probability estimates.

        Parameters
        ----------
        X : Dask collection or array-like of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        log_probabilities : Dask array of shape (n_samples, n_classes)
            Computed when you ask for it; a list of delayed blocks for a list of blocks. Ordered as
            `classes_`; for multilabel targets the log-probability of each label.
        """
        check_is_fitted(self)
        if not is_lazy(X):
            return super().predict_log_proba(X)
        return self._lazily(
            "predict_log_proba", X, self.classes_.shape[0], self._type_of_outputs(X)
        )

    def _n_columns_of_scores(self):
        return None if self.n_outputs_ == 1 and not self._multilabel else self.n_outputs_

    def _shape_of_predictions(self, X):
        """Number of columns, or None, and type of what `predict` returns."""
        if self._multilabel:
            return self.n_outputs_, np.dtype(int)
        return None, self.classes_.dtype

    def _weighs_classes(self, call):
        """Whether classes have weights; refuses those that a part of the data cannot tell."""
        if call.is_part and isinstance(self.class_weight, str):
            self._with_class_weight(None, None, True)
        return self.class_weight is not None


@of_local(SETRegressor)
class DaskSETRegressor(DaskSET, SETRegressor):
    """

    Examples
    --------
    >>> import dask.array as da
    >>> from distributed import Client
    >>> from sklearn_set.dask import DaskSETRegressor
    >>> X = da.random.default_rng(0).normal(size=(200, 20), chunks=(50, 20))
    >>> y = X[:, 0]
    >>> with Client(processes=False, dashboard_address=None) as client:
    ...     model = DaskSETRegressor(50, max_iter=2, n_iter_no_change=float("inf"), random_state=0)
    ...     predicted = model.fit(X, y).predict(X).compute()
    >>> predicted.shape
    (200,)
    """

    _local_class = SETRegressor

    def __init__(
        self,
        hidden_layer_sizes: LayerSizes = (1000,),
        *,
        loss: str = "squared_error",
        quantile: Float = 0.5,
        huber_delta: Float = 1.0,
        epsilon: Float = 10,
        zeta: Float = 0.3,
        rewire_interval: Int = 1,
        pruning: str = "set",
        growth: str = "random",
        newborn_weights: str = "zero",
        activation: Names = "relu",
        dropout: Float = 0.0,
        input_dropout: Float | Auto = 0.0,
        mixup: Float | Auto = 0.0,
        weight_init: str = "auto",
        dtype: DTypeLike = "auto",
        solver: str = "adam",
        alpha: Float = 0.35,
        weight_decay: Float = 0.0,
        batch_size: Int | Auto = "auto",
        learning_rate: str = "auto",
        learning_rate_init: Float = 1e-3,
        power_t: Float = 0.5,
        momentum: Float = 0.9,
        nesterovs_momentum: bool = True,
        beta_1: Float = 0.9,
        beta_2: Float = 0.999,
        adam_epsilon: Float = 1e-8,
        max_iter: Int = 100,
        shuffle: bool = True,
        tol: Float = 1e-4,
        n_iter_no_change: Float | Auto = "auto",
        n_snapshots: Int | Auto = 1,
        feature_search: bool | Auto = "auto",
        feature_relevance: bool | Auto = "auto",
        early_stopping: bool = False,
        validation_fraction: Float = 0.1,
        scoring: Scoring = None,
        warm_start: bool = False,
        random_state: RandomState = None,
        n_jobs: Int | None = None,
        verbose: bool | Int = False,
        n_replicas: Int | Auto = "auto",
        interval: Int | Literal["epoch"] = "epoch",
        client: Client | None = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.epsilon = epsilon
        self.zeta = zeta
        self.rewire_interval = rewire_interval
        self.pruning = pruning
        self.growth = growth
        self.newborn_weights = newborn_weights
        self.activation = activation
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.mixup = mixup
        self.weight_init = weight_init
        self.dtype = dtype
        self.solver = solver
        self.alpha = alpha
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.adam_epsilon = adam_epsilon
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.n_snapshots = n_snapshots
        self.feature_search = feature_search
        self.feature_relevance = feature_relevance
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.scoring = scoring
        self.warm_start = warm_start
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.loss = loss
        self.quantile = quantile
        self.huber_delta = huber_delta
        self.n_replicas = n_replicas
        self.interval = interval
        self.client = client

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        groups: Any = None,
    ) -> Self:
        """Fit the network to data X and targets y, on the workers that hold them.

        Parameters
        ----------
        X : Dask array, Dask data frame or list of delayed blocks
            The input data, of shape (n_samples, n_features): dense blocks or CSR matrices.
        y : Dask collection of shape (n_samples,) or (n_samples, n_outputs)
            Its targets, chunked like X.
        sample_weight : Dask collection of shape (n_samples,), default=None
            Weights of the samples, not negative, chunked like X. Only their proportions in all
            data together count.
        X_val, y_val, sample_weight_val, groups : None
            The local class takes them; here they are refused, since nothing is held out.

        Returns
        -------
        self : DaskSETRegressor
            The fitted estimator.
        """
        return self._fit(Call(X, y, sample_weight, X_val, y_val, sample_weight_val, groups))

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train for one epoch on the given data, going on from all calls before.

        Parameters
        ----------
        X : Dask array, Dask data frame or list of delayed blocks
            A part of the data.
        y : Dask collection of shape (n_samples,) or (n_samples, n_outputs)
            Its targets, chunked like X.
        sample_weight : Dask collection of shape (n_samples,), default=None
            Weights of the samples, not negative, chunked like X.

        Returns
        -------
        self : DaskSETRegressor
            The estimator, trained further.
        """
        return self._fit(Call(X, y, sample_weight, is_part=True))

    def _shape_of_predictions(self, X):
        """Number of columns, or None, and type of what `predict` returns."""
        is_double = self._target_units.need_double
        return (
            None if self.n_outputs_ == 1 else self.n_outputs_,
            np.dtype(np.float64) if is_double else self._type_of_outputs(X),
        )

    def _weighs_classes(self, call):
        """Regression has no classes."""
        return False
