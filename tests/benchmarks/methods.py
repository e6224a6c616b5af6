"""What the accuracy study compares: data sets, methods, and one fit on one split."""

import ast
import functools
import time
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from others import OTHERS
from scipy import sparse
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
    make_friedman1,
    make_regression,
)
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression, RidgeClassifierCV, RidgeCV
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    RepeatedKFold,
    RepeatedStratifiedKFold,
    StratifiedKFold,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC
from threadpoolctl import threadpool_limits

from sklearn_set import SETClassifier, SETRegressor

REGRESSION = "regression"
N_FOLDS, N_REPEATS = 5, 2
# Splits there are; the first are the same however many are asked for.
MAX_REPEATS = 20
RAW = 100  # values beyond are raw intensities, not logarithms
ALPHAS = np.logspace(-1, 5, 13)

# Group: name of the data set: function that makes X and y, or None for a file in FOLDER.
GROUPS = {
    "microarray": dict.fromkeys(
        ("khan", "golub", "alon", "singh", "su", "tox_171", "glioma", "chowdary")
    ),
    "other": {
        **dict.fromkeys(("isolet", "coil20", "madelon", "basehock")),
        "iris": partial(load_iris, return_X_y=True),
        "wine": partial(load_wine, return_X_y=True),
        "breast_cancer": partial(load_breast_cancer, return_X_y=True),
        "digits": partial(load_digits, return_X_y=True),
    },
    REGRESSION: {
        "diabetes": partial(load_diabetes, return_X_y=True),
        "friedman1": partial(make_friedman1, 500, n_features=10, noise=1, random_state=0),
        "friedman1_wide": partial(make_friedman1, 300, n_features=205, noise=1, random_state=0),
        "linear_wide": partial(
            make_regression, 200, n_features=500, n_informative=20, noise=10, random_state=0
        ),
    },
}


def same_widths(ours):
    return ours().hidden_layer_sizes


CLASSIFIERS = {
    "SET": lambda seed: SETClassifier(random_state=seed, n_jobs=1),
    "SET static": lambda seed: SETClassifier(zeta=0, random_state=seed, n_jobs=1),
    "MLP same widths": lambda seed: MLPClassifier(same_widths(SETClassifier), random_state=seed),
    "MLP": lambda seed: MLPClassifier(random_state=seed),
    "MLP 512x512": lambda seed: MLPClassifier((512, 512), random_state=seed),
    "Ridge": lambda seed: RidgeClassifierCV(ALPHAS),
    "Logistic": lambda seed: LogisticRegression(C=1, max_iter=2000, random_state=seed),
    "LinearSVC": lambda seed: LinearSVC(C=0.01, random_state=seed),
    "SVC": lambda seed: SVC(C=10, random_state=seed),
    "KBest+SVC": lambda seed: make_pipeline(SelectKBest(k=100), SVC(C=10, random_state=seed)),
    "KBest+Logistic": lambda seed: make_pipeline(
        SelectKBest(k=100), LogisticRegression(C=1, max_iter=2000, random_state=seed)
    ),
    "ExtraTrees": lambda seed: ExtraTreesClassifier(500, random_state=seed, n_jobs=1),
    "RandomForest": lambda seed: RandomForestClassifier(500, random_state=seed, n_jobs=1),
    "5-NN": lambda seed: KNeighborsClassifier(5, n_jobs=1),
}
REGRESSORS = {
    "SET": lambda seed: SETRegressor(random_state=seed, n_jobs=1),
    "SET static": lambda seed: SETRegressor(zeta=0, random_state=seed, n_jobs=1),
    "MLP same widths": lambda seed: MLPRegressor(same_widths(SETRegressor), random_state=seed),
    "MLP": lambda seed: MLPRegressor(random_state=seed),
    "Ridge": lambda seed: RidgeCV(ALPHAS),
    "SVR": lambda seed: SVR(C=10),
    "RandomForest": lambda seed: RandomForestRegressor(500, random_state=seed, n_jobs=1),
}
GRID = {"epsilon": [5, 10, 20, 40], "zeta": [0, 0.1, 0.3, 0.5]}
DEFAULT, TUNED = "SET", "SET tuned"


