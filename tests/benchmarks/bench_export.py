"""Milliseconds of predictions by onnxruntime, of layers written dense and as connections.

    python tests/benchmarks/bench_export.py
    python tests/benchmarks/bench_export.py --sizes 2000 1000 --epsilon 20 60 --samples 64

One thread.  Where both forms take about the same time lies the density from which
`sklearn_set.export` writes a layer dense.
"""

import argparse
import timeit
import warnings

import numpy as np
import onnxruntime
from sklearn.exceptions import ConvergenceWarning

from sklearn_set import SETClassifier, show_versions
from sklearn_set.export import to_onnx

HEADER = "| sizes | epsilon | density | samples | form | MB | ms | ns per number of the form |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[4000, 4000])
    parser.add_argument("--epsilon", type=float, nargs="+", default=[5, 20, 80])
    parser.add_argument("--samples", type=int, nargs="+", default=[1, 64])
    arguments = parser.parse_args()
    show_versions()
    print(f"     onnxruntime: {onnxruntime.__version__}")
    print("\n" + HEADER + "\n|" + "---|" * (HEADER.count("|") - 1))
    for epsilon in arguments.epsilon:
        model, X = a_model(arguments.sizes, epsilon, max(arguments.samples))
        for form in ("dense", "sparse"):
            graph = to_onnx(model, X, layers=form).SerializeToString()
            session = make_session(graph)
            n_numbers = model.n_connections_
            if form == "dense":
                n_numbers = sum(coef.shape[0] * coef.shape[1] for coef in model.coefs_)
            for n_samples in arguments.samples:
                seconds = min(time_of(session, X[:n_samples]))
                row = [
                    "-".join(map(str, [*arguments.sizes, 3])),
                    f"{epsilon:g}",
                    f"{model.density_:.4f}",
                    str(n_samples),
                    form,
                    f"{len(graph) / 1e6:.1f}",
                    f"{1e3 * seconds:.2f}",
                    f"{1e9 * seconds / n_numbers:.2f}",
                ]
                print("| " + " | ".join(row) + " |", flush=True)


def a_model(sizes, epsilon, n_samples):
    """A network after one epoch, and samples: what is learned does not matter here."""
    X = np.random.default_rng(0).normal(size=(n_samples, sizes[0])).astype(np.float32)
    model = SETClassifier(sizes[1:], epsilon=epsilon, max_iter=1, n_snapshots=1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, np.arange(n_samples) % 3), X


def make_session(graph):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(graph, options)


def time_of(session, X):
    """Seconds of a call, several times over."""
    (data,) = session.get_inputs()
    return timeit.repeat(lambda: session.run(None, {data.name: X}), number=1, repeat=9)


if __name__ == "__main__":
    main()
