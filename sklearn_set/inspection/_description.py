"""A fitted network in plain values and in one sentence, for reports and methods sections.

Knows fitted estimators and their parameters; must not know how training went.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from sklearn_set.fitted import FittedSET
from sklearn_set.inspection._drawing import network_of
from sklearn_set.network import law_of_weights
from sklearn_set.parameters import parameters_of
from sklearn_set.settings import plain
from sklearn_set.version import __version__


def describe(estimator: BaseEstimator) -> dict[str, Any]:
    """Tell what a fitted model is, and what every "auto" was decided to be.

    Parameters
    ----------
    estimator : SETClassifier, SETRegressor or Pipeline
        A fitted one, or a fitted pipeline whose last step is one.

    Returns
    -------
    description : dict
        Plain values:

        - ``"parameters"``: every parameter of the estimator by name, with the decided value in
          place of "auto", and the number found in place of `temperature` "auto" and "cv".
        - ``"decided"``: those of them that were not given as such.
        - ``"fitted"``: numbers of neurons of all layers, connections, the density, epochs of the
          last call, networks that predict together, and features that are connected.
        - ``"version"``: that of this package.
        - ``"text"``: the most important of it in one line.

    See Also
    --------
    sklearn_set.show_versions : Versions of all that takes part.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_set import SETClassifier
    >>> from sklearn_set.inspection import describe
    >>> X, y = load_iris(return_X_y=True)
    >>> model = SETClassifier(50, max_iter=30, n_iter_no_change=float("inf"), random_state=0)
    >>> description = describe(model.fit(X, y))
    >>> description["decided"]["batch_size"], description["parameters"]["zeta"]
    (32, 0.3)
    """
    network = network_of(estimator, "coefs_", "describe")
    if not isinstance(network, FittedSET):
        raise TypeError(
            "describe needs a fitted SETClassifier or SETRegressor, or a Pipeline whose last step "
            f"is one. Got {type(network).__name__}."
        )
    network = network._as_of_now()
    decided = _decided(network)
    parameters = {name: plain(value) for name, value in parameters_of(network).items()}
    parameters |= decided
    layers = network._network.layers
    fitted = {
        "layer_sizes": (layers[0].topology.n_in, *(layer.topology.n_out for layer in layers)),
        "n_connections": int(network.n_connections_),
        "density": float(network.density_),
        "n_epochs": int(network.n_iter_),
        "n_networks": len(network._networks()),
        "n_active_features": _n_active(network),
    }
    return {
        "parameters": parameters,
        "decided": decided,
        "fitted": fitted,
        "version": __version__,
        "text": _in_words(type(network).__name__, parameters, fitted),
    }


def _decided(network):
    """The values of all parameters that were not given as such."""
    decided = dict(network._decided)
    if decided.get("weight_init") == "auto":
        laws = [law_of_weights("auto", layer.activation) for layer in network._network.layers]
        decided["weight_init"] = laws[0] if len(set(laws)) == 1 else laws
    parameters = parameters_of(network)
    for name, found in (
        ("dtype", lambda: network._network.dtype.name),
        ("temperature", lambda: float(network.temperature_)),
        # A fit that goes on decides nothing, but keeps the relevance that there is.
        ("feature_relevance", lambda: network.feature_relevance_ is not None),
    ):
        if isinstance(parameters.get(name), str) and parameters[name] in ("auto", "cv"):
            decided[name] = found()
    return decided


def _n_active(network):
    """How many features have a connection in some network."""
    degrees = sum(np.diff(each.layers[0].topology.indptr) for each in network._networks())
    return int(np.count_nonzero(degrees))


def _in_words(kind, parameters, fitted):
    """The description as one line."""
    activation = parameters["activation"]
    if not isinstance(activation, str):
        activation = ", ".join(activation)
    *first, last = map(str, fitted["layer_sizes"])
    parts = [
        f"{kind} of sklearn_set {__version__} (Sparse Evolutionary Training): layers of "
        f"{', '.join(first)} and {last} neurons ({activation})",
        f"{fitted['n_connections']:,} connections (density {fitted['density']:.2g}, "
        f"epsilon {parameters['epsilon']:g}), of which evolution renewed a share of "
        f"{parameters['zeta']:g}",
        f"trained for {fitted['n_epochs']} epochs in batches of {parameters['batch_size']} by "
        f"{parameters['solver']} at a {parameters['learning_rate']} rate from "
        f"{parameters['learning_rate_init']:g}",
        f"alpha {parameters['alpha']:g}, mixup {parameters['mixup']:g}, input dropout "
        f"{parameters['input_dropout']:g}, dropout {parameters['dropout']:g}",
    ]
    if parameters["feature_search"]:
        parts.append(f"{fitted['n_active_features']} features left by the search")
    if parameters["feature_relevance"]:
        parts.append("features read as large as they are relevant by themselves")
    if fitted["n_networks"] > 1:
        parts.append(f"mean of {fitted['n_networks']} networks")
    if "temperature" in parameters:
        parts.append(f"temperature {parameters['temperature']:.3g}")
    return "; ".join([*parts, f"random_state {parameters['random_state']}"]) + "."
