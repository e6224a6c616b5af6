"""What both estimators for Dask share: the way of a fit on a cluster, and lazy predictions.

Everything that is not said here is as in the local estimators, which they derive from.  Knows
scikit-learn, and all that a fit on a cluster needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral
from types import SimpleNamespace
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_set.dask import _replicas
from sklearn_set.dask._cluster import Cluster, client_of
from sklearn_set.dask._collections import is_lazy, lazily
from sklearn_set.dask._reading import feature_units, in_target_units, read
from sklearn_set.dask._training import AUTOMATIC_REPLICAS, Plan, RemoteState, divided, train
from sklearn_set.hooks import TRANSIENT
from sklearn_set.memory import training_bytes
from sklearn_set.network import warning_of_few_connections
from sklearn_set.optimizers import SOLVERS
from sklearn_set.settings import decided
from sklearn_set.topology import n_erdos_renyi
from sklearn_set.validation import (
    InvalidParameterError,
    check_precision,
    check_values,
    hidden_activations,
    hidden_sizes,
    interval,
    options,
)

_COUNT = interval(Integral, 1, np.inf)
_OWN_CONSTRAINTS = {"n_replicas": (options("auto"), _COUNT), "interval": (options("epoch"), _COUNT)}
_OWN = ("client", *_OWN_CONSTRAINTS)

# Parameter, the values that a fit on a cluster cannot honour, why, and the remedy.
_REFUSED = (
    (
        "early_stopping",
        bool,
        "no samples are held out of the partitions",
        "Hold samples out yourself and look at score between calls of partial_fit, or set "
        "n_iter_no_change, which looks at the training loss",
    ),
    (
        "feature_search",
        lambda value: not isinstance(value, str) and bool(value),
        "no samples are held out that could judge the features",
        "Leave it at 'auto', which searches nothing here, and select features before, for example "
        "with SETSelector on a sample of the data",
    ),
    (
        "feature_relevance",
        lambda value: not isinstance(value, str) and bool(value),
        "no worker sees all samples",
        "Leave it at 'auto', which weighs no features here",
    ),
    (
        "temperature",
        lambda value: value == "cv",
        "it would fit the model five times",
        "Leave it at 'auto', which is 1 here, or set a number",
    ),
)


@dataclass(frozen=True)
class _Shape:
    """Sizes and activations of the network."""

    sizes: tuple
    activations: tuple

    @classmethod
    def of(cls, estimator, n_outputs):
        sizes = (
            estimator.n_features_in_,
            *hidden_sizes(estimator.hidden_layer_sizes),
            n_outputs,
        )
        return cls(sizes, hidden_activations(estimator.activation, len(sizes) - 2))


class DaskSET:
    """The part that a fit on a cluster does otherwise than a local one."""

    @property
    def client_(self) -> Any:
        """The client that is used: the parameter `client`, or Dask's current one."""
        return client_of(self.client)  # type: ignore[attr-defined]

    def to_local(self) -> Any:
        """Make an ordinary estimator of the fitted one, which knows nothing of Dask.

        Returns
        -------
        estimator : SETClassifier or SETRegressor
            With the same parameters, and the same network, which they share.
        """
        check_is_fitted(self)
        return self._as_local()

    def _as_local(self):
        """The local estimator, fitted or not, with all that this one knows."""
        local = object.__new__(self._local_class)
        local.__dict__.update(
            (name, value)
            for name, value in vars(self).items()
            if name not in _OWN and name not in TRANSIENT and name != "_is_clone"
        )
        if hasattr(local, "set_callbacks"):
            local.set_callbacks()  # they belong to this estimator's fits
        return local

    # ------------------------------------------------------------------------- the call

    def _fit_draft(self, call, task):
        """Read, begin, train and publish; return the course that training took."""
        self._check_call(call)
        goes_on = hasattr(self, "_network") and (call.is_part or self.warm_start)
        kept = self._begin_temperature(call.is_part, goes_on)
        cluster = Cluster(self.client_)
        data = read(self, cluster, call, goes_on)
        shape = _Shape.of(self, data.n_outputs)
        check_precision(vars(self), data.dtype, type(self).__name__)
        self._begin_progress(shape.sizes, shape.activations, goes_on)
        settings = self._settings_for(shape, data, call, goes_on)
        if not call.is_part:
            self._progress.begin(self.learning_rate_init)
        replicas = self._divided(data)
        intervals = self._intervals(settings, data, len(replicas))
        batch_size = intervals(0, self.learning_rate_init).batch_size(max(data.n_samples))
        self._check_worker_memory(cluster, data, shape, batch_size, len(replicas))
        model, data = self._begin_on(cluster, data, shape, settings, call.is_part, goes_on)
        plan = Plan(cluster, data, settings, intervals, replicas)
        state = self._state(cluster, model, settings)
        task.begins(state, X=lambda: call.X, y=lambda: call.y, metadata=None)
        train(plan, state, model, task)
        self._randomness.network = state.model.rng
        self._keep_temperature(kept)
        self._publish(state, _as_problem(settings))
        try:
            task.ends()
        except KeyboardInterrupt:
            state.course.interrupted = True
        return state.course

    def _check_call(self, call):
        """Refuse parameters and data that a fit on a cluster cannot honour."""
        own = {name: getattr(self, name) for name in _OWN_CONSTRAINTS}
        check_values(own, _OWN_CONSTRAINTS, type(self).__name__)
        for name, is_refused, reason, remedy in _REFUSED:
            value = getattr(self, name, None)
            if is_refused(value):
                raise InvalidParameterError(
                    f"The {name!r} parameter of {type(self).__name__} cannot be {value!r}: "
                    f"{reason}. {remedy}, or fit {self._local_class.__name__}."
                )
        for name in ("X_val", "y_val", "sample_weight_val"):
            if getattr(call, name) is not None:
                raise ValueError(
                    f"{type(self).__name__} takes no {name}: it holds no validation set. Look at "
                    f"score between calls of partial_fit, or fit {self._local_class.__name__}."
                )
        if call.groups is not None:
            raise ValueError(
                f"{type(self).__name__} takes no groups: they matter only where samples are held "
                f"out, and it holds out none. Leave them out, or fit {self._local_class.__name__}."
            )

    def _settings_for(self, shape, data, call, goes_on):
        """The settings, with every "auto" decided by the size of all data."""
        return decided(
            vars(self) | {"feature_search": False, "feature_relevance": False},
            sizes=shape.sizes,
            n_connections=self._n_connections(shape),
            n_samples=data.n,
            n_counting=data.n_counting,
            is_part=call.is_part,
            goes_on=goes_on,
            n_threads=1,  # of each worker's thread; `Interval` knows better
        )

    def _n_connections(self, shape):
        return sum(n_erdos_renyi(*pair, self.epsilon) for pair in pairwise(shape.sizes))

    def _divided(self, data):
        n = AUTOMATIC_REPLICAS if self.n_replicas == "auto" else self.n_replicas
        return divided(data.n_samples, min(n, len(data.parts)))

    def _check_worker_memory(self, cluster, data, shape, batch_size, n_replicas):
        needed = training_bytes(
            shape.sizes,
            self.epsilon,
            activations=shape.activations,
            dtype=data.dtype,
            batch_size=batch_size,
            n_moments=SOLVERS[self.solver].of(self).n_moments,
        )
        cluster.locate(data.parts)
        cluster.check_memory(
            data.parts,
            data.n_bytes,
            needed["connections"],
            needed["activations of a batch"],
            n_replicas,
        )

    # ------------------------------------------------------------------------- begin

    def _begin_on(self, cluster, data, shape, settings, is_part, goes_on):
        """A future of the model that training begins with, and the data in its units."""
        optimizer = SOLVERS[self.solver].of(self)
        network = self._network.copy() if goes_on else None
        units = None
        if not is_part:
            units = feature_units(self, cluster, data, settings.input_dropout > 0)
        if units is not None:
            self._warn_of_scales(units)
        data = in_target_units(self, cluster, data, network, is_part)
        self.n_layers_ = len(shape.sizes)
        if goes_on:
            optimizer.begin(network, getattr(self, "_optimizer", None))
            if units is not None:
                units.install(network)
            self.feature_offset_, self.feature_scale_ = network.offset, 1 / network.factor
            self.feature_relevance_ = network.relevance
            model = _replicas.Model(
                network, optimizer, self._randomness.network, float(self._progress.n_steps)
            )
            return cluster.hand_over(_replicas.same, model), data
        self._warn_of(warning_of_few_connections(shape.sizes, self.epsilon))
        offset, factor = (None, 1.0) if units is None else (units.offset, units.factor)
        self.feature_offset_, self.feature_scale_ = offset, 1 / factor
        self.feature_relevance_ = None
        drawn = {
            "sizes": shape.sizes,
            "epsilon": self.epsilon,
            "activations": shape.activations,
            "weight_init": settings.weight_init,
            "dtype": data.dtype,
        }
        arguments = self._randomness, optimizer, drawn, offset, factor
        return cluster.hand_over(_replicas.drawn, *arguments), data

    def _intervals(self, settings, data, n_replicas):
        """What `Plan` calls for the interval of an epoch."""
        seed = self._randomness.dropout_seed
        length = None if self.interval == "epoch" else int(self.interval)
        shared = {
            "settings": settings,
            "loss": data.loss,
            "loss_parameter": self._loss_parameter(data.loss),
            "mean_weight": data.mean_weight,
            "seed": seed,
            "n_jobs": self.n_jobs,
            "n_replicas": n_replicas,
            "divides_batch": self.batch_size == "auto",
            "length": length,
        }
        return lambda epoch, rate: _replicas.Interval(epoch=epoch, learning_rate=rate, **shared)

    def _state(self, cluster, model, settings):
        """What callbacks see, and `_publish` reads."""
        state = RemoteState(
            None, None, self._progress, self._randomness, np.empty(0, np.int32), None
        )
        state.cluster = cluster
        state.moves_to(model)
        problem = _as_problem(settings)
        state.fitted_attributes = lambda copies: self._fitted_attributes(state, problem, copies)
        return state

    # ------------------------------------------------------------------------ prediction

    def _lazily(self, method, X, n_columns, dtype):
        """Predictions for a Dask collection, when they are asked for."""
        model = self.to_local()
        if model.n_jobs is None:
            model.n_jobs = 1  # for each thread of a worker
        return lazily(method, model, X, n_columns, np.dtype(dtype))

    def _type_of_outputs(self, X):
        """The number type of what the network returns for X."""
        if getattr(X, "dtype", None) == np.float32:
            return self._network.dtype
        return np.dtype(np.float64)

    def predict(self, X: Any) -> Any:
        """Predict with the sparse network.

        Parameters
        ----------
        X : Dask collection or array-like of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        y : Dask array of shape (n_samples,) or (n_samples, n_outputs)
            Computed when you ask for it; a list of delayed blocks for a list of blocks. For data
            of this process it is what the local class returns.
        """
        check_is_fitted(self)
        if not is_lazy(X):
            return super().predict(X)  # type: ignore[misc]
        n_columns, dtype = self._shape_of_predictions(X)  # type: ignore[attr-defined]
        return self._lazily("predict", X, n_columns, dtype)

    # ----------------------------------------------------------------------- good manners

    def __sklearn_clone__(self):
        # A client cannot be copied, and need not be.
        blank = object.__new__(type(self))
        blank.__dict__.update(vars(self))
        blank.client = None
        clone = super(DaskSET, blank).__sklearn_clone__()
        clone.client = self.client
        return clone

    def __getstate__(self):
        # A client belongs to its process.
        return super().__getstate__() | {"client": None}


def _as_problem(settings):
    """What `_publish` must know of a problem."""
    return SimpleNamespace(settings=settings, is_validated=False)
