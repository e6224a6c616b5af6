"""Dask's collections: blocks to train on, and predictions block by block.

Knows Dask's arrays, data frames and delayed blocks; must not know networks or clusters.
"""

import math

import dask
import dask.array as da
import numpy as np
from dask.delayed import Delayed
from distributed import Future, futures_of

_WANTED = "a Dask array, a Dask data frame or a list of delayed blocks"


def is_frame(X):
    """Whether X is a Dask data frame or series, whose module needs pyarrow: it is not imported."""
    return (
        dask.is_dask_collection(X)
        and hasattr(X, "to_delayed")
        and hasattr(X, "npartitions")
        and (not isinstance(X, da.Array))
    )


def is_blocks(X):
    """Whether X is a list of delayed blocks, or of futures."""
    return (
        isinstance(X, (list, tuple))
        and len(X) > 0
        and all(isinstance(block, (Delayed, Future)) for block in X)
    )


def is_lazy(X):
    """Whether X is one of the collections that this module knows."""
    return isinstance(X, da.Array) or is_frame(X) or is_blocks(X)


def blocks_of(X, y, sample_weight):
    """The blocks of data that are chunked alike.

    Parameters
    ----------
    X, y, sample_weight : collection
        `sample_weight` may be None.

    Returns
    -------
    list of tuple
        (X, y, weight) of each partition; all weights are None without weights.

    Raises
    ------
    TypeError, ValueError
    """
    given = {"X": X, "y": y} | ({} if sample_weight is None else {"sample_weight": sample_weight})
    for name, collection in given.items():
        if not is_lazy(collection):
            raise TypeError(
                f"{name} must be {_WANTED}, got {type(collection).__name__}. Make one of it, for "
                f"example with dask.array.from_array, or fit the local class."
            )
    columns = {name: _blocks(given[name], X, name) for name in given}
    n_blocks = len(columns["X"])
    for name, blocks in columns.items():
        if len(blocks) != n_blocks:
            raise ValueError(
                f"{name} has {len(blocks)} partitions, but X has {n_blocks}. Divide it like X, for "
                "example with rechunk or repartition."
            )
    weights = columns.get("sample_weight", [None] * n_blocks)
    return list(zip(columns["X"], columns["y"], weights, strict=True))


def _blocks(collection, X, name):
    if is_blocks(collection):
        return list(collection)
    if is_frame(collection):
        return list(collection.to_delayed())
    if collection.ndim not in (1, 2) or (name == "X" and collection.ndim != 2):
        raise ValueError(f"Expected 2D array, got {name} of {collection.ndim}D.")
    if collection.ndim == 2 and collection.numblocks[1] > 1:
        collection = collection.rechunk({1: -1})
    if name != "X" and isinstance(X, da.Array):
        own, others = collection.chunks[0], X.chunks[0]
        if not any(map(math.isnan, own + others)):
            if sum(own) != sum(others):
                raise ValueError(
                    "Found input variables with inconsistent numbers of samples: X has "
                    f"{sum(others)}, {name} has {sum(own)}."
                )
            if own != others:
                collection = collection.rechunk({0: others})
    # Optimised graphs would give other tasks the same names, and confuse the scheduler.
    return list(collection.to_delayed(optimize_graph=False).ravel())


def n_bytes_of(X):
    """Bytes of a dense array whose shape is known; zero where nothing is known."""
    is_known = isinstance(X, da.Array) and not any(map(math.isnan, X.shape))
    if not is_known or not isinstance(X._meta, np.ndarray):
        return 0
    return X.nbytes


def are_placed(blocks):
    """Whether blocks are on workers already, persisted or scattered."""
    return any(isinstance(block, Future) for block in blocks) or bool(
        futures_of([block for block in blocks if isinstance(block, Delayed)])
    )


def lazily(method, model, X, n_columns, dtype):
    """Apply a method of a local estimator to X, block by block, when it is asked for.

    Parameters
    ----------
    method : str
    model : SETClassifier or SETRegressor
    X : collection
    n_columns : int or None
        Of the result; None if it has one dimension.
    dtype : numpy.dtype

    Returns
    -------
    dask.array.Array, or list of Delayed for a list of blocks
    """
    # One object in the graph, whatever the number of blocks.
    model = dask.delayed(model, pure=True, traverse=False)
    apply = dask.delayed(_apply, pure=True)
    told = {"method": method, "n_columns": n_columns, "dtype": dtype}
    if is_blocks(X):
        return [apply(block, model=model, **told) for block in X]
    if isinstance(X, da.Array):
        blocks, n_rows = _blocks(X, X, "X"), X.chunks[0]
    else:
        blocks, n_rows = X.to_delayed(), (np.nan,) * X.npartitions
    parts = [
        da.from_delayed(
            apply(block, model=model, **told),
            (n,) if n_columns is None else (n, n_columns),
            meta=np.empty((0,) if n_columns is None else (0, 0), dtype),
        )
        for block, n in zip(blocks, n_rows, strict=True)
    ]
    return da.concatenate(parts, axis=0, allow_unknown_chunksizes=True)


def _apply(block, model, method, n_columns, dtype):
    """One block's result; blocks without samples have an empty one."""
    if not hasattr(block, "shape"):  # a list of samples
        block = np.asarray(block)
    if block.shape[0] == 0:
        return np.empty((0,) if n_columns is None else (0, n_columns), dtype)
    return getattr(model, method)(block).astype(dtype, copy=False)