# --------------------------------------------------------------------------------- data sets


@dataclass(frozen=True)
class Source:
    """Where a data set comes from.

    Parameters
    ----------
    name, group : str
    folder : Path or None
        Holds the data sets that are files.
    """

    name: str
    group: str
    folder: Path | None = None

    @property
    def is_regression(self):
        return self.group == REGRESSION

    @property
    def maker(self):
        """The function that makes X and y, or None."""
        return GROUPS[self.group].get(self.name)

    @property
    def missing(self):
        """Why there is no such data set, or None."""
        if self.maker is not None:
            return None
        if self.folder is None:
            return "it is a file, and no FOLDER is given"
        if any((self.folder / f"{self.name}{ending}").exists() for ending in (".npz", "_X.npz")):
            return None
        return f"there is neither {self.name}.npz nor {self.name}_X.npz in {self.folder}"


@functools.lru_cache(maxsize=1)  # tasks come one data set after the other
def load(source):
    """X, y and the splits of a data set.

    Parameters
    ----------
    source : Source

    Returns
    -------
    X : ndarray or CSR matrix of float32
    y : ndarray
        Classes of fewer than five samples are left out.
    splits : list of (train, test)
        Fold by fold, repeat by repeat; the same for every method.
    """
    X, y = source.maker() if source.maker else read_arrays(source)
    X = X.astype(np.float32)
    if source.is_regression:
        folds = RepeatedKFold(n_splits=N_FOLDS, n_repeats=MAX_REPEATS, random_state=0)
    else:
        labels, counts = np.unique(y, return_counts=True)
        keep = np.isin(y, labels[counts >= N_FOLDS])
        X, y = X[keep], y[keep]
        folds = RepeatedStratifiedKFold(n_splits=N_FOLDS, n_repeats=MAX_REPEATS, random_state=0)
    return X, y, list(folds.split(X, y))


def read_arrays(source):
    path = source.folder / f"{source.name}.npz"
    if path.exists():
        with np.load(path) as arrays:
            return arrays["X"], arrays["y"]
    X = sparse.load_npz(source.folder / f"{source.name}_X.npz").tocsr()
    with np.load(source.folder / f"{source.name}_y.npz") as arrays:
        return X, arrays["y"]


# ----------------------------------------------------------------------------------- methods


def configuration(text):
    """A label and parameters of ours, from "label: parameter=value, parameter=value".

    Values are Python literals, or inf.
    """
    label, colon, rest = text.partition(":")
    label = label.strip()
    if not (label and colon):
        raise ValueError(f"{text!r} is not of the form 'label: parameter=value'")
    try:
        call = ast.parse(f"f({rest.strip()})", mode="eval").body
        if call.args or any(keyword.arg is None for keyword in call.keywords):
            raise ValueError("a value without a name")
        return label, {keyword.arg: literal(keyword.value) for keyword in call.keywords}
    except (SyntaxError, ValueError, AttributeError) as error:
        raise ValueError(f"{text!r}: {error}") from error


def literal(node):
    if isinstance(node, ast.Name) and node.id == "inf":
        return float("inf")
    return ast.literal_eval(node)


def methods_of(group, configurations, names=None):
    """The methods for a group of data sets.

    Parameters
    ----------
    group : str
    configurations : dict
        Further ones of ours: parameters by label.
    names : list of str or None
        Those wanted of the tables above and of OTHERS, all of the tables above where None.

    Returns
    -------
    dict
        Functions that make the estimator from a seed, by name.
    """
    table, ours = (
        (REGRESSORS, SETRegressor) if group == REGRESSION else (CLASSIFIERS, SETClassifier)
    )
    if names is not None and group != REGRESSION:
        table = table | OTHERS
    chosen = {name: make for name, make in table.items() if names is None or name in names}
    return chosen | makers_of(configurations, ours)


