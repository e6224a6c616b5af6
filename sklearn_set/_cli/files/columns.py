"""The columns of a table whose rows are samples: genes, names, and what is left out.

Knows columns of numbers and of text; must not know labels, or the lines of a file.
"""

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np

from sklearn_set._cli.files.cells import (
    MISSING,
    is_counter,
    is_number,
    tells_genes,
    tells_patients,
    tells_samples,
)
from sklearn_set._cli.files.frames import texts_of
from sklearn_set._cli.files.messages import Refusal, some

_ROW_NUMBERS = re.compile(r"Unnamed: 0(\.\d+)*")  # what pandas calls a nameless first column


@dataclass
class Columns:
    """What the columns of a table hold, beside labels and groups."""

    kept: list  # those of genes
    values: np.ndarray
    names: list | None  # of the samples
    left_out: list  # in words
    offenders: list  # text that is neither
    hints: list


def sorted_out(lines, frame, text, beside, known):
    """Sort the columns, but those `beside`, into genes, names of samples, and what is neither."""
    numeric = [each for each in frame.columns if each not in {*beside, *text}]
    values = frame[numeric].to_numpy(dtype=np.float64)
    empty = dict(zip(numeric, np.isnan(values).all(axis=0), strict=True))
    counting = dict(zip(numeric, _counting(values), strict=True))
    whole = {column for column, dtype in frame.dtypes.items() if dtype.kind in "iu"}
    kept, left_out, offenders, namers = [], [], [], []
    for column in sorted([*numeric, *text]):
        name, is_text = lines.names[column], column not in empty
        if not is_text and empty[column]:
            left_out.append(f"{lines.title(column)} (empty)")
            continue
        if not is_text and is_counter(name):
            left_out.append(f"{lines.title(column)} (reads of no gene)")
            continue
        if (not name and column == 0) or _ROW_NUMBERS.fullmatch(name):
            namers.append((column, "numbers or names of the samples"))
        elif is_text and (
            tells_samples(name)
            or _names_samples(frame[column])
            or (column == 0 and not known.isdisjoint(lines.rows))
        ):
            namers.append((column, "names of the samples"))
        elif not is_text and (
            (tells_samples(name) and column in whole)
            or (counting[column] and (column == 0 or frame[column].iloc[0] in (0, 1)))
        ):
            namers.append((column, "numbers of the samples"))
        elif not name:
            raise Refusal(f"has no name for column {column + 1}, expected names for all.")
        elif is_text:
            offenders.append(column)
        else:
            kept.append(column)
    left_out += [f"{lines.title(column)} ({told})" for column, told in namers]
    names, hints = _names_of(lines, frame, [column for column, _ in namers])
    if len(kept) < len(numeric):
        values = values[:, np.searchsorted(numeric, kept)]
    return Columns(kept, values, names, left_out, offenders, hints)


def _names_of(lines, frame, columns):
    """Names of the samples, from the first column that names each, and hints on the others."""
    names, hints = None, []
    for column in columns:
        cells = lines.rows if column == 0 else texts_of(frame[column].astype(str)).tolist()
        twice = [name for name, times in Counter(cells).items() if times > 1]
        title = lines.title(column)
        if not set(cells).isdisjoint(MISSING):
            continue
        if not twice:
            names = cells if names is None else names
        elif tells_patients(lines.names[column]):
            hints.append(
                f"{len(set(cells))} patients or subjects in column {title} have "
                f"{len(cells)} samples. --groups {lines.names[column]} keeps those of one "
                "together: without it, scores are too good."
            )
        elif column == 0:
            long = any(map(tells_genes, lines.names))
            raise Refusal(
                f"has several samples of the same name in {title}: {some(twice)}. Names must "
                "differ. If they are patients with several samples each, name the column with "
                "--groups."
                f"{' If a line is one gene of a sample, make a column of each gene.' * long}"
            )
    return names, hints


def _names_samples(cells):
    """Whether a column of text is different in every row, and not a number anywhere."""
    return cells.is_unique and not any(map(is_number, texts_of(cells)))


def _counting(values):
    """For each column, whether it increases by one from row to row."""
    if len(values) < 3:
        return np.zeros(values.shape[1], dtype=bool)
    with np.errstate(invalid="ignore"):  # infinite cells are refused later, in words
        return (values[1:] - values[:-1] == 1).all(axis=0)
