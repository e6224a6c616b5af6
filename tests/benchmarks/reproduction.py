r"""What comes out where results of the authors of Sparse Evolutionary Training are had again.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python tests/benchmarks/reproduction.py FOLDER \
        --plot reproduction.png
    python tests/benchmarks/reproduction.py --quick

FOLDER holds NAME.npz with arrays X and y, as for accuracy.py.  Without it generated data stand in
for the genes, and digits of scikit-learn for the many classes.  Three parts, all on one thread:

genes      SET, the same network without evolution, and a dense MLPClassifier of the same widths,
           solver and epochs, on gene expression
curves     the accuracy on test data after every epoch, on data with more samples
topology   what becomes of the first connections and of the degrees of the input neurons

Settings are those of the authors' scripts, except where doc/reproduction.md says otherwise.
"""

import functools
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from methods import Source, load, pipeline
from reporting import figure, make_parser, print_machine, print_table, write_json
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from sklearn_set import SETClassifier
from sklearn_set.datasets import make_microarray

MOMENTUM = 0.9
DECAY_PER_STEP = 2e-4  # the authors' weight decay, which they do not multiply by the rate
PLAIN = {  # SET with nothing added to it
    "activation": "relu",
    "growth": "random",
    "learning_rate": "constant",
    "mixup": 0,
    "label_smoothing": 0,
    "input_dropout": 0,
    "n_snapshots": 1,
    "feature_search": False,
    "feature_relevance": False,
    "weight_init": "normal",
    "newborn_weights": "initial",
    "nesterovs_momentum": False,
    "alpha": 0,
    "n_jobs": 1,
}
OURS, STATIC, DENSE = "SET", "SET without evolution", "dense MLPClassifier"
PUBLISHED, PUBLISHED_STATIC = "SET, batch 2, rate 0.01", "the same without evolution"
DEFAULTS = "SETClassifier, its defaults"
COLORS = {OURS: "C0", STATIC: "C1", DENSE: "C2"}
SHOWN_EPOCHS = (1, 2, 3, 5, 10, 20, 40, 60, 80, 100)


@dataclass(frozen=True)
class Setting:
    """What SET, the fixed network and the dense one have in common."""

    width: int
    epsilon: float
    dropout: float
    rate: float
    batch_size: int

    @property
    def sizes(self):
        return (self.width,) * 3

    def sparse(self, seed, zeta=0.3):
        return SETClassifier(
            self.sizes,
            epsilon=self.epsilon,
            zeta=zeta,
            dropout=self.dropout,
            solver="sgd",
            momentum=MOMENTUM,
            learning_rate_init=self.rate,
            weight_decay=DECAY_PER_STEP / self.rate,
            batch_size=self.batch_size,
            random_state=seed,
            **PLAIN,
        )

    def dense(self, seed):
        """No dropout, which MLPClassifier lacks; its penalty goes through the momentum."""
        return MLPClassifier(
            self.sizes,
            solver="sgd",
            momentum=MOMENTUM,
            nesterovs_momentum=False,
            learning_rate_init=self.rate,
            alpha=DECAY_PER_STEP * self.batch_size * (1 - MOMENTUM) / self.rate,
            batch_size=self.batch_size,
            # A generator: an integer would give the same order of samples in every partial_fit.
            random_state=np.random.RandomState(seed),
        )


GENES = Setting(width=500, epsilon=20, dropout=0.3, rate=0.005, batch_size=5)
AS_PUBLISHED = Setting(width=500, epsilon=20, dropout=0.3, rate=0.01, batch_size=2)
CURVES = Setting(width=1000, epsilon=13, dropout=0.2, rate=0.05, batch_size=40)
THREE = {
    OURS: lambda setting, seed: setting.sparse(seed),
    STATIC: lambda setting, seed: setting.sparse(seed, zeta=0),
    DENSE: lambda setting, seed: setting.dense(seed),
}


def main():
    arguments = parse()
    print_machine()
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of steps that overflow; they are told
        genes = report_genes(arguments)
        curves = report_curves(arguments)
        topology = report_topology(arguments)
    if arguments.plot:
        draw(arguments.plot, genes, curves, topology)
    write_json(arguments.json, {"genes": genes, "curves": curves, "topology": topology})


def parse():
    parser = make_parser(__doc__)
    add = parser.add_argument
    add("folder", type=Path, nargs="?", metavar="FOLDER", help="of data sets that are files")
    add("--genes", nargs="+", default=["khan", "golub", "alon", "su"], metavar="NAME")
    add("--classes", default="isolet", metavar="NAME", help="the data of the learning curves")
    add("--quick", action="store_true", help="few epochs and splits: to see that it runs")
    add("--plot", type=Path, metavar="FILE.png", help="three panels")
    arguments = parser.parse_args()
    if arguments.folder is None:
        arguments.genes, arguments.classes = ["generated"], "digits"
    arguments.n_epochs, arguments.n_splits = (3, 2) if arguments.quick else (40, 5)
    return arguments


