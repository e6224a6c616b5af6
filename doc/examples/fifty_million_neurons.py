"""Build a network of fifty million neurons, train it for a few steps, rewire it, predict.

It has two hidden layers of 25 million neurons, on a few samples of 100 features.  So few steps
teach it little.  The point is that a network of this size fits into the memory of an ordinary
computer.  If the memory is too small, `fit` says so before it takes any.

    python fifty_million_neurons.py
    python fifty_million_neurons.py --neurons 5000000
"""

import argparse
import contextlib
import time
import warnings

import numpy as np
from million_neurons import Stopwatch, peak_memory
from sklearn.exceptions import ConvergenceWarning

from sklearn_set import SETClassifier
from sklearn_set.datasets import make_microarray


def main():
    arguments = read_arguments()
    warnings.simplefilter("ignore", ConvergenceWarning)
    X, y = make_microarray(
        arguments.samples, arguments.features, n_informative=50, random_state=0, dtype="float32"
    )
    # SGD keeps one number per connection beside its weight, Adam two.  The memory of activations
    # grows with the batch.  A penalty on so many weights would hide the loss in what is printed.
    model = SETClassifier(
        (arguments.neurons // 2, arguments.neurons - arguments.neurons // 2),
        epsilon=arguments.epsilon,
        solver="sgd",
        alpha=0,
        batch_size=arguments.batch_size,
        max_iter=5,
        learning_rate="constant",
        mixup=0,
        label_smoothing=0,
        input_dropout=0,
        newborn_weights="initial",
        rewire_interval=2,
        tol=0,
        n_iter_no_change=np.inf,
        random_state=0,
        verbose=True,
    )
    stopwatch = Stopwatch()
    with contextlib.redirect_stdout(stopwatch):
        model.fit(X, y)
    start = time.perf_counter()
    accuracy = model.score(X, y)
    predicting = time.perf_counter() - start
    # Only the second and the fourth epoch have nothing but steps: the first includes the drawing
    # of the network, the third and the fifth an evolution.
    seconds = np.array(stopwatch.seconds)
    epoch = seconds[[1, 3]].mean()
    sizes = (X.shape[1], *model.hidden_layer_sizes, model.n_outputs_)
    n_steps = -(-arguments.samples // arguments.batch_size)
    for figure, what in (
        (f"{sum(sizes):,}", "neurons, in layers of " + ", ".join(f"{size:,}" for size in sizes)),
        (f"{model.n_connections_:,}", f"connections; density {model.density_:.1e}"),
        (f"{seconds[0] - epoch:.1f} s", "to build the network"),
        (f"{epoch:.1f} s", f"per epoch of {n_steps} steps, {model.batch_size} samples each"),
        (f"{seconds[[2, 4]].mean() - epoch:.1f} s", "per evolution"),
        (f"{predicting:.1f} s", f"to predict {len(X)} samples"),
        (f"{peak_memory() / 2**30:.1f} GiB", "peak memory, Python and data included"),
        (f"{accuracy:.3f}", "accuracy on these samples, all of them seen"),
    ):
        print(f"{figure:>12}  {what}")


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--neurons", type=int, default=50_000_000, help="hidden neurons, in two layers"
    )
    parser.add_argument("--epsilon", type=float, default=2)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--samples", type=int, default=32)
    parser.add_argument("--features", type=int, default=100)
    return parser.parse_args()


if __name__ == "__main__":
    main()
