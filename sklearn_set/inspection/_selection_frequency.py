"""SelectionFrequencyDisplay: how often halves of the samples select each feature, as bars.

Knows frequencies and names of features; must not know how features are selected.
"""

from __future__ import annotations

from math import inf
from numbers import Integral, Real
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_set._typing import Float, Int, Ints, Keywords
from sklearn_set.inspection._drawing import (
    BLUE,
    KEYWORDS,
    ORANGE,
    checked_names,
    import_pyplot,
    names_seen_by,
    put_legend,
    with_defaults,
)
from sklearn_set.validation import NONE, check_values, interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.lines import Line2D

_CONSTRAINTS = {
    "threshold": (interval(Real, 0, 1, "both"), NONE),
    "expected_false_selections": (interval(Real, 0, inf), NONE),
    "max_features": (interval(Integral, 1, inf),),
    "bar_kw": KEYWORDS,
    "line_kw": KEYWORDS,
}
_LIGHT = "#BBBBBB"  # of features that are not selected
_NEAR = 1e-9  # frequencies are quotients, and so are thresholds


class SelectionFrequencyDisplay:
    """Selection frequencies: bars of the features that are selected most often.

    Make it with :meth:`from_estimator`, or of frequencies that you have and :meth:`plot`. All
    parameters are stored as attributes.

    Parameters
    ----------
    frequencies : array-like of shape (n_features,)
        The share of the resamples that select each feature, in [0, 1].
    threshold : float, default=None
        The frequency from which on a feature is selected, drawn as a line. None draws none.
    expected_false_selections : float, default=None
        The bound on the expected number of false selections, for the title.
    feature_names : array-like of str, shape (n_features,), default=None
        The names of the features. None means "x0", "x1" and so on.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the bars.
    figure_ : matplotlib Figure
        Figure with the axes.
    bars_ : matplotlib BarContainer
        The bars, the most frequent feature first.
    line_ : matplotlib Line2D or None
        The threshold, if there is one.
    features_ : ndarray of shape (n_drawn,)
        The indices of the features that are drawn, the most frequent first.

    See Also
    --------
    sklearn_set.feature_selection.StabilitySelector : Selects features by their frequencies.
    FeatureImportanceDisplay : Draws importances.

    Examples
    --------
    >>> from sklearn.feature_selection import SelectKBest
    >>> from sklearn_set.datasets import make_microarray
    >>> from sklearn_set.feature_selection import StabilitySelector
    >>> from sklearn_set.inspection import SelectionFrequencyDisplay
    >>> X, y = make_microarray(60, 500, random_state=0)
    >>> selector = StabilitySelector(SelectKBest(k=10), random_state=0).fit(X, y)
    >>> display = SelectionFrequencyDisplay.from_estimator(selector, max_features=5)
    >>> len(display.bars_)
    5
    """

    ax_: Axes
    figure_: Figure | SubFigure
    bars_: BarContainer
    line_: Line2D | None
    features_: Ints

    def __init__(
        self,
        frequencies: ArrayLike,
        *,
        threshold: Float | None = None,
        expected_false_selections: Float | None = None,
        feature_names: ArrayLike | None = None,
    ) -> None:
        self.frequencies = frequencies
        self.threshold = threshold
        self.expected_false_selections = expected_false_selections
        self.feature_names = feature_names

    def plot(
        self,
        ax: Axes | None = None,
        *,
        max_features: Int = 20,
        bar_kw: Keywords = None,
        line_kw: Keywords = None,
    ) -> Self:
        """Draw the bars, and the threshold as a line.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in. None means new axes in a new figure, as high as the bars need.
        max_features : int, default=20
            The number of bars, at least 1. Of features as frequent as each other the first wins.
        bar_kw : dict, default=None
            Keyword arguments for the bars, passed to `matplotlib.axes.Axes.barh`.
        line_kw : dict, default=None
            Keyword arguments for the line, passed to `matplotlib.axes.Axes.axvline`.

        Returns
        -------
        display : SelectionFrequencyDisplay
            The display itself.

        Raises
        ------
        ValueError
            If a parameter is outside its range, frequencies are not in [0, 1], or names and
            frequencies differ in number.
        ImportError
            If matplotlib is not installed.
        """
        owner = type(self).__name__
        given = {
            "threshold": self.threshold,
            "expected_false_selections": self.expected_false_selections,
            "max_features": max_features,
            "bar_kw": bar_kw,
            "line_kw": line_kw,
        }
        check_values(given, _CONSTRAINTS, owner)
        frequencies = _checked_frequencies(self.frequencies)
        names = checked_names(self.feature_names, len(frequencies))
        pyplot = import_pyplot(owner)

        features = np.argsort(-frequencies, kind="stable")[:max_features]
        places = np.arange(len(features))
        if ax is None:
            # A name needs about a quarter of an inch; title, axis and legend need the rest.
            size = (6.4, max(3.0, 1.6 + 0.25 * len(features)))
            ax = pyplot.subplots(figsize=size, layout="constrained")[1]
        is_selected = frequencies >= (0 if self.threshold is None else self.threshold - _NEAR)
        colors = np.where(is_selected[features], BLUE, _LIGHT).tolist()
        bars = ax.barh(places, frequencies[features], **with_defaults({"color": colors}, bar_kw))
        line = None
        if self.threshold is not None:
            options = {"color": ORANGE, "linestyle": "--", "linewidth": 1.5}
            options["label"] = f"Threshold {float(self.threshold):.3g}"
            line = ax.axvline(float(self.threshold), **with_defaults(options, line_kw))
            ax.set_title(self._title(int(is_selected.sum()), len(frequencies)))
        ax.set_yticks(places, labels=names[features])
        ax.set_ylim(len(features) - 0.4, -0.6)  # the most frequent on top
        ax.set_xlim(0, 1)
        ax.set(xlabel="Share of the halves that select the feature", ylabel="Feature")
        if line is not None:
            put_legend(ax, [line], loc="lower right")

        self.ax_, self.figure_ = ax, ax.figure
        self.bars_, self.line_, self.features_ = bars, line, features
        return self

    def _title(self, n_selected, n_features):
        title = f"{n_selected:,} of {n_features:,} features selected"
        if self.expected_false_selections is None:
            return title
        return f"{title},\nat most {float(self.expected_false_selections):.2g} false ones expected"

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        *,
        feature_names: ArrayLike | None = None,
        max_features: Int = 20,
        ax: Axes | None = None,
        bar_kw: Keywords = None,
        line_kw: Keywords = None,
    ) -> Self:
        """Draw the selection frequencies of a fitted selector.

        Parameters
        ----------
        estimator : estimator
            A fitted :class:`~sklearn_set.feature_selection.StabilitySelector`, or a fitted
            :class:`~sklearn.pipeline.Pipeline` with one among its steps, of which the last is
            drawn.
        feature_names : array-like of str, shape (n_features,), default=None
            The names of the features that the selector sees. None means the names that it was
            fitted with, else those of the `get_feature_names_out` of the transformers before it,
            else "x0", "x1" and so on.
        max_features : int, default=20
            The number of bars, at least 1. Of features as frequent as each other the first wins.
        ax : matplotlib Axes, default=None
            Axes to draw in. None means new axes in a new figure, as high as the bars need.
        bar_kw : dict, default=None
            Keyword arguments for the bars, passed to `matplotlib.axes.Axes.barh`.
        line_kw : dict, default=None
            Keyword arguments for the line, passed to `matplotlib.axes.Axes.axvline`.

        Returns
        -------
        display : SelectionFrequencyDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If there is no selector with `selection_frequencies_`.
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        ValueError
            If a parameter is outside its range, or names and frequencies differ in number.
        ImportError
            If matplotlib is not installed.
        """
        import_pyplot(cls.__name__)
        selector, names = _selector_of(estimator, cls.__name__)
        display = cls(
            selector.selection_frequencies_,
            threshold=selector.threshold_,
            expected_false_selections=selector.expected_false_selections_,
            feature_names=names if feature_names is None else feature_names,
        )
        return display.plot(ax, max_features=max_features, bar_kw=bar_kw, line_kw=line_kw)


