"""What the displays share: matplotlib on demand, axes, colours, the network in a pipeline, names.

Knows matplotlib and pipelines; must not know what is drawn.
"""

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_set.validation import NONE, instance

# Okabe and Ito's colours, which people with any kind of colour vision can tell apart.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#595959"

KEYWORDS = (instance(dict), NONE)

# Matplotlib refuses a property that is given twice, once by its short name.
_SHORT_NAMES = {"c": "color", "ls": "linestyle", "lw": "linewidth"}


def import_pyplot(owner):
    """Import matplotlib, or say who needs it and how to get it.

    Parameters
    ----------
    owner : str
        The name of the display.

    Returns
    -------
    module
        `matplotlib.pyplot`.
    """
    try:
        import matplotlib.pyplot
    except ImportError as error:
        raise ImportError(
            f"{owner} needs matplotlib. Install it: pip install matplotlib."
        ) from error
    return matplotlib.pyplot


def axes_to_draw_in(ax, owner):
    """Give the axes of a display: those of the user, or new ones in a new figure."""
    pyplot = import_pyplot(owner)
    return pyplot.subplots(layout="constrained")[1] if ax is None else ax


def network_of(estimator, attribute, owner):
    """Find the fitted network that a display is about.

    Parameters
    ----------
    estimator : estimator
        A network, or a pipeline whose last step is one.
    attribute : str
        What the network must have after it was fitted.
    owner : str
        The name of the display, for messages.

    Returns
    -------
    estimator
        The network.

    Raises
    ------
    TypeError
        If it is no estimator, or has not the attribute.
    NotFittedError
        If it is not fitted.
    """
    network = estimator
    while isinstance(network, Pipeline):
        network = network.steps[-1][1]
    if not hasattr(network, "fit") or isinstance(network, type):
        is_class = isinstance(network, type)
        found = f"the class {network.__name__}" if is_class else repr(network)
    else:
        check_is_fitted(network)
        if hasattr(network, attribute):
            return network
        found = type(network).__name__
    raise TypeError(
        f"{owner} needs a fitted estimator with `{attribute}`, such as SETClassifier or "
        f"SETRegressor, or a Pipeline whose last step is one. Got {found}. From a search, pass "
        "`best_estimator_`."
    )


def names_seen_by(estimator):
    """The names of the features that the last step sees, or None if they are not known."""
    if not isinstance(estimator, Pipeline):
        return getattr(estimator, "feature_names_in_", None)
    last = estimator.steps[-1][1]
    names = names_seen_by(last)
    if names is None and isinstance(last, Pipeline) and len(last.steps) > 1:
        return None  # a transformer of its own does not know them
    if names is None and len(estimator.steps) > 1:
        try:
            names = estimator[:-1].get_feature_names_out()
        except AttributeError:  # a transformer does not know them
            return None
    return names


def checked_names(feature_names, n_features):
    """The names of the features as an array; None makes "x0", "x1" and so on."""
    if feature_names is None:
        return np.array([f"x{feature}" for feature in range(n_features)], dtype=object)
    names = np.asarray(feature_names, dtype=object)
    if names.shape != (n_features,):
        raise ValueError(
            f"feature_names must have one name per feature, shape ({n_features},). "
            f"Got shape {names.shape}."
        )
    return names


def with_defaults(defaults, given):
    """Merge the user's keyword arguments, also those with short names, into defaults."""
    full = {_SHORT_NAMES.get(name, name): value for name, value in (given or {}).items()}
    return {**defaults, **full}


def use_whole_numbers(ax):
    """Put the ticks of the x axis, which counts epochs or connections, at whole numbers."""
    from matplotlib.ticker import MaxNLocator

    locator = ax.xaxis.get_major_locator()
    if isinstance(locator, MaxNLocator):  # else the user has chosen a log scale, or the ticks
        locator.set_params(integer=True, min_n_ticks=1)


def put_legend(ax, handles=None, *, loc="best"):
    """Put the legend where no data can be: below the axes, if the layout makes room for it.

    Parameters
    ----------
    ax : matplotlib Axes
        The axes, with their labels.
    handles : list of matplotlib Artist, default=None
        What the legend explains; None means all that has a label.
    loc : str, default="best"
        Where the legend goes if it must be inside the axes.
    """
    options = {"loc": loc} if handles is None else {"loc": loc, "handles": handles}
    if ax.figure.get_layout_engine() is not None:
        # The distance is in units of the letters, so the legend does not cover the axis' label.
        options |= {"loc": "upper center", "bbox_to_anchor": (0.5, 0.0), "borderaxespad": 3.8}
        options |= {"ncols": 2, "frameon": False}
    ax.legend(**options)
