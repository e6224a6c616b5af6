"""Data in the collections of Dask, small estimators for them, and clusters of worker processes."""

from itertools import pairwise

import dask
import dask.array as da
import distributed
import numpy as np
from sklearn.datasets import load_digits

from sklearn_set.dask import DaskSETClassifier, DaskSETRegressor

X, Y = (part[:200] for part in load_digits(return_X_y=True))
X = X / 16
Z = np.column_stack([X[:, 20] * 30 + 5, X[:, 30]])  # targets of a regression
SETTINGS = {"max_iter": 4, "n_replicas": 3, "random_state": 0, "alpha": 0.01}


def classifier(**parameters):
    return DaskSETClassifier((30, 20), **SETTINGS | parameters)


def regressor(**parameters):
    return DaskSETRegressor((30,), **SETTINGS | parameters)


def chunked(values, chunks=(50, 30, 0, 60, 60)):
    """A Dask array with blocks of these lengths, one of them empty."""
    values, ends = np.asarray(values), np.cumsum((0, *chunks))
    blocks = [values[start:end] for start, end in pairwise(ends)]
    return da.concatenate([da.from_array(block, chunks=-1) for block in blocks if len(block)])


def delayed(values, chunks=(50, 30, 0, 60, 60), convert=np.asarray):
    """Delayed blocks of these lengths, of which some may be empty."""
    ends = np.cumsum((0, *chunks))
    return [dask.delayed(convert)(values[start:end]) for start, end in pairwise(ends)]


def assert_same_network(one, other):
    for a, b in zip(one.coefs_, other.coefs_, strict=True):
        np.testing.assert_array_equal(a.indices, b.indices)
        np.testing.assert_array_equal(a.data, b.data)
    for a, b in zip(one.intercepts_, other.intercepts_, strict=True):
        np.testing.assert_array_equal(a, b)


def differ(one, other):
    return any(
        a.nnz != b.nnz or (a.data != b.data).any()
        for a, b in zip(one.coefs_, other.coefs_, strict=True)
    )


def start(n_workers, **options):
    return distributed.LocalCluster(
        n_workers=n_workers,
        threads_per_worker=1,
        processes=True,
        dashboard_address="127.0.0.1:0",
        **options,
    )


class AtOnce:
    """Stands for a cluster: does every task in this process, as soon as it is given."""

    def __init__(self, client):
        self._places = {}

    def submit(self, function, *args, near=None):
        return function(*args)

    hand_over = submit

    def each(self, function, parts, *args):
        return [function(part, *args) for part in parts]

    def compute(self, lazy, are_placed):
        return list(dask.compute(*lazy, scheduler="synchronous"))

    def gather(self, results):
        return results

    def locate(self, results):
        """They are here."""

    def check_data(self, n_bytes):
        """The memory of this process is not limited."""

    def check_memory(self, *needed):
        """Nor that of its networks."""