# ------------------------------------------------------------------------------------- genes


def report_genes(arguments):
    """Print accuracies of the last and of the best epoch; return the curves by data and method."""
    n_epochs, methods = (
        arguments.n_epochs,
        {
            **{name: functools.partial(make, GENES) for name, make in THREE.items()},
            PUBLISHED: AS_PUBLISHED.sparse,
            PUBLISHED_STATIC: functools.partial(AS_PUBLISHED.sparse, zeta=0),
        },
    )
    results = {}

    def rows():
        for name in arguments.genes:
            splits = list(prepared(name, arguments.folder, arguments.n_splits))
            results[name] = {}
            for method, make in methods.items():
                scores = [curve(make(seed), split, n_epochs) for seed, split in enumerate(splits)]
                results[name][method] = scores
                yield [name, method, *told(scores, n_epochs)]
            fits = [
                SETClassifier(random_state=seed, n_jobs=1).fit(*split[:2]).score(*split[2:])
                for seed, split in enumerate(splits)
            ]
            results[name][DEFAULTS] = [[score] for score in fits]
            yield [name, DEFAULTS, *told(results[name][DEFAULTS], 1)[:1], "", ""]

    header = ["data", "method", "accuracy, last epoch", "best epoch", "diverged"]
    print(f"\nMean and deviation over {arguments.n_splits} splits, {n_epochs} epochs")
    print_table(header, rows())
    return results


def told(scores, n_epochs):
    """The cells of a table: splits that diverged count for neither mean."""
    whole = [each for each in scores if len(each) == n_epochs]
    diverged = f"{len(scores) - len(whole)} of {len(scores)}"
    if not whole:
        return ["–", "–", diverged]
    return [spread([each[-1] for each in whole]), spread([max(each) for each in whole]), diverged]


def spread(scores):
    return f"{np.mean(scores):.3f} ± {np.std(scores):.3f}"


def prepared(name, folder, n_splits):
    """Scaled X and y, of training and of test, split by split."""
    if name == "generated":
        X, y = make_microarray(100, 2000, n_classes=3, random_state=0, dtype="float32")
        order = np.random.RandomState(0).permutation(100)
        for number in range(n_splits):
            test = np.isin(np.arange(100), order[number::5])
            yield X[~test], y[~test], X[test], y[test]
        return
    source = Source(name, "other", folder)
    if source.missing:
        raise SystemExit(f"no data set {name!r}: {source.missing}")
    X, y, splits = load(source)
    scaling = pipeline(source, "passthrough")[:-1]
    for train, test in splits[:n_splits]:
        yield scaling.fit_transform(X[train]), y[train], scaling.transform(X[test]), y[test]


def curve(model, split, n_epochs):
    """Accuracy on test data after every epoch; shorter where the weights overflowed."""
    X_train, y_train, X_test, y_test = split
    classes, scores = np.unique(y_train), []
    for _ in range(n_epochs):
        try:
            model.partial_fit(X_train, y_train, classes=classes)
        except ValueError as error:
            if "non-finite" in str(error):
                break
            raise
        scores.append(model.score(X_test, y_test))
    return scores


# ------------------------------------------------------------------------------------ curves


def report_curves(arguments):
    """Print accuracies after some epochs; return all of them, by method, split and epoch."""
    n_epochs = arguments.n_epochs
    splits = list(prepared(arguments.classes, arguments.folder, 2))
    results = {}

    def rows():
        for name, make in THREE.items():
            scores = [
                curve(make(CURVES, seed), split, n_epochs) for seed, split in enumerate(splits)
            ]
            results[name] = scores
            shown = [f"{np.mean([each[epoch - 1] for each in scores]):.3f}" for epoch in epochs]
            last = np.mean([each[-10:] for each in scores])
            yield [name, *shown, f"{last:.3f}", told(scores, n_epochs)[1]]

    epochs = [epoch for epoch in SHOWN_EPOCHS if epoch <= n_epochs]
    header = [
        f"{arguments.classes}, after epoch",
        *map(str, epochs),
        "mean of the last ten",
        "best epoch",
    ]
    print_table(header, rows())
    return results


# ---------------------------------------------------------------------------------- topology


