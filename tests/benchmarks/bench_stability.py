"""What it takes to tell how certain a selection is: seconds, and genes found of those that differ.

    python tests/benchmarks/bench_stability.py
    python tests/benchmarks/bench_stability.py --genes 500 --pairs 10 --methods "small network"

Generated studies in which as many genes as asked for differ between two classes, and all others are
noise.  One thread.  "auto" is no selection by halves, but SETSelector with a number of genes chosen
by cross-validation.
"""

import time

import numpy as np
from reporting import make_parser, print_machine, print_table, write_json
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from sklearn_set import SETClassifier
from sklearn_set.datasets import make_microarray
from sklearn_set.feature_selection import SETSelector, StabilitySelector

SMALL_NETWORK = SETClassifier(
    20,
    epsilon=50,
    learning_rate_init=0.01,
    mixup=0,
    input_dropout=0,
    feature_search=False,
    max_iter=50,
    n_iter_no_change=np.inf,
    n_jobs=1,
)


def by_halves(estimator, n_pairs):
    return StabilitySelector(estimator, n_pairs=n_pairs, random_state=0)


# Selectors, made of the number of pairs and of genes per half.
METHODS = {
    "networks": lambda n_pairs, q: by_halves(None, n_pairs),
    "small network": lambda n_pairs, q: by_halves(SMALL_NETWORK, n_pairs),
    "logistic regression": lambda n_pairs, q: by_halves(LogisticRegression(), n_pairs),
    "F-test": lambda n_pairs, q: by_halves(SelectKBest(k=q), n_pairs),
    "auto": lambda n_pairs, q: SETSelector(n_features_to_select="auto", random_state=0),
}
HEADER = ("samples", "genes", "method", "selected", "differ", "at most false", "seconds")


def main():
    parser = make_parser(__doc__)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--genes", type=int, nargs="+", default=[2000, 20000])
    parser.add_argument("--informative", type=int, default=20)
    parser.add_argument("--pairs", type=int, default=50)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    options = parser.parse_args()
    print_machine()
    rows = []

    def measured():
        for n_genes in options.genes:
            X, y, informative = study(options.samples, n_genes, options.informative)
            for method in options.methods:
                rows.append(measure(method, X, y, informative, options.pairs))
                yield rows[-1]

    with threadpool_limits(1):
        print_table(HEADER, measured())
    write_json(options.json, [dict(zip(HEADER, row, strict=True)) for row in rows])


def study(n_samples, n_genes, n_informative):
    made = make_microarray(
        n_samples=n_samples,
        n_features=n_genes,
        n_informative=n_informative,
        class_sep=1,
        module_correlation=0,
        dtype="float32",
        random_state=0,
        return_X_y=False,
    )
    return StandardScaler().fit_transform(made.data), made.target, made.informative


def measure(method, X, y, informative, n_pairs):
    n_samples, n_genes = X.shape
    selector = METHODS[method](n_pairs, max(int(np.sqrt(0.8 * n_genes)), 1))
    began = time.perf_counter()
    selector.fit(X, y)
    seconds = time.perf_counter() - began
    n_found = int(np.isin(selector.get_support(indices=True), informative).sum())
    bound = getattr(selector, "expected_false_selections_", None)
    at_most = "-" if bound is None else f"{bound:.2f}"
    return n_samples, n_genes, method, selector.n_features_, n_found, at_most, f"{seconds:.3g}"


if __name__ == "__main__":
    main()
