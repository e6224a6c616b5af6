"""Docstrings of the estimators for Dask: those of the local classes, with what is different.

Knows docstrings; must not know estimators.
"""

_SUMMARY = """{summary} on a Dask cluster.

    The network is that of :class:`~sklearn_set.{name}`, and so are all parameters but the last
    three. Partitions stay where they are. Replicas of the network are trained side by side, each
    on its own partitions, and averaged after every `interval`: weights, biases and moments,
    weighted by samples, pair by pair on the workers. Evolution takes place in between, once for
    all, at the averaged network. This is the first phase of WASAP-SGD ([3]_), in a fixed order:
    the result depends on the partitions and `random_state`, not on the number of workers, their
    speed or their deaths.

    Some parameters mean less than in the local class. Nothing is held out, so
    ``early_stopping=True``, ``feature_search=True``, ``feature_relevance=True`` and
    ``temperature="cv"`` are refused, "auto" searches and weighs nothing, and a temperature of
    "auto" is 1. `batch_size` is that of each replica; "auto" is a batch of the local class, divided
    among the replicas, but at least 32 samples for each.
    `learning_rate_init` is that of a local fit with such a batch. Each replica sees a part of the
    samples, and multiplies the rate so that the mean of all goes as far in an epoch as a local fit
    does: by ``n_replicas * s`` for SGD and ``n_replicas * sqrt(s)`` for Adam, where s is the share
    that its batch has of a local one. In the first epoch the factor rises from 1.
    `n_jobs` is the number of threads for each thread of a worker, and None is one. Units of
    features are estimated from 500 samples, or as many as there are features; medians of targets
    are means of the partitions' medians. ``dtype="auto"`` is float64, or float32 if all X is.

"""

_PARAMETERS = """    n_replicas : int or "auto", default="auto"
        Number of replicas that are trained side by side, at least 1: as many as the cluster has
        threads, or a multiple of it, keep all busy. Each has neighbouring partitions and goes from
        one to the next, so there are at most as many as partitions. The more replicas, the fewer
        steps each of them makes between two averages. "auto" is 4, whatever the cluster.

    interval : int or "epoch", default="epoch"
        When replicas are averaged: after every epoch (four times in the first of all, in which the
        network changes fastest), or after so many steps. Evolution takes place between epochs.

    client : distributed.Client or None, default=None
        The client to use; None is Dask's current one. It is not pickled.

"""


def of_local(local):
    """Class decorator: make the docstring of that of the local class.

    Parameters
    ----------
    local : type
    """

    def documented(kind):
        if local.__doc__ is None or kind.__doc__ is None:  # python -OO leaves none
            return kind
        told = local.__doc__
        summary = told.partition(",")[0]
        parameters = told.index("    Parameters\n")
        attributes = told.index("    Attributes\n")
        end = told.index("    See Also\n")
        references = told[told.index("    References\n") : told.index("    Examples\n")]
        client = "    client_ : distributed.Client\n        The client that is used.\n\n"
        see_also = (
            "    See Also\n    --------\n"
            f"    {local.__name__} : The same network on one machine.\n\n"
        )
        kind.__doc__ = (
            _SUMMARY.format(summary=summary, name=local.__name__)
            + told[parameters:attributes]
            + _PARAMETERS
            + told[attributes:end]
            + client
            + see_also
            + references.rstrip()
            + kind.__doc__
        )
        return kind

    return documented
