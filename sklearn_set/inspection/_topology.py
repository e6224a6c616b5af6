"""TopologyDisplay: degrees of the neurons of a layer, at one time or over the epochs.

Knows degrees, and `coefs_` of estimators; must not know how training goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.base import BaseEstimator

from sklearn_set._typing import Int, Keywords
from sklearn_set.inspection._degrees import (
    as_image,
    count_degrees,
    draw_distributions,
    draw_evolution,
)
from sklearn_set.inspection._drawing import (
    KEYWORDS,
    axes_to_draw_in,
    import_pyplot,
    network_of,
    with_defaults,
)
from sklearn_set.validation import NONE, check_values, instance, interval, options, sequence_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection
    from matplotlib.colorbar import Colorbar
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.image import AxesImage
    from matplotlib.lines import Line2D
    from matplotlib.patches import StepPatch

_Kind: TypeAlias = Literal["degrees", "input_image", "evolution"]
_Neurons: TypeAlias = Literal["both", "input", "output"]
_Shape: TypeAlias = Sequence[Int] | None

_CONSTRAINTS = {
    "layer": (instance(Integral),),
    "kind": (options("degrees", "input_image", "evolution"),),
    "neurons": (options("both", "input", "output"),),
    "image_shape": (
        sequence_of(interval(Integral, 1, np.inf), "a sequence of two ints above 0"),
        NONE,
    ),
    "line_kw": KEYWORDS,
    "fill_kw": KEYWORDS,
    "im_kw": KEYWORDS,
}


class TopologyDisplay:
    """Topology of a layer: how many connections its neurons have.

    The degree of an input neuron is the number of its connections in the layer, and so is that of
    an output neuron. Evolution turns the narrow distribution of a random topology into a broad
    one. Some neurons become hubs [1]_: in the first layer these are the features that matter.

    Make it with :meth:`from_estimator` or :meth:`from_record`. All parameters are stored as
    attributes.

    Parameters
    ----------
    input_degrees : array-like of int, shape (n_records, n_in)
        The degrees of the input neurons, one row for every time, in order.
    output_degrees : array-like of int, shape (n_records, n_out), default=None
        The degrees of the output neurons at the same times.
    epochs : array-like of int, shape (n_records,), default=None
        The number of epochs at each of these times. None means that they are not known.
    image_shape : tuple of int, (height, width), default=None
        How the input neurons form an image, row by row; for features that are pixels.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the picture.
    figure_ : matplotlib Figure
        Figure with the axes.
    distributions_ : list of matplotlib StepPatch or None
        The distributions of `kind="degrees"`: those of the input neurons, then those of the output
        neurons. If there are several records, the first one comes before the last one.
    lines_ : list of matplotlib Line2D or None
        The lines of `kind="evolution"`: median and largest degree of the input neurons, then of
        the output neurons.
    bands_ : list of matplotlib PolyCollection or None
        The bands of `kind="evolution"`, in the same order.
    image_ : matplotlib AxesImage or None
        The image of `kind="input_image"`.
    colorbar_ : matplotlib Colorbar or None
        Its scale.

    References
    ----------
    .. [1] D. C. Mocanu, E. Mocanu, P. Stone, P. H. Nguyen, M. Gibescu, A. Liotta, "Scalable
       training of artificial neural networks with adaptive sparse connectivity inspired by
       network science", Nature Communications 9:2383, 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_set import SETClassifier
    >>> from sklearn_set.inspection import TopologyDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = SETClassifier((50,), epsilon=5, max_iter=5, n_iter_no_change=np.inf)
    >>> display = TopologyDisplay.from_estimator(
    ...     clf.fit(X / 16, y), kind="input_image", image_shape=(8, 8)
    ... )
    >>> display.image_.get_array().shape
    (8, 8)
    """

    ax_: Axes
    figure_: Figure | SubFigure
    distributions_: list[StepPatch] | None
    lines_: list[Line2D] | None
    bands_: list[PolyCollection] | None
    image_: AxesImage | None
    colorbar_: Colorbar | None

    def __init__(
        self,
        input_degrees: ArrayLike,
        *,
        output_degrees: ArrayLike | None = None,
        epochs: ArrayLike | None = None,
        image_shape: _Shape = None,
    ) -> None:
        self.input_degrees = input_degrees
        self.output_degrees = output_degrees
        self.epochs = epochs
        self.image_shape = image_shape

    def plot(
        self,
        ax: Axes | None = None,
        *,
        kind: _Kind = "degrees",
        neurons: _Neurons = "both",
        line_kw: Keywords = None,
        fill_kw: Keywords = None,
        im_kw: Keywords = None,
    ) -> Self:
        """Draw one kind of picture.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in. None means new axes in a new figure.
        kind : {"degrees", "input_image", "evolution"}, default="degrees"
            What is drawn. "degrees" is the distribution of the degrees in the last record, and in
            the first one if there are several. "input_image" is the last degrees of the input
            neurons as an image. "evolution" is the median, the largest and the middle 90 % of the
            degrees over the epochs.
        neurons : {"both", "input", "output"}, default="both"
            Whose degrees are drawn, except in an image. "both" leaves the output neurons out if
            their degrees are not known.
        line_kw : dict, default=None
            Keyword arguments for the outlines of distributions, passed to
            `matplotlib.axes.Axes.stairs`, or for lines, passed to `matplotlib.axes.Axes.plot`.
        fill_kw : dict, default=None
            Keyword arguments for the bands of an evolution, passed to
            `matplotlib.axes.Axes.fill_between`.
        im_kw : dict, default=None
            Keyword arguments for the image, passed to `matplotlib.axes.Axes.imshow`.

        Returns
        -------
        display : TopologyDisplay
            The display itself.

        Raises
        ------
        ValueError
            If a parameter is outside its range, arrays do not fit each other or `image_shape`,
            or the degrees or epochs to draw are not known.
        ImportError
            If matplotlib is not installed.
        """
        owner = type(self).__name__
        given = {"kind": kind, "neurons": neurons, "image_shape": self.image_shape}
        keywords = {"line_kw": line_kw, "fill_kw": fill_kw, "im_kw": im_kw}
        check_values({**given, **keywords}, _CONSTRAINTS, owner)
        degrees, epochs = self._checked_data(neurons)
        if kind == "input_image":
            image = as_image(np.asarray(self.input_degrees)[-1], self.image_shape)
        elif kind == "evolution" and epochs is None:
            raise ValueError(f"kind='evolution' needs epochs. Make the {owner} by from_record.")
        ax = axes_to_draw_in(ax, owner)

        distributions = lines = bands = drawn = colorbar = None
        if kind == "degrees":
            distributions = draw_distributions(ax, degrees, epochs, line_kw)
        elif kind == "evolution":
            lines, bands = draw_evolution(ax, degrees, epochs, line_kw, fill_kw)
        else:
            drawn = ax.imshow(image, **with_defaults({"cmap": "cividis"}, im_kw))
            ax.set(xticks=[], yticks=[])
            colorbar = ax.figure.colorbar(drawn, ax=ax, label="Connections of the feature")
        self.distributions_, self.lines_, self.bands_ = distributions, lines, bands
        self.image_, self.colorbar_ = drawn, colorbar
        self.ax_, self.figure_ = ax, ax.figure
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        *,
        layer: Int = 0,
        kind: Literal["degrees", "input_image"] = "degrees",
        initial: BaseEstimator | sparse.sparray | sparse.spmatrix | None = None,
        image_shape: _Shape = None,
        neurons: _Neurons = "both",
        ax: Axes | None = None,
        line_kw: Keywords = None,
        im_kw: Keywords = None,
    ) -> Self:
        """Draw the topology of a layer of a fitted network.

        Parameters
        ----------
        estimator : estimator
            A fitted `SETClassifier` or `SETRegressor`, or a fitted
            :class:`~sklearn.pipeline.Pipeline` whose last step is one.
        layer : int, default=0
            The layer. 0 is that of the features, -1 the last one.
        kind : {"degrees", "input_image"}, default="degrees"
            What is drawn. "degrees" is the distribution of the degrees. "input_image" is the
            degrees of the input neurons as an image, for the first layer if features are pixels.
        initial : estimator or sparse array of shape (n_in, n_out), default=None
            The network before its evolution, or this layer of it, which is drawn for comparison.
            An estimator that is fitted to the same data with the same `random_state` and with
            `zeta=0` keeps its first topology.
        image_shape : tuple of int, (height, width), default=None
            The shape of the image, which must have as many pixels as there are features.
        neurons : {"both", "input", "output"}, default="both"
            Whose degrees are drawn, except in an image.
        ax : matplotlib Axes, default=None
            Axes to draw in. None means new axes in a new figure.
        line_kw : dict, default=None
            Keyword arguments for the outlines of distributions, passed to
            `matplotlib.axes.Axes.stairs`.
        im_kw : dict, default=None
            Keyword arguments for the image, passed to `matplotlib.axes.Axes.imshow`.

        Returns
        -------
        display : TopologyDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If the estimator has no `coefs_`, or they are not sparse.
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        ValueError
            If a parameter is outside its range, or `initial` or `image_shape` do not fit.
        ImportError
            If matplotlib is not installed.
        """
        owner = cls.__name__
        import_pyplot(owner)
        constraints = {**_CONSTRAINTS, "kind": (options("degrees", "input_image"),)}
        given = {"layer": layer, "kind": kind, "neurons": neurons, "image_shape": image_shape}
        keywords = {"line_kw": line_kw, "im_kw": im_kw}
        check_values({**given, **keywords}, constraints, owner)

        weights = [_layer_of(estimator, layer, owner)]
        if initial is not None:
            first = initial if sparse.issparse(initial) else _layer_of(initial, layer, owner)
            if first.shape != weights[0].shape:
                raise ValueError(
                    "initial must have the shape of the layer, "
                    f"{weights[0].shape}. Got {first.shape}."
                )
            weights.insert(0, first)
        inputs, outputs = zip(*map(count_degrees, weights), strict=True)
        display = cls(np.array(inputs), output_degrees=np.array(outputs), image_shape=image_shape)
        return display.plot(ax, kind=kind, neurons=neurons, line_kw=line_kw, im_kw=im_kw)

    @classmethod
    def from_record(
        cls,
        epochs: ArrayLike,
        input_degrees: ArrayLike,
        output_degrees: ArrayLike | None = None,
        *,
        kind: _Kind = "evolution",
        image_shape: _Shape = None,
        neurons: _Neurons = "both",
        ax: Axes | None = None,
        line_kw: Keywords = None,
        fill_kw: Keywords = None,
        im_kw: Keywords = None,
    ) -> Self:
        """Draw degrees of a layer that were recorded during a training.

        Parameters
        ----------
        epochs : array-like of int, shape (n_records,)
            The number of epochs after which each record was made, in increasing order.
        input_degrees : array-like of int, shape (n_records, n_in)
            The degrees of the layer's input neurons at these times, or a list of `n_records`
            arrays of shape (n_in,).
        output_degrees : array-like of int, shape (n_records, n_out), default=None
            The degrees of its output neurons at these times, in the same form.
        kind : {"evolution", "degrees", "input_image"}, default="evolution"
            What is drawn, see :meth:`plot`.
        image_shape : tuple of int, (height, width), default=None
            The shape of the image, which must have as many pixels as there are input neurons.
        neurons : {"both", "input", "output"}, default="both"
            Whose degrees are drawn, except in an image. "both" leaves the output neurons out if
            their degrees are not known.
        ax : matplotlib Axes, default=None
            Axes to draw in. None means new axes in a new figure.
        line_kw : dict, default=None
            Keyword arguments for lines, passed to `matplotlib.axes.Axes.plot`, or for the
            outlines of distributions, passed to `matplotlib.axes.Axes.stairs`.
        fill_kw : dict, default=None
            Keyword arguments for the bands, passed to `matplotlib.axes.Axes.fill_between`.
        im_kw : dict, default=None
            Keyword arguments for the image, passed to `matplotlib.axes.Axes.imshow`.

        Returns
        -------
        display : TopologyDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If a parameter is outside its range, arrays do not fit each other or `image_shape`,
            or the degrees or epochs to draw are not known.
        ImportError
            If matplotlib is not installed.

        See Also
        --------
        sklearn_set.callbacks.TopologyRecorder : Records the degrees of a fit.

        Notes
        -----
        What a recorder has seen of layer 0 is drawn by::

            TopologyDisplay.from_record(
                recorder.epochs_, recorder.input_degrees_[0], recorder.output_degrees_[0]
            )
        """
        display = cls(
            input_degrees, output_degrees=output_degrees, epochs=epochs, image_shape=image_shape
        )
        return display.plot(
            ax, kind=kind, neurons=neurons, line_kw=line_kw, fill_kw=fill_kw, im_kw=im_kw
        )

    def _checked_data(self, neurons):
        """The degrees that are asked for, by side, and the epochs or None."""
        known = {"input": self.input_degrees, "output": self.output_degrees}
        n_records = len(self.input_degrees)
        degrees = {}
        for side, values in known.items():
            if values is None:
                if neurons == side:
                    raise ValueError(f"neurons={side!r} needs {side}_degrees.")
                continue
            # Rows of different lengths make an array of objects here, not an unclear error.
            rows = [np.asarray(row) for row in values]
            if len(rows) != n_records or n_records == 0 or len({row.shape for row in rows}) != 1:
                raise ValueError(
                    f"{side}_degrees must have one array per record, all of the same length. "
                    f"Got the shapes {[row.shape for row in rows]} for {n_records} records."
                )
            table = np.stack(rows)
            if table.ndim != 2 or table.shape[1] == 0 or table.dtype.kind not in "iu":
                raise ValueError(
                    f"{side}_degrees must be ints of shape (n_records, n_neurons). "
                    f"Got {table.dtype} of shape {table.shape}."
                )
            if table.min() < 0:
                raise ValueError(f"{side}_degrees must not be negative.")
            if neurons in ("both", side):
                degrees[side] = table
        if self.epochs is None:
            return degrees, None
        epochs = np.asarray(self.epochs)
        if epochs.shape != (n_records,) or (np.diff(epochs) <= 0).any():
            raise ValueError(
                f"epochs must be {n_records} increasing numbers, one per record. "
                f"Got {epochs.tolist()}."
            )
        return degrees, epochs


def _layer_of(estimator, layer, owner):
    """The sparse weights of a layer of a fitted network."""
    coefs = network_of(estimator, "coefs_", owner).coefs_
    if not -len(coefs) <= layer < len(coefs):
        raise ValueError(f"layer={layer} must be between 0 and {len(coefs) - 1}, or -1.")
    if not sparse.issparse(coefs[layer]):
        raise TypeError(f"{owner} needs sparse `coefs_`. Got {type(coefs[layer]).__name__}.")
    return coefs[layer]