def report_topology(arguments):
    """Print what is left of the first connections, and degrees of the input neurons."""
    study = make_microarray(
        200, 2000, n_informative=40, random_state=0, dtype="float32", return_X_y=False
    )
    informative = np.zeros(study.data.shape[1], dtype=bool)
    informative[study.informative] = True
    model = GENES.sparse(0)
    left, degrees, sizes = [], [], []
    for epoch in range(5 if arguments.quick else 100):
        model.partial_fit(study.data, study.target, classes=np.unique(study.target))
        now = [positions(weights) for weights in model.coefs_]
        if epoch == 0:
            first = now
        left.append([np.isin(a, b).mean() for a, b in zip(first, now, strict=True)])
        degrees.append(np.diff(model.coefs_[0].indptr).astype(int))
        sizes.append([np.sqrt(np.mean(weights.data**2)) for weights in model.coefs_])

    # The network of epoch e was evolved e - 1 times: an evolution opens every epoch but the first.
    epochs = [epoch for epoch in SHOWN_EPOCHS if epoch <= len(left)]
    header = [
        "epoch",
        "0.7 per evolution",
        *(f"left of layer {n}" for n in (1, 2, 3)),
        "informative genes",
        "other genes",
        "weight in layer 1",
        "in layer 2",
    ]
    print_table(
        header,
        (
            [
                epoch,
                f"{0.7 ** (epoch - 1):.3f}",
                *(f"{share:.3f}" for share in left[epoch - 1][:3]),
                f"{degrees[epoch - 1][informative].mean():.1f}",
                f"{degrees[epoch - 1][~informative].mean():.1f}",
                *(f"{size:.3f}" for size in sizes[epoch - 1][:2]),
            ]
            for epoch in epochs
        ),
    )
    groups = {
        "before, all genes": degrees[0],
        "after, informative": degrees[-1][informative],
        "after, others": degrees[-1][~informative],
        "after, all genes": degrees[-1],
    }
    print_table(
        ["connections of a gene", "mean", "5 %", "median", "95 %", "largest", "variance / mean"],
        (
            [
                name,
                f"{each.mean():.1f}",
                *(f"{np.percentile(each, q):.0f}" for q in (5, 50, 95)),
                each.max(),
                f"{each.var() / each.mean():.2f}",
            ]
            for name, each in groups.items()
        ),
    )
    top = np.argsort(-model.feature_importances_)[: informative.sum()]
    print(
        f"\n{informative[top].sum()} of the {informative.sum()} genes of the largest importance "
        f"are informative; by chance {informative.sum() ** 2 / informative.size:.1f} would be."
    )
    return {
        "left": left,
        "sizes": np.array(sizes, dtype=float).tolist(),
        "degrees": {name: each.tolist() for name, each in groups.items()},
    }


def positions(weights):
    """The connections of a layer as numbers."""
    rows = np.repeat(np.arange(weights.shape[0], dtype=np.int64), np.diff(weights.indptr))
    return rows * weights.shape[1] + weights.indices


# ----------------------------------------------------------------------------------- drawing


def draw(path, genes, curves, topology):
    with figure(path, ncols=3, figsize=(13, 4)) as (_, (left, middle, right)):
        draw_genes(left, genes)
        draw_curves(middle, curves)
        draw_degrees(right, topology["degrees"])


def draw_genes(axis, genes):
    x = np.arange(len(genes))
    for number, (method, color) in enumerate(COLORS.items()):
        last = [[each[-1] for each in results[method]] for results in genes.values()]
        means, deviations = [np.mean(each) for each in last], [np.std(each) for each in last]
        where = x + 0.2 * (number - 1)
        axis.errorbar(where, means, deviations, fmt="o", color=color, capsize=3, label=method)
    axis.set_xticks(x, genes)
    axis.grid(axis="y", alpha=0.3)
    axis.set_ylabel("accuracy after the last epoch")
    axis.set_title("Gene expression")
    axis.legend(fontsize="small", loc="lower left")
    axis.set_ylim(axis.get_ylim()[0] - 0.08, 1.03)


def draw_curves(axis, curves):
    for method, scores in curves.items():
        mean = np.mean(scores, axis=0)
        axis.plot(np.arange(1, len(mean) + 1), mean, color=COLORS[method], label=method)
    axis.set_xlabel("epoch")
    axis.set_ylabel("accuracy on test data")
    axis.set_title("Learning curves")
    axis.grid(alpha=0.3)
    axis.legend(fontsize="small", loc="lower right")


def draw_degrees(axis, degrees):
    bins = np.arange(0, max(map(max, degrees.values())) + 3, 2)
    for (name, each), color in zip(list(degrees.items())[:3], ("0.6", "C3", "C0"), strict=True):
        share = np.full(len(each), 1 / len(each))
        axis.hist(each, bins, weights=share, histtype="step", color=color, lw=1.5, label=name)
    axis.set_xlabel("connections of a gene")
    axis.set_ylabel("share of the genes")
    axis.set_title("Degrees of the input neurons")
    axis.legend(fontsize="small")


if __name__ == "__main__":
    main()
