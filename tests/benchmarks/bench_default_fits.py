"""Time of fits with default parameters, one revision beside another.

    python tests/benchmarks/bench_default_fits.py v0.1
    python tests/benchmarks/bench_default_fits.py v0.1 main --sizes 80x10000 --threads 1

Both are built in folders of their own and fit in two processes that take turns, now one first and
now the other; each case begins with a fit that does not count.  Data are random, of float64: two
classes, or a standardised target, that follow from five features.  The search is a `GridSearchCV`
of 18 fits and a refit, with as many processes as --workers says.  Seconds are the fewest of all
rounds, the ratio is the median of the rounds.

The floor is what the steps of the head's fit would take on the roofline of limits.py: without
evolution, mixing, and all that is not a step.
"""

import contextlib
import json
import statistics
import sys
import tempfile
import time
import warnings
from itertools import product
from pathlib import Path

import numpy as np
from compare import WORKING_TREE, Worker, built
from limits import limits_from
from reporting import comma_separated, digits, make_parser, print_machine, print_table, write_json

GRID = {"epsilon": [5, 10, 20], "zeta": [0.2, 0.3]}  # three folds of each, and a refit
SERVE = "--serve"
CLASSIFIER, REGRESSOR, SEARCH = "SETClassifier", "SETRegressor", "GridSearchCV"


def main():
    parser = make_parser(__doc__)
    parser.add_argument("base", help="a revision that git knows")
    parser.add_argument("head", nargs="?", default=WORKING_TREE, help=f"by default {WORKING_TREE}")
    sizes = ["80x10000", "160x20000"]
    parser.add_argument("--sizes", type=comma_separated(str), default=sizes, metavar="ROWSxCOLUMNS")
    parser.add_argument("--threads", type=comma_separated(int), default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2, help="of the search; 0 for no search")
    parser.add_argument("--builds", type=Path, metavar="FOLDER", help="keep what is built there")
    parser.add_argument("--limits", type=Path, metavar="FILE", help="figures of limits.py")
    arguments = parser.parse_args()
    cases = list(product((CLASSIFIER, REGRESSOR), arguments.sizes, arguments.threads))
    if arguments.workers:
        cases.append((SEARCH, arguments.sizes[0], arguments.workers))
    with contextlib.ExitStack() as stack:
        builds = arguments.builds or stack.enter_context(tempfile.TemporaryDirectory())
        Path(builds).mkdir(parents=True, exist_ok=True)
        folders = [built(revision, Path(builds)) for revision in (arguments.base, arguments.head)]
        print_machine()
        print(f"{'base':>16}: {arguments.base}\n{'head':>16}: {arguments.head}")
        limits = limits_from(arguments.limits, arguments.threads)
        results = []

        def rows():
            for case in cases:
                results.append(measure(folders, case, arguments.rounds))
                yield row(results[-1], limits)

        header = ["fit", "data", "threads or workers", "base, s", "head, s", "head / base"]
        print_table([*header, "processor time, head / base", "floor, s"], rows())
    write_json(arguments.json, results)


def measure(folders, case, n_rounds):
    """Compare one case; return seconds of all rounds, by side, and the shape of the head's fit."""
    *_, n_threads = case
    environment = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(n_threads))
    rounds = {"base": [], "head": []}
    with contextlib.ExitStack() as stack:
        workers = {
            side: stack.enter_context(Worker(folder, __file__, SERVE, **environment))
            for side, folder in zip(rounds, folders, strict=True)
        }
        for number in range(n_rounds + 1):
            for side in sorted(workers, reverse=number % 2):
                answer = workers[side].ask(*case)
                if number > 0:  # the first warms up
                    rounds[side].append(answer)
    return {"case": case} | rounds


def row(result, limits):
    kind, size, n_threads = result["case"]
    cells = [kind, size, n_threads]
    base, head = result["base"], result["head"]
    cells += [digits(min(each["wall"] for each in side)) for side in (base, head)]
    for clock in ("wall", "processor"):
        ratios = [after[clock] / before[clock] for before, after in zip(base, head, strict=True)]
        cells.append(digits(statistics.median(ratios)))
    if kind == SEARCH:  # the processor time of its processes is not known
        return [*cells[:-1], "", ""]
    steps = head[0]["steps"]
    floor = limits.roofline(
        steps["connections"],
        steps["sizes"],
        steps["batch"],
        n_threads,
        n_moments=2,
        itemsize=steps["itemsize"],
    )
    return [*cells, digits(floor.seconds * steps["number"])]


# --------------------------------------------------------------------- in the measured processes


def serve():
    """Fit what is asked for, with the package that this process imports."""
    import sklearn_set

    print(json.dumps(sklearn_set.__file__), flush=True)
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        print(json.dumps(timed_fit(*json.loads(line))), flush=True)


def timed_fit(kind, size, n_threads):
    from sklearn.model_selection import GridSearchCV

    import sklearn_set

    X, y = data_of(kind, size)
    if kind == SEARCH:
        model = sklearn_set.SETClassifier(random_state=0)
        model = GridSearchCV(model, GRID, cv=3, n_jobs=n_threads)
    else:
        model = getattr(sklearn_set, kind)(random_state=0, n_jobs=n_threads)
    wall, processor = time.perf_counter(), time.process_time()
    model.fit(X, y)
    taken = {"wall": time.perf_counter() - wall, "processor": time.process_time() - processor}
    return taken | ({} if kind == SEARCH else {"steps": steps_of(model, X.shape[0])})


def data_of(kind, size):
    rng = np.random.default_rng(0)
    X = rng.standard_normal(tuple(map(int, size.split("x"))))
    target = X[:, :5].sum(axis=1)
    return X, (target - target.mean()) / target.std() if kind == REGRESSOR else target > 0


def steps_of(model, n_samples):
    """What a floor must know of the steps of a fit."""
    at_most = 32 if model.search_curve_ is None else 16  # in a fit to so few samples
    n_batches = -(-n_samples // at_most)
    return {
        "connections": [weights.nnz for weights in model.coefs_],
        "sizes": [model.n_features_in_, *(bias.shape[0] for bias in model.intercepts_)],
        "itemsize": model.coefs_[0].dtype.itemsize,
        "batch": n_samples // n_batches,
        "number": n_batches * model.n_iter_,
    }


if __name__ == "__main__":
    serve() if SERVE in sys.argv[1:] else main()
