"""From the user's collections to partitions that can be trained on, and what is known of them.

What must be known of all data together, such as classes, units and weights, is put together here
from facts of the partitions; the partitions stay on their workers.  Knows collections, workers and
estimators; must not know how a network is trained.
"""

from dataclasses import dataclass, replace
from functools import reduce
from importlib import import_module

import dask
import numpy as np
from scipy import sparse
from sklearn.utils.validation import validate_data

from sklearn_set.dask import _parts
from sklearn_set.dask._collections import are_placed, blocks_of, n_bytes_of
from sklearn_set.losses import LOSSES
from sklearn_set.sample_weights import FEW
from sklearn_set.scaling import LOOKED_AT, FeatureUnits


@dataclass(frozen=True)
class Data:
    """Partitions with samples that count, on their workers.

    Attributes
    ----------
    parts : list of Future
    n_samples, n_bytes : list of int
        Of each.
    dtype : numpy.dtype
    loss : str
    n_outputs : int
    mean_weight : float
        Of the samples whose weight is above zero.
    n_counting : int
        Number of these.
    """

    parts: list
    n_samples: list
    n_bytes: list
    dtype: np.dtype
    loss: str = ""
    n_outputs: int = 0
    mean_weight: float = 1.0
    n_counting: int = 0

    @property
    def n(self):
        """Number of samples."""
        return sum(self.n_samples)

    def replaced(self, cluster, function, *args):
        """The same data after a step of preparation."""
        return replace(self, parts=cluster.each(function, self.parts, *args))


def read(estimator, cluster, call, goes_on):
    """Check the data, and encode targets and weights.

    Parameters
    ----------
    estimator : DaskSETClassifier or DaskSETRegressor
        The draft of the fit: learns features and classes.
    cluster : Cluster
    call : Call
    goes_on : bool

    Returns
    -------
    Data
    """
    blocks = blocks_of(call.X, call.y, call.sample_weight)
    cluster.check_data(n_bytes_of(call.X))
    # A block is part of the graph or on a worker; the client never sees it.
    look = dask.delayed(_parts.examined, pure=False)
    local = dask.delayed(estimator._as_local(), pure=False, traverse=False)
    lazy = [look(*block, number, local) for number, block in enumerate(blocks)]
    pairs = cluster.compute(lazy, are_placed([block[0] for block in blocks]))
    facts = cluster.gather(cluster.each(_parts.second, pairs))
    _check_features(estimator, facts, goes_on)
    lives = [place for place, fact in enumerate(facts) if fact.n_samples]
    if not lives:
        raise ValueError(
            f"Found array with 0 sample(s) in all {len(facts)} partitions of X, while a minimum of "
            "1 is required."
        )
    found = [facts[place] for place in lives]
    data = Data(
        cluster.each(_parts.first, [pairs[place] for place in lives]),
        [fact.n_samples for fact in found],
        [fact.n_bytes for fact in found],
        _dtype_of(estimator, found, goes_on),
    )
    loss, n_outputs = _encode(estimator, found, call, goes_on)
    encoder = estimator._as_local()
    if estimator._weighs_classes(call):
        encoder.set_params(class_weight=_class_weights(estimator, found))
    data = replace(data, loss=loss, n_outputs=n_outputs, n_counting=data.n)
    data = data.replaced(cluster, _parts.encoded, encoder, data.dtype)
    if call.sample_weight is not None or estimator._weighs_classes(call):
        data = _weigh(cluster, data)
    cluster.gather(cluster.each(_parts.n_samples, data.parts))  # what is wrong comes to light
    return data


def _check_features(estimator, facts, goes_on):
    """Refuse partitions whose features differ; let the estimator know them."""
    first = facts[0]
    for number, fact in enumerate(facts):
        if fact.n_features != first.n_features:
            raise ValueError(
                f"Partition {number} of X has {fact.n_features} features, but partition 0 has "
                f"{first.n_features}."
            )
        if fact.names != first.names:
            raise ValueError(
                f"Partition {number} of X has features of other names than partition 0, or in "
                "another order."
            )
    X = sparse.csr_array((1, first.n_features))
    if first.names is not None:
        X = import_module("pandas").DataFrame(columns=first.names)
    validate_data(estimator, X, reset=not goes_on, skip_check_array=True)


def _dtype_of(estimator, facts, goes_on):
    """The number type of the network."""
    if goes_on:
        return estimator._network.dtype
    return np.result_type(*(fact.dtype for fact in facts))


