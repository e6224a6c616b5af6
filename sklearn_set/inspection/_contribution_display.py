"""ContributionDisplay: reasons for one prediction as bars, those for many as strips of points.

Knows contributions and names; must not know networks.
"""

from __future__ import annotations

from math import inf
from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.base import BaseEstimator

from sklearn_set._typing import Int, Ints, Keywords, Matrix
from sklearn_set.inspection._contributions import Contributions, Method, contributions
from sklearn_set.inspection._drawing import (
    BLUE,
    GREY,
    KEYWORDS,
    ORANGE,
    import_pyplot,
    with_defaults,
)
from sklearn_set.inspection._question import place_of
from sklearn_set.validation import NONE, InvalidParameterError, check_values, interval, plainly

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.colorbar import Colorbar
    from matplotlib.container import BarContainer
    from matplotlib.figure import Figure, SubFigure

_CONSTRAINTS = {
    "sample": (interval(Integral, -inf, inf, "neither"), NONE),
    "max_features": (interval(Integral, 1, inf),),
    "bar_kw": KEYWORDS,
    "scatter_kw": KEYWORDS,
}

# Half of the height of a row that points may fill, and the most that lies between neighbours.
_HALF_ROW, _APART = 0.38, 0.08

# Points of a row whose contributions fall into the same of so many parts lie beside each other.
_PARTS = 100


