"""Tables, of samples or of genes as rows, brought to samples.

Knows which row or column holds labels, groups and names; must not know how cells are parsed, or
series matrices of GEO.
"""

from collections import Counter

import numpy as np

from sklearn_set._cli.files.cells import (
    MISSING,
    UNKNOWN_TO_PANDAS,
    is_number,
    tells_genes,
    tells_labels,
)
from sklearn_set._cli.files.columns import sorted_out
from sklearn_set._cli.files.frames import offender_in, parse, texts_of, transposed
from sklearn_set._cli.files.lines import DELIMITERS, scan
from sklearn_set._cli.files.messages import Refusal, count, meant, shown, some
from sklearn_set._cli.files.samples import Samples


def from_table(content, wanted):
    """Samples from a table, in UTF-8."""
    lines = scan(content, wanted.names)
    if wanted.labelled:
        row = _row_of_labels(lines, wanted.target)
        genes_are_rows = row is not None
    else:
        row, genes_are_rows = None, _samples_are_columns(lines, wanted.known)
    if genes_are_rows:
        return _genes_as_rows(content, lines, row, wanted)
    return _samples_as_rows(content, lines, wanted)


def _form(lines, decimal):
    """What the table is, in words."""
    commas = ", decimal commas" if decimal == "," else ""
    return f"a table with {DELIMITERS[lines.delimiter]} between its cells{commas}"


def _reading(content, lines, decimal):
    """Options with which pandas reads the table, without those that are its defaults."""
    missing = [code for code in UNKNOWN_TO_PANDAS if code.encode() in content]
    told = {"sep": lines.delimiter, "decimal": decimal, "na_values": missing}
    usual = {"sep": ",", "decimal": ".", "na_values": []}
    return {name: option for name, option in told.items() if option != usual[name]}


def _columns_in_short(lines):
    """A few names of columns, in words."""
    among = " among others" if len(lines.names) > 6 else ""
    return f"{some([*lines.names[:4], *lines.names[4:][-2:]], most=6)}{among}"


def _row_of_labels(lines, target):
    """Name of the row that holds the labels; None if samples are rows."""
    if target is not None:
        if target in lines.names:
            return None
        if target in lines.rows:
            return target
        elsewhere = " If another file holds the labels, name that with --annotations."
        raise Refusal(
            f"has no column {target!r}, nor a row of this name; its columns are "
            f"{_columns_in_short(lines)}.{meant(target, [*lines.names, *lines.rows]) or elsewhere}"
        )
    if any(map(tells_labels, lines.names)):
        return None
    rows, n_columns = lines.rows, len(lines.names)
    if n_columns < 3 or lines.n_ends > len(lines.text):
        return None
    named = list(filter(tells_labels, rows))
    if not named and len(rows) > 2 and len(lines.text) == 1 and lines.text[0]:
        return lines.text[0]  # also where genes are called by numbers: samples have numbers, too
    names = [row for row in rows if row and not is_number(row)]
    if len(names) < 0.9 * len(rows):
        return None
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
            "labels with --target (or a column, if rows are samples), or a file that holds the "
            "labels with --annotations."
        )
    return None


def _samples_are_columns(lines, known):
    """Whether annotations know the names in the header, and not those that begin the lines."""
    n_columns = len(known & set(lines.names))
    n_rows = len(known & set(lines.rows))
    if n_columns == n_rows == 0:
        names_first = sorted(known, key=lambda each: (is_number(each), each))
        raise Refusal(
            "names none of the samples that the annotations describe, neither in its header "
            f"({_columns_in_short(lines)}) nor in its first column ({some(lines.rows[:4])}). The "
            f"annotations name {some(names_first[:6], most=6)} among others."
        )
    return n_columns > n_rows


# ------------------------------------------------------------------------------ samples as rows


def _samples_as_rows(content, lines, wanted):
    """Samples from a table in which each row is one."""
    column, label, guessed = None, "the samples' names", False
    if wanted.labelled:
        column, label, guessed = _column_of_labels(lines.names, wanted.target)
    aside = {name: _place_of(lines, name) for name in (wanted.groups, *wanted.ignore) if name}
    frame, text, decimal = parse(content, lines, {column, *aside.values()} - {None})
    found = sorted_out(lines, frame, text, {column, *aside.values()}, known=wanted.known)
    if found.offenders:
        cell = offender_in(frame[found.offenders[0]], decimal)
        raise Refusal(
            f"has text in {count(len(found.offenders), 'column')} beside {label}: "
            f"{some([lines.names[each] for each in found.offenders])}, such as {shown(cell)}. All "
            "but the labels must be numbers: leave such columns out with --ignore, or write "
            f"numbers{', or name the labels with --target' if wanted.target is None else ''}."
        )
    advice = "Name the column of the labels with --target."
    if wanted.target is not None:
        advice = "Name another column with --target."
    elif len(lines.rows) > len(lines.names):
        advice += " If genes are rows, add a row of labels and name that."
    ignored = [f"{name!r} (as told)" for name in wanted.ignore]
    return Samples(
        found.values,
        form=_form(lines, decimal),
        features=[lines.names[each] for each in found.kept],
        names=found.names,
        labels=None if column is None else texts_of(frame[column]),
        label=label,
        guessed=guessed,
        advice=advice,
        groups=texts_of(frame[aside[wanted.groups]]) if wanted.groups else None,
        group=f"column {wanted.groups!r}",
        left_out=[*ignored, *found.left_out],
        hints=found.hints,
        decimal=decimal,
        reading=_reading(content, lines, decimal),
    )