def _encode(estimator, facts, call, goes_on):
    """Loss and number of outputs, from targets that stand for all; the estimator learns classes."""
    if len({fact.n_dims for fact in facts}) > 1 or len({fact.y.shape[1:] for fact in facts}) > 1:
        raise ValueError("y has partitions of different numbers of columns.")
    y = np.concatenate([fact.y for fact in facts])
    y = np.concatenate([y] * 3)  # as if labels occurred more than once, which is usual
    _, _, loss, n_outputs = estimator._encoded(y, call, goes_on)
    estimator.n_outputs_, estimator.out_activation_ = n_outputs, LOSSES[loss].out_activation
    return loss, n_outputs


def _class_weights(estimator, facts):
    """`class_weight` with "balanced" as numbers, from the labels of all partitions."""
    given = estimator.class_weight
    if not isinstance(given, str):
        return given
    n_samples = sum(fact.n_samples for fact in facts)
    if facts[0].n_dims == 2:
        positive = sum(fact.counts for fact in facts)
        return [
            {0: n_samples / (2 * max(n_samples - n, 1)), 1: n_samples / (2 * max(n, 1))}
            for n in positive
        ]
    classes = estimator.classes_
    counts = np.zeros(classes.shape[0])
    for fact in facts:
        counts[np.searchsorted(classes, fact.y)] += fact.counts
    weights = n_samples / (classes.shape[0] * np.maximum(counts, 1))
    return dict(zip(classes.tolist(), weights.tolist(), strict=True))


def _weigh(cluster, data):
    """Weights in the unit of `sample_weights.relative`, of all data together."""
    facts = cluster.gather(cluster.each(_parts.weight_facts, data.parts))
    lives = [place for place, fact in enumerate(facts) if fact.n]
    if not lives:
        raise ValueError(
            "Sample weights must contain at least one non-zero number, but all of sample_weight, "
            "times class_weight, are zero."
        )
    data = replace(
        data,
        **{
            name: [getattr(data, name)[place] for place in lives]
            for name in ("parts", "n_samples", "n_bytes")
        },
    )
    facts = [facts[place] for place in lives]
    n = sum(fact.n for fact in facts)
    least = min(fact.least for fact in facts)
    # Neither sums nor quotients overflow.
    size = max(fact.largest for fact in facts)
    unit = sum(fact.total / size for fact in facts) / n * size
    mean = unit
    may_be_counts = unit / least <= FEW
    if may_be_counts and all(cluster.gather(cluster.each(_parts.has_counts, data.parts, least))):
        unit = least
    data = data.replaced(cluster, _parts.weighed, unit, data.dtype)
    return replace(data, mean_weight=mean / unit, n_counting=n)


def in_target_units(estimator, cluster, data, network, is_part):
    """The data with targets in the network's units; the estimator learns the units.

    Parameters
    ----------
    estimator : DaskSETClassifier or DaskSETRegressor
    cluster : Cluster
    data : Data
    network : SparseNetwork or None
        The one that goes on.
    is_part : bool
    """
    if not estimator._y_numeric:
        return data.replaced(cluster, _parts.in_units, None, data.dtype)
    how = estimator._tail(), estimator.out_activation_ == "exp", estimator._keeps_target_proportions
    found = cluster.gather(cluster.each(_parts.target_units, data.parts, *how))
    largest, limit = max(size for _, size in found), np.finfo(data.dtype).max
    if not largest <= limit:
        raise ValueError(
            f"y contains values too large for {data.dtype.name}: beyond {limit:.3g}. "
            "Scale y, or set dtype='float64'."
        )
    units = reduce(lambda one, other: one.joined(other), (each for each, _ in found))
    estimator._with_units(units, network, is_part)
    return data.replaced(cluster, _parts.in_units, estimator._target_units, data.dtype)


def feature_units(estimator, cluster, data, is_dropping):
    """Units of the features, or None if the network reads them as they are.

    They are those of some samples, evenly spread over the partitions: of 500, or of as many as
    there are features.  A local fit to wide data looks at all.
    """
    n_features = estimator.n_features_in_
    is_wide = n_features > data.n
    n_looked_at = data.n if is_wide else min(data.n, LOOKED_AT)
    looks = cluster.each(_parts.some_rows, data.parts, n_looked_at / data.n)
    rows, weights = zip(*cluster.gather(looks), strict=True)
    X = sparse.vstack(rows, format="csr") if sparse.issparse(rows[0]) else np.concatenate(rows)
    weight = None if weights[0] is None else np.concatenate(weights)
    if weight is not None and not weight.any():
        return None
    units = FeatureUnits.of(X, weight, np.arange(X.shape[0]))
    return units if is_wide or is_dropping or units.matter else None
