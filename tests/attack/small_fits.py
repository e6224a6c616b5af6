"""Some hundred small fits, of every kind that the kernels know, for kernels that watch themselves.

    python tests/attack/small_fits.py --fits 300 --n-jobs 1,2,4

Shapes, number types and options are drawn from a seed, each option in turn, so that all are tried
however few the fits.  Nothing is said of the models but that they exist and predict finite numbers;
what is wrong with memory, arithmetic or threads the sanitizers tell: see `make sanitize`.
"""

import argparse
import warnings

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from sklearn_set import SETClassifier, SETRegressor, machine, training
from sklearn_set._core import products
from sklearn_set.activations import ACTIVATIONS
from sklearn_set.evolution import GROWTH_RULES, NEWBORN_WEIGHTS, PRUNING_RULES
from sklearn_set.losses import REGRESSION_LOSSES
from sklearn_set.samples import Samples

OPTIONS = {
    "activation": list(ACTIVATIONS),
    "growth": list(GROWTH_RULES),
    "pruning": list(PRUNING_RULES),
    "newborn_weights": list(NEWBORN_WEIGHTS),
    "dtype": ["float32", "float64"],
    "optimizer": [
        {"solver": "adam"},
        {"solver": "sgd"},
        {"solver": "sgd", "nesterovs_momentum": False},
        {"solver": "sgd", "momentum": 0},
    ],
    "dropout": [0.0, 0.3, 1 - 1e-9],
    "input_dropout": [0.0, 0.4],
    "mixup": [0.0, 0.0, 1.0],
    "weight_decay": [0.0, 1e-3],
    "feature_search": ["auto", False, True],
    "early_stopping": [False, False, True],
    "n_snapshots": [1, 2],
    "zeta": [0.3, 0.9, 0.0],
}
TASKS = ["classes", "two classes", "labels", *REGRESSION_LOSSES, "several targets"]
FORMATS = ["dense", "CSR", "CSR in parts"]

# Layers in which threads share the work, one fit in so many.
LARGE_EVERY = 12


class Impatient(training.Workspace):
    """As if one thread were slow: threads that watch themselves would else not be used."""

    def __init__(self, *args):
        super().__init__(*args)
        self.pace[0] = 1e9


def in_turn(values, i, rng):
    """One of the values: each in turn, in an order that changes from round to round."""
    rng = np.random.default_rng([len(values), i // len(values), *rng])
    return values[rng.permutation(len(values))[i % len(values)]]


def draw(i, seed):
    """The estimator, X, y and sample weights of one fit."""
    chosen = {name: in_turn(of, i, (seed, k)) for k, (name, of) in enumerate(OPTIONS.items())}
    task, format = in_turn(TASKS, i, (seed, 100)), in_turn(FORMATS, i, (seed, 101))
    rng = np.random.default_rng([seed, i])
    large = i % LARGE_EVERY == 0
    n_samples = int(rng.integers(40, 90))
    n_features = 1500 if large else int(rng.choice([1, 2, 7, 33, 130, 257]))
    hidden = (400, 60) if large else tuple(rng.integers(1, 70, rng.integers(0, 4)).tolist())
    parameters = chosen | chosen.pop("optimizer")
    parameters |= {
        "hidden_layer_sizes": hidden,
        "epsilon": float(rng.choice([8, 20] if large else [2, 5, 1000])),
        "batch_size": 64 if large else int(rng.choice([1, 2, 3, 8, 13, 32, 33, 100])),
        "max_iter": 3,
        "learning_rate_init": 1e-4,
        "random_state": i,
    }
    if parameters["early_stopping"]:
        parameters |= {"n_snapshots": 1, "validation_fraction": 0.2}
    X = rng.normal(size=(n_samples, n_features)) * (rng.random((n_samples, n_features)) < 0.5)
    X = X.astype(parameters["dtype"])
    if format != "dense":
        X = sparse.csr_array(X)
    if format == "CSR in parts":  # every number in two, with 64-bit indices
        order = np.repeat(np.arange(X.nnz), 2)
        X = sparse.csr_array(
            (X.data[order] / 2, X.indices[order].astype(np.int64), X.indptr.astype(np.int64) * 2),
            shape=X.shape,
        )
    if task == "classes":
        y = np.arange(n_samples) % 5
    elif task == "two classes":
        y = np.arange(n_samples) % 2
    elif task == "labels":
        y = (rng.random((n_samples, 3)) < 0.5).astype(int)
    else:
        y = rng.poisson(2, size=(n_samples, 3) if task == "several targets" else n_samples)
    weight = None
    if rng.random() < 0.5:
        weight = rng.uniform(0.5, 2, n_samples)
        weight[::7] = 0
    if task in ("classes", "two classes", "labels"):
        parameters["label_smoothing"] = float(rng.choice([0, 0.1]))
        return SETClassifier(**parameters), X, y, weight
    if task in REGRESSION_LOSSES:
        parameters["loss"] = task
    if task == "poisson":  # an exponential of large initial weights may be too much for SGD
        parameters["weight_init"] = "small"
    return SETRegressor(**parameters), X, y, weight


def run(n_fits, n_jobs, seed=0):
    """Fit, go on, predict; return how many fits there were."""
    for i in range(n_fits):
        model, X, y, weight = draw(i, seed)
        model.set_params(n_jobs=n_jobs[i // LARGE_EVERY % len(n_jobs)])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            for known in ("Got `batch_size`", "feature_search=True has no effect"):
                warnings.filterwarnings("ignore", known, UserWarning)
            model.fit(X, y, sample_weight=weight)
            model.set_params(early_stopping=False).partial_fit(X, y, sample_weight=weight)
        for part in (X, X[:1], X[:0:-3]):
            if not np.isfinite(model.predict(part)).all():
                raise ArithmeticError(f"fit {i} predicts what is no number: {model}")
    return n_fits


def read_beyond():
    """Read a sample of which a number stands outside the table."""
    X = Samples(sparse.csr_array((1, 2)))
    X.values, X.indices = np.ones(2), np.array([0, 1 << 20], np.int32)
    X.indptr = np.array([0, 2])
    machine.kernels("float64").table_of(X, np.zeros(1, np.int32), 2)


def write_at_once():
    """Multiply in parts that overlap, so that two threads write the same sums."""
    rng = np.random.default_rng(0)
    indptr = np.arange(0, 16_001, 8, dtype=np.int32)
    indices = rng.integers(500, size=16_000).astype(np.int32)
    chunks = np.array([0, 1500, 500, 2000], np.int32)
    for _ in range(20):
        values, table = rng.normal(size=16_000), np.ones((500, 64))
        products.times_table(indptr, indices, values, table, chunks, 4)


# What a sanitizer must find: one that says nothing here sees nothing.
WRONG = {"memory": read_beyond, "threads": write_at_once}


def main():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fits", type=int, default=300)
    parser.add_argument("--n-jobs", default="1,2,4", help="numbers of threads, in turn")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--wrong", choices=WRONG, help="do what must be found, instead of fits")
    arguments = parser.parse_args()
    if arguments.wrong:
        return WRONG[arguments.wrong]()
    n_jobs = [int(number) for number in arguments.n_jobs.split(",")]
    # More threads than processors are wanted here: they meet in more ways.
    n_processors = max(machine.n_processors(), *n_jobs)
    machine.n_processors = lambda: n_processors
    training.Workspace = Impatient
    n_fits = run(arguments.fits, n_jobs, arguments.seed)
    print(n_fits, "fits with the kernels of", machine.kernels("float32").__file__)
    return None


if __name__ == "__main__":
    main()
