"""FeatureImportanceDisplay: the strongest features, as bars.

Knows importances and names of features; must not know networks.
"""

from __future__ import annotations

from math import inf
from numbers import Integral
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from sklearn_set._typing import Int, Ints, Keywords
from sklearn_set.inspection._drawing import (
    BLUE,
    KEYWORDS,
    checked_names,
    import_pyplot,
    names_seen_by,
    network_of,
    with_defaults,
)
from sklearn_set.validation import check_values, interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer, ErrorbarContainer
    from matplotlib.figure import Figure, SubFigure

_CONSTRAINTS = {
    "max_features": (interval(Integral, 1, inf),),
    "bar_kw": KEYWORDS,
    "errorbar_kw": KEYWORDS,
}


class FeatureImportanceDisplay:
    """Feature importances: bars of the strongest features.

    Make it with :meth:`from_estimator` or :meth:`from_importances`. All parameters are stored as
    attributes.

    Parameters
    ----------
    importances : array-like of shape (n_features,) or (n_resamples, n_features)
        The importance of every feature, in one network or in those of several resamples.
    feature_names : array-like of str, shape (n_features,), default=None
        The names of the features. None means "x0", "x1" and so on.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the bars.
    figure_ : matplotlib Figure
        Figure with the axes.
    bars_ : matplotlib BarContainer
        The bars, the strongest feature first. With several resamples they are means.
    errorbar_ : matplotlib ErrorbarContainer or None
        One standard deviation over the resamples, to both sides; None for a single network.
    features_ : ndarray of shape (n_drawn,)
        The indices of the features that are drawn, the strongest first.

    See Also
    --------
    sklearn.inspection.permutation_importance : Importance by what its loss does to the score.

    Examples
    --------
    >>> from sklearn_set import SETClassifier
    >>> from sklearn_set.datasets import make_microarray
    >>> from sklearn_set.inspection import FeatureImportanceDisplay
    >>> X, y = make_microarray(60, 500, random_state=0)
    >>> clf = SETClassifier((20,), max_iter=20, random_state=0).fit(X, y)
    >>> display = FeatureImportanceDisplay.from_estimator(clf, max_features=5)
    >>> len(display.bars_)
    5
    """

    ax_: Axes
    figure_: Figure | SubFigure
    bars_: BarContainer
    errorbar_: ErrorbarContainer | None
    features_: Ints

    def __init__(self, importances: ArrayLike, *, feature_names: ArrayLike | None = None) -> None:
        self.importances = importances
        self.feature_names = feature_names

    def plot(
        self,
        ax: Axes | None = None,
        *,
        max_features: Int = 20,
        bar_kw: Keywords = None,
        errorbar_kw: Keywords = None,
    ) -> Self:
        """Draw the bars.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in. None means new axes in a new figure, as high as the bars need.
        max_features : int, default=20
            The number of bars, at least 1. Of features with the same importance the first wins.
        bar_kw : dict, default=None
            Keyword arguments for the bars, passed to `matplotlib.axes.Axes.barh`.
        errorbar_kw : dict, default=None
            Keyword arguments for the spread, passed to `matplotlib.axes.Axes.errorbar`.

        Returns
        -------
        display : FeatureImportanceDisplay
            The display itself.

        Raises
        ------
        ValueError
            If a parameter is outside its range, importances are not finite, or names and
            importances differ in number.
        ImportError
            If matplotlib is not installed.
        """
        owner = type(self).__name__
        given = {"max_features": max_features, "bar_kw": bar_kw, "errorbar_kw": errorbar_kw}
        check_values(given, _CONSTRAINTS, owner)
        samples = _checked_importances(self.importances)
        names = checked_names(self.feature_names, samples.shape[1])
        pyplot = import_pyplot(owner)

        means = samples.mean(axis=0)
        features = np.argsort(-means, kind="stable")[:max_features]
        places = np.arange(len(features))
        if ax is None:
            # A name needs about a quarter of an inch; axis and title need one.
            size = (6.4, max(2.5, 1.0 + 0.25 * len(features)))
            ax = pyplot.subplots(figsize=size, layout="constrained")[1]
        bars = ax.barh(places, means[features], **with_defaults({"color": BLUE}, bar_kw))
        errorbar = None
        if len(samples) > 1:
            options = {"fmt": "none", "ecolor": "black", "elinewidth": 1.2, "capsize": 2}
            errorbar = ax.errorbar(
                means[features],
                places,
                xerr=samples.std(axis=0)[features],
                **with_defaults(options, errorbar_kw),
            )
        ax.set_yticks(places, labels=names[features])
        ax.set_ylim(len(features) - 0.4, -0.6)  # the strongest on top
        label = "Importance"
        if len(samples) > 1:
            label += f", mean and standard deviation of {len(samples)} resamples"
        ax.set(xlabel=label, ylabel="Feature")
        ax.set_xlim(left=min(0.0, ax.get_xlim()[0] if (means < 0).any() else 0.0))

        self.ax_, self.figure_ = ax, ax.figure
        self.bars_, self.errorbar_, self.features_ = bars, errorbar, features
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        *,
        feature_names: ArrayLike | None = None,
        max_features: Int = 20,
        ax: Axes | None = None,
        bar_kw: Keywords = None,
        errorbar_kw: Keywords = None,
    ) -> Self:
        """Draw the importances of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            A fitted `SETClassifier` or `SETRegressor`, or a fitted
            :class:`~sklearn.pipeline.Pipeline` whose last step is one. Any estimator with
            `feature_importances_` will do.
        feature_names : array-like of str, shape (n_features,), default=None
            The names of the features that the estimator sees; in a pipeline those that come out of
            its transformers. None means the names that the estimator was fitted with, else those
            of the transformers' `get_feature_names_out`, else "x0", "x1" and so on.
        max_features : int, default=20
            The number of bars, at least 1. Of features with the same importance the first wins.
        ax : matplotlib Axes, default=None
            Axes to draw in. None means new axes in a new figure, as high as the bars need.
        bar_kw : dict, default=None
            Keyword arguments for the bars, passed to `matplotlib.axes.Axes.barh`.
        errorbar_kw : dict, default=None
            Keyword arguments for the spread, passed to `matplotlib.axes.Axes.errorbar`.

        Returns
        -------
        display : FeatureImportanceDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If the estimator has no `feature_importances_`.
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        ValueError
            If a parameter is outside its range, or names and importances differ in number.
        ImportError
            If matplotlib is not installed.
        """
        import_pyplot(cls.__name__)
        network = network_of(estimator, "feature_importances_", cls.__name__)
        if feature_names is None:
            feature_names = names_seen_by(estimator)
        return cls.from_importances(
            network.feature_importances_,
            feature_names=feature_names,
            max_features=max_features,
            ax=ax,
            bar_kw=bar_kw,
            errorbar_kw=errorbar_kw,
        )

    @classmethod
    def from_importances(
        cls,
        importances: ArrayLike,
        *,
        feature_names: ArrayLike | None = None,
        max_features: Int = 20,
        ax: Axes | None = None,
        bar_kw: Keywords = None,
        errorbar_kw: Keywords = None,
    ) -> Self:
        """Draw importances that you have.

        Parameters
        ----------
        importances : array-like of shape (n_features,) or (n_resamples, n_features)
            The importance of every feature, in one network or in those of several resamples. For
            several, bars are means, and error bars are standard deviations.
        feature_names : array-like of str, shape (n_features,), default=None
            The names of the features. None means "x0", "x1" and so on.
        max_features : int, default=20
            The number of bars, at least 1. Of features with the same importance the first wins.
        ax : matplotlib Axes, default=None
            Axes to draw in. None means new axes in a new figure, as high as the bars need.
        bar_kw : dict, default=None
            Keyword arguments for the bars, passed to `matplotlib.axes.Axes.barh`.
        errorbar_kw : dict, default=None
            Keyword arguments for the spread, passed to `matplotlib.axes.Axes.errorbar`.

        Returns
        -------
        display : FeatureImportanceDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If a parameter is outside its range, importances are not finite, or names and
            importances differ in number.
        ImportError
            If matplotlib is not installed.
        """
        display = cls(importances, feature_names=feature_names)
        return display.plot(ax, max_features=max_features, bar_kw=bar_kw, errorbar_kw=errorbar_kw)


def _checked_importances(importances):
    samples = np.asarray(importances, dtype=float)
    if samples.ndim not in (1, 2) or samples.size == 0:
        raise ValueError(
            "importances must have the shape (n_features,) or (n_resamples, n_features), and not "
            f"be empty. Got shape {samples.shape}."
        )
    if not np.isfinite(samples).all():
        raise ValueError("importances must be finite, got NaN or infinity.")
    return np.atleast_2d(samples)
