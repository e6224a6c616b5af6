"""Training on a Dask cluster: data that many machines hold, one network.

Needs dask and distributed (``pip install "sklearn_set[dask]"``).  Partitions stay where they are,
and the network travels: each replica of it is trained on its own partitions for an interval, and
the replicas are averaged.  In between, evolution takes place once for all.
"""

try:
    import dask.array  # noqa: F401
    import distributed  # noqa: F401
except ImportError as error:
    raise ImportError(
        'sklearn_set.dask needs dask and distributed: pip install "sklearn_set[dask]"'
    ) from error

from sklearn_set.dask._estimators import DaskSETClassifier, DaskSETRegressor

__all__ = ["DaskSETClassifier", "DaskSETRegressor"]