class ContributionDisplay:
    """Reasons for predictions: what the strongest features contribute.

    For one sample, a bar for each feature shows its contribution with its sign. For several
    samples, every sample is a point, and its colour shows whether the feature is low or high.

    Make it with :meth:`from_estimator` or :meth:`from_contributions`. All parameters are stored as
    attributes.

    Parameters
    ----------
    contributions : Contributions
        What the features contribute, from :func:`contributions`.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the bars or points.
    figure_ : matplotlib Figure
        Figure with the axes.
    features_ : ndarray of shape (n_drawn,)
        The indices of the features that are drawn, the strongest first.
    bars_ : matplotlib BarContainer or None
        The bars, the strongest feature first. The last one is the sum of all other features, if
        there are any. None if points are drawn.
    points_ : matplotlib PathCollection or None
        The points, feature after feature; None if bars are drawn.
    colorbar_ : matplotlib Colorbar or None
        What the colours of the points mean; None without such colours.

    See Also
    --------
    contributions : Computes what is drawn.
    FeatureImportanceDisplay : Importances of features, without signs.

    Examples
    --------
    >>> from sklearn_set import SETClassifier
    >>> from sklearn_set.datasets import make_microarray
    >>> from sklearn_set.inspection import ContributionDisplay
    >>> X, y = make_microarray(60, 500, random_state=0)
    >>> clf = SETClassifier((20,), max_iter=20, random_state=0).fit(X, y)
    >>> one = ContributionDisplay.from_estimator(clf, X, sample=3, max_features=5)
    >>> len(one.bars_)
    6
    >>> all_samples = ContributionDisplay.from_estimator(clf, X, max_features=5)
    >>> len(all_samples.points_.get_offsets())
    300
    """

    ax_: Axes
    figure_: Figure | SubFigure
    features_: Ints
    bars_: BarContainer | None
    points_: PathCollection | None
    colorbar_: Colorbar | None

    def __init__(self, contributions: Contributions) -> None:
        self.contributions = contributions

    def plot(
        self,
        ax: Axes | None = None,
        *,
        sample: Int | None = None,
        output: Any = None,
        max_features: Int = 15,
        bar_kw: Keywords = None,
        scatter_kw: Keywords = None,
    ) -> Self:
        """Draw bars for one sample, or points for all.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in. None means new axes in a new figure, as high as the features need.
        sample : int, default=None
            The sample to draw, counted from 0, or from the end if negative. None means all samples,
            as points; if there is only one, its bars.
        output : int or label, default=None
            The output to draw, one of `contributions.output_names`. It may be None if only one is
            explained.
        max_features : int, default=15
            The number of features, at least 1: those with the largest contribution to the sample,
            or the largest mean magnitude over all samples. Features that contribute nothing are
            left out.
        bar_kw : dict, default=None
            Keyword arguments for the bars, passed to `matplotlib.axes.Axes.barh`.
        scatter_kw : dict, default=None
            Keyword arguments for the points, passed to `matplotlib.axes.Axes.scatter`. A `color`
            takes the place of the colours that show values.

        Returns
        -------
        display : ContributionDisplay
            The display itself.

        Raises
        ------
        TypeError
            If it was not made with contributions.
        ValueError
            If a parameter is outside its range, contributions are not finite, or no output is
            chosen among several.
        ImportError
            If matplotlib is not installed.
        """
        owner = type(self).__name__
        given: dict[str, Any] = {"sample": sample, "max_features": max_features}
        given |= {"bar_kw": bar_kw, "scatter_kw": scatter_kw}
        check_values(given, _CONSTRAINTS, owner)
        values, base, name = _of_one_output(self.contributions, output)
        n_samples = len(values)
        if sample is not None and not -n_samples <= sample < n_samples:
            raise InvalidParameterError(
                f"sample={sample} must be between 0 and {n_samples - 1}, or negative to count from "
                "the end."
            )
        if sample is None and n_samples == 1:
            sample = 0
        pyplot = import_pyplot(owner)

        shown = values if sample is None else values[[sample]]
        size = np.abs(shown).mean(axis=0)
        features = np.argsort(-size, kind="stable")[:max_features]
        features = features[size[features] > 0]
        n_rows = max(len(features), 1) + 1
        if ax is None:
            # A name needs about a quarter of an inch; the axis needs one.
            figure_size = (6.4, max(2.5, 1.0 + 0.25 * n_rows))
            ax = pyplot.subplots(figsize=figure_size, layout="constrained")[1]
        ax.axvline(0, color=GREY, linewidth=0.8, zorder=0.5)
        label = f"Contribution to the output for {name!s}"
        bars = points = colorbar = None
        if sample is not None:
            bars = self._draw_bars(ax, values[sample], features, sample, bar_kw)
            if self.contributions.method == "integrated":
                total = base + values[sample].sum()
                label += f"\n(it is {base:.3g} at the baseline, {total:.3g} here)"
        else:
            points, colorbar = self._draw_points(ax, values[:, features], features, scatter_kw)
        ax.set(xlabel=label, ylabel="Feature")

        self.ax_, self.figure_, self.features_ = ax, ax.figure, features
        self.bars_, self.points_, self.colorbar_ = bars, points, colorbar
        return self

    def _draw_bars(self, ax, values, features, sample, bar_kw):
        """Bars of one sample, and one for all features that have none."""
        lengths = values[features]
        data = _columns(self.contributions.data, features)[sample]
        names = self.contributions.feature_names[features]
        labels = [f"{name} = {value:.3g}" for name, value in zip(names, data, strict=True)]
        colors = np.where(lengths > 0, ORANGE, BLUE).tolist()
        n_others = np.count_nonzero(values) - len(features)
        if n_others:
            lengths = np.append(lengths, np.delete(values, features).sum())
            labels.append(f"{n_others:,} others")
            colors.append(GREY)
        places = np.arange(len(lengths))
        bars = ax.barh(places, lengths, **with_defaults({"color": colors}, bar_kw))
        _put_rows(ax, labels)
        return bars

    def _draw_points(self, ax, values, features, scatter_kw):
        """Points of all samples in a row for each feature, and what their colours mean."""
        from matplotlib.colors import LinearSegmentedColormap

        width = np.ptp(values) if values.size else 0.0
        rows = [row + _spread(column, width) for row, column in enumerate(values.T)]
        data = _columns(self.contributions.data, features)
        options = {
            "c": [shade for column in data.T for shade in _shades(column)],
            "cmap": LinearSegmentedColormap.from_list("low_high", [BLUE, "#C8C8C8", ORANGE]),
            "vmin": 0.0,
            "vmax": 1.0,
            "s": 14,
            "linewidths": 0,
        }
        own = with_defaults({}, scatter_kw)
        if "color" in own:
            options = {name: options[name] for name in ("s", "linewidths")}
        points = ax.scatter(values.T.ravel(), np.ravel(rows), **{**options, **own})
        _put_rows(ax, self.contributions.feature_names[features])
        if "color" in own:
            return points, None
        colorbar = ax.figure.colorbar(points, ax=ax, ticks=[0, 1], aspect=40, pad=0.02)
        colorbar.ax.set_yticklabels(["low", "high"])
        colorbar.set_label("Value of the feature", labelpad=-12)
        colorbar.outline.set_visible(False)
        return points, colorbar

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: Matrix,
        *,
        sample: Int | None = None,
        output: Any = None,
        method: Method = "integrated",
        baseline: ArrayLike | None = None,
        n_steps: Int = 32,
        feature_names: ArrayLike | None = None,
        max_features: Int = 15,
        ax: Axes | None = None,
        bar_kw: Keywords = None,
        scatter_kw: Keywords = None,
    ) -> Self:
        """Draw the reasons for predictions of a fitted network.

        Parameters
        ----------
        estimator : estimator
            A fitted `SETClassifier` or `SETRegressor`, or a fitted
            :class:`~sklearn.pipeline.Pipeline` whose last step is one.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples.
        sample : int, default=None
            The sample to draw, counted from 0, or from the end if negative. None means all samples,
            as points; if there is only one, its bars.
        output : int or label, default=None
            The output to explain, see :func:`contributions`. It may be None if there is only one.
        method : {"integrated", "gradient"}, default="integrated"
            How contributions are computed, see :func:`contributions`.
        baseline : array-like of shape (n_features,) or (n_baselines, n_features), default=None
            What they are counted from, see :func:`contributions`.
        n_steps : int, default=32
            Pieces of the way for networks of two or more hidden layers, see :func:`contributions`.
        feature_names : array-like of str, shape (n_features,), default=None
            The names of the features that the network sees, see :func:`contributions`.
        max_features : int, default=15
            The number of features, at least 1.
        ax : matplotlib Axes, default=None
            Axes to draw in. None means new axes in a new figure, as high as the features need.
        bar_kw : dict, default=None
            Keyword arguments for the bars, passed to `matplotlib.axes.Axes.barh`.
        scatter_kw : dict, default=None
            Keyword arguments for the points, passed to `matplotlib.axes.Axes.scatter`.

        Returns
        -------
        display : ContributionDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If the estimator is not of this package.
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        ValueError
            If a parameter is outside its range, or X does not fit the network.
        ImportError
            If matplotlib is not installed.
        """
        import_pyplot(cls.__name__)
        found = contributions(
            estimator,
            X,
            method=method,
            baseline=baseline,
            output=output,
            n_steps=n_steps,
            feature_names=feature_names,
        )
        return cls.from_contributions(
            found,
            sample=sample,
            max_features=max_features,
            ax=ax,
            bar_kw=bar_kw,
            scatter_kw=scatter_kw,
        )

    @classmethod
    def from_contributions(
        cls,
        contributions: Contributions,
        *,
        sample: Int | None = None,
        output: Any = None,
        max_features: Int = 15,
        ax: Axes | None = None,
        bar_kw: Keywords = None,
        scatter_kw: Keywords = None,
    ) -> Self:
        """Draw contributions that you have.

        Parameters
        ----------
        contributions : Contributions
            What the features contribute, from :func:`contributions`.
        sample : int, default=None
            The sample to draw, counted from 0, or from the end if negative. None means all samples,
            as points; if there is only one, its bars.
        output : int or label, default=None
            The output to draw, one of `contributions.output_names`. It may be None if only one is
            explained.
        max_features : int, default=15
            The number of features, at least 1.
        ax : matplotlib Axes, default=None
            Axes to draw in. None means new axes in a new figure, as high as the features need.
        bar_kw : dict, default=None
            Keyword arguments for the bars, passed to `matplotlib.axes.Axes.barh`.
        scatter_kw : dict, default=None
            Keyword arguments for the points, passed to `matplotlib.axes.Axes.scatter`.

        Returns
        -------
        display : ContributionDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If these are not contributions.
        ValueError
            If a parameter is outside its range, contributions are not finite, or no output is
            chosen among several.
        ImportError
            If matplotlib is not installed.
        """
        return cls(contributions).plot(
            ax,
            sample=sample,
            output=output,
            max_features=max_features,
            bar_kw=bar_kw,
            scatter_kw=scatter_kw,
        )


