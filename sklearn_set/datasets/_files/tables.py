"""Tables, of samples or of genes as rows, brought to samples.

Knows which row or column holds the labels and which ones are left out; must not know how cells are
parsed, or series matrices of GEO.
"""

import re

import numpy as np

from sklearn_set.datasets._files.cells import (
    MISSING,
    is_number,
    tells_genes,
    tells_labels,
    tells_samples,
)
from sklearn_set.datasets._files.frames import offender_in, parse, texts_of, transposed
from sklearn_set.datasets._files.lines import DELIMITERS, scan
from sklearn_set.datasets._files.messages import Refusal, count, shown, some
from sklearn_set.datasets._files.samples import Samples

_ROW_NUMBERS = re.compile(r"Unnamed: 0(\.\d+)*")  # what pandas calls a nameless first column


def from_table(content, target):
    """Samples from a table, in UTF-8."""
    lines = scan(content, target)
    row = _row_of_labels(lines, target)
    if row is None:
        return _samples_as_rows(content, lines, target)
    return _genes_as_rows(content, lines, row)


def _form(lines, decimal):
    """What the table is, in words."""
    commas = ", decimal commas" if decimal == "," else ""
    return f"a table with {DELIMITERS[lines.delimiter]} between its cells{commas}"


def _row_of_labels(lines, target):
    """Name of the row that holds the labels; None if samples are rows."""
    if target is not None:
        if target in lines.names:
            return None
        if target in lines.rows:
            return target
        raise Refusal(
            f"has no column {target!r}, nor a row of this name; its columns are "
            f"{some([*lines.names[:4], *lines.names[4:][-2:]], most=6)}"
            f"{' among others' if len(lines.names) > 6 else ''}."
        )
    if any(map(tells_labels, lines.names)):
        return None
    rows, n_columns = lines.rows, len(lines.names)
    names = [row for row in rows if row and not is_number(row)]
    if len(names) < 0.9 * len(rows) or n_columns < 3 or lines.n_ends > len(lines.text):
        return None
    named = list(filter(tells_labels, rows))
    if not named and len(rows) > 2 and len(lines.text) == 1:
        return lines.text[0]
    if len(set(names)) < 0.9 * len(rows):
        return None
    if len(named) == 1:
        return named[0]
    found_few = 0 < len(lines.text) <= len(rows) / 10
    if named or found_few or tells_genes(lines.names[0]) or len(rows) >= 10 * n_columns:
        found = f"the rows {some(named or lines.text)} may hold labels"
        raise Refusal(
            f"looks transposed, with {len(rows):,} genes as rows and {n_columns - 1:,} samples as "
            f"columns; {found if named or found_few else 'it has no row of labels'}. Name a row of "
            "labels as target, or a column if rows are samples."
        )
    return None


def _samples_as_rows(content, lines, target):
    """Samples from a table in which each row is one."""
    column, label = _column_of_labels(lines.names, target)
    frame, text, decimal = parse(content, lines, column)
    beside = {column, *text}
    numeric = [each for each in frame.columns if each not in beside]
    values = frame[numeric].to_numpy(dtype=np.float64)
    kept, left_out, offenders = _sorted_out(lines, frame, text, numeric, values)
    if offenders:
        cell = offender_in(frame[offenders[0]], decimal)
        raise Refusal(
            f"has text in {count(len(offenders), 'column')} beside {label}: "
            f"{some([lines.names[each] for each in offenders])}, such as {shown(cell)}. All but "
            "the label must be numbers: take them out, or write numbers"
            f"{', or name the label as target' if target is None else ''}."
        )
    advice = "Name the column of the classes as target."
    if target is not None:
        advice = "Name another column as target."
    elif len(lines.rows) > len(lines.names):
        advice += " If genes are rows, add a row of labels and name that."
    return Samples(
        values if len(kept) == len(numeric) else values[:, np.searchsorted(numeric, kept)],
        [lines.names[each] for each in kept],
        labels=texts_of(frame[column]),
        label=label,
        form=_form(lines, decimal),
        advice=advice,
        left_out=left_out,
        decimal=decimal,
    )


