"""Milliseconds of predictions, by number of samples and threads.

    python tests/benchmarks/bench_predict.py --workloads W1,W2 --samples 1,8,64

What an estimator calls once X has been checked: a forward pass of the whole network.  Cases take
turns, round after round; printed are the median of the rounds and the fastest.
"""

import itertools
import statistics
import time

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
from workloads import WORKLOADS

from sklearn_set.network import SparseNetwork
from sklearn_set.samples import Samples

HEADER = ["workload", "samples", "threads", "ms: median (min)"]


def main():
    parser = make_parser(__doc__)
    parser.add_argument("--workloads", type=comma_separated(str), default=["W1", "W2"])
    parser.add_argument("--samples", type=comma_separated(int), default=[1, 8, 64])
    parser.add_argument("--threads", type=comma_separated(int), default=default_threads())
    parser.add_argument("--rounds", type=int, default=30)
    arguments = parser.parse_args()
    print_machine()
    results = []

    def rows():
        for workload in arguments.workloads:
            for result in measure(workload, arguments):
                results.append(result)
                yield row(result)

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
    median, least = statistics.median(result["seconds"]), min(result["seconds"])
    cells = [result["workload"], result["samples"], result["threads"]]
    return [*cells, f"{digits(median * 1e3)} ({digits(least * 1e3)})"]


if __name__ == "__main__":
    main()
