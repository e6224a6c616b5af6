"""How time and memory of whole fits grow with connections, threads and the batch size.

    python tests/benchmarks/growth.py --json growth.json --plot growth.png
    python tests/benchmarks/growth.py --max-connections 1e9 --series connections

Three equal hidden layers on random data of 3,312 features; SGD with momentum 0.9, float32; each
fit in a process of its own, so that peak memory is its own.  Times are medians over the epochs
after the first.  Bytes per connection count what the fit adds to Python and the data, at its
peak, and what a pickle of the model takes.  Sizes that memory cannot hold are left out.
"""

import argparse
import json
import pickle
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
from reporting import (
    comma_separated,
    default_threads,
    digits,
    figure,
    in_own_process,
    make_parser,
    print_machine,
    print_table,
    write_json,
)
from workloads import Workload, random_data

N_FEATURES, N_CLASSES, EPSILON = 3312, 5, 20
# Of most fits, and of those with other batch sizes, which need samples for the largest.
N_SAMPLES, N_SAMPLES_OF_BATCHES = 135, 1024
BATCH = 32
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
FEWEST_CONNECTIONS = 10**5
CONNECTIONS_OF_THREADS = 10**7
CONNECTIONS_OF_BATCHES = 10**6
# Measured, of all connections and of the layer in evolution; activations come on top.
BYTES_PER_CONNECTION = 26
SHARE_OF_MEMORY = 0.9

HEADER = [
    "connections",
    "neurons",
    "threads",
    "batch",
    "s per epoch, training: median (min)",
    "s per epoch, evolution: median (min)",
    "s before the first epoch",
    "training, ns per connection and sample",
    "evolution, ns per connection",
    "peak, bytes per connection",
    "pickle, bytes per connection",
]


def main():
    parser = make_parser(__doc__)
    parser.add_argument("--series", type=comma_separated(str), default=list(SERIES))
    parser.add_argument("--max-connections", type=float, default=1e8)
    parser.add_argument("--threads", type=int, default=default_threads()[-1], help="at most")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=1, help="of every fit, taking turns")
    parser.add_argument("--plot", type=Path, metavar="FILE.png")
    parser.add_argument("--one", type=json.loads, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(**arguments.one)))
        return
    print_machine()
    results = {}
    for name in arguments.series:
        settings = list(filter(fits_into_memory, SERIES[name](arguments)))
        results[name] = run_series(settings, arguments)
        print(f"\nBy {name}:")
        print_table(HEADER, map(row, results[name]))
    write_json(arguments.json, results)
    if arguments.plot:
        draw(results, arguments.plot)


# ----------------------------------------------------------------------------------- series


def by_connections(arguments):
    """Sizes half a decade apart."""
    n_steps = int(2 * np.log10(arguments.max_connections / FEWEST_CONNECTIONS) + 1e-9)
    for step in range(n_steps + 1):
        yield setting(FEWEST_CONNECTIONS * 10 ** (step / 2), arguments)


def by_threads(arguments):
    """Every number of threads up to eight, then doubling."""
    counts = [n for n in range(1, arguments.threads) if n <= 8 or n & (n - 1) == 0]
    for n_threads in [*counts, arguments.threads]:
        yield setting(CONNECTIONS_OF_THREADS, arguments, n_threads=n_threads)


def by_batch(arguments):
    """Powers of two."""
    for batch in BATCHES:
        yield setting(
            CONNECTIONS_OF_BATCHES, arguments, batch=batch, n_samples=N_SAMPLES_OF_BATCHES
        )


SERIES = {"connections": by_connections, "threads": by_threads, "batch": by_batch}


def setting(n_connections, arguments, **changed):
    """What `measure` takes, for three hidden layers that have about so many connections."""
    # The first layer has epsilon times its neurons, two have twice as many; the last is full.
    per_neuron = EPSILON * 5 + N_CLASSES
    n_neurons = round((n_connections - EPSILON * N_FEATURES) / per_neuron)
    return {
        "n_samples": N_SAMPLES,
        "sizes": [N_FEATURES, *[n_neurons] * 3, N_CLASSES],
        "batch": BATCH,
        "n_threads": arguments.threads,
        "n_epochs": arguments.epochs,
        **changed,
    }


def fits_into_memory(setting):
    sizes, batch = setting["sizes"], setting["batch"]
    n_connections = sum(Workload(setting["n_samples"], sizes, EPSILON).connections)
    needed = BYTES_PER_CONNECTION * n_connections + 4 * batch * sum(sizes)
    available = SHARE_OF_MEMORY * psutil.virtual_memory().available
    if needed > available:
        print(
            f"left out: {n_connections:,} connections need about {needed / 2**30:.1f} GiB, "
            f"{available / 2**30:.1f} GiB are there",
            file=sys.stderr,
        )
    return needed <= available