def _place_of(lines, name):
    """Position of a column, which must be there, and be one."""
    places = [place for place, each in enumerate(lines.names) if each == name]
    if len(places) != 1:
        raise Refusal(
            f"has {len(places) or 'no'} column{'s' if places else ''} {name!r}, expected one; its "
            f"columns are {_columns_in_short(lines)}.{'' if places else meant(name, lines.names)}"
        )
    return places[0]


def _column_of_labels(names, target):
    """Position of the column that holds the labels, what to call it, whether it is guessed."""
    named = [target] if target is not None else list(filter(tells_labels, names))
    if len(named) > 1:
        raise Refusal(f"may have its labels in {some(named)}; name one with --target.")
    if named:
        if names.count(named[0]) > 1:
            raise Refusal(f"has {names.count(named[0])} columns {named[0]!r}, expected one.")
        return names.index(named[0]), f"column {named[0]!r}", False
    last = max(index for index, name in enumerate(names) if name)
    return last, f"the last column {names[last]!r}", True


# -------------------------------------------------------------------------------- genes as rows


def _genes_as_rows(content, lines, row, wanted):
    """Samples from a table whose columns they are, with or without a row of labels."""
    twice = [name for name, times in Counter(lines.names).items() if name and times > 1]
    if twice:
        raise Refusal(f"has several samples of the same name: {some(twice)}. Names must differ.")
    aside = dict.fromkeys(name for name in (row, wanted.groups, *wanted.ignore) if name is not None)
    others = [name for name in lines.text if name not in aside]
    if others:
        told = f" beside row {row!r}, the labels" if row is not None else ""
        raise Refusal(
            f"has text in the rows {some(others)}{told}. All but the labels must be numbers: leave "
            "such rows out with --ignore, or write numbers."
        )
    for name in aside:
        aside[name] = _taken_out(lines, name)
    known = wanted.known if row is None else None
    frame, text, decimal = parse(content, lines, {0})
    labels = None if row is None else aside[row]
    kept, left_out = _columns_of_samples(lines, frame, text, labels, known, decimal)
    ignored = [f"{name!r} (as told)" for name in wanted.ignore]
    others = [lines.names[column] for column in frame.columns[1:] if column not in kept]
    others = others if len(others) < 10 else []  # so many are samples that the annotations lack
    return transposed(
        frame,
        kept,
        [*ignored, *left_out],
        names=[lines.names[column] for column in kept],
        labels=None if row is None else labels[kept],
        label=f"row {row!r}",
        advice="Name another row with --target.",
        groups=aside[wanted.groups][kept] if wanted.groups is not None else None,
        group=f"row {wanted.groups!r}",
        form=_form(lines, decimal),
        decimal=decimal,
        reading={**_reading(content, lines, decimal), "without": others},
    )


def _taken_out(lines, name):
    """The cells of a row that holds no gene, which is struck from the lines."""
    found = lines.named.get(name, [])
    if len(found) != 1:
        raise Refusal(f"has {len(found) or 'no'} row{'s' if found else ''} {name!r}, expected one.")
    number, record = found[0]
    lines.skip.add(number)
    lines.rows.remove(name)
    return np.array([cell.strip() for cell in record])


def _columns_of_samples(lines, frame, text, labels, known, decimal):
    """Columns that are samples, since they have a label or are known; the others in words."""
    filled = frame.notna().any().to_numpy()
    kept, left_out = [], []
    for column in frame.columns[1:]:
        title = lines.title(column)
        unlabelled = (
            lines.names[column] not in known if labels is None else (labels[column] in MISSING)
        )
        if unlabelled and not filled[column]:
            left_out.append(f"{title} (empty)")
        elif unlabelled and column in text:
            left_out.append(f"{title} (text about the genes)")
        elif unlabelled and labels is None:
            left_out.append(f"{title} (not in the annotations)")
        elif column in text:
            raise Refusal(
                f"has text in column {title}, such as "
                f"{shown(offender_in(frame[column], decimal))}; where genes are rows, all cells "
                "of a sample must be numbers."
            )
        else:
            kept.append(column)
    return kept, left_out
