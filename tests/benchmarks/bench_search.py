"""Wall time of a grid search: workers that are processes beside threads inside a fit.

    python tests/benchmarks/bench_search.py
    python tests/benchmarks/bench_search.py --workers 4 --samples 400

`GridSearchCV` over epsilon and zeta on generated microarray data, without refit.  One worker with
one thread is the measure; one worker whose fits use all threads, and several workers of one
thread each, as joblib arranges it, are compared with it.  They take turns; all find the same
scores, or this fails.
"""

import statistics
import time
import warnings

import numpy as np
from reporting import digits, make_parser, print_machine, print_table, write_json
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, StratifiedKFold

from sklearn_set import SETClassifier
from sklearn_set.datasets import make_microarray

GRID = {"epsilon": [10, 20, 40], "zeta": [0.1, 0.3, 0.5]}


def main():
    parser = make_parser(__doc__)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--features", type=int, default=5000)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    print_machine()
    X, y = make_microarray(arguments.samples, arguments.features, random_state=0)
    X = X.astype(np.float32)
    ways = {  # threads of a fit, workers of the search
        "one worker, one thread": (1, 1),
        "one worker, all threads": (arguments.workers, 1),
        f"{arguments.workers} workers": (None, arguments.workers),
    }
    seconds = {way: [] for way in ways}
    scores = {}
    for number in range(arguments.rounds + 1):
        for way, (threads, workers) in ways.items():
            model = SETClassifier(
                max_iter=arguments.epochs,
                tol=0,
                n_iter_no_change=np.inf,
                random_state=0,
                n_jobs=threads,
            )
            cv = StratifiedKFold(4, shuffle=True, random_state=0)
            search = GridSearchCV(model, GRID, cv=cv, n_jobs=workers, refit=False)
            start = time.perf_counter()
            search.fit(X, y)
            if number > 0:  # the first round starts the workers
                seconds[way].append(time.perf_counter() - start)
            scores[way] = search.cv_results_["mean_test_score"]
            np.testing.assert_array_equal(scores[way], next(iter(scores.values())))
    measure, *_ = seconds.values()
    print_table(
        ["search", "seconds: median (min)", "times as fast as one worker with one thread"],
        (
            [
                way,
                f"{digits(statistics.median(taken))} ({digits(min(taken))})",
                digits(statistics.median(np.divide(measure, taken).tolist())),
            ]
            for way, taken in seconds.items()
        ),
    )
    write_json(arguments.json, seconds)


if __name__ == "__main__":
    main()
