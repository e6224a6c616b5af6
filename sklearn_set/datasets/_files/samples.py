"""Samples, which every kind of file is brought to, and the last checks of them.

Knows arrays and the words for what they hold; must not know the kind of the file, or how it was
read.
"""

import re
from dataclasses import dataclass, field

import numpy as np

from sklearn_set.datasets._files.cells import MISSING, is_number
from sklearn_set.datasets._files.messages import Refusal, count, shown, some


@dataclass
class Samples:
    """Samples as they stand in a file, before numbers and labels are checked."""

    values: np.ndarray  # n_samples x n_features
    features: list  # their names, or None
    labels: np.ndarray  # as they stand in the file; "" where missing
    label: str  # what holds them, in words
    form: str  # what the file is, in words
    advice: str  # what to do if the labels are no classes
    left_out: list = field(default_factory=list)
    transposed: bool = False
    decimal: str = "."


def classes_of(samples):
    """Labels as int64 or str; refuse those that are no classes."""
    labels, n_samples = samples.labels, len(samples.labels)
    missing = np.isin(labels, MISSING) if labels.dtype.kind == "U" else labels != labels
    if missing.any():
        raise Refusal(
            f"has no label for {missing.sum()} of {n_samples} samples, in {samples.label}. Every "
            "sample needs one: fill them in, or take these samples out."
        )
    if labels.dtype.kind == "U":
        labels = _as_numbers(labels, samples.decimal)
    values = np.unique(labels)
    if labels.dtype.kind == "f":
        if (values != np.round(values)).any() or np.abs(values).max() > 2**53:
            raise Refusal(
                f"has numbers as labels, in {samples.label}, with {len(values)} distinct values "
                f"among {n_samples} samples; classification needs classes: whole numbers or text "
                f"that repeat. {samples.advice}"
            )
        labels = labels.astype(np.int64)
    if len(values) == 1:
        raise Refusal(
            f"has one class only: all {n_samples} labels, in {samples.label}, are "
            f"{shown(labels[0])}; classification needs two. {samples.advice}"
        )
    if len(values) > max(2, n_samples / 2):
        kind = "text" if labels.dtype.kind == "U" else "numbers"
        raise Refusal(
            f"has {kind} as labels, in {samples.label}, with {len(values)} distinct values among "
            f"{n_samples} samples; classification needs classes, of more than two samples on "
            f"average. {samples.advice}"
        )
    return labels


def _as_numbers(labels, decimal):
    """Labels of text as float64 if all are numbers and none would be merged, like 1 and 01."""
    if decimal == ",":
        labels = np.char.replace(labels, ",", ".")
    if all(is_number(label) and "," not in label for label in labels):
        numbers = labels.astype(np.float64)
        leading_zero = any(re.match(r"[+-]?0\d", label) for label in labels)
        if not leading_zero and np.abs(numbers).max() <= 2**53:
            return numbers
    return labels


def numbers_of(samples):
    """X in single precision, if no cell is missing and all fit."""
    values = samples.values
    if values.shape[1] == 0:
        raise Refusal(f"has no column of numbers beside {samples.label}.")
    missing = np.isnan(values)
    if missing.any():
        columns = np.flatnonzero(missing.any(axis=0))
        raise Refusal(
            f"lacks {count(missing.sum(), 'cell')} in {len(columns):,} of {values.shape[1]:,} "
            f"features ({_names_of(samples, columns)}). Fill them first, for example by "
            "sklearn.impute.SimpleImputer, or take these features out."
        )
    large = ~(np.abs(values) <= np.finfo(np.float32).max)
    if large.any():
        raise Refusal(
            f"has {count(large.sum(), 'cell')}, infinite or too large for float32, in "
            f"{_names_of(samples, np.flatnonzero(large.any(axis=0)))}. Take logarithms, or "
            "correct them."
        )
    return np.ascontiguousarray(values, dtype=np.float32)


def _names_of(samples, columns):
    if samples.features is None:
        return "columns " + some([str(column) for column in columns], str)
    return some([samples.features[column] for column in columns])


def notes_on(samples, name, X, y):
    """Sentences that say what was understood of the file of this name."""
    values, counts = np.unique(y, return_counts=True)
    classes = [f"{shown(value)} ({times})" for value, times in zip(values, counts, strict=True)]
    notes = [f"{name} is {samples.form}."]
    if samples.transposed:
        notes.append("Its rows are features and its columns are samples: it was transposed.")
    notes.append(f"{X.shape[0]:,} samples, {X.shape[1]:,} features, no missing cells.")
    notes.append(
        f"Labels are {samples.label}: {len(values)} classes, {some(classes, str, most=10)}."
    )
    if samples.left_out:
        notes.append(f"Left out: {some(samples.left_out, str, most=10, between='; ')}.")
    return notes
