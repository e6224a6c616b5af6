"""TrainingCurveDisplay: losses, scores and the best epoch of a training.

Knows curves of numbers; must not know networks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from sklearn_set._typing import Keywords
from sklearn_set.inspection._drawing import (
    BLUE,
    GREEN,
    GREY,
    KEYWORDS,
    ORANGE,
    axes_to_draw_in,
    import_pyplot,
    network_of,
    put_legend,
    use_whole_numbers,
    with_defaults,
)
from sklearn_set.validation import check_values

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.lines import Line2D


class TrainingCurveDisplay:
    """Training curve: the losses and scores of every epoch.

    Make it with :meth:`from_estimator`. All parameters are stored as attributes.

    Parameters
    ----------
    loss_curve : array-like of shape (n_epochs,)
        Training loss after every epoch.
    validation_loss_curve : array-like of shape (n_epochs,), default=None
        Loss on the validation set after every epoch.
    validation_scores : array-like of shape (n_epochs,), default=None
        Score on the validation set after every epoch. It has an axis of its own, on the right.
    best_iter : int, default=None
        The best epoch, counted from 1. :meth:`from_estimator` leaves it out if no epoch was looked
        for: if training lasts `max_iter` epochs, since `n_iter_no_change` is infinite or "auto"
        means so, and no score on held-out samples decides.
    has_mixed_losses : bool, default=False
        Whether the training loss is that of mixed samples (`mixup`). It is higher than the loss of
        the samples themselves, and not comparable with a validation loss; the legend says so.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the losses.
    score_ax_ : matplotlib Axes or None
        Axes with the scores and the legend, over `ax_`; None without scores.
    figure_ : matplotlib Figure
        Figure with the axes.
    loss_line_ : matplotlib Line2D
        The training loss.
    validation_loss_line_ : matplotlib Line2D or None
        The validation loss.
    score_line_ : matplotlib Line2D or None
        The validation score.
    best_line_ : matplotlib Line2D or None
        The vertical line at the best epoch.

    See Also
    --------
    sklearn.model_selection.LearningCurveDisplay : Scores against the number of training samples.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_set import SETClassifier
    >>> from sklearn_set.datasets import make_microarray
    >>> from sklearn_set.inspection import TrainingCurveDisplay
    >>> X, y = make_microarray(60, 500, random_state=0)
    >>> clf = SETClassifier((20,), early_stopping=True, max_iter=20, n_iter_no_change=np.inf)
    >>> display = TrainingCurveDisplay.from_estimator(clf.fit(X, y))
    >>> len(display.loss_curve)
    20
    """

    ax_: Axes
    score_ax_: Axes | None
    figure_: Figure | SubFigure
    loss_line_: Line2D
    validation_loss_line_: Line2D | None
    score_line_: Line2D | None
    best_line_: Line2D | None

    def __init__(
        self,
        loss_curve: ArrayLike,
        *,
        validation_loss_curve: ArrayLike | None = None,
        validation_scores: ArrayLike | None = None,
        best_iter: int | None = None,
        has_mixed_losses: bool = False,
    ) -> None:
        self.loss_curve = loss_curve
        self.validation_loss_curve = validation_loss_curve
        self.validation_scores = validation_scores
        self.best_iter = best_iter
        self.has_mixed_losses = has_mixed_losses

    def plot(
        self, ax: Axes | None = None, *, line_kw: Keywords = None, best_line_kw: Keywords = None
    ) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in. None means new axes in a new figure.
        line_kw : dict, default=None
            Keyword arguments for all curves, passed to `matplotlib.axes.Axes.plot`.
        best_line_kw : dict, default=None
            Keyword arguments for the line at the best epoch, passed to
            `matplotlib.axes.Axes.axvline`.

        Returns
        -------
        display : TrainingCurveDisplay
            The display itself.

        Raises
        ------
        ValueError
            If a parameter has a type that it does not accept, or curves differ in length.
        ImportError
            If matplotlib is not installed.
        """
        owner = type(self).__name__
        check_values(
            {"line_kw": line_kw, "best_line_kw": best_line_kw},
            {"line_kw": KEYWORDS, "best_line_kw": KEYWORDS},
            owner,
        )
        curves = self._checked_curves()
        ax = axes_to_draw_in(ax, owner)
        epochs = np.arange(1, len(curves["loss_curve"]) + 1)
        # A single epoch would be invisible as a line.
        style = {"marker": "o"} if len(epochs) == 1 else {}

        def curve(axes, name, **defaults):
            if curves[name] is None:
                return None
            options = with_defaults({**style, **defaults}, line_kw)
            return axes.plot(epochs, curves[name], **options)[0]

        score_ax = None if curves["validation_scores"] is None else ax.twinx()
        label = "training loss" + (", of mixed samples" if self.has_mixed_losses else "")
        loss_line = curve(ax, "loss_curve", color=BLUE, label=label)
        validation_loss_line = curve(
            ax, "validation_loss_curve", color=ORANGE, linestyle="--", label="validation loss"
        )
        score_line = curve(
            score_ax, "validation_scores", color=GREEN, linestyle="-.", label="validation score"
        )
        best_line = None
        if self.best_iter is not None:
            best_options = {
                "color": GREY,
                "linestyle": ":",
                "label": f"best epoch: {self.best_iter}",
            }
            best_line = ax.axvline(self.best_iter, **with_defaults(best_options, best_line_kw))
        ax.set(xlabel="Epoch", ylabel="Loss")
        use_whole_numbers(ax)
        if score_ax is not None:
            score_ax.set_ylabel("Validation score", color=score_line.get_color())
        lines = [loss_line, validation_loss_line, score_line, best_line]
        # The legend is in the upper axes, whose curves would cover it otherwise. If it must be
        # between the curves, it is on the right, where falling losses and rising scores are apart.
        legend_ax, loc = (ax, "best") if score_ax is None else (score_ax, "center right")
        put_legend(legend_ax, [line for line in lines if line is not None], loc=loc)

        self.ax_, self.score_ax_, self.figure_ = ax, score_ax, ax.figure
        self.loss_line_, self.validation_loss_line_ = loss_line, validation_loss_line
        self.score_line_, self.best_line_ = score_line, best_line
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        *,
        ax: Axes | None = None,
        line_kw: Keywords = None,
        best_line_kw: Keywords = None,
    ) -> Self:
        """Draw the training of a fitted network.

        Parameters
        ----------
        estimator : estimator
            A fitted `SETClassifier` or `SETRegressor`, or a fitted
            :class:`~sklearn.pipeline.Pipeline` whose last step is one. Any estimator with
            `loss_curve_` will do, such as :class:`~sklearn.neural_network.MLPClassifier`.
        ax : matplotlib Axes, default=None
            Axes to draw in. None means new axes in a new figure.
        line_kw : dict, default=None
            Keyword arguments for all curves, passed to `matplotlib.axes.Axes.plot`.
        best_line_kw : dict, default=None
            Keyword arguments for the line at the best epoch, passed to
            `matplotlib.axes.Axes.axvline`.

        Returns
        -------
        display : TrainingCurveDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If the estimator has no `loss_curve_`.
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        ValueError
            If a parameter has a type that it does not accept.
        ImportError
            If matplotlib is not installed.
        """
        import_pyplot(cls.__name__)
        network = network_of(estimator, "loss_curve_", cls.__name__)
        progress = getattr(network, "_progress", None)  # other estimators have none
        has_best_epoch = getattr(progress, "has_best_epoch", True)
        display = cls(
            network.loss_curve_,
            validation_loss_curve=getattr(network, "validation_loss_curve_", None),
            validation_scores=getattr(network, "validation_scores_", None),
            best_iter=getattr(network, "best_iter_", None) if has_best_epoch else None,
            has_mixed_losses=getattr(progress, "has_mixed_losses", False),
        )
        return display.plot(ax, line_kw=line_kw, best_line_kw=best_line_kw)

    def _checked_curves(self):
        """The curves by name, as arrays of one length."""
        curves = {}
        for name in ("loss_curve", "validation_loss_curve", "validation_scores"):
            values = getattr(self, name)
            curves[name] = None if values is None else np.asarray(values, dtype=float)
            if values is not None and curves[name].shape != (len(self.loss_curve),):
                raise ValueError(
                    f"{name} must have one number per epoch, shape ({len(self.loss_curve)},). "
                    f"Got shape {curves[name].shape}."
                )
        return curves