def _of_one_output(found, output):
    """The contributions to one output, that output at the baseline, and its name."""
    if not isinstance(found, Contributions):
        raise TypeError(
            "contributions must be an instance of 'sklearn_set.inspection.Contributions', from "
            f"sklearn_set.inspection.contributions. Got {type(found).__name__}."
        )
    known = found.output_names.tolist()
    place = 0 if output is None and len(known) == 1 else place_of(output, known)
    if place is None:
        shown = f"{{{', '.join(map(repr, known))}}}"
        raise ValueError(
            f"output={plainly(output)} must be one of those that are explained, {shown}."
        )
    several = found.values.ndim == 3
    values = found.values[:, :, place] if several else found.values
    base = found.base_values[place] if several else found.base_values
    if not (np.isfinite(values).all() and np.isfinite(base)):
        raise ValueError("contributions must be finite, got NaN or infinity.")
    return values, base, known[place]


def _columns(data, features):
    """Values of some features, as an array."""
    columns = data[:, features]
    return columns.toarray() if sparse.issparse(columns) else np.asarray(columns)


def _shades(column):
    """Colours of one feature's values between 0 and 1, without regard to its outliers."""
    low, high = np.quantile(column, (0.05, 0.95))
    if low == high:
        low, high = column.min(), column.max()
    if low == high:
        return np.full(len(column), 0.5)
    return np.clip((column - low) / (high - low), 0, 1)


def _spread(values, width):
    """Distances of points from the middle of their row, so that neighbours do not hide each other.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        Where they are along the row.
    width : float
        How far the points of all rows reach.
    """
    if width == 0:
        return np.zeros(len(values))
    parts = np.rint(values / width * _PARTS)
    order = np.argsort(parts, kind="stable")
    starts = np.flatnonzero(np.diff(parts[order], prepend=np.nan) != 0)
    counts = np.diff(starts, append=len(values))
    number = np.arange(len(values)) - np.repeat(starts, counts)
    # 0, 1, -1, 2, -2: on both sides of the middle in turn
    steps = np.where(number % 2, (number + 1) // 2, -(number // 2))
    places = np.empty(len(values))
    places[order] = steps * min(_APART, _HALF_ROW / max(counts.max() // 2, 1))
    return places


def _put_rows(ax, labels):
    """Names of the rows, the first on top."""
    ax.set_yticks(np.arange(len(labels)), labels=labels)
    ax.set_ylim(max(len(labels), 1) - 0.4, -0.6)
