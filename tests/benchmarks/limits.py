"""What the machine at hand can do at best, and what follows for the time of a training step.

    python tests/benchmarks/limits.py --threads 1,2 --json limits.json

Compiles limits.c with the system's C compiler (the variable CC names another, which must know
OpenMP) and runs it: peak of fp32 multiply-adds, bandwidth of a copy by working set, seconds per
row read at random by width of the row and size of the table.  Takes less than a minute, and
600 MB.
"""

import bisect
import json
import math
import os
import subprocess
import tempfile
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from reporting import (
    comma_separated,
    compile_c,
    default_threads,
    digits,
    make_parser,
    print_machine,
    print_table,
    write_json,
)
from workloads import WORKLOADS

SOURCE = Path(__file__).with_suffix(".c")
FLAGS = ["-O3", "-march=native", "-ffp-contract=fast", "-fopenmp", "-lm"]
BATCHES = (2, 32, 128)


class Roofline(NamedTuple):
    """Seconds that a step takes at least, for each of three reasons."""

    compute: float
    streams: float
    gathers: float

    @property
    def seconds(self):
        """The limit: the largest of the three, for at best all happen at once."""
        return max(self)

    @property
    def reason(self):
        """Which of the three it is."""
        return self._fields[self.index(self.seconds)]


class Limits:
    """The best figures of one machine.

    Measured on a machine that has other work too, so what must be better is made no worse: more
    threads than fewer of them, and a smaller memory than a larger one.

    Parameters
    ----------
    figures : list of (name, *numbers)
        What limits.c prints, without the laps.  Of figures given several times the best counts.

    Attributes
    ----------
    peak : dict
        Flops per second of fp32 multiply-adds, by threads.
    bandwidth : dict
        Bytes per second, read and written, by threads and working set in bytes.
    gather : dict
        Seconds per row, by threads, numbers in a row and bytes of the table.
    """

    def __init__(self, figures):
        self.figures = figures
        counts = sorted({int(threads) for _, threads, *_ in figures})
        self.peak = dict.fromkeys(counts, 0.0)
        self.bandwidth = {threads: defaultdict(float) for threads in counts}
        self.gather = {
            threads: defaultdict(lambda: defaultdict(lambda: math.inf)) for threads in counts
        }
        for name, measured_with, *numbers in figures:
            for threads in (count for count in counts if count >= measured_with):
                if name == "peak":
                    self.peak[threads] = max(self.peak[threads], *numbers)
                elif name == "copy":
                    n_bytes, rate = numbers
                    rates = self.bandwidth[threads]
                    rates[n_bytes] = max(rates[n_bytes], rate)
                else:
                    floats, n_bytes, _, seconds = numbers
                    table = self.gather[threads][int(floats)]
                    table[n_bytes] = min(table[n_bytes], seconds)
        for threads in counts:
            make_no_worse_when_smaller(self.bandwidth[threads], max)
            for table in self.gather[threads].values():
                make_no_worse_when_smaller(table, min)

    @classmethod
    def measure(cls, thread_counts):
        """Measure this machine, with each of the numbers of threads."""
        # Threads that stay where they are: a limit knows no bad luck of the scheduler.
        environment = {**os.environ, "OMP_PROC_BIND": "true", "OMP_PLACES": "cores"}
        with tempfile.TemporaryDirectory() as folder:
            program = compile_c(SOURCE, FLAGS, Path(folder))
            command = [program, *map(str, thread_counts)]
            printed = subprocess.check_output(command, text=True, env=environment)
        lines = map(str.split, printed.splitlines())
        return cls(near_ones([(name, *map(float, numbers)) for name, *numbers in lines]))

    @classmethod
    def load(cls, path, thread_counts):
        """Figures from a file that this module wrote, or None if there are too few of them."""
        if path is None or not path.exists():
            return None
        limits = cls(json.loads(path.read_text(encoding="utf-8"))["results"])
        return limits if limits.peak.keys() >= set(thread_counts) else None

    def roofline(self, n_connections, sizes, batch, threads, *, n_moments=1, itemsize=4):
        """The limit of one training step.

        Parameters
        ----------
        n_connections : sequence of int
            Of every layer.
        sizes : sequence of int
            Numbers of neurons, data and output included.
        batch : int
        threads : int
            One of those measured.
        n_moments : int, default=1
            Numbers that the optimizer keeps per connection.
        itemsize : int, default=4
            Bytes of a number.  Of float64, a row takes the time of one of twice as many float32.

        Returns
        -------
        Roofline
        """
        total, n_neurons = sum(n_connections), sum(sizes)
        # Forward and gradient in all layers, deltas in all but the first, the update of weights.
        flops = 2 * batch * (3 * total - n_connections[0]) + 4 * total
        # Index and weight forward, index backward; the update reads and writes weight and moments.
        # Every table is written and read three times: activations, deltas, gradients.
        moved = total * (8 + itemsize * (3 + 2 * n_moments)) + 6 * itemsize * n_neurons * batch
        working_set = total * (4 + itemsize * (1 + n_moments)) + 2 * itemsize * n_neurons * batch
        gathers = sum(
            n * (self.row_seconds(inputs, batch, threads, itemsize)
                 + self.row_seconds(outputs, batch, threads, itemsize))
            for n, (inputs, outputs) in zip(n_connections, pairwise(sizes), strict=True)
        )  # fmt: skip
        return Roofline(
            flops * itemsize / 4 / self.peak[threads],
            moved / interpolated(self.bandwidth[threads], working_set),
            gathers,
        )

    def row_seconds(self, n_rows, batch, threads, itemsize=4):
        """Seconds per row read at random from a table of `n_rows` rows of `batch` numbers."""
        floats = batch * itemsize / 4
        tables = self.gather[threads]
        widths = sorted(tables)
        upper = min(max(bisect.bisect_left(widths, floats), 1), len(widths) - 1)
        n_bytes = n_rows * floats * 4
        narrow, wide = (
            interpolated(tables[width], n_bytes) for width in widths[upper - 1 : upper + 1]
        )
        if floats > widths[-1]:
            return wide * floats / widths[-1]
        return float(np.interp(floats, widths[upper - 1 : upper + 1], [narrow, wide]))


