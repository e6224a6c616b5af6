"""Which genes: how well selected genes classify, and how steady the selections are.

    python tests/benchmarks/selection.py FOLDER
    python tests/benchmarks/selection.py FOLDER --methods "one network" "five networks"
    python tests/benchmarks/selection.py FOLDER --data khan golub --methods unsupervised

Five stratified folds, twice.  Logarithms of raw intensities, scaling and the selection learn from
the training part of a split only; a logistic regression on the selected genes is scored on the
rest.  Between the selections of every two splits: Jaccard's index, the genes in both over the genes
in either; and Kuncheva's, which takes off what chance would give, so that it is 0 for random
selections and 1 for equal ones.
"""

import sys
import time
import warnings
from itertools import combinations
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from methods import GROUPS, N_FOLDS, N_REPEATS, Source, load, pipeline
from reporting import make_parser, print_machine, print_table, write_json
from sklearn.feature_selection import SelectKBest, SelectorMixin, f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits

from sklearn_set import SETClassifier
from sklearn_set.feature_selection import SETSelector

GROUP = "microarray"
# Samples as they are, all features, and the last network only.
NOTHING_MIXED = {
    "mixup": 0,
    "label_smoothing": 0,
    "input_dropout": 0,
    "n_snapshots": 1,
    "n_iter_no_change": np.inf,
    "n_jobs": 1,
}
FIGURES = ("accuracy", "jaccard", "kuncheva", "seconds")


def set_selector(k, **parameters):
    return SETSelector(n_features_to_select=k, random_state=0, **parameters)


METHODS = {
    "KBest": lambda k: SelectKBest(f_classif, k=k),
    "SETSelector": set_selector,
    "five networks": lambda k: set_selector(k, n_networks=5),
    "one network": lambda k: set_selector(k, n_networks=1),
    "nothing mixed": lambda k: set_selector(k, estimator=SETClassifier(**NOTHING_MIXED)),
    "unsupervised": lambda k: set_selector(k, unsupervised=True),
    "at random": lambda k: RandomSelector(k),
}
DEFAULT_METHODS = ["KBest", "SETSelector", "at random"]


class RandomSelector(SelectorMixin):
    """What any selection must beat: k genes, drawn anew for every split.

    Parameters
    ----------
    k : int
    """

    def __init__(self, k):
        self.k = k

    def fit(self, X, y):
        # Seeded by the data, so that splits differ and runs do not.
        rng = np.random.default_rng(np.ascontiguousarray(X[:, :10]).view(np.uint32).ravel())
        self.mask_ = np.isin(np.arange(X.shape[1]), rng.choice(X.shape[1], self.k, replace=False))
        return self

    def _get_support_mask(self):
        return self.mask_

    def transform(self, X):
        return X[:, self.mask_]


def main():
    parser = make_parser(__doc__)
    parser.add_argument("folder", type=Path, nargs="?", metavar="FOLDER", help="holds NAME.npz")
    parser.add_argument("--data", nargs="+", choices=GROUPS[GROUP], default=list(GROUPS[GROUP]))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=DEFAULT_METHODS)
    parser.add_argument("--genes", type=int, default=50, help="that are selected")
    parser.add_argument("--jobs", type=int, default=1, help="splits at the same time")
    arguments = parser.parse_args()
    sources = [Source(name, GROUP, arguments.folder) for name in arguments.data]
    for source in sources:
        if source.missing:
            print(f"{source.name} is left out: {source.missing}.")
    sources = [source for source in sources if not source.missing]
    if sources:
        print_machine()
        results = list(measured(sources, arguments))
        write_json(arguments.json, results)


def measured(sources, arguments):
    """Measure, print a table, and yield a dict for every data set and method."""
    by_method = {name: [] for name in arguments.methods}
    header = ["method", *(source.name for source in sources), "mean"]
    for source in sources:
        for name in by_method:
            by_method[name].append(one_result(source, name, arguments))
            figures = {key: by_method[name][-1][key] for key in FIGURES}
            print(source.name, name, figures, file=sys.stderr, flush=True)
            yield by_method[name][-1]
    for what in FIGURES:
        print(f"\n{what}")
        print_table(header, (table_row(name, by_method[name], what) for name in by_method))


def table_row(name, results, what):
    values = [result[what] for result in results]
    return [name, *(f"{value:.3f}" for value in (*values, np.mean(values)))]


def one_result(source, name, arguments):
    outcomes = Parallel(arguments.jobs)(
        delayed(one_split)(source, name, arguments.genes, split)
        for split in range(N_FOLDS * N_REPEATS)
    )
    scores, selected, seconds, n_features = zip(*outcomes, strict=True)
    return {
        "data": source.name,
        "method": name,
        "accuracy": float(np.mean(scores)),
        **stability(selected, n_features[0]),
        "seconds": float(np.median(seconds)),
        "scores": scores,
        "selected": selected,
    }


def one_split(source, name, n_genes, split):
    """Select on the training part, score on the rest.

    Returns
    -------
    accuracy : float
    selected : list of int
    seconds : float
        Of the fit, scaling and regression included.
    n_features : int
    """
    X, y, splits = load(source)
    train, test = splits[split]
    model = pipeline(
        source, make_pipeline(METHODS[name](n_genes), LogisticRegression(max_iter=5000))
    )
    with threadpool_limits(1), warnings.catch_warnings():
        # Genes that are constant within a part have no F; SelectKBest takes them last.
        warnings.simplefilter("ignore", RuntimeWarning)
        warnings.simplefilter("ignore", UserWarning)
        start = time.perf_counter()
        model.fit(X[train], y[train])
        seconds = time.perf_counter() - start
    selector = model[-1][0]
    return (
        float(model.score(X[test], y[test])),
        selector.get_support(indices=True).tolist(),
        seconds,
        X.shape[1],
    )


def stability(selections, n_features):
    """Mean indices of Jaccard and of Kuncheva (2007) over all pairs of selections of one size."""
    k = len(selections[0])
    common = np.array([len(set(a) & set(b)) for a, b in combinations(selections, 2)])
    by_chance = k * k / n_features
    return {
        "jaccard": float(np.mean(common / (2 * k - common))),
        "kuncheva": float(np.mean((common - by_chance) / (k - by_chance))),
    }


if __name__ == "__main__":
    main()
