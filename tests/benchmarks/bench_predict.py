"""Milliseconds of predictions, by number of samples and threads.

    python tests/benchmarks/bench_predict.py --workloads W1,W2 --samples 1,8,64
    python tests/benchmarks/bench_predict.py --estimators --busy

What an estimator calls once X has been checked: a forward pass of the whole network.  With
--estimators `predict` itself, of one row, beside that of MLPClassifier: of one network, and of the
ten of a default fit to wide data; BLAS has one thread, or those that it wakes would disturb the
cases that follow.  With --busy, a program without pause keeps one processor busy
meanwhile.  Cases take turns, round after round; printed are the median of the rounds and the
fastest.
"""

import contextlib
import itertools
import statistics
import subprocess
import sys
import time
import warnings

import numpy as np
from reporting import (
    comma_separated,
    default_threads,
    digits,
    make_parser,
    print_machine,
    print_table,
    write_json,
)
from scipy import sparse
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits
from workloads import WORKLOADS

from sklearn_set import SETClassifier
from sklearn_set.network import SparseNetwork
from sklearn_set.samples import Samples

HEADER = ["workload", "samples", "threads", "ms: median (min)"]
ESTIMATORS_HEADER = ["data", "model", "ms for a row: median (min)"]


def main():
    parser = make_parser(__doc__)
    parser.add_argument("--workloads", type=comma_separated(str), default=["W1", "W2"])
    parser.add_argument("--samples", type=comma_separated(int), default=[1, 8, 64])
    parser.add_argument("--threads", type=comma_separated(int), default=default_threads())
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--estimators", action="store_true", help="predict, one row at a time")
    parser.add_argument("--busy", action="store_true", help="beside a program without pause")
    arguments = parser.parse_args()
    print_machine()
    results = []

    def rows():
        for workload in arguments.workloads:
            for result in measure(workload, arguments):
                results.append(result)
                yield row(result)

    with another_program() if arguments.busy else contextlib.nullcontext():
        if arguments.estimators:
            with threadpool_limits(1, user_api="blas"):
                results = measure_estimators(arguments.rounds)
            print_table(ESTIMATORS_HEADER, map(estimator_row, results))
        else:
            print_table(HEADER, rows())
    write_json(arguments.json, results)


def measure(workload, arguments):
    """Time predictions of one workload; return a dict for each case."""
    rng = np.random.default_rng(0)
    _, sizes, epsilon = WORKLOADS[workload]
    network = SparseNetwork.erdos_renyi(
        sizes,
        epsilon,
        activations=["relu"] * (len(sizes) - 2),
        weight_init="auto",
        dtype=np.dtype(np.float32),
        rng=rng,
    )
    X = rng.standard_normal((max(arguments.samples), sizes[0]), dtype=np.float32)
    cases = {case: [] for case in itertools.product(arguments.samples, arguments.threads)}
    for _ in range(arguments.rounds):
        for (n_samples, n_threads), seconds in cases.items():
            given = Samples(X[:n_samples])
            network.forward(given, n_threads)  # what it reads is in the caches
            began = time.perf_counter()
            network.forward(given, n_threads)
            seconds.append(time.perf_counter() - began)
    return [
        {"workload": workload, "samples": n_samples, "threads": n_threads, "seconds": seconds}
        for (n_samples, n_threads), seconds in cases.items()
    ]


def row(result):
    cells = [result["workload"], result["samples"], result["threads"]]
    return [*cells, milliseconds(result["seconds"])]


def estimator_row(result):
    return [result["data"], result["model"], milliseconds(result["seconds"])]


def milliseconds(seconds):
    return f"{digits(statistics.median(seconds) * 1e3)} ({digits(min(seconds) * 1e3)})"


@contextlib.contextmanager
def another_program():
    """A process that keeps one processor busy."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def measure_estimators(n_rounds):
    """Time `predict` of one row; return a dict for each case."""
    rng = np.random.default_rng(0)
    cases = {}
    once = {"max_iter": 1, "random_state": 0}
    for n_samples, n_features, n_classes in ((500, 64, 10), (200, 5000, 10), (80, 5000, 2)):
        X, y = rng.standard_normal((n_samples, n_features)), np.arange(n_samples) % n_classes
        models = {
            "MLPClassifier": MLPClassifier((100,), **once),
            "SETClassifier": SETClassifier((100,), n_snapshots=1, **once),
        }
        name = f"{n_features} features, 100 neurons, {n_classes} classes"
        if n_classes == 2:
            models = {"SETClassifier, ten networks": SETClassifier(random_state=0)}
            name = f"{n_features} features, 1,000 neurons, 2 classes"
        for model_name, model in models.items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model.fit(X, y)
            for form, row in (("dense", X[:1]), ("CSR", sparse.csr_array(X[:1]))):
                cases[f"{name}, {form}", model_name] = model, row, []
    for _ in range(n_rounds):
        for model, one, seconds in cases.values():
            model.predict(one)  # what it reads is in the caches
            began = time.perf_counter()
            model.predict(one)
            seconds.append(time.perf_counter() - began)
    return [
        {"data": data, "model": model, "seconds": seconds}
        for (data, model), (_, _, seconds) in cases.items()
    ]


if __name__ == "__main__":
    main()
