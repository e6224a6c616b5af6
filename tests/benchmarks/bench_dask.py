"""Fits on a Dask cluster: their time by workers, their accuracy, and what travels.

    python bench_dask.py speed               60,000 x 784, layers 1000-1000-1000, one worker and two
    python bench_dask.py accuracy [FILE...]  digits and files beside the local class
    python bench_dask.py large               200,000 x 2,000 beside it, with a limit of memory
    python bench_dask.py wire                bytes and seconds of an average, measured and modelled

A FILE holds arrays X and y (npz).  Large data are generated on the workers, chunk by chunk.
Workers have one thread each.
"""

import argparse
import pickle
import resource
import statistics
import time
import warnings
from itertools import pairwise
from pathlib import Path

import dask
import dask.array as da
import numpy as np
import psutil
from distributed import Client, LocalCluster, wait
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from workloads import WORKLOADS

from sklearn_set import SETClassifier
from sklearn_set.dask import DaskSETClassifier, _replicas
from sklearn_set.evolution import evolve
from sklearn_set.optimizers import Adam
from sklearn_set.state import Randomness
from sklearn_set.topology import n_erdos_renyi

# Ten gigabit, of which nine tenths carry data.
BYTES_PER_SECOND = 0.9 * 10e9 / 8

# What "auto" is there.
AS_ON_A_CLUSTER = {"temperature": 1.0, "feature_search": False, "feature_relevance": False}