def makers_of(configurations, ours):
    """Functions that make an estimator of ours from a seed, by the label of its parameters."""
    for parameters in configurations.values():
        ours().set_params(**parameters)  # the message about a wrong name, before any fit
    return {
        label: partial(configured, ours, parameters) for label, parameters in configurations.items()
    }


def configured(ours, parameters, seed):
    return ours(**{"random_state": seed, "n_jobs": 1} | parameters)


def pipeline(source, estimator):
    """The estimator behind what every method gets: logarithms of raw intensities, and scaling.

    Targets of a regression are standardised, for all methods alike.
    """
    X, _, _ = load(source)
    steps = [FunctionTransformer(signed_log)] if abs(X).max() > RAW else []
    steps.append(MaxAbsScaler() if sparse.issparse(X) else StandardScaler())
    if source.is_regression:
        estimator = TransformedTargetRegressor(estimator, transformer=StandardScaler())
    return make_pipeline(*steps, estimator)


def signed_log(X):
    """The logarithm of 1 + |x| with the sign of x; zeros stay zeros."""
    if sparse.issparse(X):
        X = X.copy()
        X.data = signed_log(X.data)
        return X
    return np.sign(X) * np.log1p(np.abs(X))


def tuned(source, seed):
    """A search over GRID, by folds of the training part only."""
    methods = methods_of(source.group, {})
    model = pipeline(source, methods[DEFAULT](seed))
    prefix = f"{model.steps[-1][0]}__" + "regressor__" * source.is_regression
    kind = KFold if source.is_regression else StratifiedKFold
    return GridSearchCV(
        model,
        {prefix + name: values for name, values in GRID.items()},
        cv=kind(3, shuffle=True, random_state=seed),
        n_jobs=1,
    )


NOT_TOLD = ("steps", "n_jobs", "verbose", "memory", "cache_size")


def parameters_of(model):
    """All parameters, defaults too, so that a changed default is another configuration."""
    return {
        name: type(value).__name__ if hasattr(value, "get_params") else plain(value)
        for name, value in sorted(model.get_params().items())
        if name.rpartition("__")[2] not in NOT_TOLD
    }


def plain(value):
    """The value as JSON can tell it and read it again."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if np.isfinite(value) else str(value)
    return getattr(value, "__name__", None) or str(value)


# ------------------------------------------------------------------------------------ one fit


def measure(model, source, split):
    """Fit on the training part of a split, on one thread, and score on the rest.

    Returns
    -------
    dict
        ``score`` (accuracy, or R2), ``fit_seconds`` and ``predict_seconds`` (of the whole
        pipeline), ``n_iter``, ``warnings`` (categories), for a search ``chosen``; or ``error``.
    """
    X, y, splits = load(source)
    train, test = splits[split]
    # Caught, because a study of thousands of fits would drown in them; the result names them.
    with threadpool_limits(1), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            start = time.perf_counter()
            model.fit(X[train], y[train])
            fitted = time.perf_counter()
            predicted = model.predict(X[test])
            end = time.perf_counter()
            score = (r2_score if source.is_regression else accuracy_score)(y[test], predicted)
        except Exception as error:  # the other methods go on
            return {"error": f"{type(error).__name__}: {error}"}
    result = {
        "score": float(score),
        "fit_seconds": fitted - start,
        "predict_seconds": end - fitted,
        "n_iter": n_iterations(model),
        "warnings": sorted({each.category.__name__ for each in caught}),
    }
    if isinstance(model, GridSearchCV):
        names = {name.rpartition("__")[2]: value for name, value in model.best_params_.items()}
        result["chosen"] = plain(names)
    return result


def n_iterations(model):
    """Epochs, or what the fitted model counts instead; None where it counts nothing."""
    while True:
        inner = getattr(model, "best_estimator_", None) or getattr(model, "regressor_", None)
        if inner is None and hasattr(model, "steps"):
            inner = model.steps[-1][1]
        if inner is None:
            break
        model = inner
    n_iter = getattr(model, "n_iter_", None)
    return None if n_iter is None else int(np.max(n_iter))
