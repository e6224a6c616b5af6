"""A cluster of workers: tasks on it, what it remembers, how much memory it has.

The one place that gives work to Dask.  Knows Dask; must not know estimators.
"""

import time
import uuid

import dask
import numpy as np
from distributed import Client, KilledWorker, default_client, wait

# Seconds without workers after which nobody expects them back, and between two looks.
GONE_AFTER = 60
_LOOK_AFTER = 5


def client_of(given):
    """The client to use: the given one, else Dask's current one.

    Raises
    ------
    TypeError
        If it is no client.
    ValueError
        If there is none, or if it belongs to an event loop.
    """
    if given is None:
        try:
            given = default_client()
        except ValueError:
            raise ValueError(
                "There is no Dask client. Start one, for example with distributed.Client(), or "
                "pass it as the parameter client."
            ) from None
    if not isinstance(given, Client):
        raise TypeError(
            f"The 'client' parameter must be an instance of 'distributed.Client' or None. Got "
            f"{given!r} instead."
        )
    if given.asynchronous:
        raise ValueError(
            "The 'client' parameter is an asynchronous client, which fit cannot wait for. Pass a "
            "client made without asynchronous=True."
        )
    return given


class Cluster:
    """The workers of a client, for one fit.

    Parameters
    ----------
    client : distributed.Client

    Raises
    ------
    RuntimeError
        If there are no workers: nothing would ever be computed.
    """

    def __init__(self, client):
        self._client = client
        self._fit = uuid.uuid4().hex[:12]
        self._n_tasks = 0
        self._places = {}
        self._process = None
        if not client.nthreads():
            raise RuntimeError(
                "The cluster of the Dask client has no workers. Start some, for example with "
                "cluster.scale(2), and wait for them with client.wait_for_workers(1)."
            )

    def submit(self, function, *args, near=None):
        """A task; its name is unlike that of any task of another fit.

        `near` is a future: the task goes to a worker that holds it.  If that worker dies or others
        have nothing to do, it goes elsewhere.
        """
        self._n_tasks += 1
        key = f"set-{function.__name__}-{self._fit}-{self._n_tasks}"
        places = None if near is None else self._places.get(near.key)
        return self._client.submit(
            function,
            *args,
            key=key,
            workers=places,
            allow_other_workers=places is not None,
            pure=True,
        )

    def each(self, function, parts, *args):
        """A task for each part, where the part is.

        The first one runs alone.  From it Dask learns how long such a task takes; before, it takes
        half a second for granted, and would move parts to workers that have nothing to do.
        """
        self.locate(parts)
        tasks = [self.submit(function, parts[0], *args, near=parts[0])]
        self._wait(tasks)
        return tasks + [self.submit(function, part, *args, near=part) for part in parts[1:]]

    def locate(self, futures):
        """Look where results are, for tasks that are to go there."""
        self._wait(futures)
        self._places = {
            key: sorted(workers)
            for key, workers in self._client.who_has(futures).items()
            if workers
        }

    def hand_over(self, function, *args):
        """A task whose arguments are large: they are part of the task, so they outlive workers."""
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 PiB"}):
            return self.submit(function, *args)

    def compute(self, lazy, are_placed):
        """Futures of lazy blocks.

        Blocks that are on no worker yet are divided among the workers, neighbours together: the
        partitions of a replica are then on one worker.
        """
        if are_placed:
            return self._client.compute(lazy)
        workers = sorted(self._client.nthreads())
        futures = []
        for place, worker in enumerate(workers):
            first, last = (-(-len(lazy) * end // len(workers)) for end in (place, place + 1))
            futures += self._client.compute(
                lazy[first:last], workers=[worker], allow_other_workers=True
            )
        return futures

    def gather(self, futures):
        """Results.

        Raises
        ------
        RuntimeError
            If workers die again and again of one task, or if all are gone.
        """
        try:
            self._wait(futures)
            return self._client.gather(futures)
        except KilledWorker as error:
            raise RuntimeError(
                f"{error.allowed_failures + 1} workers have died while they ran one task, most "
                "often because they had too little memory. Give them more, lower "
                "hidden_layer_sizes or epsilon, or divide the data into more partitions."
            ) from error

    def _wait(self, futures):
        """Wait for results, but not for workers that do not come back."""
        gone_since = None
        while True:
            try:
                wait(futures, timeout=_LOOK_AFTER)
                return
            except TimeoutError:
                if self._client.nthreads():
                    gone_since = None
                    continue
            gone_since = gone_since or time.monotonic()
            if time.monotonic() - gone_since > GONE_AFTER:
                raise RuntimeError(
                    f"The cluster has had no worker for {GONE_AFTER} seconds. Start workers, and "
                    "fit again."
                )

    def n_threads(self):
        """Address of each worker -> its number of threads."""
        return self._client.nthreads()

    def memory_limits(self):
        """Address of each worker that has a limit -> how many bytes it may use for data.

        The limit is that of its process.  What a process takes without data is known best before
        the first block is read, and from the worker that takes the least.
        """
        found = self._client.run(_memory, on_error="ignore")
        if self._process is None:
            self._process = min((taken for _, taken in found.values()), default=0)
        return {
            address: max(0, limit - self._process) for address, (limit, _) in found.items() if limit
        }

    def check_data(self, n_bytes):
        """Refuse data that all workers together cannot hold, before any is read.

        Raises
        ------
        MemoryError
        """
        limits = self.memory_limits()
        if len(limits) < len(self.n_threads()) or n_bytes <= sum(limits.values()):
            return
        raise MemoryError(
            f"X takes {_gib(n_bytes)}, but the {len(limits)} workers have room for "
            f"{_gib(sum(limits.values()))} together. Start more workers, give them more memory, or "
            "pass a part of the data at a time to partial_fit."
        )

    def check_memory(self, parts, of_parts, of_network, of_batch, n_replicas):
        """Refuse a training for which the memory of a worker cannot suffice.

        A worker holds its partitions, the network that all begin with, one that evolves, and for
        each thread one that is trained, with the activations of a batch, and one that is done; of
        several replicas, some wait to be averaged.

        Parameters
        ----------
        parts : list of Future
            Located before.
        of_parts : list of int
            Bytes of each.
        of_network, of_batch : int
            Bytes of a network with its moments, and of the activations of a batch.
        n_replicas : int

        Raises
        ------
        MemoryError
        """
        limits, n_threads = self.memory_limits(), self.n_threads()
        held = dict.fromkeys(limits, 0)
        for part, n_bytes in zip(parts, of_parts, strict=True):
            for address in self._places.get(part.key, ()):
                if address in held:
                    held[address] += n_bytes
        share = -(-n_replicas // len(n_threads))
        for address, of_data in held.items():
            at_once = min(n_threads.get(address, 1), share)
            n_networks = 2 + 2 * at_once + int(np.ceil(np.log2(share)))
            of_training = n_networks * of_network + at_once * of_batch
            if of_data + of_training > limits[address]:
                raise MemoryError(
                    f"The worker {address} needs {_gib(of_data)} for its partitions and "
                    f"{_gib(of_training)} for {n_networks} networks, but beside what its process "
                    f"takes it may use {_gib(limits[address])}. Start more workers, give them "
                    "more memory, or lower hidden_layer_sizes, epsilon or batch_size."
                )


def _memory(dask_worker):
    """How much a worker may use, or None without a limit, and what its process takes without data.

    Dask passes the worker.
    """
    taken = dask_worker.monitor.get_process_memory() - dask_worker.state.nbytes
    return dask_worker.memory_manager.memory_limit, max(0, taken)


def _gib(n_bytes):
    return f"{n_bytes / 2**30:.2f} GiB"