# How much of its words a sample of the sparse data owes to its class.
OWN = 0.15


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("speed", "accuracy", "large", "wire"))
    parser.add_argument("files", nargs="*", help="of accuracy: FILE.npz; of wire: W3, W4, W5")
    parser.add_argument("--samples", type=int)
    parser.add_argument("--features", type=int, default=2000)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--repeats", type=int, help="of speed, or splits of accuracy")
    parser.add_argument("--replicas", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--limit", type=int, default=430, help="megabytes of a worker of large")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    modes = {"speed": speed, "accuracy": accuracy, "large": large, "wire": wire}
    modes[arguments.what](arguments)


def cluster(n_workers, **options):
    return LocalCluster(
        n_workers=n_workers,
        threads_per_worker=1,
        processes=True,
        dashboard_address="127.0.0.1:0",
        **options,
    )


# ------------------------------------------------------------------------------------------ data


def dense_chunk(seed, n_samples, n_features):
    """Samples around ten centres."""
    centres = np.random.default_rng(0).normal(size=(10, n_features)).astype(np.float32)
    rng = np.random.default_rng([1, seed])
    y = rng.integers(10, size=n_samples)
    X = rng.normal(size=(n_samples, n_features)).astype(np.float32) * 4 + centres[y]
    return X, y


def sparse_chunk(seed, n_samples, n_features, density=0.05, dtype=np.float32):
    """Counts of rare words: each class prefers some of them."""
    means = np.random.default_rng(0).gamma(0.3, 1.0, size=(10, n_features))
    means *= density / means.mean()
    rng = np.random.default_rng([2, seed])
    y = rng.integers(10, size=n_samples)
    slabs = []
    for labels in np.array_split(y, max(1, n_samples // 500)):  # a slab is never large
        rows = [rng.poisson(OWN * means[k] + (1 - OWN) * means.mean(axis=0)) for k in labels]
        slabs.append(sparse.csr_array(np.array(rows, dtype)))
    X = sparse.vstack(slabs, format="csr")
    X.data = np.log1p(X.data)
    return X, y


def chunks(make, n_samples, n_features, n_chunks, **options):
    """Delayed blocks of X and of y."""
    sizes = [len(part) for part in np.array_split(np.arange(n_samples), n_chunks)]
    both = [
        dask.delayed(make, nout=2)(seed, n, n_features, **options) for seed, n in enumerate(sizes)
    ]
    return [X for X, _ in both], [y for _, y in both]


# ----------------------------------------------------------------------------------------- speed


def placed(client, X, y):
    """Blocks on the workers, neighbours together."""
    addresses, blocks = sorted(client.nthreads()), ([], [])
    for number, pair in enumerate(zip(X, y, strict=True)):
        address = addresses[number * len(addresses) // len(X)]
        for kind, block in zip(blocks, client.compute(list(pair), workers=[address]), strict=True):
            kind.append(block)
    wait(blocks)
    return blocks


def speed(arguments):
    n_samples, n_epochs = arguments.samples or 60_000, arguments.epochs or 3
    X, y = chunks(dense_chunk, n_samples, 784, 4)
    seconds, busiest = {1: [], 2: []}, {1: [], 2: []}
    with cluster(1) as one, cluster(2) as two, Client(one) as first, Client(two) as second:
        clients = {1: first, 2: second}
        blocks = {n: placed(client, X, y) for n, client in clients.items()}
        for _ in range(arguments.repeats or 3):  # in turn, since other programs come and go
            for n_workers, client in clients.items():
                model = DaskSETClassifier(
                    (1000, 1000, 1000),
                    max_iter=n_epochs,
                    n_replicas=2,
                    random_state=0,
                    client=client,
                )
                before, start = processor_seconds(client), time.perf_counter()
                model.fit(*blocks[n_workers])
                seconds[n_workers].append(time.perf_counter() - start)
                after = processor_seconds(client)
                busiest[n_workers].append(max(after[each] - before[each] for each in before))
    for n_workers, times in seconds.items():
        told = ", ".join(f"{each:.1f}" for each in times)
        print(f"{n_workers} worker(s): {told} s for {n_epochs} epochs")
    print(f"two workers take {min(seconds[2]) / min(seconds[1]):.2f} of the time of one")
    # On processors that other programs use, the seconds tell of those.
    one, two = (min(busiest[n]) for n in (1, 2))
    print(
        f"processor time of the busiest worker: {one:.2f} s and {two:.2f} s, {two / one:.2f} of it"
    )


def processor_seconds(client):
    """Address -> processor time of the worker so far."""
    return client.run(time.process_time)


# -------------------------------------------------------------------------------------- accuracy


def accuracy(arguments):
    with cluster(2) as workers, Client(workers):
        beside_local("digits", *scaled_digits(), arguments)
        for path in map(Path, arguments.files):
            with np.load(path) as arrays:
                beside_local(path.stem, arrays["X"], arrays["y"], arguments)


def scaled_digits():
    X, y = load_digits(return_X_y=True)
    return X / 16, y


def beside_local(name, X, y, arguments):
    """Scores of the local class and of several numbers of replicas, on the same splits."""
    n_splits, n_epochs = arguments.repeats or 8, arguments.epochs or 100
    scores = {"local": []} | {n: [] for n in arguments.replicas}
    for seed in range(n_splits):
        train, test, labels, wanted = train_test_split(X, y, random_state=seed, stratify=y)
        shared = {"max_iter": n_epochs, "n_iter_no_change": np.inf, "random_state": seed}
        local = SETClassifier((200,), **AS_ON_A_CLUSTER, **shared)
        scores["local"].append(local.fit(train, labels).score(test, wanted))
        for n in arguments.replicas:
            ours, chunk = DaskSETClassifier((200,), n_replicas=n, **shared), -(-len(train) // n)
            ours.fit(da.from_array(train, (chunk, -1)), da.from_array(labels, chunk))
            scores[n].append(ours.score(test, wanted))
    mean = statistics.mean(scores["local"])
    print(f"{name}, {n_epochs} epochs, {n_splits} splits: local {mean:.4f}", flush=True)
    for n in arguments.replicas:
        difference = np.subtract(scores[n], scores["local"])
        error = difference.std(ddof=1) / np.sqrt(n_splits) if n_splits > 1 else np.nan
        print(
            f"  {n} replicas: {statistics.mean(scores[n]):.4f}, difference "
            f"{difference.mean():+.4f} +- {error:.4f}",
            flush=True,
        )


def large(arguments):
    """Chunks that one worker could not hold with its process, on two workers; then a local fit."""
    n_samples, n_features = arguments.samples or 200_000, arguments.features
    n_epochs, n_chunks = arguments.epochs or 12, 16
    test, wanted = sparse_chunk(10**6, 10_000, n_features)
    shared = {"max_iter": n_epochs, "n_iter_no_change": np.inf, "random_state": 0}
    shared |= {"dtype": "float64"}
    limit = arguments.limit * 10**6
    X, y = chunks(sparse_chunk, n_samples, n_features, n_chunks, dtype=np.float64)
    for n in arguments.replicas:
        with cluster(2, memory_limit=limit) as workers, Client(workers) as client:
            client.run(__import__, "sklearn_set.dask")
            before, start = client.run(megabytes), time.perf_counter()
            ours = DaskSETClassifier((300,), n_replicas=n, **shared).fit(X, y)
            seconds, after = time.perf_counter() - start, client.run(megabytes)
            print(
                f"{n_samples} x {n_features}, {n_epochs} epochs, {n} replicas on two workers: "
                f"{ours.score(test, wanted):.4f}, {seconds:.0f} s"
            )
        for one, other in zip(before.values(), after.values(), strict=True):
            print(
                f"  a worker: {one[0]:.0f} MB before the fit, {other[1]:.0f} at most, limit "
                f"{arguments.limit}",
                flush=True,
            )
    sizes = [len(part) for part in np.array_split(np.arange(n_samples), n_chunks)]
    made = [sparse_chunk(seed, n, n_features, dtype=np.float64) for seed, n in enumerate(sizes)]
    whole = sparse.vstack([X for X, _ in made], format="csr")
    n_bytes = whole.data.nbytes + whole.indices.nbytes + whole.indptr.nbytes
    start = time.perf_counter()
    local = SETClassifier((300,), **AS_ON_A_CLUSTER, **shared)
    local.fit(whole, np.concatenate([y for _, y in made]))
    print(
        f"  local: {local.score(test, wanted):.4f}, {time.perf_counter() - start:.0f} s; all "
        f"chunks {n_bytes / 1e6:.0f} MB, density {whole.nnz / np.prod(whole.shape):.3f}"
    )


def megabytes():
    """Memory of the process now, and at most so far."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return psutil.Process().memory_info().rss / 1e6, most / 1e6


# ------------------------------------------------------------------------------------------ wire


# Samples that times are taken of, and samples of the fit on two workers.
TIMED = {"W3": (192, 1397), "W4": (64, 256), "W5": (4000, 60_000)}


def wire(arguments):
    """Measured on two workers; modelled for more of them, on a network of ten gigabit."""
    with cluster(2) as workers, Client(workers) as client:
        client.run(__import__, "sklearn_set.dask")
        hop = moved(client, 0, 200)
        print(f"a task that needs a result from the other worker: {hop * 1e3:.1f} ms")
        for name in arguments.files or TIMED:
            workload, (n_timed, n_trained) = WORKLOADS[name], TIMED[name]
            model = a_model(workload)
            out, back = size_of(model), size_of(values_of(model))
            predicted = bytes_of(workload, n_moments=2)
            print(
                f"{name}: model {out / 1e6:.2f} MB (predicted {predicted[0] / 1e6:.2f}), "
                f"values {back / 1e6:.2f} MB (predicted {predicted[1] / 1e6:.2f})"
            )
            sent = moved(client, model, 5)
            print(f"  to the other worker: {sent * 1e3:.0f} ms, {out / sent / 1e9:.2f} GB/s")
            of_sample, evolving, averaging = processor_times(model, workload, n_timed)
            print(
                f"  processor time: {of_sample * 1e6:.0f} us a sample, {evolving:.3f} s an "
                f"evolution, {averaging:.3f} s an average of two",
                flush=True,
            )
            del model
            n_samples = min(arguments.samples or n_trained, n_trained)
            busy = measured(client, workload, n_samples, arguments.epochs or 3)
            # Beside steps: memory for them, copies, the other direction of a topology, evolution.
            beside = max(busy - of_sample * n_samples / 2, evolving + averaging)
            for n_workers in (2, 4, 16, 64):
                steps = int(np.ceil(np.log2(n_workers)))
                travel = steps * ((out + back) / BYTES_PER_SECOND + 2 * hop)
                computing = of_sample * workload.n_samples / n_workers
                once = beside + (steps - 1) * averaging
                print(
                    f"  {n_workers} workers, {workload.n_samples:,} samples: computing "
                    f"{computing:.2f} s, beside it {once:.2f} s, travel {travel:.2f} s, "
                    f"efficiency {computing / (computing + once + travel):.2f}",
                    flush=True,
                )


def measured(client, workload, n_samples, n_epochs):
    """Print seconds and bytes of an epoch with one replica on each of two workers.

    Return the processor time of the busier one.  The first epoch has more averages, and the last is
    followed by a look at all outputs: what more epochs take tells of one.
    """
    X, y = placed(client, *chunks(random_chunk, n_samples, workload.sizes, 2))
    seconds, sent, busy = [], [], []
    for n in (1, 1, 1 + n_epochs):  # the first fit of all only warms up
        model = DaskSETClassifier(
            workload.sizes[1:-1],
            epsilon=workload.epsilon,
            max_iter=n,
            n_replicas=2,
            n_iter_no_change=np.inf,
            random_state=0,
        )
        before, of_worker = sent_so_far(client), processor_seconds(client)
        start = time.perf_counter()
        model.fit(X, y)
        seconds.append(time.perf_counter() - start)
        sent.append(sent_so_far(client) - before)
        after = processor_seconds(client)
        busy.append(max(after[each] - of_worker[each] for each in after))
    each, n_bytes, of_busy = ((two - one) / n_epochs for _, one, two in (seconds, sent, busy))
    print(
        f"  measured with two workers, {n_samples:,} samples: {each:.2f} s an epoch, {of_busy:.2f} "
        f"s of processor time of the busier worker, {n_bytes / 1e6:.2f} MB sent",
        flush=True,
    )
    return of_busy


def random_chunk(seed, n_samples, sizes):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, sizes[0]), dtype=np.float32)
    return X, np.arange(n_samples) % sizes[-1]


def sent_so_far(client):
    """Bytes that workers have sent to each other."""
    return sum(client.run(lambda dask_worker: dask_worker.transfer_outgoing_bytes_total).values())


def a_model(workload):
    network = {
        "sizes": workload.sizes,
        "epsilon": workload.epsilon,
        "activations": ("relu",) * (len(workload.sizes) - 2),
        "weight_init": "auto",
        "dtype": np.dtype(np.float32),
    }
    return _replicas.drawn(Randomness(0), Adam(), network, None, 1.0)


def values_of(model):
    arrays = _replicas.arrays_of(model.network, model.optimizer)
    return _replicas.Values(arrays, 0.0, 0.0, 1.0, 1, 0.0)


def size_of(value):
    """Bytes on the wire."""
    buffers = []
    head = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    return len(head) + sum(len(buffer.raw()) for buffer in buffers)


def bytes_of(workload, n_moments, itemsize=4):
    """The model: index and values of every connection, and where rows begin; and values alone."""
    out = back = 0
    for n_in, n_out in pairwise(workload.sizes):
        connections = n_erdos_renyi(n_in, n_out, workload.epsilon)
        values = (connections + n_out) * (1 + n_moments) * itemsize
        back += values
        out += values + 4 * (connections + n_in + 1)
    return out, back


def touched(model):
    return None


def moved(client, model, n_times=25):
    """Seconds until a worker has what another one holds."""
    first, second = sorted(client.nthreads())
    times = []
    for _ in range(n_times):
        held = client.scatter(model, workers=[first], hash=False)
        wait(held)
        start = time.perf_counter()
        client.submit(touched, held, workers=[second], pure=False).result()
        times.append(time.perf_counter() - start)
    return min(times)


def processor_times(model, workload, n_samples):
    """Seconds of one thread for a sample, for an evolution and for an average of two."""
    X, y = random_chunk(0, n_samples, workload.sizes)
    times = []
    for n_epochs in (1, 4):
        local = SETClassifier(
            workload.sizes[1:-1],
            epsilon=workload.epsilon,
            **AS_ON_A_CLUSTER,
            max_iter=n_epochs,
            n_iter_no_change=np.inf,
            n_jobs=1,
            batch_size=min(100, n_samples // 2),
            zeta=0,
            dtype="float32",
            random_state=0,
        )
        start = time.process_time()
        local.fit(X, y)
        times.append(time.process_time() - start)
    values = values_of(model)
    start = time.process_time()
    _replicas.averaged(model, _replicas.merged(values, values))
    averaging = time.process_time() - start
    layers = model.network.copy(), model.optimizer.copy()
    start = time.process_time()
    evolve(
        *layers,
        0.3,
        weight_init="auto",
        rng=model.rng,
        pruning="set",
        growth="random",
        newborn_weights="zero",
        probe=None,
        n_threads=1,
    )
    return (times[1] - times[0]) / (3 * n_samples), time.process_time() - start, averaging


if __name__ == "__main__":
    main()
