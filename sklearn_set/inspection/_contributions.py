"""Reasons for predictions: what each feature contributes to the outputs for a sample.

`_question` checks what is asked, and `attribution` computes.  Knows fitted estimators; must not
know layers or topologies.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.base import BaseEstimator

from sklearn_set import attribution
from sklearn_set._typing import Floats, Int, Matrix
from sklearn_set.inspection._question import prepared, units_of_outputs
from sklearn_set.warning import warn

Method = Literal["integrated", "gradient"]


class Contributions:
    """What each feature contributes to the outputs, for some samples.

    :func:`contributions` makes it. All parameters are stored as attributes.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_features) or (n_samples, n_features, n_outputs)
        The contributions, in units of the outputs. There is a third axis if several outputs are
        explained.
    base_values : ndarray of shape () or (n_outputs,)
        The outputs at the baseline.
    data : ndarray or CSR matrix of shape (n_samples, n_features)
        The samples as the network gets them: in a pipeline behind its transformers.
    feature_names : ndarray of str, shape (n_features,)
        The names of the features.
    output_names : ndarray of shape (n_outputs,)
        The class whose score an output is, the number of a label, or the name of a target.
    method : {"integrated", "gradient"}, default="integrated"
        How they were computed.

    See Also
    --------
    ContributionDisplay : Draws them.
    """

    def __init__(
        self,
        values: Floats,
        *,
        base_values: Floats,
        data: Any,
        feature_names: NDArray[np.object_],
        output_names: NDArray[Any],
        method: Method = "integrated",
    ) -> None:
        self.values = values
        self.base_values = base_values
        self.data = data
        self.feature_names = feature_names
        self.output_names = output_names
        self.method = method

    def __repr__(self) -> str:
        n_samples, n_features = self.values.shape[:2]
        return (
            f"<{type(self).__name__}: n_samples={n_samples}, n_features={n_features}, "
            f"n_outputs={len(self.output_names)}>"
        )

    def to_shap(self) -> Any:
        """Hand the contributions over to the plots of shap.

        Returns
        -------
        explanation : shap.Explanation
            The same numbers. Sparse data become dense.

        Raises
        ------
        ImportError
            If shap is not installed.
        """
        try:
            from shap import Explanation
        except ImportError as error:
            raise ImportError(
                "Contributions.to_shap needs shap. Install it: pip install shap."
            ) from error
        shape = (self.values.shape[0], *self.values.shape[2:])
        return Explanation(
            np.ascontiguousarray(self.values),
            base_values=np.broadcast_to(self.base_values, shape).copy(),
            data=self.data.toarray() if sparse.issparse(self.data) else self.data,
            feature_names=self.feature_names.tolist(),
            output_names=None if self.values.ndim == 2 else list(map(str, self.output_names)),
        )


def contributions(
    estimator: BaseEstimator,
    X: Matrix,
    *,
    method: Method = "integrated",
    baseline: ArrayLike | None = None,
    output: Any = None,
    n_steps: Int = 32,
    feature_names: ArrayLike | None = None,
) -> Contributions:
    """Tell what each feature contributes to the outputs for every sample of X.

    A contribution is the distance of a feature from its baseline times a slope of the output. With
    integrated gradients ([1]_) this is the mean slope on the straight way from the baseline to the
    sample: then the contributions of a sample add up to the difference between its output and the
    output at the baseline. With "gradient" it is the slope at the sample alone.

    The outputs are those before softmax or the logistic function, as `decision_function` gives
    them. Those of a regressor are its predictions; with an exponential output (loss "poisson")
    their logarithms. Snapshots count as they do in predictions: all numbers are means over the
    networks.

    Parameters
    ----------
    estimator : estimator
        A fitted `SETClassifier` or `SETRegressor`, or a fitted
        :class:`~sklearn.pipeline.Pipeline` whose last step is one. Then its transformers are
        applied to X, and the features are those that come out of them.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The samples to explain.
    method : {"integrated", "gradient"}, default="integrated"
        Whether slopes are means on the way from the baseline, or those at the sample.
    baseline : array-like of shape (n_features,) or (n_baselines, n_features), default=None
        What contributions are counted from, in the units of the features that the network gets:
        in a pipeline of those behind its transformers. With several rows, such as some training
        samples, contributions and outputs are means over them, at proportional cost. None is
        `feature_offset_`, or zero where that is None: the training mean of features from
        :class:`~sklearn.preprocessing.StandardScaler`, and what `input_dropout` sets a dropped
        feature to.
    output : int or label, default=None
        The only output to explain: a class of `classes_` (for multilabel targets the number of a
        label), or the number of a target. Two classes have one output, for the second class; for
        the first one the signs are reversed. None explains all outputs.
    n_steps : int, default=32
        Into how many pieces the way from the baseline is cut for networks of two or more hidden
        layers, at least 1. It has no effect on others, for which integrated gradients are exact,
        nor with "gradient".
    feature_names : array-like of str, shape (n_features,), default=None
        The names of the features that the network sees; in a pipeline those that come out of its
        transformers. None means the names that the network was fitted with, else those of the
        transformers' `get_feature_names_out`, else "x0", "x1" and so on.

    Returns
    -------
    contributions : Contributions
        The contributions, the outputs at the baseline, the samples, and names.

    Raises
    ------
    TypeError
        If the estimator is not of this package.
    sklearn.exceptions.NotFittedError
        If it is not fitted.
    ValueError
        If a parameter is outside its range, or X or the baseline does not fit the network.

    See Also
    --------
    attribution_importances : Importance of each feature by its contributions.
    ContributionDisplay : Draws contributions.
    sklearn.inspection.permutation_importance : Importance by what its loss does to the score.

    Notes
    -----
    The mean slope of an activation between two pre-activations is their difference after it,
    divided by that before it. In the first hidden layer pre-activations change in proportion on the
    way, so one backward pass gives exact integrated gradients of a network with one hidden layer.
    With more layers this rule holds on each of `n_steps` pieces of the way, layer by layer. A
    single piece is the rescale rule of DeepLIFT ([2]_), and many approach integrated gradients. In
    any case contributions add up to the difference of the outputs.

    All is computed in double precision, whatever the number type of the network. Time is that of
    one prediction and one backward pass for each output, times the number of networks and of
    baselines. Only the layers above the first are passed again for each piece.

    References
    ----------
    .. [1] M. Sundararajan, A. Taly, Q. Yan, "Axiomatic attribution for deep networks", ICML, 2017,
       arXiv:1703.01365.

    .. [2] A. Shrikumar, P. Greenside, A. Kundaje, "Learning important features through propagating
       activation differences", ICML, 2017, arXiv:1704.02685.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_set import SETClassifier
    >>> from sklearn_set.datasets import make_microarray
    >>> from sklearn_set.inspection import contributions
    >>> X, y = make_microarray(60, 500, random_state=0)
    >>> clf = SETClassifier((20,), max_iter=20, random_state=0).fit(X, y)
    >>> reasons = contributions(clf, X[:3])
    >>> reasons.values.shape
    (3, 500)
    >>> total = reasons.base_values + reasons.values.sum(axis=1)
    >>> np.allclose(total, clf.decision_function(X[:3]))
    True
    """
    asked = {"method": method, "n_steps": n_steps}
    network, X, names, explained, question = prepared(
        "contributions", estimator, X, asked, baseline, output, feature_names
    )
    factor, shift = units_of_outputs(network, explained)
    networks = network._networks()
    n_samples, n_features = X.shape
    values = np.empty((len(explained.numbers), n_samples, n_features))
    with np.errstate(all="ignore"):
        base_values = attribution.base_outputs(networks, question) * factor + shift
        for rows, tables in attribution.contributions(networks, X, question):
            tables *= factor[:, np.newaxis, np.newaxis]
            values[:, rows] = tables.transpose(0, 2, 1)
    if not (np.isfinite(base_values).all() and all(map(_all_finite, values))):
        _tell_overflow()
    is_single = len(explained.numbers) == 1
    return Contributions(
        values[0] if is_single else np.moveaxis(values, 0, -1),
        base_values=base_values.reshape(()) if is_single else base_values,
        data=X,
        feature_names=names,
        output_names=explained.names,
        method=method,
    )


def attribution_importances(
    estimator: BaseEstimator,
    X: Matrix,
    *,
    method: Method = "integrated",
    baseline: ArrayLike | None = None,
    n_steps: Int = 32,
) -> Floats:
    """Tell how important each feature is for the outputs, by its contributions.

    The importance of a feature is the mean magnitude of its contributions over the samples and
    the outputs, as a share of that of all features. `feature_importances_` looks at the weights of
    the first layer alone; this looks at the whole network, and at the data. The attribution of
    neurons in [1]_ is the mean magnitude of the gradient alone, without the distance.

    Scores of three or more classes count from their mean over the classes: a part that they have in
    common changes no prediction. Several targets of a regressor count in units of their spread.

    Parameters
    ----------
    estimator : estimator
        A fitted `SETClassifier` or `SETRegressor`, or a fitted
        :class:`~sklearn.pipeline.Pipeline` whose last step is one.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Samples, such as those of the training.
    method : {"integrated", "gradient"}, default="integrated"
        How contributions are computed, see :func:`contributions`.
    baseline : array-like of shape (n_features,) or (n_baselines, n_features), default=None
        What they are counted from, see :func:`contributions`.
    n_steps : int, default=32
        Pieces of the way for networks of two or more hidden layers, see :func:`contributions`.

    Returns
    -------
    importances : ndarray of shape (n_features,)
        The share of each feature. They sum to 1, or are all zero if all contributions are.

    Raises
    ------
    TypeError
        If the estimator is not of this package.
    sklearn.exceptions.NotFittedError
        If it is not fitted.
    ValueError
        If a parameter is outside its range, or X or the baseline does not fit the network.

    See Also
    --------
    contributions : The contributions themselves.
    FeatureImportanceDisplay.from_importances : Draws importances.
    sklearn.inspection.permutation_importance : Importance by what its loss does to the score.

    References
    ----------
    .. [1] Z. Atashgahi, T. Liu, M. Pechenizkiy, R. Veldhuis, D. C. Mocanu, M. van der Schaar,
       "Unveiling the power of sparse neural networks for feature selection", ECAI, 2024,
       arXiv:2408.04583.

    Examples
    --------
    >>> from sklearn_set import SETClassifier
    >>> from sklearn_set.datasets import make_microarray
    >>> from sklearn_set.inspection import attribution_importances
    >>> X, y = make_microarray(60, 500, random_state=0)
    >>> clf = SETClassifier((20,), max_iter=20, random_state=0).fit(X, y)
    >>> attribution_importances(clf, X).shape
    (500,)
    """
    asked = {"method": method, "n_steps": n_steps}
    owner = "attribution_importances"
    network, X, _, _, question = prepared(owner, estimator, X, asked, baseline)
    total = np.zeros(X.shape[1])
    with np.errstate(all="ignore"):
        for _, tables in attribution.contributions(network._networks(), X, question):
            if len(tables) > 1 and getattr(network, "out_activation_", None) == "softmax":
                tables -= tables.mean(axis=0)
            total += np.abs(tables, out=tables).sum(axis=(0, 2))
        whole = total.sum()
        importances = total / whole if whole > 0 else total
    if not np.isfinite(importances).all():
        _tell_overflow()
    return importances


def _all_finite(table):
    return np.isfinite(table).all()


def _tell_overflow():
    warn(
        "overflow: contributions are too large for float64. X may lie far outside the data of fit.",
        RuntimeWarning,
    )
