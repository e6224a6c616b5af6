"""A network of more than a million neurons, trained on data in the shape of a microarray.

The data are 200 samples of 10,000 genes in three classes; the network has three hidden layers of
350,000 neurons.  It takes a few minutes on two processors, and less than a gigabyte.  Linear models
and MLPClassifier have the same training and test samples.  One gene in a hundred tells the classes
apart.  The task is easy for models that can forget the other genes, and hard for those that cannot.

    python million_neurons.py
    python million_neurons.py --hidden 500000 500000 --epsilon 10 --epochs 20
"""

import argparse
import contextlib
import io
import resource
import sys
import time
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from sklearn_set import SETClassifier
from sklearn_set.datasets import make_microarray

ROW = "{:<24} {:>8.3f} {:>10.1f}"


def main():
    arguments = read_arguments()
    # All epochs are wanted; the test shows whether they are enough.
    warnings.simplefilter("ignore", ConvergenceWarning)
    seed = arguments.seed
    X, y = make_microarray(
        arguments.samples,
        arguments.features,
        n_classes=3,
        class_sep=arguments.class_sep,
        random_state=seed,
        dtype="float32",
    )
    parts = train_test_split(X, y, stratify=y, random_state=seed)
    print(
        f"{X.shape[0]} samples x {X.shape[1]:,} genes, {np.unique(y).size} classes; "
        f"{len(parts[0])} samples to learn from, {len(parts[1])} to be tested on"
    )
    # Wide layers need small initial weights, like those of the SET papers' code: learned weights
    # then outgrow drawn ones.  Small batches give new connections some steps before the next
    # evolution, and decay forgets those that learn nothing.
    model = SETClassifier(
        arguments.hidden,
        epsilon=arguments.epsilon,
        weight_init="normal",
        newborn_weights="initial",
        learning_rate="constant",
        mixup=0,
        label_smoothing=0,
        input_dropout=0,
        alpha=arguments.alpha,
        weight_decay=arguments.weight_decay,
        batch_size=arguments.batch_size,
        max_iter=arguments.epochs,
        tol=0,
        n_iter_no_change=np.inf,
        random_state=seed,
        verbose=True,
    )
    stopwatch = Stopwatch()
    with contextlib.redirect_stdout(stopwatch):
        seconds, accuracy = fit_and_score(model, *parts)
    sizes = (X.shape[1], *arguments.hidden, model.n_outputs_)
    print(
        f"{sum(sizes):,} neurons in layers of {', '.join(f'{size:,}' for size in sizes)}\n"
        f"{model.n_connections_:,} connections, {model.density_:.4%} of those of dense layers\n"
        f"{np.median(stopwatch.seconds[1:]):.1f} s per epoch, evolution included\n"
        f"{peak_memory() / 2**30:.2f} GiB peak memory, Python and data included"
    )
    print(f"\n{'':<24} {'accuracy':>8} {'s per fit':>10}")
    print(ROW.format("SETClassifier", accuracy, seconds))
    for name, other in {
        "MLPClassifier": MLPClassifier((100,), random_state=seed),
        "LogisticRegression": LogisticRegression(max_iter=1000),
        "LinearSVC, L1 penalty": LinearSVC(penalty="l1", dual=False, random_state=seed),
    }.items():
        seconds, accuracy = fit_and_score(other, *parts)
        print(ROW.format(name, accuracy, seconds))


def fit_and_score(model, X_train, X_test, y_train, y_test):
    """Seconds of a fit behind a scaler, and accuracy on the test samples."""
    pipeline = make_pipeline(StandardScaler(), model)
    start = time.perf_counter()
    pipeline.fit(X_train, y_train)
    return time.perf_counter() - start, pipeline.score(X_test, y_test)


class Stopwatch(io.TextIOBase):
    """Prints go to stderr, each line behind the seconds since the line before."""

    def __init__(self):
        self.seconds = []
        self._line, self._last = "", time.perf_counter()

    def write(self, text):
        self._line += text
        if text.endswith("\n"):
            now = time.perf_counter()
            self.seconds.append(now - self._last)
            self._last = now
            sys.stderr.write(f"{self.seconds[-1]:8.1f} s  {self._line}")
            sys.stderr.flush()
            self._line = ""
        return len(text)


def peak_memory():
    """Most bytes of this process in memory so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # Linux counts in KiB


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--hidden", type=int, nargs="+", default=[350_000] * 3, help="neurons of each hidden layer"
    )
    parser.add_argument("--epsilon", type=float, default=5)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--alpha", type=float, default=1e-4)
    parser.add_argument("--weight-decay", type=float, default=5)
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--features", type=int, default=10_000)
    parser.add_argument(
        "--class-sep", type=float, default=1.5, help="how far a gene tells classes apart"
    )
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
