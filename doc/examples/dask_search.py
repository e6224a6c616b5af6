"""A search over epsilon, zeta and layer sizes on a Dask cluster.

Without options it starts a cluster of two worker processes on this machine.  With the address of
a scheduler it uses the cluster there; sklearn_set must be installed on its workers.

    python dask_search.py
    python dask_search.py --workers 8
    python dask_search.py --scheduler tcp://192.168.0.1:8786
"""

import argparse
import contextlib
import time
import warnings

from distributed import Client, LocalCluster
from joblib import parallel_config
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_set import SETClassifier
from sklearn_set.datasets import make_microarray
from sklearn_set.machine import effective_n_threads


def main():
    arguments = read_arguments()
    warnings.simplefilter("ignore", ConvergenceWarning)
    X, y = make_microarray(arguments.samples, arguments.features, random_state=0, dtype="float32")
    # Scaling is part of every fit, so it never sees the samples that test the fit.
    model = make_pipeline(
        StandardScaler(), SETClassifier(max_iter=arguments.epochs, random_state=0)
    )
    grid = {
        "setclassifier__hidden_layer_sizes": [(100,), (100, 100)],
        "setclassifier__epsilon": [5, 20],
        "setclassifier__zeta": [0.0, 0.3],
    }
    search = GridSearchCV(model, grid, cv=3)
    with connect(arguments) as client:
        # Dask starts its workers with OMP_NUM_THREADS=1, and n_jobs=None follows it.
        threads = client.run(effective_n_threads)
        print(f"{len(threads)} workers with {', '.join(map(str, threads.values()))} thread(s)")
        start = time.perf_counter()
        with parallel_config(backend="dask"):
            search.fit(X, y)
        seconds = time.perf_counter() - start
    print(f"{3 * len(search.cv_results_['params'])} fits in {seconds:.1f} s")
    for name, value in search.best_params_.items():
        print(f"{name.removeprefix('setclassifier__')}: {value}")
    print(f"mean accuracy: {search.best_score_:.3f}")


@contextlib.contextmanager
def connect(arguments):
    """A client of the cluster that was asked for."""
    if arguments.scheduler:
        with Client(arguments.scheduler) as client:
            yield client
        return
    with (
        LocalCluster(
            n_workers=arguments.workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address="127.0.0.1:0",  # any free port
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--scheduler", help="address of a Dask scheduler")
    parser.add_argument("--workers", type=int, default=2, help="of a cluster on this machine")
    parser.add_argument("--samples", type=int, default=150)
    parser.add_argument("--features", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=50)
    return parser.parse_args()


if __name__ == "__main__":  # worker processes import this file
    main()
