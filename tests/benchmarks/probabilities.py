r"""How far predicted probabilities can be believed: SET beside what else scikit-learn's users have.

    python tests/benchmarks/probabilities.py FOLDER --plot reliability.png
    python tests/benchmarks/probabilities.py --data iris wine digits --methods SET "SET bare"

Data sets, splits and pipelines are those of accuracy.py.  "SET bare" has a temperature of 1: its
outputs are taken as they are.  "SET recalibrated" is the same inside scikit-learn's
CalibratedClassifierCV(method="temperature").  Printed are means over the splits of each data set,
and of all: the log-loss, the Brier score (the sum over the classes), accuracy, the area under the
ROC curve (of each class against the others), and seconds of a fit on one thread, with as many fits
at a time as there are jobs.  The gap is how far the mean probability of the predicted class is from
the accuracy, both over all splits of a data set; the mean over the data sets is of its magnitude.

The picture shows how often predictions of some confidence are right, all data sets together.
"""

import itertools
import time
import warnings
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed, parallel_config
from methods import ALPHAS, CLASSIFIERS, GROUPS, REGRESSION, Source, load, pipeline
from reporting import digits, figure, make_parser, print_machine, print_table, write_json
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import RidgeClassifierCV
from sklearn.metrics import log_loss, roc_auc_score

from sklearn_set import SETClassifier


def ours(seed, **parameters):
    return SETClassifier(random_state=seed, n_jobs=1, **parameters)


METHODS = {
    "SET": ours,
    'SET "cv"': lambda seed: ours(seed, temperature="cv"),
    "SET bare": lambda seed: ours(seed, temperature=1),
    "SET recalibrated": lambda seed: CalibratedClassifierCV(
        ours(seed, temperature=1), method="temperature", cv=5
    ),
    "Logistic": CLASSIFIERS["Logistic"],
    "Ridge, calibrated": lambda seed: CalibratedClassifierCV(RidgeClassifierCV(ALPHAS), cv=5),
    "RandomForest": CLASSIFIERS["RandomForest"],
}
MEASURES = ("log-loss", "Brier", "gap", "accuracy", "AUC", "seconds")
N_BINS = 10


def main():
    parser = make_parser(__doc__)
    parser.add_argument("folder", type=Path, nargs="?", metavar="FOLDER")
    parser.add_argument("--data", nargs="+", default=list(GROUPS["microarray"]), metavar="NAME")
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--splits", type=int, default=10, help="at most 100 for each data set")
    parser.add_argument("--jobs", type=int, default=-1, metavar="N")
    parser.add_argument("--plot", type=Path, metavar="FILE.png")
    arguments = parser.parse_args()
    sources = [source_of(name, arguments.folder) for name in arguments.data]
    for source in sources:
        if source.missing or source.is_regression:
            parser.error(f"no data set {source.name!r}: {source.missing or 'it has no classes'}")
    print_machine()
    tasks = list(itertools.product(sources, range(arguments.splits), arguments.methods))
    with parallel_config("loky", n_jobs=arguments.jobs, inner_max_num_threads=1):
        outcomes = Parallel()(delayed(predicted)(*task) for task in tasks)
    of_case = {}
    for (source, split, method), outcome in zip(tasks, outcomes, strict=True):
        of_case.setdefault((source.name, method), [])
        if isinstance(outcome, str):
            print(f"left out: {source.name}, {method}, split {split}: {outcome}")
        else:
            of_case[source.name, method].append(outcome)
    rows = {case: summary(outcomes) for case, outcomes in of_case.items()}
    for method in arguments.methods:
        of_sets = [rows[name, method] for name in arguments.data]
        rows["mean", method] = {
            measure: float(np.mean(np.abs([row[measure] for row in of_sets])))
            for measure in MEASURES
        }
    print_table(
        ["data", "method", *MEASURES],
        [[*case, *(shown(measure, row[measure]) for measure in MEASURES)]
         for case, row in rows.items()],
    )  # fmt: skip
    if arguments.plot:
        draw(arguments, of_case)
    write_json(arguments.json, [[*case, row] for case, row in rows.items()])


def source_of(name, folder):
    groups = {name: group for group, names in GROUPS.items() for name in names}
    return Source(name, groups.get(name, REGRESSION), folder)


def shown(measure, value):
    return f"{value:+.3f}" if measure == "gap" and value < 0 else digits(value)


def predicted(source, split, method):
    """Probabilities of the samples that one fit has not seen, their classes, and seconds.

    Or a text, if there is no model.
    """
    X, y, splits = load(source)
    # scikit-learn 1.9.1 finds a temperature for several classes only if they are numbers from 0.
    _, y = np.unique(y, return_inverse=True)
    train, test = splits[split]
    model = pipeline(source, METHODS[method](split))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.perf_counter()
        try:
            model.fit(X[train], y[train])
        except RuntimeError as error:  # of scikit-learn's temperature, where all is certain
            return str(error)
        seconds = time.perf_counter() - start
        return model.predict_proba(X[test]), y[test], seconds


def summary(outcomes):
    """The measures of all splits of a data set."""
    splits = [measures(chances, numbers) for chances, numbers, _ in outcomes]
    mean = {name: float(np.nanmean([each[name] for each in splits])) for name in splits[0]}
    confidence, is_right = confidences(outcomes)
    seconds = float(np.mean([seconds for *_, seconds in outcomes]))
    return mean | {"gap": float(confidence.mean() - is_right.mean()), "seconds": seconds}


def measures(chances, numbers):
    chances = chances.astype(np.float64)
    chances /= chances.sum(axis=1, keepdims=True)
    n_classes = chances.shape[1]
    is_class = np.eye(n_classes)[numbers]
    curves = [
        roc_auc_score(is_class[:, k], chances[:, k])
        for k in range(n_classes)
        if 0 < is_class[:, k].sum() < len(numbers)
    ]
    return {
        "log-loss": log_loss(numbers, chances, labels=range(n_classes)),
        "Brier": ((chances - is_class) ** 2).sum(axis=1).mean(),
        "accuracy": (chances.argmax(axis=1) == numbers).mean(),
        "AUC": np.mean(curves) if curves else np.nan,
    }


def confidences(outcomes):
    """The probability of each predicted class, and whether it is the right one."""
    confidence = np.concatenate([chances.max(axis=1) for chances, *_ in outcomes])
    is_right = np.concatenate(
        [chances.argmax(axis=1) == numbers for chances, numbers, _ in outcomes]
    )
    return confidence, is_right


def draw(arguments, of_case):
    with figure(arguments.plot, figsize=(6, 5.5)) as (_, axes):
        axes.plot([0.3, 1], [0.3, 1], color="0.6", linestyle="--", label="perfectly calibrated")
        for method in arguments.methods:
            outcomes = [each for name in arguments.data for each in of_case[name, method]]
            confidence, is_right = confidences(outcomes)
            # Bins of equal numbers: no point is the mean of a few samples.
            parts = np.array_split(np.argsort(confidence, kind="stable"), N_BINS)
            axes.plot(
                [confidence[part].mean() for part in parts],
                [is_right[part].mean() for part in parts],
                marker="o",
                markersize=4,
                label=method,
            )
        axes.set_xlabel("mean probability of the predicted class")
        axes.set_ylabel("share of right predictions")
        axes.legend()
        axes.grid(alpha=0.3)


if __name__ == "__main__":
    main()