# ------------------------------------------------------------------------------ measurement


def run_series(settings, arguments):
    """Fit all settings in turn, and again; return one result for each that could be fitted."""
    runs = [[] for _ in settings]
    for _ in range(arguments.repeats):
        for of_setting, each in zip(runs, settings, strict=True):
            try:
                of_setting.append(in_own_process(__file__, "--one", json.dumps(each)))
            except subprocess.CalledProcessError as error:
                print(f"left out: {each} ended with {error.returncode}", file=sys.stderr)
    return [merged(of_setting) for of_setting in runs if of_setting]


def merged(runs):
    """One result from those of several fits of the same setting."""
    together = {
        name: [seconds for run in runs for seconds in run[name]]
        for name in ("training", "evolution")
    }
    typical = {
        name: statistics.median(run[name] for run in runs) for name in ("start", "peak", "pickle")
    }
    return runs[0] | together | typical


def measure(n_samples, sizes, batch, n_threads, n_epochs):
    """Fit once, in this process."""
    # Here, because the process that starts all fits must stay small: to Linux the peak memory of
    # a process begins with that of the one that started it.
    from bench_fit import model_of, peak_megabytes, timed_fit

    workload = Workload(n_samples, tuple(sizes), EPSILON)
    X, y = random_data(workload)
    model = model_of(workload, batch, n_epochs, n_threads)
    before = peak_megabytes()
    epochs, evolutions, rest = timed_fit(model, X, y)
    added = peak_megabytes() - before
    return {
        "n_samples": n_samples,
        "connections": model.n_connections_,
        "neurons": sum(sizes),
        "threads": n_threads,
        "batch": batch,
        "training": epochs[1:],
        "evolution": evolutions,
        "start": rest,
        "peak": added * 2**20 / model.n_connections_,
        "pickle": pickled_bytes(model) / model.n_connections_,
    }


def pickled_bytes(model):
    """Size of a pickle that is never held in memory."""
    counter = Counter()
    pickle.dump(model, counter)
    return counter.n_bytes


class Counter:
    """A file that only counts what is written to it."""

    n_bytes = 0

    def write(self, data):
        self.n_bytes += memoryview(data).nbytes


# --------------------------------------------------------------------------------- printing


def row(result):
    n_connections, training = result["connections"], statistics.median(result["training"])
    evolution = statistics.median(result["evolution"])
    return [
        f"{n_connections:,}",
        f"{result['neurons']:,}",
        result["threads"],
        result["batch"],
        f"{digits(training)} ({digits(min(result['training']))})",
        f"{digits(evolution)} ({digits(min(result['evolution']))})",
        digits(result["start"]),
        digits(training / n_connections / result["n_samples"] * 1e9),
        digits(evolution / n_connections * 1e9),
        digits(result["peak"]),
        digits(result["pickle"]),
    ]


def draw(results, path):
    """Curves of all series; of connections also the memory."""
    panels = [(draw_seconds, name) for name in results]
    if "connections" in results:
        panels.insert(1, (draw_bytes, "connections"))
    n_rows = -(-len(panels) // 2)
    how = {"nrows": n_rows, "ncols": 2, "squeeze": False, "figsize": (9, 3.6 * n_rows)}
    with figure(path, **how) as (_, axes):
        for axis in axes.flat[len(panels) :]:
            axis.remove()
        for (draw_panel, name), axis in zip(panels, axes.flat, strict=False):
            axis.set_xlabel(name)
            axis.set_xscale("log")
            if name != "connections":
                values = [result[name] for result in results[name]]
                axis.set_xticks(values, values)
                axis.minorticks_off()
            draw_panel(axis, name, results[name])
            axis.grid(alpha=0.3)
            axis.legend()


def draw_seconds(axis, name, results):
    x = np.array([result[name] for result in results])
    for part, marker in (("training", "o"), ("evolution", "s")):
        seconds = [statistics.median(result[part]) for result in results]
        axis.plot(x, seconds, marker=marker, label=part)
    # From the first point on, as if time were proportional to the number, or to its inverse.
    first = statistics.median(results[0]["training"])
    if name == "connections":
        axis.plot(x, first * x / x[0], "k:", linewidth=1, label="proportional")
    else:
        axis.plot(x, first * x[0] / x, "k:", linewidth=1, label=f"1 / {name}")
    axis.set_yscale("log")
    axis.set_ylabel("seconds per epoch")


def draw_bytes(axis, name, results):
    x = [result[name] for result in results]
    for part, marker in (("peak", "o"), ("pickle", "s")):
        axis.plot(x, [result[part] for result in results], marker=marker, label=part)
    axis.set_ylim(bottom=0)
    axis.set_ylabel("bytes per connection")


if __name__ == "__main__":
    main()
