"""Samples, which every kind of file is brought to, and what is wanted of a file.

Knows arrays and the words for what they hold; must not know the kind of the file, how it was read,
or whether labels are classes.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy import sparse


@dataclass(frozen=True)
class Wanted:
    """What a file is asked for, by names."""

    target: str | None = None
    groups: str | None = None
    ignore: tuple = ()
    labelled: bool = True  # whether this file holds the labels; else annotations do
    known: frozenset = frozenset()  # names by which annotations may call the samples

    @property
    def names(self):
        """All names of columns or rows that hold no gene."""
        given = (self.target, self.groups, *self.ignore)
        return {name for name in given if name is not None}


@dataclass
class Samples:
    """Samples as they stand in a file, before numbers and labels are checked."""

    values: np.ndarray | sparse.csr_array  # n_samples x n_features
    form: str  # what the file is, in words
    features: list | None = None  # their names
    names: list | None = None  # those of the samples
    labels: np.ndarray | None = None  # as they stand in the file; "" where missing
    label: str = ""  # what holds them, in words
    guessed: bool = False  # whether nothing but its place tells that these are the labels
    advice: str = ""  # what to do if the labels cannot be learned
    groups: np.ndarray | None = None
    group: str = ""
    left_out: list = field(default_factory=list)
    hints: list = field(default_factory=list)
    transposed: bool = False
    decimal: str = "."
    # Options of pandas.read_csv for such a file, and `without`: columns that are no samples.
    reading: dict | None = None  # None for arrays
