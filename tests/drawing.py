"""Legends, settings and a record of degrees, for tests of displays."""

import numpy as np

SETTINGS = {"epsilon": 3, "max_iter": 8, "n_iter_no_change": np.inf, "random_state": 0}


def legend_in(figure):
    (legend,) = [ax.get_legend() for ax in figure.axes if ax.get_legend()]
    return legend


def legend_of(ax):
    return [text.get_text() for text in legend_in(ax.figure).get_texts()]


RECORD = np.random.default_rng(0).integers(0, 30, size=(5, 12))
