"""Bursts of training steps, by phase, of whichever package is imported.

Not a benchmark by itself: `bench_step.py` measures with it in its own process, and `compare.py` in
processes of their own, one for each of two packages:

    PYTHONPATH=FOLDER python tests/benchmarks/steps.py

Then every line of the input is a case and its seconds, every line of the output what a burst took.
"""

import inspect
import itertools
import json
import sys
import time
from typing import NamedTuple

import numpy as np
from placement import place_threads
from reporting import comma_separated, default_threads
from scipy import sparse
from workloads import WORKLOADS, random_data

import sklearn_set
from sklearn_set import machine
from sklearn_set.evolution import evolve
from sklearn_set.network import SparseNetwork
from sklearn_set.optimizers import SOLVERS

if hasattr(sklearn_set.network, "kernel_input"):  # a revision that has them there
    from sklearn_set.network import Workspace
    from sklearn_set.network import kernel_input as as_samples
else:
    from sklearn_set.samples import Samples as as_samples
    from sklearn_set.workspace import Workspace

LEARNING_RATE = 1e-4
ALPHA = 1e-4
N_EVOLUTIONS = 2
ZETA = 0.3
PHASES = ("gather", "forward", "backward")
# Share of a burst whose steps warm up.
WARM_UP = 0.3
FORCE_THREADS = "--force-threads"


class Case(NamedTuple):
    """What is measured."""

    workload: str
    batch: int
    dtype: str
    solver: str
    threads: int
    density: float | None = None  # of X
    format: str = "dense"

    @property
    def n_connections(self):
        """Number of connections of all layers."""
        return sum(WORKLOADS[self.workload].connections)

    @property
    def cells(self):
        """The first columns of tables."""
        return (self.workload, self.batch, self.format, self.dtype, self.solver, self.threads)


CASE_HEADER = ["workload", "batch", "X", "dtype", "solver", "threads"]


class Bench:
    """Runs cases; keeps data, network and steppers of one workload at a time.

    Parameters
    ----------
    force_threads : bool, default=False
        Whether to keep the kernels from falling back to one thread where more do not pay.
    """

    def __init__(self, force_threads=False):
        self.force_threads = force_threads
        self._kept = {}
        self._workload = None

    def burst(self, case, seconds):
        """Run steps for so long.

        The first ones only warm up, but where a step is longer than a burst: of what it reads the
        caches keep nothing, and a burst of many would not be over before something disturbs it.

        Returns
        -------
        dict
            Phase, or "step", to the times of the counted steps.
        """
        trainee = self._keep(case.workload, ("trainee", case), lambda: self._trainee(case))
        times = {"step": []}
        began = time.perf_counter()
        is_long = trainee.fastest > seconds
        for number in itertools.count():
            warm = number > 0 and time.perf_counter() - began > WARM_UP * seconds
            counts = warm or is_long
            step = trainee.step(self.force_threads)
            if trainee.n_steps == 2:  # all threads have been made
                place_threads(case.threads)
            if counts:
                for phase, took in step.items():
                    times.setdefault(phase, []).append(took)
            enough = len(times["step"]) >= (1 if is_long else 2)
            if enough and time.perf_counter() - began > seconds:
                return times

    def structure(self, case):
        """Draw and evolve a network; return seconds by what was done.

        Of the evolutions the last counts: as in training, it finds the memory that another one has
        left.
        """
        rng = np.random.default_rng(0)
        X, y = self._data(case)
        clock = Clock()
        network = drawn(case, rng)
        seconds = {"initialise": clock.lap()}
        optimizer = SOLVERS[case.solver]().attach(network)
        workspace = Workspace(network, case.batch, case.threads)
        threads = {"n_threads": case.threads}
        for _ in range(N_EVOLUTIONS):
            clock.lap()
            known(evolve, network, optimizer, ZETA, weight_init="auto", rng=rng, **threads)
            seconds["evolve"] = clock.lap()
        workspace.adapt(network)
        make_stepper(network, optimizer, workspace, X, y, case.threads)
        seconds["prepare"] = clock.lap()
        return seconds

    def _trainee(self, case):
        X, y = self._data(case)
        network = self._keep(
            case.workload, ("network", case.dtype), lambda: drawn(case, np.random.default_rng(1))
        )
        optimizer = SOLVERS[case.solver]().attach(network)
        workspace = Workspace(network, case.batch, case.threads)
        stepper = make_stepper(network, optimizer, workspace, X, y, case.threads)
        return Trainee(stepper, optimizer, workspace, y.shape[0], case.batch)

    def _data(self, case):
        return self._keep(
            case.workload,
            ("data", case.dtype, case.density, case.format),
            lambda: data_of(case),
        )

    def _keep(self, workload, key, make):
        if workload != self._workload:
            self._kept.clear()
            self._workload = workload
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]


