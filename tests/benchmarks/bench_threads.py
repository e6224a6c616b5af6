"""How fits scale over threads: training, evolution, and the phases of both.

    python tests/benchmarks/bench_threads.py W1,2 W2,32         workload, batch size
    python tests/benchmarks/bench_threads.py --threads 1,16 --phases

Fits of float32 by SGD with momentum 0.9, as in bench_fit.py.  Seconds per epoch are the median over
the epochs after the first; the speed-up is how many times faster they are than with the first
number of threads.  `--phases` tells milliseconds of what a step and an evolution consist of.

With one thread and others, also the serial share s of each, as Amdahl has it: n threads take
s + (1 - s) / n of the time of one.  And the speed-up that s predicts for 16 threads.  All that does
not scale counts as serial, waiting for memory too.  Below zero, threads gain more than their
number, as each has caches of its own.
"""

import contextlib
import statistics
import sys
from collections import defaultdict
from pathlib import Path
from unittest import mock

from bench_fit import model_of, timed, timed_fit
from reporting import (
    comma_separated,
    default_threads,
    digits,
    figure,
    make_parser,
    print_machine,
    print_table,
    write_json,
)
from workloads import WORKLOADS, random_data

from sklearn_set import evolution, optimizers, training
from sklearn_set.workspace import Workspace

RUNS = ["W1,2", "W1,32", "W2,32", "W3,32", "W4,32", "W5,128"]

# Where the parts of an evolution are called: name of the phase, who knows the function, its name.
PARTS = [
    ("prune", evolution, "prune_nearest_zero"),
    ("draw", evolution, "draw_distinct"),
    ("splice", evolution, "regrown"),
    ("carry", evolution, "carried"),
    ("carry", optimizers, "carried"),
    ("prepare", Workspace, "adapt"),
    ("prepare", training, "stepper_of"),
]
PREDICTED = 16
PHASES = ["gather", "forward", "backward", *dict.fromkeys(name for name, _, _ in PARTS)]


def main():
    parser = make_parser(__doc__)
    parser.add_argument("runs", nargs="*", default=RUNS, metavar="WORKLOAD,BATCH")
    parser.add_argument("--threads", type=comma_separated(int), default=default_threads())
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--phases", action="store_true")
    parser.add_argument("--plot", type=Path, metavar="FILE.png")
    arguments = parser.parse_args()
    print_machine()
    results = {run: measure_run(run, arguments) for run in arguments.runs}
    counts = arguments.threads
    for part in ("training", "evolution"):
        print(f"\nSeconds per epoch, {part} (speed-up)")
        rows = [[run, *with_speed_up(results[run], part)] for run in results]
        print_table(["workload, batch", *map(str, counts)], rows)
    if arguments.phases:
        print("\nMilliseconds per step, or per evolution")
        rows = [
            [run, str(n), *(digits(result["phases"][name], 3) for name in PHASES)]
            for run, of_counts in results.items()
            for n, result in zip(counts, of_counts, strict=True)
        ]
        print_table(["workload, batch", "threads", *PHASES], rows)
    if counts[0] == 1 < counts[-1]:
        print_shares(results, counts[-1])
    write_json(arguments.json, {"threads": counts, "runs": results})
    if arguments.plot:
        draw(results, counts, arguments.plot)


def with_speed_up(of_counts, part):
    """The seconds of each number of threads, and how many times faster than the first it is."""
    first = of_counts[0][part]
    return [f"{digits(each[part], 3)} ({first / each[part]:.1f})" for each in of_counts]


def print_shares(results, n_threads):
    """The serial shares that the largest number of threads tells of, and what they predict."""
    print(f"\nSerial share, from {n_threads} threads (speed-up that it predicts for {PREDICTED})")
    rows = []
    for run, (first, *_, last) in results.items():
        cells = []
        for part in ("training", "evolution"):
            share = serial_share(first[part], last[part], n_threads)
            predicted = 1 / (max(share, 0) + (1 - max(share, 0)) / PREDICTED)
            cells.append(f"{share:.2f} ({predicted:.1f})")
        of_phases = (
            serial_share(first["phases"][name], last["phases"][name], n_threads) for name in PHASES
        )
        rows.append([run, *cells, *(f"{share:.2f}" for share in of_phases)])
    print_table(["workload, batch", "training", "evolution", *PHASES], rows)


def serial_share(one, several, n_threads):
    """s, where `n_threads` take s + (1 - s) / n_threads of the time of one."""
    return (several / one - 1 / n_threads) / (1 - 1 / n_threads)


def measure_run(run, arguments):
    """Fit a workload with each number of threads."""
    name, batch_size = run.split(",")
    workload = WORKLOADS[name]
    X, y = random_data(workload)
    results = []
    for n_threads in arguments.threads:
        model = model_of(workload, int(batch_size), arguments.epochs, n_threads)
        n_steps = -(-workload.n_samples // int(batch_size))
        with phases_timed(n_steps) as phases:
            epochs, evolutions, _ = timed_fit(model, X, y)
        results.append(
            {
                "training": statistics.median(epochs[1:]),
                "evolution": statistics.median(evolutions),
                "phases": phases(),
            }
        )
        print(run, n_threads, "threads", file=sys.stderr, flush=True)
    return results


@contextlib.contextmanager
def phases_timed(n_steps):
    """Time the phases meanwhile; give a function that returns their milliseconds.

    An epoch has so many steps.
    """
    seconds, steppers = defaultdict(list), []
    with contextlib.ExitStack() as stack:
        for phase, owner, name in PARTS:
            wrapper = timed(getattr(owner, name), seconds[phase])
            stack.enter_context(mock.patch.object(owner, name, wrapper))
        make = training.stepper_of

        def kept(*arguments):
            steppers.append(make(*arguments))
            return steppers[-1]

        stack.enter_context(mock.patch.object(training, "stepper_of", kept))

        def milliseconds():
            n_evolutions = max(1, len(steppers) - 1)
            of_steps = {
                name: 1e3 * sum(each.seconds[name] for each in steppers) / len(steppers) / n_steps
                for name in ("gather", "forward", "backward")
            }
            return of_steps | {name: 1e3 * sum(seconds[name]) / n_evolutions for name in seconds}

        yield milliseconds


def draw(results, counts, path):
    """Speed-ups against the number of threads."""
    with figure(path, nrows=1, ncols=2, figsize=(9, 3.8), sharey=True) as (_, axes):
        for axis, part in zip(axes, ("training", "evolution"), strict=True):
            for run, of_counts in results.items():
                speed_ups = [of_counts[0][part] / each[part] for each in of_counts]
                axis.plot(counts, speed_ups, marker="o", label=run)
            axis.plot(counts, [n / counts[0] for n in counts], "k:", linewidth=1)
            axis.set(title=part, xlabel="threads", xscale="log", yscale="log")
            axis.set_xticks(counts, counts)
            axis.set_yticks(counts, counts)
            axis.minorticks_off()
            axis.grid(alpha=0.3)
        axes[0].set_ylabel("times faster")
        axes[0].legend(title="workload, batch")


if __name__ == "__main__":
    main()
