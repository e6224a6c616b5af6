"""Time of single training steps by phase, beside what the machine can do at best.

    python tests/benchmarks/bench_step.py --workloads W1,W2 --batches 2,32 --plot steps.png
    python tests/benchmarks/bench_step.py --workloads W3 --batches 32 --csr 0.05

Threads are bound to a processor each.  All cases of a workload take turns: each has a burst of
several steps, so that its threads are awake and its data where they belong, and then it is the
next one's turn; so round after round.  A turn waits until its processors are at full speed, and
is repeated if they did not stay so: virtual machines lend theirs (see calm.py).  Where that took
more than --patience seconds, what there was counts, and a mark `!` and the number of such rounds
tell.  A round's figure is the median of its burst without the first steps; printed are the
median of the rounds and the fastest step.  Phases: `gather` reads the batch, `forward` is the
forward pass, `backward` loss, backward pass and update.

Measured apart, in nanoseconds per connection: `initialise` draws a network, `evolve` renews 30 %
of its connections for the second time (the first touches new memory, as only a fit's first does),
`prepare` makes what the kernels need after that: scratch memory, indexes.

The column "x limit" is the median over the roofline of limits.py, and in brackets the fastest
step over it: the roofline is of the fastest too.
"""

import statistics
from pathlib import Path

import numpy as np
from calm import Calm
from limits import limits_from
from reporting import (
    digits,
    figure,
    make_parser,
    mark,
    print_machine,
    print_table,
    write_json,
)
from steps import CASE_HEADER, PHASES, Bench, add_case_options, case_of, make_cases
from workloads import WORKLOADS

from sklearn_set.optimizers import SOLVERS


def measure_steps(bench, calm, cases, n_rounds, seconds):
    """Let the cases of one workload take turns.

    Yields
    ------
    dict
        Per case: "rounds", medians of every round by phase; "median" of them; "min" of all steps;
        "disturbed", the number of rounds whose processors were not at full speed.
    """
    rounds = {case: [] for case in cases}
    fastest = {case: {} for case in cases}
    disturbed = dict.fromkeys(cases, 0)
    for _ in range(n_rounds):
        for case in cases:
            times, was_calm = calm.measure(case.threads, bench.burst, case, seconds)
            disturbed[case] += not was_calm
            rounds[case].append({phase: statistics.median(times[phase]) for phase in times})
            for phase, values in times.items():
                fastest[case][phase] = min(*values, fastest[case].get(phase, np.inf))
    for case in cases:
        yield {
            **case._asdict(),
            "connections": case.n_connections,
            "rounds": rounds[case],
            "median": medians(rounds[case]),
            "min": fastest[case],
            "disturbed": disturbed[case],
        }


def measure_structure(bench, calm, cases, n_rounds):
    """Draw and evolve networks, once for all batch sizes: the widest needs most indexes."""
    widest = {}
    for case in sorted(cases, key=lambda case: case.batch):
        widest[case._replace(batch=0, format="dense")] = case._replace(format="dense")
    rounds = {case: [] for case in widest.values()}
    disturbed = dict.fromkeys(rounds, 0)
    for _ in range(n_rounds):
        for case, of_case in rounds.items():
            seconds, was_calm = calm.measure(case.threads, bench.structure, case)
            disturbed[case] += not was_calm
            of_case.append(seconds)
    for case, seconds in rounds.items():
        yield {
            **case._asdict(),
            "connections": case.n_connections,
            "rounds": seconds,
            "median": medians(seconds),
            "min": {what: min(each[what] for each in seconds) for what in seconds[0]},
            "disturbed": disturbed[case],
        }


def medians(rounds):
    """Median by phase of several dicts of seconds by phase."""
    return {phase: statistics.median(each[phase] for each in rounds) for phase in rounds[0]}


def with_roofline(result, limits):
    """The result with the limit of its step, in seconds."""
    case = case_of(result)
    if limits is None:
        return result | {"limit": None}
    roofline = limits.roofline(
        WORKLOADS[case.workload].connections,
        WORKLOADS[case.workload].sizes,
        case.batch,
        case.threads,
        n_moments=SOLVERS[case.solver]().n_moments,
        itemsize=np.dtype(case.dtype).itemsize,
    )
    return result | {
        "limit": roofline.seconds,
        "limited by": roofline.reason,
        "x limit": result["median"]["step"] / roofline.seconds,
        "min x limit": result["min"]["step"] / roofline.seconds,
    }


# --------------------------------------------------------------------------------- printing


