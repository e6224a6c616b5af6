"""Scores of predictions on one fold, and their means and spreads over folds.

Knows labels, predictions and probabilities; must not know estimators.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import (
    accuracy_score,
    log_loss,
    mean_absolute_error,
    r2_score,
    recall_score,
    roc_auc_score,
)

# Name -> (whether more is better, what it means).
SCORES = {
    "accuracy": (True, "share of samples whose class is right"),
    "balanced accuracy": (True, "the same, if every class counted alike; by chance 1 / classes"),
    "AUC": (
        True,
        "area under the ROC curve: how often a sample of a class is ranked above one of another "
        "class; by chance 0.5; for more than two classes the mean over the classes",
    ),
    "log-loss": (False, "how wrong the probabilities are; 0 is best; – where there are none"),
    "R²": (True, "share of the variance that is explained; 0 or less is worthless"),
    "MAE": (
        False,
        "mean absolute error: the mean distance between estimate and truth, in units of the target",
    ),
}


@dataclass
class Predictions:
    """What a method says of the samples of one test part."""

    labels: np.ndarray
    probabilities: np.ndarray | None = None  # n_samples x n_classes
    decisions: np.ndarray | None = None  # the same shape: the larger, the more of the class


def scores_of(y, said, classes):
    """Scores of one fold by name; NaN where one cannot be told."""
    is_regression = classes is None
    if is_regression:
        return {"R²": r2_score(y, said.labels), "MAE": mean_absolute_error(y, said.labels)}
    present = np.unique(y)
    recall = recall_score(y, said.labels, labels=present, average="macro", zero_division=0)
    loss = np.nan
    if said.probabilities is not None:
        loss = log_loss(y, said.probabilities, labels=classes)
    return {
        "accuracy": accuracy_score(y, said.labels),
        "balanced accuracy": recall,
        "AUC": _auc(y, said.decisions, classes),
        "log-loss": loss,
    }


def _auc(y, decisions, classes):
    """Area under the ROC curve; of several classes the mean of each against the rest."""
    one_is_enough = len(classes) == 2
    columns = [1] if one_is_enough else range(len(classes))
    areas = [
        roc_auc_score(y == classes[column], decisions[:, column])
        for column in columns
        if 0 < (y == classes[column]).sum() < len(y)
    ]
    return float(np.mean(areas)) if areas else np.nan


def decisions_of(model, X, classes):
    """One column of decisions for each class."""
    decisions = np.asarray(model.decision_function(X))
    if decisions.ndim == 1:
        return np.column_stack([-decisions, decisions])
    if decisions.shape[1] != len(classes):
        raise ValueError(f"{len(classes)} decisions expected, got {decisions.shape[1]}.")
    return decisions


def mean_and_spread(values):
    """Mean and standard deviation over the folds that have a number."""
    values = np.asarray(values, dtype=float)
    values = values[np.isfinite(values)]
    return (values.mean(), values.std()) if values.size else (np.nan, np.nan)
