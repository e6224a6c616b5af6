"""Seconds per epoch of this package and of what others offer, side by side.

    python tests/benchmarks/bench_peers.py --json peers.json --plot peers.png
    python tests/benchmarks/bench_peers.py --workloads W1,2 W1,32 --tools torch-csr sklearn
    python tests/benchmarks/bench_peers.py --sparseprop ~/sparseprop --set-reference ~/set

SGD with momentum 0.9, in float32 where the tool has it, on random data, with the same batches.
What pip installs is measured if it is installed, the others if a checkout is given: of
IST-DASLab/sparseprop, wiegerw/nerva-rowwise, SelimaC/large-scale-sparse-neural-networks and
dcmocanu/sparse-evolutionary-artificial-neural-networks.  What is compiled is looked for anywhere
below the checkout.

Every measurement is a process of its own, its threads bound to a processor each once they are
made.  What is timed waits until its processors are at full speed, and is repeated if they did not
stay so (see calm.py): after --calm seconds what there is counts, and the table says so.  A round
measures every tool once, so that a machine that becomes slower does so for all; times are compared
within a round, and the median over the rounds is reported.  An epoch longer than the budget is
extrapolated from fewer batches, and the table says so.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
from calm import Calm
from peers import TOOLS
from placement import place_threads
from reporting import describe_machine, digits, figure, make_parser, print_table
from workloads import WORKLOADS, random_data

OURS = "sklearn_set"
RUNS = ("W1,2", "W1,32", "W2,2", "W2,32", "W3,32", "W4,32", "W5,128")
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)
HEADER = (
    "workload, batch",
    "tool",
    "precision",
    "s per epoch, training",
    "s per epoch, evolution",
    "times ours, training",
    "times ours, with evolution",
    "peak MB",
    "remarks",
)
MOST_EPOCHS = 100
MOST_EVOLUTIONS = 5
# Whole fits of this package, each a share of the budget: a calm that ends spoils one of them.
N_FITS = 3


def main():
    arguments = parse()
    if arguments.one:
        with contextlib.redirect_stdout(sys.stderr):  # some tools are talkative
            result = measure(**json.loads(arguments.one))
        print(json.dumps(result))
        return
    results = Results(arguments)
    measure_all(arguments, results)
    for name, value in (results.machine | results.versions()).items():
        print(f"{name:>30}: {value}")
    summaries = summarise(arguments, results)
    print_table(HEADER, (summary.row() for summary in summaries))
    print(
        f"\n{arguments.threads} threads. Seconds are medians over the rounds, with the minimum of "
        "all epochs.\n"
    )
    if any(WORKLOADS[run.partition(",")[0]].sizes[-1] == 2 for run in arguments.workloads):
        print(f"- {OURS}: one output unit where there are two classes.")
    for name, tool in TOOLS.items():
        if tool.remarks and any(results.of(run, name) for run in arguments.workloads):
            print(f"- {tool.title}: {'; '.join(tool.remarks)}.")
    if arguments.plot:
        plot(arguments.plot, arguments, summaries)


def parse():
    parser = make_parser(__doc__)
    add = parser.add_argument
    add("--workloads", nargs="+", default=RUNS, metavar="WORKLOAD,BATCH")
    add("--tools", nargs="+", default=list(TOOLS), choices=TOOLS, metavar="TOOL")
    add("--threads", type=int, default=os.cpu_count(), metavar="N")
    add("--rounds", type=int, default=5, metavar="N")
    add("--slow-rounds", type=int, default=1, metavar="N", help="rounds of slow measurements")
    add("--slow", type=float, default=12, metavar="SECONDS", help="what makes them slow")
    add("--budget", type=float, default=1.5, metavar="SECONDS", help="for timed epochs")
    add("--calm", type=float, default=10, metavar="SECONDS", help="to wait for full speed")
    add("--evolution-limit", type=float, default=60, metavar="SECONDS", help="for one evolution")
    add("--patience", type=float, default=300, metavar="SECONDS", help="for one measurement")
    add("--resume", type=Path, metavar="FILE", help="go on with what --json has written")
    add("--plot", type=Path, metavar="FILE.png")
    for tool in TOOLS.values():
        if tool.option:
            add(f"--{tool.option}", type=Path, metavar="CHECKOUT")
    add("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    for run in arguments.workloads:
        name, _, batch_size = run.partition(",")
        if name not in WORKLOADS or not batch_size.isdecimal():
            parser.error(f"{run!r} is not one of {', '.join(WORKLOADS)}, a comma and a number")
    return arguments


# ------------------------------------------------------------ one process, one measurement


def measure(tool, run, threads, budget, calm, known, evolution_limit, checkout):
    """Measure one tool on one workload.

    Returns
    -------
    dict
        ``epochs`` and ``evolutions`` (seconds of each), ``calm`` (whether the processors were at
        full speed for them), ``share`` (the part of an epoch that was timed), ``connections`` (at
        the start, at the end), ``version``, ``peak_megabytes``.
    """
    name, batch_size = run.split(",")
    workload, batch_size = WORKLOADS[name], int(batch_size)
    X, y = random_data(workload)
    calm = Calm(calm, known)
    if tool == OURS:
        result = measure_ours(workload, X, y, batch_size, threads, budget, calm)
    else:
        checkout = checkout and Path(checkout)
        peer = TOOLS[tool](workload, X, y, batch_size, threads, checkout)
        result = measure_peer(peer, threads, budget, calm, evolution_limit)
        result["version"] = peer.version(checkout)

    # Only now: it imports the package, whose OpenMP is not to meet that of a peer.
    from bench_fit import peak_megabytes

    return result | {"peak_megabytes": round(peak_megabytes())}


def measure_ours(workload, X, y, batch_size, threads, budget, calm):
    """Whole fits; their epochs but the first of each, and all of their evolutions."""
    from bench_fit import model_of, timed_fit

    from sklearn_set import SETClassifier

    model = SETClassifier((3000,), batch_size=32, max_iter=4, mixup=0, n_jobs=threads)
    timed_fit(model, X[:64], y[:64])  # for its threads
    place_threads(threads)

    def fit(n_epochs):
        model = model_of(workload, batch_size, n_epochs, threads)
        model.set_params(nesterovs_momentum=False)
        epochs, evolutions, _ = timed_fit(model, X, y)
        return epochs[1:], evolutions, model.n_connections_

    fits = [calm.measure(threads, fit, 3)]
    (epochs, evolutions, n_connections), _ = fits[0]
    n_epochs = int(budget / N_FITS / (np.median(epochs) + np.median(evolutions)))
    if n_epochs > 3:
        n_epochs = min(n_epochs, MOST_EPOCHS)
        fits = [calm.measure(threads, fit, n_epochs) for _ in range(N_FITS)]
    counted, was_calm = those_that_count(fits)
    return {
        "epochs": [seconds for epochs, _, _ in counted for seconds in epochs],
        "evolutions": [seconds for _, evolutions, _ in counted for seconds in evolutions],
        "calm": was_calm,
        "share": 1.0,
        "connections": [n_connections, n_connections],
    }


def measure_peer(peer, threads, budget, calm, evolution_limit):
    rng = np.random.default_rng(0)
    n_samples = peer.X.shape[0]
    n_usable = n_samples - n_samples % peer.batch_size * peer.fixed_batch
    peer.train(rng.permutation(n_samples)[: peer.batch_size])  # compilers, first touch of memory
    place_threads(threads)
    n_connections = peer.n_connections
    per_batch = timed(peer.train, rng.permutation(n_samples)[: peer.batch_size])
    n_timed = min(max(1, int(budget / per_batch)) * peer.batch_size, n_usable)
    at_most = MOST_EPOCHS if n_timed == n_usable else 1

    def epoch():
        return timed(peer.train, rng.permutation(n_samples)[:n_timed])

    if per_batch <= budget:
        epoch()  # the caches and the predictors of branches
    epochs, was_calm = those_that_count(repeated(epoch, threads, calm, budget, at_most))
    result = {
        "epochs": [seconds * n_samples / n_timed for seconds in epochs],
        "evolutions": [],
        "calm": was_calm,
        "share": n_timed / n_usable,
    }
    if peer.evolves:
        with contextlib.suppress(TimeoutError), time_limit(evolution_limit):
            first = timed(peer.evolve)
            result["evolutions"] = [first]
            place_threads(threads)
            if first < budget:
                evolutions = repeated(
                    lambda: timed(peer.evolve), threads, calm, budget, MOST_EVOLUTIONS
                )
                result["evolutions"], was_calm = those_that_count(evolutions)
                result["calm"] &= was_calm
    return result | {"connections": [n_connections, peer.n_connections]}


def repeated(function, threads, calm, budget, at_most):
    """Call a function that returns its seconds until they fill the budget.

    Returns
    -------
    list of (seconds, calm)
        Ends with the first that was not calm: then patience has ended too.
    """
    results, spent = [], 0.0
    while not results or (results[-1][1] and spent < budget and len(results) < at_most):
        results.append(calm.measure(threads, function))
        spent += results[-1][0]
    return results


def those_that_count(results):
    """Of results and whether they were calm: the calm ones, or all where there are none."""
    calm = [result for result, was_calm in results if was_calm]
    return calm or [result for result, _ in results], bool(calm)


def timed(function, *args):
    start = time.perf_counter()
    function(*args)
    return time.perf_counter() - start


@contextlib.contextmanager
def time_limit(seconds):
    """Raise TimeoutError after so many seconds, or as soon after as compiled code lets it."""

    def give_up(signum, frame):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# ---------------------------------------------------------------------- all measurements


class Results:
    """All measurements so far, in memory and in a file that is complete at any time.

    Parameters
    ----------
    arguments : argparse.Namespace
        With what is to be measured, the file to write and that to go on with.
    """

    def __init__(self, arguments):
        self._path = arguments.json or arguments.resume
        self._settings = {
            name: getattr(arguments, name)
            for name in ("threads", "budget", "calm", "evolution_limit")
        }
        self.machine = describe_machine()
        self._document = {
            "machine": self.machine,
            "settings": self._settings,
            "measurements": [],
        }
        if arguments.resume:
            self._document = json.loads(arguments.resume.read_text(encoding="utf-8"))
            self.machine = self._document["machine"]
            if self._document["settings"] != self._settings:
                raise SystemExit(f"{arguments.resume} was made with {self._document['settings']}")

    def check_machine(self):
        """Refuse to mix figures of two machines, or of two sets of versions."""
        if describe_machine() != self.machine:
            raise SystemExit("the file to resume was made by another machine or other versions")

    def of(self, run, tool):
        """The measurements of one tool on one workload, by round."""
        return {
            each["round"]: each
            for each in self._document["measurements"]
            if (each["run"], each["tool"]) == (run, tool) and "error" not in each
        }

    def error(self, run, tool):
        """What the tool died of with this workload, or None."""
        for each in reversed(self._document["measurements"]):
            if (each["run"], each["tool"]) == (run, tool) and "error" in each:
                return each["error"]
        return None

    def add(self, measurement):
        self._document["measurements"].append(measurement)
        if self._path is not None:
            draft = self._path.with_name(self._path.name + ".part")
            draft.write_text(json.dumps(self._document, indent=1) + "\n", encoding="utf-8")
            draft.replace(self._path)

    def versions(self):
        """Versions of the peers that were measured."""
        return {
            TOOLS[each["tool"]].title: each["version"]
            for each in self._document["measurements"]
            if "version" in each
        }


def measure_all(arguments, results):
    """Run the rounds, all but what is there already, cannot be measured or has just failed."""
    checked, failed = False, set()
    known = Calm(arguments.calm).known
    for number in range(arguments.rounds):
        for run in arguments.workloads:
            for tool in (OURS, *arguments.tools):
                done = results.of(run, tool)
                # The time to wait for full speed is nobody's fault.
                too_long = arguments.slow + arguments.calm
                slow = any(each["process_seconds"] > too_long for each in done.values())
                if (
                    number in done
                    or (slow and tool != OURS and len(done) >= arguments.slow_rounds)
                    or reason_to_skip(tool, run, arguments)
                    or (run, tool) in failed
                ):
                    continue
                if not checked:
                    results.check_machine()
                    checked = True
                measurement = measure_in_process(tool, run, known, arguments)
                results.add({"round": number, "run": run, "tool": tool} | measurement)
                if "error" in measurement:
                    failed.add((run, tool))
                print(
                    f"round {number + 1} of {arguments.rounds}, {run}, {tool}:",
                    measurement.get("error") or f"{np.median(measurement['epochs']):.3g} s",
                    file=sys.stderr,
                )


def checkout_of(tool, arguments):
    option = TOOLS[tool].option if tool in TOOLS else None
    return getattr(arguments, option.replace("-", "_")) if option else None


def reason_to_skip(tool, run, arguments):
    """Why the tool cannot be measured with this workload, or None."""
    if tool == OURS:
        return None
    missing = TOOLS[tool].missing(checkout_of(tool, arguments))
    if missing:
        return missing
    needed = TOOLS[tool].bytes_needed(WORKLOADS[run.partition(",")[0]])
    if needed > 0.9 * psutil.virtual_memory().available:
        return f"does not fit: {digits(needed / 1e9, 2)} GB"
    return None


def measure_in_process(tool, run, known, arguments):
    checkout = checkout_of(tool, arguments)
    request = {
        "tool": tool,
        "run": run,
        "threads": arguments.threads,
        "budget": arguments.budget,
        "calm": arguments.calm,
        "known": known,
        "evolution_limit": arguments.evolution_limit,
        "checkout": checkout and str(checkout.resolve()),
    }
    start = time.perf_counter()
    try:
        process = subprocess.run(
            [sys.executable, __file__, "--one", json.dumps(request)],
            capture_output=True,
            text=True,
            check=False,
            timeout=arguments.patience,
            env=os.environ | dict.fromkeys(THREAD_VARIABLES, str(arguments.threads)),
        )
    except subprocess.TimeoutExpired:
        return {"error": f"failed: longer than {arguments.patience:g} s"}
    if process.returncode < 0:
        return {"error": f"failed: killed by {signal.Signals(-process.returncode).name}"}
    if process.returncode:
        return {"error": f"failed: {process.stderr.strip().rpartition(chr(10))[2]:.200}"}
    result = json.loads(process.stdout.splitlines()[-1])
    return result | {"process_seconds": round(time.perf_counter() - start, 1)}


# ------------------------------------------------------------------------- what is reported


class Summary:
    """One tool on one workload, over all rounds.

    Parameters
    ----------
    results : Results
    run : str
        Workload and batch size.
    tool : str
    reason : str or None
        Why there are no measurements.
    evolution_limit : float
        Seconds after which an evolution was given up.

    Attributes
    ----------
    training, evolution, both : dict of int to float
        Median seconds per epoch of every round; the last two are empty for a tool that does not
        evolve.
    more : str
        "> " where the evolution is only known to be longer than its limit, else nothing.
    """

    def __init__(self, results, run, tool, reason, evolution_limit):
        self.run, self.tool = run, tool
        self.title = OURS if tool == OURS else TOOLS[tool].title
        self.reason = reason or "not measured"
        self.rounds = results.of(run, tool)
        self.training = self._medians("epochs")
        self.evolution = self._medians("evolutions")
        evolves = tool == OURS or TOOLS[tool].evolves
        self.more = "> " if evolves and len(self.evolution) < len(self.rounds) else ""
        if self.more:
            self.evolution = dict.fromkeys(self.rounds, evolution_limit)
        self.both = {
            number: self.training[number] + seconds for number, seconds in self.evolution.items()
        }

    def _medians(self, what):
        return {
            number: float(np.median(measured[what]))
            for number, measured in self.rounds.items()
            if measured[what]
        }

    @property
    def seconds(self):
        """Of training, and of training and evolution if there is one."""
        training = np.median(list(self.training.values()))
        return training, np.median(list(self.both.values())) if self.both else training

    def compare(self, ours):
        """Set `times_training` and `times_both`: how many times our seconds, or None."""
        self.times_training = median_ratio(self.training, ours.training)
        self.times_both = median_ratio(self.both, ours.both)

    def row(self):
        """Cells of the table."""
        precision = "float32" if self.tool == OURS else TOOLS[self.tool].precision
        first = (self.run.replace(",", ", "), self.title, precision)
        if not self.rounds:
            return (*first, *["–"] * 5, self.reason)
        peak = max(measured["peak_megabytes"] for measured in self.rounds.values())
        return (
            *first,
            self._cell("epochs", self.training),
            self._cell("evolutions", self.evolution),
            shown(self.times_training),
            self.more + shown(self.times_both),
            f"{peak:,}",
            "; ".join(self._remarks()),
        )

    def _cell(self, what, medians):
        if not medians:
            return "–"
        median = digits(np.median(list(medians.values())))
        if what == "evolutions" and self.more:
            return self.more + median
        return f"{median} (min {digits(min(min(each[what]) for each in self.rounds.values()))})"

    def _remarks(self):
        yield f"{len(self.rounds)} round{'s' * (len(self.rounds) > 1)}"
        n_disturbed = sum(not measured["calm"] for measured in self.rounds.values())
        if n_disturbed:
            yield f"{n_disturbed} not at full speed"
        share = min(measured["share"] for measured in self.rounds.values())
        if share < 1:
            yield f"extrapolated from {digits(100 * share, 2)} % of an epoch"
        for before, after in (measured["connections"] for measured in self.rounds.values()):
            if abs(after - before) > 0.01 * before:
                yield f"wrong: {before:,} connections became {after:,}"
                break


def median_ratio(seconds, ours):
    """Median of the ratios of the rounds that both have."""
    ratios = [seconds[number] / ours[number] for number in seconds.keys() & ours.keys()]
    return float(np.median(ratios)) if ratios else None


def shown(ratio):
    return "–" if ratio is None else digits(ratio, 2)


def summarise(arguments, results):
    """A list of Summary, workload by workload, ours first."""
    summaries = []
    for run in arguments.workloads:
        here = [
            Summary(
                results,
                run,
                tool,
                results.error(run, tool) or reason_to_skip(tool, run, arguments),
                arguments.evolution_limit,
            )
            for tool in (OURS, *arguments.tools)
        ]
        for summary in here:
            summary.compare(ours=here[0])
        summaries += here
    return summaries


def plot(path, arguments, summaries):
    """Bars of seconds per epoch on a logarithmic scale, one panel per workload."""
    from matplotlib.patches import Patch

    n_rows = -(-len(arguments.workloads) // 2)
    size = (11, n_rows * (1.1 + 0.25 * (len(arguments.tools) + 1)) + 0.4)
    with figure(path, nrows=n_rows, ncols=2, figsize=size, squeeze=False) as (drawing, grid):
        panels = list(grid.flat)
        for axes, run in zip(panels, arguments.workloads, strict=False):
            plot_run(axes, run, [summary for summary in summaries if summary.run == run])
        for axes in panels[len(arguments.workloads) :]:
            axes.set_axis_off()
        parts = {
            "training": Patch(color="0.35"),
            "evolution, where the tool has one": Patch(color="0.35", alpha=0.4, linewidth=0),
            f"(N\N{MULTIPLICATION SIGN}) times {OURS}'s, for the same parts": Patch(alpha=0),
        }
        drawing.legend(
            parts.values(),
            parts.keys(),
            loc="outside lower center",
            ncols=3,
            frameon=False,
            fontsize=9,
        )


def plot_run(axes, run, summaries):
    name, _, batch_size = run.partition(",")
    workload = WORKLOADS[name]
    sizes = "–".join(f"{size:,}" for size in workload.sizes)
    title = f"{name}, batches of {batch_size}"
    axes.set_title(title, loc="left", pad=17, fontweight="bold", fontsize=10)
    axes.text(
        *(0, 1.025),
        f"{workload.n_samples:,} samples, layers of {sizes}",
        transform=axes.transAxes,
        fontsize=8,
        color="0.35",
    )
    seconds = [summary.seconds for summary in summaries if summary.rounds] or [(1, 1)]
    left = min(seconds)[0] / 3
    axes.set_xscale("log")
    axes.set_xlim(left, max(end for _, end in seconds) * 30)  # with room for what is written there
    for place, summary in enumerate(summaries):
        if not summary.rounds:
            reason = "failed" if summary.reason.startswith("failed") else summary.reason
            axes.text(left * 1.1, place, reason, va="center", fontsize=8, color="0.5")
            continue
        training, end = summary.seconds
        color = "#d1495b" if summary.tool == OURS else "#30638e"
        axes.barh(place, training - left, left=left, color=color, height=0.7)
        axes.barh(place, end - training, left=training, color=color, height=0.7, alpha=0.4)
        label = f" {summary.more}{digits(end, 2)} s"
        times = summary.times_both or summary.times_training
        if summary.tool != OURS and times:
            label += f"  ({summary.more}{digits(times, 2)}\N{MULTIPLICATION SIGN})"
        axes.text(end, place, label, va="center", fontsize=8)
    axes.set_ylim(len(summaries) - 0.5, -0.5)
    axes.set_yticks(range(len(summaries)), [summary.title for summary in summaries], fontsize=8.5)
    axes.set_xlabel("seconds per epoch", fontsize=8)
    axes.tick_params(axis="x", labelsize=8)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    main()