class Trainee:
    """A stepper and what it steps through: always the same random batches."""

    def __init__(self, stepper, optimizer, workspace, n_samples, batch):
        self.stepper = stepper
        self.optimizer = optimizer
        self.workspace = workspace
        self.n_samples = n_samples
        self.batch = batch
        self.rng = np.random.default_rng(2)
        self.n_steps = 0
        self.fastest = 0.0  # seconds; known from the second step on

    def step(self, force_threads):
        """Train one batch; return seconds by phase, as far as the stepper tells them."""
        rows = self.rng.integers(self.n_samples, size=self.batch, dtype=np.int32)
        step_size = self.optimizer.next_step_size(LEARNING_RATE)
        if force_threads and hasattr(self.workspace, "pace"):
            self.workspace.pace[:] = 0
            self.workspace.pace[0] = 1e9  # what one thread is said to need
        before = getattr(self.stepper, "seconds", {})
        clock = Clock()
        self.stepper.step(rows, LEARNING_RATE, step_size, self.n_steps)
        took = clock.lap()
        if self.n_steps > 0:
            self.fastest = min(took, self.fastest or took)
        self.n_steps += 1
        after = getattr(self.stepper, "seconds", {})
        return {"step": took} | {phase: after[phase] - before[phase] for phase in after}


class Clock:
    """Seconds since the last look at it."""

    def __init__(self):
        self.last = time.perf_counter()

    def lap(self):
        now = time.perf_counter()
        self.last, last = now, self.last
        return now - last


def drawn(case, rng):
    """The network of a case."""
    _, sizes, epsilon = WORKLOADS[case.workload]
    return known(
        SparseNetwork.erdos_renyi,
        sizes,
        epsilon,
        activations=["relu"] * (len(sizes) - 2),
        weight_init="auto",
        dtype=np.dtype(case.dtype),
        rng=rng,
        n_threads=case.threads,
    )


def make_stepper(network, optimizer, workspace, X, y, threads):
    return machine.kernels(network.dtype.name).Stepper(
        network,
        optimizer,
        workspace,
        X,
        y,
        None,
        loss="softmax_log_loss",
        alpha=ALPHA,
        n_threads=threads,
    )


def known(function, *args, **options):
    """Call with those options that the function has: other revisions have others."""
    parameters = inspect.signature(function).parameters
    return function(*args, **{name: options[name] for name in options.keys() & parameters})


def data_of(case):
    """X and y as the kernels read them."""
    X, y = random_data(WORKLOADS[case.workload])
    if case.density is not None:
        X[np.random.default_rng(3).random(X.shape, dtype=np.float32) >= case.density] = 0
    if case.format == "csr":
        X = sparse.csr_array(X)
    return as_samples(X, np.dtype(case.dtype)), y.astype(np.int32)


# --------------------------------------------------------------------------------- cases


def add_case_options(parser, workloads):
    """The options that say what is measured: all combinations of comma-separated values."""
    parser.add_argument("--workloads", type=comma_separated(str), default=workloads)
    parser.add_argument("--batches", type=comma_separated(int), default=[2, 32, 128])
    parser.add_argument("--dtypes", type=comma_separated(str), default=["float32"])
    parser.add_argument("--solvers", type=comma_separated(str), default=["sgd"])
    parser.add_argument("--threads", type=comma_separated(int), default=default_threads())
    parser.add_argument(
        "--csr",
        type=float,
        metavar="DENSITY",
        help="X of so many non-zeros, as an array and as a CSR matrix",
    )
    parser.add_argument("--burst", type=float, default=0.05, help="seconds of a turn")
    parser.add_argument(
        FORCE_THREADS, action="store_true", help="use all threads even where they do not pay"
    )


def make_cases(arguments):
    """All combinations that the command line asks for, by workload."""
    formats = ["dense"] if arguments.csr is None else ["dense", "csr"]
    return {
        workload: [
            Case(workload, batch, dtype, solver, threads, arguments.csr, kind)
            for batch, kind, dtype, solver, threads in itertools.product(
                arguments.batches,
                formats,
                arguments.dtypes,
                arguments.solvers,
                arguments.threads,
            )
        ]
        for workload in arguments.workloads
    }


def case_of(result):
    return Case(*(result[field] for field in Case._fields))


def main():
    bench = Bench(force_threads=FORCE_THREADS in sys.argv[1:])
    print(json.dumps(sklearn_set.__file__), flush=True)
    for line in sys.stdin:
        *fields, seconds = json.loads(line)
        print(json.dumps(bench.burst(Case(*fields), seconds)), flush=True)


if __name__ == "__main__":
    main()
