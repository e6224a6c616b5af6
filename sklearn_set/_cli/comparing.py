"""Methods trained and scored on the same folds.

Knows studies, methods and scores; must not know how results are shown.
"""

from __future__ import annotations

import time
import warnings
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from joblib import Parallel, delayed
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold
from threadpoolctl import threadpool_limits

from sklearn_set._cli import progress
from sklearn_set._cli.files.messages import count, one_line, shown
from sklearn_set._cli.methods import OURS, pipeline_of, title_of
from sklearn_set._cli.scoring import Predictions, decisions_of, scores_of


@dataclass
class Fold:
    """One part of the samples that is predicted by models of the others."""

    repeat: int
    number: int
    train: np.ndarray
    test: np.ndarray


@dataclass
class Fit:
    """What one method did on one fold."""

    method: str
    fold: int
    said: Predictions
    scores: dict
    seconds: float
    strengths: np.ndarray | None  # of the genes, if the method is ours
    warned: list


@dataclass
class Comparison:
    """All fits of all methods."""

    folds: list
    methods: list
    fits: dict = field(default_factory=dict)  # method -> fits by fold

    def scores(self, method, name):
        """One score of a method, by fold."""
        return np.array([fit.scores[name] for fit in self.fits[method]])

    def seconds(self, method):
        """Mean time of a fit."""
        return float(np.mean([fit.seconds for fit in self.fits[method]]))

    @property
    def score_names(self):
        """Names of the scores, in order."""
        return list(self.fits[OURS][0].scores)

    @property
    def strengths(self):
        """Strengths of the genes, one row for each of our models."""
        return np.array([fit.strengths for fit in self.fits[OURS]])

    def warned(self):
        """How often each warning came, by method."""
        return {
            method: Counter(text for fit in fits for text in set(fit.warned))
            for method, fits in self.fits.items()
        }

    def out_of_fold(self, method, repeat=0):
        """Predictions for all samples in one repeat, each by a model that has not seen it."""
        chosen = [fit for fit in self.fits[method] if self.folds[fit.fold].repeat == repeat]
        order = np.argsort(np.concatenate([self.folds[fit.fold].test for fit in chosen]))

        def together(name):
            parts = [getattr(fit.said, name) for fit in chosen]
            return None if parts[0] is None else np.concatenate(parts)[order]

        return Predictions(*map(together, ("labels", "probabilities", "decisions")))


def check_folds(study, n_folds):
    """Refuse samples, classes or groups that are too few for so many folds."""
    n = len(study.y)
    if n < 2 * n_folds:
        raise ValueError(
            f"{study.title} has {n} samples, expected at least {2 * n_folds}, two for each of "
            f"{n_folds} folds. Say --folds {max(2, n // 2)}."
        )
    if study.groups is not None and np.unique(study.groups).size < n_folds:
        n_groups = np.unique(study.groups).size
        fewer = f"Say --folds {n_groups}" if n_groups > 1 else "Name other groups with --groups"
        raise ValueError(
            f"{study.title} has {count(n_groups, 'group')}, expected at least as many as folds, "
            f"{n_folds}. {fewer}."
        )
    if not study.is_classification:
        return
    for label in study.classes:
        members = study.y == label
        if study.groups is None:
            number, least, what = int(members.sum()), n_folds, "sample"
            why = ", one for each fold"
        else:
            number, least, what = np.unique(study.groups[members]).size, 2, "group"
            why = ", or no model could learn it and be tested"
        if number < least:
            fewer = f"Say --folds {number}, or take" if 1 < number < n_folds else "Take"
            raise ValueError(
                f"{study.title} has {count(number, what)} of class {shown(label)}, expected at "
                f"least {least}{why}. {fewer} this class out: samples without a label are left "
                "out."
            )


def folds_of(study, n_folds, n_repeats, seed):
    """The folds: classes in proportion, groups together, other ones for every repeat."""
    folds = []
    for repeat in range(n_repeats):
        options = {"n_splits": n_folds, "shuffle": True, "random_state": seed + repeat}
        if study.groups is None:
            splitter = (StratifiedKFold if study.is_classification else KFold)(**options)
        else:
            splitter = (StratifiedGroupKFold if study.is_classification else GroupKFold)(**options)
        parts = splitter.split(study.X, study.y, study.groups)
        folds += [Fold(repeat, number, *part) for number, part in enumerate(parts, 1)]
    for fold in folds:
        if study.is_classification and np.unique(study.y[fold.train]).size < study.classes.size:
            raise ValueError(
                f"{study.title} has a class whose groups are all in fold {fold.number}, so that no "
                "model could learn it. Try other folds with --folds or --seed."
            )
    return folds


def compare(study, methods, folds, *, seed, n_jobs, check_stop):
    """Train every method on every fold; progress goes to standard error."""
    X = study.scaled
    classes = study.classes if study.is_classification else None
    tasks = [(method, fold) for fold in range(len(folds)) for method in methods]
    comparison = Comparison(folds, methods, {method: [] for method in methods})

    def name_of(fit):
        return f"{title_of(fit.method, study)}, fold {fit.fold + 1}"

    calls = (
        delayed(_fit)(
            pipeline_of(method, study, seed), method, fold, X, study.y, folds[fold], classes
        )
        for method, fold in tasks
    )
    done = Parallel(n_jobs=n_jobs, return_as="generator")(calls)
    for fit in progress.shown(done, len(tasks), name_of):
        check_stop()
        comparison.fits[fit.method].append(fit)
    return comparison


def _fit(pipeline, method, fold, X, y, parts, classes):
    """One method on one fold."""
    # Tables of few samples are too narrow for the threads of BLAS, which keep processors busy
    # while they wait.  With one, the last digits do not depend on the number of jobs, either.
    with warnings.catch_warnings(record=True) as caught, threadpool_limits(1, user_api="blas"):
        warnings.simplefilter("always")
        start = time.perf_counter()
        try:
            pipeline.fit(X[parts.train], y[parts.train])
        except (MemoryError, ValueError) as error:
            remedy = "" if method == OURS else " Leave it out with --methods."
            told = f"Method {method} failed on fold {fold + 1}: {one_line(error)}{remedy}"
            raise type(error)(told) from error
        seconds = time.perf_counter() - start
        said = _said_of(pipeline, X[parts.test], classes)
    strengths = pipeline[-1].feature_importances_ if method == OURS else None
    return Fit(
        method=method,
        fold=fold,
        said=said,
        scores=scores_of(y[parts.test], said, classes),
        seconds=seconds,
        strengths=strengths,
        warned=[f"{warning.category.__name__}: {one_line(warning.message)}" for warning in caught],
    )


def _said_of(model, X, classes):
    """Predictions of a fitted model, with probabilities where it has them."""
    labels, is_regression = model.predict(X), classes is None
    if is_regression:
        return Predictions(np.asarray(labels, dtype=float).ravel())
    if not hasattr(model, "predict_proba"):
        return Predictions(labels, None, decisions_of(model, X, classes))
    probabilities = np.asarray(model.predict_proba(X), dtype=np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return Predictions(labels, probabilities, probabilities)
