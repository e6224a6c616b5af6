"""What is asked of a network for reasons, checked, in the user's terms.

Knows fitted estimators, pipelines, classes and targets; must not know layers or topologies.
"""

from dataclasses import dataclass
from math import inf
from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_array

from sklearn_set import attribution, machine
from sklearn_set.data_checks import check_sparse, validated
from sklearn_set.fitted import FittedSET
from sklearn_set.inspection._drawing import checked_names, names_seen_by, network_of
from sklearn_set.validation import check_values, interval, options, plainly

_CONSTRAINTS = {
    "method": (options("integrated", "gradient"),),
    "n_steps": (interval(Integral, 1, inf),),
}


@dataclass(frozen=True)
class Outputs:
    """Outputs to explain: their numbers and names, and the sign of their scores."""

    numbers: tuple
    names: np.ndarray
    sign: float = 1.0


def prepared(owner, estimator, X, asked, baseline, output=None, names=None):
    """Check all that the user gave.

    Returns
    -------
    network : estimator
        As it is now.
    X : ndarray or CSR matrix
        Behind the transformers.
    names : ndarray of str
        Of the features.
    explained : Outputs
    question : attribution.Question
    """
    values = check_values(asked, _CONSTRAINTS, owner)
    network = network_of(estimator, "coefs_", owner)
    if not isinstance(network, FittedSET):
        raise TypeError(
            f"{owner} needs a fitted SETClassifier or SETRegressor, or a Pipeline whose last step "
            f"is one. Got {type(network).__name__}."
        )
    network = network._as_of_now()
    explained = _chosen(network, output)
    baselines = _checked_baselines(network, baseline)
    check_sparse(X, "X")
    names = checked_names(
        names_seen_by(estimator) if names is None else names, network.n_features_in_
    )
    while isinstance(estimator, Pipeline):
        if len(estimator.steps) > 1:
            X = estimator[:-1].transform(X)
        estimator = estimator.steps[-1][1]
    X = validated(
        network,
        X,
        reset=False,
        dtype=(np.float64, np.float32),
        accept_sparse="csr",
        order="C",
    )
    question = attribution.Question(
        baselines,
        explained.numbers,
        values["n_steps"] if values["method"] == "integrated" else None,
        machine.effective_n_threads(network.n_jobs),
    )
    return network, X, names, explained, question


def _checked_baselines(network, baseline):
    """The baselines, one a row; by default the offset of the features, or zero."""
    n_features = network.n_features_in_
    if baseline is None:
        offset = network.feature_offset_
        offset = np.zeros(n_features) if offset is None else offset.astype(np.float64)
        return offset[np.newaxis]
    check_sparse(baseline, "baseline")
    try:
        if np.ndim(baseline) == 0 and not sparse.issparse(baseline):
            raise ValueError(f"baseline={plainly(baseline)} must have a number for each feature.")
        with np.errstate(all="ignore"):  # too large is refused in words
            table = check_array(
                baseline,
                accept_sparse="csr",
                ensure_2d=False,
                dtype=np.float64,
                input_name="baseline",
            )
    except (ValueError, TypeError, OverflowError) as error:
        if "baseline" in str(error):
            raise
        raise ValueError(
            "baseline must hold numbers, in the shape (n_features,) or (n_baselines, n_features): "
            f"{error}"
        ) from None
    table = table.toarray() if sparse.issparse(table) else np.ascontiguousarray(table)
    table = table[np.newaxis] if table.ndim == 1 else table
    if table.shape[1] != n_features:
        raise ValueError(
            f"baseline has {table.shape[-1]} features, but {type(network).__name__} is expecting "
            f"{n_features} features as input: give it the shape (n_features,) or (n_baselines, "
            "n_features), behind the transformers of a pipeline."
        )
    return table


def _every_output(network):
    """All outputs of a fitted estimator."""
    n_outputs = network.n_outputs_
    if hasattr(network, "classes_"):
        names = network.classes_[-n_outputs:]  # of two classes the second
    else:
        names = ["y"] if n_outputs == 1 else [f"y{number}" for number in range(n_outputs)]
        names = np.array(names, dtype=object)
    return Outputs(tuple(range(n_outputs)), names)


def _chosen(network, output):
    """The outputs that `output` asks for."""
    every = _every_output(network)
    if output is None:
        return every
    classes = getattr(network, "classes_", None)
    known = list(every.numbers) if classes is None else classes.tolist()
    place = place_of(output, known)
    if place is None:
        kind = "a number of a target" if classes is None else "one of the classes"
        raise ValueError(
            f"output={plainly(output)} must be {kind}, {_listed(known)}, or None for all outputs."
        )
    if len(known) == len(every.numbers):
        return Outputs((place,), every.names[[place]])
    return Outputs((0,), classes[[place]], sign=1.0 if place == 1 else -1.0)


def place_of(output, known):
    """The place of an output among the labels of all, or None."""
    for place, each in enumerate(known):
        try:
            if np.ndim(output) == 0 and bool(each == output):
                return place
        except TypeError:  # pandas.NA equals nothing, not even False
            return None
    return None


def _listed(known):
    """Some names in words, few enough for a message."""
    shown = ", ".join(map(repr, known[:10]))
    return f"{{{shown}{', ...' if len(known) > 10 else ''}}}"


def units_of_outputs(network, explained):
    """What the outputs of the network are multiplied by, and what is then added to them."""
    units = network._units_of_targets()
    n_explained = len(explained.numbers)
    if units is None:
        return np.full(n_explained, explained.sign / network._temperature()), 0.0
    numbers = list(explained.numbers)
    if units.exponential:
        return np.ones(n_explained), np.log(units.scale[numbers])
    return units.scale[numbers], units.offset[numbers]