def _selector_of(estimator, owner):
    """The last fitted selector of an estimator or pipeline, and the names that it sees, or None."""
    found = _search(estimator)
    if found is not None:
        return found
    what = estimator.__name__ if isinstance(estimator, type) else type(estimator).__name__
    if hasattr(estimator, "fit") and not isinstance(estimator, type):
        check_is_fitted(estimator)
    raise TypeError(
        f"{owner} needs a fitted StabilitySelector, or a Pipeline with one among its steps. "
        f"Got {what}. From a search, pass `best_estimator_`."
    )


def _search(estimator):
    """The last selector and the names that it sees, or None."""
    if not isinstance(estimator, Pipeline):
        if isinstance(estimator, type) or not hasattr(estimator, "selection_frequencies_"):
            return None
        return estimator, names_seen_by(estimator)
    for place in reversed(range(len(estimator.steps))):
        found = _search(estimator.steps[place][1])
        if found is not None:
            selector, names = found
            if names is None and selector is estimator.steps[place][1]:
                names = names_seen_by(estimator[: place + 1])
            return selector, names
    return None


def _checked_frequencies(frequencies):
    values = np.asarray(frequencies, dtype=float)
    if values.ndim != 1 or values.size == 0:
        raise ValueError(
            "frequencies must have the shape (n_features,), and not be empty. "
            f"Got shape {values.shape}."
        )
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError("frequencies must be in the range [0, 1].")
    return values
