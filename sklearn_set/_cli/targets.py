"""Labels as classes or as numbers to estimate: which of the two they are, and what is refused.

Knows labels as they stand in a file, and their words; must not know genes or folds.
"""

import re
import unicodedata
from dataclasses import dataclass

import numpy as np

from sklearn_set._cli.files.cells import MISSING, is_number
from sklearn_set._cli.files.messages import Refusal, count, shown, some

CLASSES, NUMBERS = "classification", "regression"
_MOST_NUMBERED_CLASSES = 10


@dataclass
class Target:
    """Labels of the samples that have one."""

    task: str
    y: np.ndarray  # int64 or str if classes, else float64
    rows: np.ndarray  # which samples have a label
    notes: list

    @property
    def is_classification(self):
        """Whether y holds classes."""
        return self.task == CLASSES

    @property
    def classes(self):
        """The classes in order, and how many samples each has."""
        return np.unique(self.y, return_counts=True)


def target_of(samples, task):
    """What is to be learned from labels as they stand in a file; the task is None if unknown."""
    labels = samples.labels
    missing = np.isin(labels, MISSING) if labels.dtype.kind == "U" else labels != labels
    if missing.all():
        raise Refusal(f"has no label for any of {len(labels)} samples, in {samples.label}.")
    rows = np.flatnonzero(~missing)
    y = labels[rows]
    if y.dtype.kind == "U":
        y = _as_numbers(y, samples.decimal)
    if np.unique(y).size == 1:
        others = f" ({count(missing.sum(), 'sample')} without one)" if missing.any() else ""
        raise Refusal(
            f"has one class only: all {len(y)} labels, in {samples.label}, are {shown(y[0])}"
            f"{others}; expected two or more. {samples.advice}"
        )
    decided = task or (CLASSES if _are_classes(y) else NUMBERS)
    if decided == NUMBERS and samples.guessed and task is None:
        raise Refusal(
            f"has no column called label, class, target or y, and numbers in {samples.label}, "
            f"expected labels: whole numbers or text that repeat, or the name of what is to be "
            f"estimated. {samples.advice}"
        )
    y = _checked(samples, y, decided)
    notes = _notes(samples, y, decided)
    if missing.any():
        notes.append(f"Left out: {count(missing.sum(), 'sample')} without a label.")
    return Target(decided, y, rows, notes)


def _checked(samples, y, task):
    """Labels in the type of the task, or a refusal."""
    n_values, numeric = np.unique(y).size, y.dtype.kind != "U"
    if task == NUMBERS:
        if not numeric:
            raise Refusal(
                f"has text as labels, in {samples.label}, such as "
                f"{shown(next(label for label in y if not is_number(label)))}; regression needs "
                f"numbers. {samples.advice}"
            )
        y = y.astype(np.float64)
        if not np.isfinite(y).all():
            raise Refusal(f"has infinite labels, in {samples.label}.")
        return y
    if n_values > max(2, len(y) / 2):
        raise Refusal(
            f"has {'numbers' if numeric else 'text'} as labels, in {samples.label}, with "
            f"{n_values} distinct values among {len(y)} samples; classification needs classes, of "
            f"more than two samples on average. {samples.advice}"
        )
    if y.dtype.kind == "f":
        whole = (y == np.round(y)).all() and np.abs(y).max() <= 2**53
        return y.astype(np.int64) if whole else y.astype(str)
    return y


def _are_classes(y):
    """Whether labels are classes: text, or whole numbers that are few or count from 0 or 1."""
    if y.dtype.kind == "U":
        return True
    if y.dtype.kind == "f" and ((y != np.round(y)).any() or np.abs(y).max() > 2**53):
        return False
    values = np.unique(y)
    if len(values) > max(2, len(y) / 2):
        return False
    counted = values[0] in (0, 1) and values[-1] - values[0] == len(values) - 1
    return len(values) <= _MOST_NUMBERED_CLASSES or bool(counted and 5 * len(values) <= len(y))


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


def _notes(samples, y, task):
    """Sentences that say what is learned."""
    if task == NUMBERS:
        return [
            f"To be estimated: {samples.label}, numbers from {y.min():.6g} to {y.max():.6g}, mean "
            f"{y.mean():.6g} (regression; --task classification takes them for classes)."
        ]
    values, counts = np.unique(y, return_counts=True)
    classes = [f"{shown(value)} ({times})" for value, times in zip(values, counts, strict=True)]
    told = "; --task regression estimates numbers" if y.dtype.kind == "i" else ""
    notes = [
        f"Labels are {samples.label}: {len(values)} classes, {some(classes, str, most=10)}{told}."
    ]
    return notes + _alike(values)


def _alike(values):
    """A sentence on classes whose names look alike, if there are any."""
    spelled = {}
    for value in values if values.dtype.kind == "U" else ():
        seen = "".join(unicodedata.normalize("NFKC", value).casefold().split())
        seen = "".join(sign for sign in seen if unicodedata.category(sign) != "Cf")  # no width
        spelled.setdefault(seen, []).append(value)
    alike = [" and ".join(map(shown, each)) for each in spelled.values() if len(each) > 1]
    if not alike:
        return []
    return [
        f"{some(alike, str)} differ in case, spaces or signs that cannot be seen: if they are one "
        "class, write them alike."
    ]