def step_row(result):
    median, least = result["median"], result["min"]
    row = [
        *case_of(result).cells,
        with_least(median["step"], least["step"], 1e3) + mark(result["disturbed"]),
    ]
    row += [digits(median[phase] * 1e3) if phase in median else "" for phase in PHASES]
    if result["limit"] is not None:
        row += [digits(result["limit"] * 1e3), result["limited by"]]
        row.append(with_least(result["x limit"], result["min x limit"], 1))
    return row


def connection_row(result):
    case, median = case_of(result), result["median"]
    scale = 1e9 / case.n_connections / case.batch
    row = [
        *case.cells,
        with_least(median["step"], result["min"]["step"], scale) + mark(result["disturbed"]),
    ]
    row += [digits(median[phase] * scale) if phase in median else "" for phase in PHASES]
    if result["limit"] is not None:
        row.append(digits(result["limit"] * scale))
    return row


def structure_row(result):
    case, median, least = case_of(result), result["median"], result["min"]
    scale = 1e9 / case.n_connections
    cells = [case.workload, f"{case.n_connections:,}", *case.cells[1:2], *case.cells[3:]]
    return cells + [
        with_least(median[what], least[what], scale) + mark(result["disturbed"]) for what in median
    ]


def with_least(median, least, scale):
    return f"{digits(median * scale)} ({digits(least * scale)})"


def draw(results, path):
    """Bars of all cases by phase, in multiples of the machine's limit."""
    left = np.zeros(len(results))
    labels = [label_of(case_of(result)) for result in results]
    with figure(path, figsize=(8, 1.6 + 0.28 * len(results))) as (drawing, axes):
        for phase, colour in zip(PHASES, ("tab:gray", "tab:blue", "tab:orange"), strict=True):
            part = [result["median"].get(phase, np.nan) / result["limit"] for result in results]
            axes.barh(labels, part, left=left, label=phase, color=colour)
            left += part
        axes.axvline(1, color="black", linewidth=1, label="the machine's limit")
        axes.invert_yaxis()
        axes.margins(y=0.01)
        axes.set_xlabel("time of a step, in multiples of the limit")
        drawing.legend(loc="outside upper center", ncols=4)


def label_of(case):
    threads = f"{case.threads} thread" + "s" * (case.threads > 1)
    parts = (case.workload, f"batch {case.batch}", case.format, case.dtype, case.solver, threads)
    return ", ".join(parts)


# ----------------------------------------------------------------------------- command line


def main():
    parser = make_parser(__doc__)
    add_case_options(parser, ["W1", "W2", "W3", "W4", "W5"])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--structure-rounds", type=int, default=3, help="0 to leave it out")
    parser.add_argument("--patience", type=float, default=30, help="seconds, for each turn")
    parser.add_argument("--limits", type=Path, metavar="FILE", help="read, or measured and written")
    parser.add_argument("--no-limits", action="store_true", help="only the times")
    parser.add_argument("--plot", type=Path, metavar="FILE.png")
    arguments = parser.parse_args()
    if arguments.plot and arguments.no_limits:
        parser.error("the picture is drawn in multiples of the limits")
    bench = Bench(arguments.force_threads)
    calm = Calm(arguments.patience)
    print_machine()
    limits = None if arguments.no_limits else limits_from(arguments.limits, arguments.threads)
    cases = make_cases(arguments)
    steps, structure = [], []

    def rows():
        for of_workload in cases.values():
            for result in measure_steps(
                bench, calm, of_workload, arguments.rounds, arguments.burst
            ):
                steps.append(with_roofline(result, limits))
                yield step_row(steps[-1])

    limit_header = [] if limits is None else ["limit", "by", "x limit"]
    header = [*CASE_HEADER, "ms per step: median (min)", *PHASES]
    print_table(header + limit_header, rows())
    header = [*CASE_HEADER, "ns per connection and sample: median (min)", *PHASES]
    print_table(header + limit_header[:1], map(connection_row, steps))
    if arguments.structure_rounds:

        def structure_rows():
            for of_workload in cases.values():
                for result in measure_structure(
                    bench, calm, of_workload, arguments.structure_rounds
                ):
                    structure.append(result)
                    yield structure_row(result)

        header = ["workload", "connections", "batch", "dtype", "solver", "threads"]
        header += ["ns per connection: initialise", "evolve", "prepare"]
        print_table(header, structure_rows())
    write_json(arguments.json, {"steps": steps, "structure": structure})
    if arguments.plot:
        draw(steps, arguments.plot)


if __name__ == "__main__":
    main()
