"""Degrees of the neurons of a layer: counted, laid out as an image, drawn.

Knows sparse matrices and axes of matplotlib; must not know estimators.
"""

import numpy as np
from scipy import sparse

from sklearn_set.inspection._drawing import (
    BLUE,
    ORANGE,
    put_legend,
    use_whole_numbers,
    with_defaults,
)

_COLOURS = {"input": BLUE, "output": ORANGE}
_MAX_BINS = 40


def count_degrees(weights):
    """Count the stored connections of the input neurons and of the output neurons."""
    weights = sparse.csr_array(weights)
    return np.diff(weights.indptr), np.bincount(weights.indices, minlength=weights.shape[1])


def as_image(degrees, image_shape):
    """Lay the degrees of the input neurons out as an image."""
    if image_shape is None:
        raise ValueError("kind='input_image' needs image_shape, such as (8, 8).")
    if len(image_shape) != 2 or np.prod(image_shape) != len(degrees):
        raise ValueError(
            f"image_shape={tuple(image_shape)} must be (height, width) with a product of "
            f"{len(degrees)}, the number of features."
        )
    return np.reshape(degrees, image_shape)


def draw_distributions(ax, degrees, epochs, line_kw):
    """Draw the share of neurons by degree: of the first record dashed, of the last one filled."""
    shown = np.concatenate([table[[0, -1]].ravel() for table in degrees.values()])
    low, high = int(shown.min()), int(shown.max())
    width = -(-(high - low + 1) // _MAX_BINS)
    edges = np.arange(low, high + width + 1, width) - 0.5
    patches = []
    for side, table in degrees.items():
        has_two_records = len(table) > 1
        names = ["initial", "evolved"]
        if epochs is not None:
            names = [f"epoch {epochs[0]}", f"epoch {epochs[-1]}"]
        for record in (0, -1) if has_two_records else (-1,):
            counts, _ = np.histogram(table[record], edges)
            style = {"color": _COLOURS[side], "linewidth": 1.5}
            if record == 0:
                style["linestyle"] = "--"
            else:
                style |= {"fill": True, "alpha": 0.45}
            label = f"{side} neurons" + (f", {names[record]}" if has_two_records else "")
            style = with_defaults({**style, "label": label}, line_kw)
            patches.append(ax.stairs(counts / table.shape[1], edges, **style))
    ax.set(xlabel="Connections of a neuron", ylabel="Share of neurons")
    ax.set_ylim(bottom=0)
    use_whole_numbers(ax)
    put_legend(ax)
    return patches


def draw_evolution(ax, degrees, epochs, line_kw, fill_kw):
    """Draw the middle 90 %, the median and the largest of the degrees, side by side."""
    lines, bands = [], []
    for side, table in degrees.items():
        colour = _COLOURS[side]
        low, median, high = np.quantile(table, [0.05, 0.5, 0.95], axis=1)
        band = {"color": colour, "alpha": 0.25, "linewidth": 0, "label": f"{side}: middle 90 %"}
        bands.append(ax.fill_between(epochs, low, high, **with_defaults(band, fill_kw)))
        for values, style, name in (
            (median, "-", "median"),
            (table.max(axis=1), "--", "largest"),
        ):
            line = {"color": colour, "linestyle": style, "label": f"{side}: {name}"}
            lines += ax.plot(epochs, values, **with_defaults(line, line_kw))
    ax.set(xlabel="Epoch", ylabel="Connections of a neuron")
    use_whole_numbers(ax)
    put_legend(ax)
    return lines, bands