def _column_of_labels(names, target):
    """Position of the column that holds the labels, and what to call it."""
    if target is not None:
        return names.index(target), f"column {target!r}"
    named = list(filter(tells_labels, names))
    if len(named) > 1:
        raise Refusal(f"may have its labels in {some(named)}; name one as target.")
    if named:
        return names.index(named[0]), f"column {named[0]!r}"
    last = max(index for index, name in enumerate(names) if name)
    return last, f"the last column {names[last]!r}"


def _sorted_out(lines, frame, text, numeric, values):
    """Sort columns into features, those left out (in words), and text that is neither."""
    empty = dict(zip(numeric, np.isnan(values).all(axis=0), strict=True))
    counting = dict(zip(numeric, _counting(values), strict=True))
    whole = {column for column, dtype in frame.dtypes.items() if dtype.kind in "iu"}
    kept, left_out, offenders = [], [], []
    for column in sorted([*numeric, *text]):
        name, is_text = lines.names[column], column not in empty
        if not is_text and empty[column]:
            left_out.append(f"{lines.title(column)} (empty)")
        elif (not name and column == 0) or _ROW_NUMBERS.fullmatch(name):
            left_out.append(f"{lines.title(column)} (numbers or names of the samples)")
        elif is_text and (tells_samples(name) or _names_samples(frame[column])):
            left_out.append(f"{lines.title(column)} (names of the samples)")
        elif not is_text and (
            (tells_samples(name) and column in whole)
            or (counting[column] and (column == 0 or frame[column].iloc[0] in (0, 1)))
        ):
            left_out.append(f"{lines.title(column)} (numbers of the samples)")
        elif not name:
            raise Refusal(f"has no name for column {column + 1}, expected names for all.")
        elif is_text:
            offenders.append(column)
        else:
            kept.append(column)
    return kept, left_out, offenders


def _names_samples(cells):
    """Whether a column of text is different in every row, and not a number anywhere."""
    return cells.is_unique and not any(map(is_number, texts_of(cells)))


def _counting(values):
    """For each column, whether it increases by one from row to row."""
    if len(values) < 3:
        return np.zeros(values.shape[1], dtype=bool)
    with np.errstate(invalid="ignore"):  # infinite cells are refused later, in words
        return (values[1:] - values[:-1] == 1).all(axis=0)


def _genes_as_rows(content, lines, row):
    """Samples from a table whose columns they are, with this row of labels."""
    if len(lines.named[row]) > 1:
        raise Refusal(f"has {len(lines.named[row])} rows {row!r}, expected one of labels.")
    number, record = lines.named[row][0]
    others = [name for name in lines.text if name != row]
    if others:
        raise Refusal(
            f"has text in the rows {some(others)} beside row {row!r}, the labels. All but the "
            "labels must be numbers: take them out, or write numbers."
        )
    lines.skip.add(number)
    lines.rows.remove(row)
    labels = np.array([cell.strip() for cell in record])
    frame, text, decimal = parse(content, lines, 0)
    filled = frame.notna().any().to_numpy()
    kept, left_out = [], []
    for column in frame.columns[1:]:
        title = lines.title(column)
        unlabelled = labels[column] in MISSING
        if unlabelled and not filled[column]:
            left_out.append(f"{title} (empty)")
        elif unlabelled and column in text:
            left_out.append(f"{title} (text about the genes)")
        elif column in text:
            raise Refusal(
                f"has text in column {title}, such as "
                f"{shown(offender_in(frame[column], decimal))}; where genes are rows, all cells "
                f"beside row {row!r} must be numbers."
            )
        else:
            kept.append(column)
    return transposed(
        frame,
        kept,
        left_out,
        labels=labels[kept],
        label=f"row {row!r}",
        form=_form(lines, decimal),
        advice="Name another row as target.",
        decimal=decimal,
    )