def near_ones(figures):
    """The best figures of threads that shared a cache, or of all where none did; without laps.

    Hosts put a virtual machine's processors now here, now there.  Where they share no cache they
    have more of it, and more ways to the memory, but get to each other's results five times as
    slowly: a limit of both at once is one that no step can reach.  How long a lap is that shares a
    cache, those rounds tell whose arithmetic was at full speed: not on a core that threads share.
    """
    peak = defaultdict(float)
    for name, threads, *_, figure, _ in figures:
        if name == "peak":
            peak[threads] = max(peak[threads], figure)
    shortest = {
        threads: min(
            lap
            for name, measured_with, *_, figure, lap in figures
            if (name, measured_with) == ("peak", threads) and figure > 0.8 * peak[threads]
        )
        for threads in peak
    }
    best = {}
    for name, threads, *numbers, figure, lap in figures:
        key = name, threads, *numbers
        is_far = lap > 2 * shortest[threads]
        cost = figure if name == "gather" else -figure
        if key not in best or (is_far, cost) < best[key]:
            best[key] = is_far, cost
    return [(*key, cost if key[0] == "gather" else -cost) for key, (_, cost) in best.items()]


def make_no_worse_when_smaller(by_bytes, better):
    best = None
    for n_bytes in sorted(by_bytes, reverse=True):
        best = by_bytes[n_bytes] if best is None else better(best, by_bytes[n_bytes])
        by_bytes[n_bytes] = best


def interpolated(by_bytes, n_bytes):
    """A figure between those measured, by the logarithm of the memory it was measured in."""
    sizes = sorted(by_bytes)
    return float(np.interp(np.log(n_bytes), np.log(sizes), [by_bytes[size] for size in sizes]))


def limits_from(path, thread_counts):
    """Limits from a file if they are in it; else measured, and written there."""
    limits = Limits.load(path, thread_counts)
    if limits is None:
        limits = Limits.measure(thread_counts)
        write_json(path, limits.figures)
    return limits


def main():
    parser = make_parser(__doc__)
    parser.add_argument("--threads", type=comma_separated(int), default=default_threads())
    arguments = parser.parse_args()
    print_machine()
    limits = Limits.measure(arguments.threads)
    write_json(arguments.json, limits.figures)
    print_limits(limits)
    print_rooflines(limits)


def print_limits(limits):
    print_table(
        ["threads", "fp32 multiply-adds, GFLOP/s"],
        [(threads, digits(rate * 1e-9)) for threads, rate in limits.peak.items()],
    )
    sizes = sorted(next(iter(limits.bandwidth.values())))
    print_table(
        ["copy, GB/s; threads", *map(size_name, sizes)],
        (
            (threads, *(digits(by_bytes[size] * 1e-9) for size in sizes))
            for threads, by_bytes in limits.bandwidth.items()
        ),
    )
    tables = sorted(next(iter(next(iter(limits.gather.values())).values())))
    print_table(
        ["rows at random, ns per row; numbers in a row", "threads", *map(size_name, tables)],
        (
            (floats, threads, *(digits(by_bytes[size] * 1e9) for size in tables))
            for threads, by_floats in limits.gather.items()
            for floats, by_bytes in by_floats.items()
        ),
    )


def print_rooflines(limits):
    rows = []
    for name, workload in WORKLOADS.items():
        for batch in BATCHES:
            for threads in sorted(limits.peak):
                roofline = limits.roofline(workload.connections, workload.sizes, batch, threads)
                parts = [digits(seconds * 1e3) for seconds in (*roofline, roofline.seconds)]
                rows.append((name, batch, threads, *parts, roofline.reason))
    header = ["workload", "batch", "threads", "compute", "streams", "gathers"]
    print_table([*header, "limit, ms per step", "by"], rows)


def size_name(n_bytes):
    n_kilobytes = int(n_bytes) // 1024
    return f"{n_kilobytes} KB" if n_kilobytes < 1024 else f"{n_kilobytes // 1024} MB"


if __name__ == "__main__":
    main()
