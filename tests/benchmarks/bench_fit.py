"""Seconds per epoch, evolution, memory and size of a pickle of whole fits, Python included.

    python tests/benchmarks/bench_fit.py W1,2 W4,32          workload, batch size
    python tests/benchmarks/bench_fit.py --threads 1 W1,2

Each fit runs in a process of its own, so that peak memory is its own.  Data are random numbers:
what is learned does not matter here.  SGD with momentum 0.9, float32.
"""

import argparse
import contextlib
import json
import pickle
import resource
import subprocess
import sys
import time
import warnings
from unittest import mock

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from workloads import WORKLOADS, random_data

from sklearn_set import SETClassifier, show_versions, training
from sklearn_set.evolution import GROWTH_RULES

HEADER = (
    "| workload | batch | threads | connections | s per epoch, training | s per epoch, evolution "
    "| s before the first epoch | peak MB | MB before the fit | pickle, bytes per connection |"
)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", nargs="*", default=["W1,2", "W4,32"], metavar="WORKLOAD,BATCH")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--epochs", type=int, default=7)
    parser.add_argument("--growth", choices=GROWTH_RULES, default="random")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.epochs < 2:
        parser.error(f"--epochs must be 2 or more, got {arguments.epochs}: the first warms up")
    if arguments.one:
        print(json.dumps(measure(arguments)))
        return
    show_versions()
    print("\n" + HEADER + "\n|" + "---|" * (HEADER.count("|") - 1))
    for run in arguments.runs:
        command = [sys.executable, __file__, "--one", run, "--epochs", str(arguments.epochs)]
        command += ["--growth", arguments.growth]
        if arguments.threads:
            command += ["--threads", str(arguments.threads)]
        result = json.loads(subprocess.check_output(command, text=True))
        print("| " + " | ".join(result.values()) + " |", flush=True)


def measure(arguments):
    """Fit one workload; return the row of the table."""
    name, batch_size = arguments.one.split(",")
    n_threads, n_epochs = arguments.threads, arguments.epochs
    workload = WORKLOADS[name]
    X, y = random_data(workload)
    model = model_of(workload, int(batch_size), n_epochs, n_threads, arguments.growth)
    before = peak_megabytes()
    epochs, evolutions, rest = timed_fit(model, X, y)
    epochs = epochs[1:]  # the first warms up
    return {
        "workload": name,
        "batch": batch_size,
        "threads": str(n_threads or "all"),
        "connections": f"{model.n_connections_:,}",
        "training": f"{np.median(epochs):.3g} (min {min(epochs):.3g})",
        "evolution": f"{np.median(evolutions):.3g} (min {min(evolutions):.3g})",
        "start": f"{rest:.3g}",
        "peak": f"{peak_megabytes():.0f}",
        "before": f"{before:.0f}",
        "pickle": f"{len(pickle.dumps(model)) / model.n_connections_:.1f}",
    }


def model_of(workload, batch_size, n_epochs, n_threads, growth="random"):
    """SET as published, and nothing that helps on small data."""
    return SETClassifier(
        workload.sizes[1:-1],
        epsilon=workload.epsilon,
        solver="sgd",
        batch_size=batch_size,
        max_iter=n_epochs,
        growth=growth,
        learning_rate="constant",
        mixup=0,
        label_smoothing=0,
        input_dropout=0,
        n_snapshots=1,
        feature_search=False,
        feature_relevance=False,
        temperature=1,
        tol=0,
        n_iter_no_change=n_epochs,
        n_jobs=n_threads,
        random_state=0,
    )


def timed_fit(model, X, y):
    """Fit; return seconds of every epoch's training, of every evolution, and of all the rest.

    A fit calls two functions of `sklearn_set.training` by name; they are wrapped meanwhile.
    """
    seconds = {"run_epoch": [], "evolve": []}
    with contextlib.ExitStack() as stack:
        for name, durations in seconds.items():
            wrapper = timed(getattr(training, name), durations)
            stack.enter_context(mock.patch.object(training, name, wrapper))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore", ConvergenceWarning)
        start = time.perf_counter()
        model.fit(X, y)
        total = time.perf_counter() - start
    epochs, evolutions = seconds.values()
    if not len(epochs) == len(evolutions) + 1 == model.n_iter_:
        raise RuntimeError("fit no longer calls what is timed here once per epoch")
    return epochs, evolutions, total - sum(epochs) - sum(evolutions)


def timed(function, seconds):
    def wrapper(*args, **kwargs):
        start = time.perf_counter()
        result = function(*args, **kwargs)
        seconds.append(time.perf_counter() - start)
        return result

    return wrapper


def peak_megabytes():
    """Largest resident memory of this process so far (Linux counts in kilobytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
