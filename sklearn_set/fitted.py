"""What a fitted estimator does: it predicts, shows its network and can be pickled.

Knows networks as training left them; must not know how they were trained.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from sklearn_set import machine
from sklearn_set._typing import Floats, Labels, Matrix
from sklearn_set.data_checks import validated_as
from sklearn_set.hooks import TRANSIENT
from sklearn_set.network import sum_of_outputs, threads_pay
from sklearn_set.samples import Samples
from sklearn_set.topology import sums_by_input
from sklearn_set.version import __version__
from sklearn_set.warning import warn

# What a fitted estimator consists of, beside parameters and names that end in an underscore.
PRIVATE_STATE = (
    "_network",
    "_snapshots",
    "_optimizer",
    "_progress",
    "_randomness",
    "_decided",
    "_multilabel",
    "_target_units",
)


class FittedSET:
    """The part of an estimator that needs no targets.

    `_network` is the network as training left it.  `_snapshots` are copies from earlier epochs,
    which predict together with it.  Other modules get all of them from `_networks()`.
    """

    _network: Any

    # ------------------------------------------------------------------------ prediction

    def _as_of_now(self):
        """A view of the estimator as it is now, which a fit in another thread does not change."""
        fitted = object.__new__(type(self))
        fitted.__dict__ = self.__dict__
        return fitted

    def _raw(self, X):
        """Pre-activations of the output units, of shape (n_samples, n_outputs).

        Their number type is that of X or of the network, whichever is wider.
        """
        check_is_fitted(self)
        dtype = self._network.dtype
        X, wider = validated_as(self, X, dtype)
        networks, n_threads = self._networks(), 1
        # To predict a few rows takes less time than to count the processors.
        if threads_pay(networks, X.shape[0]):
            n_threads = machine.effective_n_threads(self.n_jobs)
        raw = sum_of_outputs(networks, Samples(X, dtype), n_threads)
        with np.errstate(all="ignore"):
            raw /= len(networks) * self._temperature()
            raw = raw.astype(wider, copy=False)
        if not np.isfinite(raw).all():
            _tell_overflow(raw.dtype)
        return raw

    def predict(self, X: Matrix) -> Labels:
        """Predict with the sparse network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            For classification the classes, or a matrix of 0 and 1 for multilabel targets. For
            regression real numbers, of the model's number type.
        """
        fitted = self._as_of_now()
        raw = fitted._raw(X)
        predicted = fitted._decide(raw)
        if predicted.dtype.kind == "f" and np.isfinite(raw).all() > np.isfinite(predicted).all():
            _tell_overflow(predicted.dtype)
        return predicted

    # ---------------------------------------------------------------------- inspection

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_network")

    @property
    def coefs_(self) -> list[sparse.csr_array]:
        """Weights of every layer as sparse arrays of shape (n_in, n_out).

        Element ``(i, j)`` of ``coefs_[l]`` is the connection from neuron i of layer l to neuron
        j of layer l + 1.  The arrays share the model's memory: nothing is copied.
        """
        return [layer.as_csr() for layer in self._network.layers]

    @property
    def intercepts_(self) -> list[Floats]:
        """Biases of every layer: a list of arrays of shape (n_out,)."""
        return [layer.bias for layer in self._network.layers]

    @property
    def feature_importances_(self) -> Floats:
        """Strength of each feature: its share of the absolute weights of all features' connections.

        An array of shape (n_features,) that sums to 1, or is all zero if all weights are. A feature
        without connections has strength zero. Snapshots count as much as the last network. This is
        the measure of QuickSelection (Atashgahi et al., 2021, Machine Learning). Weights are
        multiplied by `feature_relevance_`.
        """
        fitted = self._as_of_now()
        strength = sum(
            network.per_feature(
                sums_by_input(layer.topology, np.abs(layer.weights, dtype=np.float64))
            )
            for network in fitted._networks()
            for layer in network.layers[:1]
        )
        total = strength.sum()
        return strength / total if total > 0 else strength

    @property
    def active_features_(self) -> NDArray[np.bool_]:
        """Whether each feature has connections: an array of shape (n_features,).

        Those of snapshots count too.
        """
        fitted = self._as_of_now()
        degrees = [np.diff(network.layers[0].topology.indptr) for network in fitted._networks()]
        return np.any(degrees, axis=0)

    def _networks(self):
        """The networks that predict together: that of the last epoch, then the snapshots."""
        return [self._network, *self._snapshots]

    def _number_type(self):
        """The number type of the networks."""
        return self._network.dtype

    def _units_of_targets(self):
        """The units that targets are learned in, or None: classes have none."""
        return None

    def _temperature(self):
        """What outputs are divided by: one, unless they have been calibrated."""
        return 1.0

    def __getstate__(self):
        state = super().__getstate__() | {"_sklearn_set_version": __version__}
        for name in TRANSIENT:
            state.pop(name, None)
        return state

    def __setstate__(self, state):
        written_by = state.pop("_sklearn_set_version", None)
        if written_by != __version__:
            warn(
                f"Trying to unpickle a {type(self).__name__} from sklearn_set {written_by} with "
                f"sklearn_set {__version__}. This might lead to breaking code or invalid "
                "results. Use at your own risk."
            )
        super().__setstate__(state)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _tell_overflow(dtype):
    """Warn that outputs of the network, or predictions, are infinite or not a number."""
    warn(
        f"overflow: predictions are too large for {dtype}. X may lie far outside the data of fit.",
        RuntimeWarning,
    )
