"""A user's own file of samples: read, understood, and what was understood told in sentences.

Numbers are parsed by pandas, imported on demand. The csv module looks at the lines before, since
pandas fills short lines without a word. Nothing is guessed silently: what a file may mean in two
ways is refused, in one line that says what was found and what helps.
"""

import codecs
import csv
import gzip
import io
import os
import re
import zlib
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from sklearn_set.validation import NONE, check_values, instance

_CONSTRAINTS = {
    "path": (instance(str), instance(os.PathLike)),
    "target": (instance(str), NONE),
}
KINDS = ".csv, .tsv, .txt (each also with .gz) or .npz"
DELIMITERS = {"\t": "tabs", ";": "semicolons", ",": "commas"}
# A class may be called "None": pandas' own list has it.
MISSING = ("", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "-nan", "NULL", "null", "?")
LABEL_NAMES = {"label", "labels", "class", "target", "y"}
GENE_NAMES = {
    *("gene", "genes", "gene_id", "gene_name", "gene_symbol", "symbol", "probe", "probe_id"),
    *("probeset", "probeset_id", "id_ref", "ensembl", "ensembl_id", "entrez", "entrez_id"),
    *("feature", "features"),
}
SAMPLE_NAMES = {
    *("id", "ids", "index", "idx", "no", "nr", "row", "rowname", "rownames", "row_names", "rowid"),
    *("name", "sample", "samples", "sample_id", "sampleid", "sample_name", "samplename"),
    *("patient", "patient_id", "patientid", "subject", "subject_id", "subjectid", "case_id"),
    *("barcode", "accession", "geo_accession", "filename"),
}
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?", re.ASCII)
_COMMA_NUMBER = r"[+-]?([0-9]+(,[0-9]*)?|,[0-9]+)([eE][+-]?[0-9]+)?"
_ROW_NUMBERS = re.compile(r"Unnamed: 0(\.\d+)*")  # what pandas calls a nameless first column
_TABLE_BEGINS, _TABLE_ENDS = b"!series_matrix_table_begin", b"!series_matrix_table_end"


def read_samples(path, target=None):
    """Read samples and their classes from a file, and tell what was understood.

    A table has a header and a sample in each row, numbers in all columns but that of the label;
    columns that number or name the samples are left out. A table with genes as rows, whose labels
    are a row, is transposed. Of a series matrix of GEO [1]_, one of the descriptions of the
    samples is the label. Delimiter (comma, semicolon, tab), encoding (UTF-8, UTF-16 with a mark,
    else latin-1) and decimal commas are found out, and gzip is unpacked.

    Parameters
    ----------
    path : str or path-like
        A .csv, .tsv or .txt file, also with .gz, or an .npz file with arrays X and y.
    target : str, default=None
        What holds the labels: a column, or a row where genes are rows; in an .npz file an array;
        in a series matrix a characteristic such as "tissue", or a line such as "title". None
        means "y" in an .npz file, in a table what is called label, labels, class, target or y,
        and otherwise the last column, or the only row of text where genes are rows.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features) and dtype float32
        The numbers.
    y : ndarray of shape (n_samples,)
        The labels: int64 if all are whole numbers, otherwise str.
    notes : list of str
        Sentences that say what was understood.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is not understood, cells or labels are missing, or the labels are no classes.
        The message is one line.
    ImportError
        If pandas is needed and not installed.

    References
    ----------
    .. [1] Gene Expression Omnibus, https://www.ncbi.nlm.nih.gov/geo/
    """
    check_values(locals(), _CONSTRAINTS, "read_samples")
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path} is a folder, expected a file: {KINDS}.")
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}.")
    if not re.search(r"\.(npz|(csv|tsv|txt)(\.gz)?)$", path.name, re.IGNORECASE):
        raise ValueError(f"{path} is of an unknown kind, expected {KINDS}.")
    try:
        if path.suffix.lower() == ".npz":
            samples = _from_arrays(path, target)
        else:
            samples = _from_text(path, target)
        y = _classes(samples)
        X = _numbers(samples)
    except _Refusal as refusal:
        raise ValueError(f"{path} {_one_line(refusal)}") from None
    return X, y, _notes(path, samples, X, y)


class _Refusal(Exception):
    """What is wrong with a file: a sentence that begins with the file's name, which it lacks."""


@dataclass
class _Samples:
    """What every kind of file is brought to, before numbers and labels are checked."""

    values: np.ndarray  # n_samples x n_features
    features: list  # their names, or None
    labels: np.ndarray  # as they stand in the file; "" where missing
    label: str  # what holds them, in words
    form: str  # what the file is, in words
    left_out: list = field(default_factory=list)
    transposed: bool = False
    decimal: str = "."
    advice: str = "Name what holds the labels as target."


# ----------------------------------------------------------------------------------- the whole


def _classes(samples):
    """Labels as int64 or str, after a look at whether they are classes at all."""
    labels, n_samples = samples.labels, len(samples.labels)
    missing = np.isin(labels, MISSING) if labels.dtype.kind == "U" else labels != labels
    if missing.any():
        raise _Refusal(
            f"has no label for {missing.sum()} of {n_samples} samples, in {samples.label}. Every "
            "sample needs one: fill them in, or take these samples out."
        )
    if labels.dtype.kind == "U":
        labels = _as_numbers(labels, samples.decimal)
    values = np.unique(labels)
    if labels.dtype.kind == "f":
        if (values != np.round(values)).any() or np.abs(values).max() > 2**53:
            raise _Refusal(
                f"has numbers as labels, in {samples.label}, with {len(values)} distinct values "
                f"among {n_samples} samples; classification needs classes: whole numbers or text "
                f"that repeat. {samples.advice}"
            )
        labels = labels.astype(np.int64)
    if len(values) == 1:
        raise _Refusal(
            f"has one class only: all {n_samples} labels, in {samples.label}, are "
            f"{_shown(labels[0])}; classification needs two. {samples.advice}"
        )
    if len(values) > max(2, n_samples / 2):
        kind = "text" if labels.dtype.kind == "U" else "numbers"
        raise _Refusal(
            f"has {kind} as labels, in {samples.label}, with {len(values)} distinct values among "
            f"{n_samples} samples; classification needs classes, of more than two samples on "
            f"average. {samples.advice}"
        )
    return labels


def _as_numbers(labels, decimal):
    """Labels of text as float64 if all are numbers and none would be merged, like 1 and 01."""
    if decimal == ",":
        labels = np.char.replace(labels, ",", ".")
    if all(_is_number(label) and "," not in label for label in labels):
        numbers = labels.astype(np.float64)
        leading_zero = any(re.match(r"[+-]?0\d", label) for label in labels)
        if not leading_zero and np.abs(numbers).max() <= 2**53:
            return numbers
    return labels


def _numbers(samples):
    """X in single precision, if no cell is missing and all fit."""
    values = samples.values
    if values.shape[1] == 0:
        raise _Refusal(f"has no column of numbers beside {samples.label}.")
    missing = np.isnan(values)
    if missing.any():
        columns = np.flatnonzero(missing.any(axis=0))
        raise _Refusal(
            f"lacks {_count(missing.sum(), 'cell')} in {len(columns):,} of {values.shape[1]:,} "
            f"features ({_names_of(samples, columns)}). Fill them first, for example by "
            "sklearn.impute.SimpleImputer, or take these features out."
        )
    large = ~(np.abs(values) <= np.finfo(np.float32).max)
    if large.any():
        raise _Refusal(
            f"has {_count(large.sum(), 'cell')}, infinite or too large for float32, in "
            f"{_names_of(samples, np.flatnonzero(large.any(axis=0)))}. Take logarithms, or "
            "correct them."
        )
    return np.ascontiguousarray(values, dtype=np.float32)


def _names_of(samples, columns):
    if samples.features is None:
        return "columns " + _some([str(column) for column in columns], str)
    return _some([samples.features[column] for column in columns])


def _notes(path, samples, X, y):
    values, counts = np.unique(y, return_counts=True)
    classes = [f"{_shown(value)} ({count})" for value, count in zip(values, counts, strict=True)]
    notes = [f"{path.name} is {samples.form}."]
    if samples.transposed:
        notes.append("Its rows are features and its columns are samples: it was transposed.")
    notes.append(f"{X.shape[0]:,} samples, {X.shape[1]:,} features, no missing cells.")
    notes.append(
        f"Labels are {samples.label}: {len(values)} classes, {_some(classes, str, most=10)}."
    )
    if samples.left_out:
        notes.append(f"Left out: {_some(samples.left_out, str, most=10, between='; ')}.")
    return notes


def _shown(value):
    """A value as Python writes it, on one line and short."""
    text = repr(value.item() if isinstance(value, np.generic) else value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _some(values, show=_shown, most=5, between=", "):
    """The first few of a list, and how many more there are."""
    listed = between.join(show(value) for value in values[:most])
    rest = len(values) - most
    return listed if rest <= 0 else f"{listed} and {rest:,} more"


def _count(number, noun):
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _one_line(error):
    return " ".join(str(error).split())


def _reason(error):
    """What another library says, without its last full stop."""
    return _one_line(error).rstrip(" .")


def _import_pandas():
    try:
        import pandas
    except ImportError as error:
        raise ImportError(
            "read_samples needs pandas for every file but .npz. Install it: pip install pandas."
        ) from error
    return pandas


# ------------------------------------------------------------------------------------- arrays


def _from_arrays(path, target):
    """Arrays X and y of an .npz file, or y of another name."""
    name = target if target is not None else "y"
    with path.open("rb") as file:
        try:
            X, y = _members(np.load(file, allow_pickle=False), "X", name)
        except _Refusal:
            raise
        except Exception as error:  # zipfile and NumPy raise what they will at damaged bytes
            raise _Refusal(f"cannot be read as an .npz file: {_reason(error)}.") from None
    if X.dtype.kind not in "biuf" or X.ndim != 2:
        raise _Refusal(
            f"has an X of shape {X.shape} and dtype {X.dtype}, expected numbers of shape "
            "(n_samples, n_features)."
        )
    y, how = _one_label_per_sample(y, name)
    transposed = len(y) == X.shape[1] != X.shape[0]
    if transposed:
        X = X.T
    if len(y) != len(X):
        raise _Refusal(
            f"has {len(X)} samples in X but {len(y)} labels in {name}, expected as many."
        )
    if X.dtype.kind != "f":
        X = X.astype(np.float64)
    return _Samples(
        X,
        None,
        y,
        f"array {name}{how}",
        "an .npz file",
        transposed=transposed,
        advice="Name the array of the classes as target.",
    )


def _members(content, *names):
    """Arrays of an opened .npz file, by their names."""
    if isinstance(content, np.ndarray):
        raise _Refusal(f"holds one array, expected arrays {' and '.join(names)}.")
    held = content.files
    absent = [name for name in names if name not in held]
    if absent and {"indptr", "indices", "format", "shape"} <= set(held):
        raise _Refusal(
            f"holds a sparse matrix as scipy.sparse.save_npz writes it, and no labels; expected "
            f"dense arrays {' and '.join(names)}: numpy.savez(file, X=X.toarray(), {names[1]}=...)."
        )
    if absent:
        raise _Refusal(
            f"has no array {' and no array '.join(absent)}, but holds {_some(held)}; expected the "
            "samples as X and the labels as y, or as what target names."
        )
    arrays = []
    for name in names:
        try:
            arrays.append(content[name])
        except ValueError as error:
            if "allow_pickle" not in str(error):
                raise
            raise _Refusal(
                f"has an array {name} of Python objects, which is not read because it could run "
                f"any code; save it as text or numbers, for example {name}={name}.astype(str)."
            ) from None
        if not isinstance(arrays[-1], np.ndarray):
            raise _Refusal(f"has a member {name} that is no array.")
    return arrays


def _one_label_per_sample(y, name):
    """Labels as a flat array of numbers or text, and a phrase that says what was done."""
    shape, how = y.shape, ""
    if y.size == 0:
        raise _Refusal(f"has no labels in {name}.")
    if y.dtype.kind not in "biufSU":
        raise _Refusal(f"has labels of dtype {y.dtype} in {name}, expected numbers or text.")
    if y.ndim == 2 and min(shape) == 1:
        y, how = y.ravel(), f", of shape {shape}"
    elif (
        y.ndim == 2
        and y.dtype.kind in "biuf"
        and np.isin(y, (0, 1)).all()
        and (y.sum(axis=1) == 1).all()
    ):
        y, how = y.argmax(axis=1), f", one-hot of shape {shape}, as class numbers"
    if y.ndim != 1:
        raise _Refusal(f"has labels of shape {shape} in {name}, expected (n_samples,) or one-hot.")
    if y.dtype.kind == "S":
        try:
            y = np.char.decode(y, "utf-8")
        except UnicodeDecodeError:
            y = np.char.decode(y, "latin-1")
        how += ", bytes as text"
    if y.dtype.kind == "U":
        return np.char.strip(y), how
    return y.astype(np.float64 if y.dtype.kind == "f" else np.int64), how


# ----------------------------------------------------------------------------------- text files


def _from_text(path, target):
    """A table, or a series matrix of GEO, brought to UTF-8 and lines that end in newlines."""
    pandas = _import_pandas()
    target = None if target is None else target.strip()
    content = path.read_bytes()
    packed = content.startswith(b"\x1f\x8b")
    if packed:
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise _Refusal(f"cannot be unpacked by gzip: {_reason(error)}.") from None
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise _Refusal("is a workbook or an archive, expected text; save its table as CSV.")
    content, encoding = _as_utf8(content)
    if b"\0" in content:
        raise _Refusal("holds zero bytes, expected text.")
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if not content.strip():
        raise _Refusal("is empty, expected a header and a line for each sample.")
    if content.lstrip().startswith(b"^"):
        raise _Refusal("is a SOFT file, expected the series matrix that GEO offers beside it.")
    how = f"{encoding}{', packed by gzip' if packed else ''}"
    if content.lstrip().startswith(b"!") or _TABLE_BEGINS in content:
        return _from_geo(pandas, content, target, how)
    return _from_table(pandas, content, target, how)


def _as_utf8(content):
    """Content as UTF-8 without a mark, and what it was, in words for the notes."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return content.decode("utf-16").encode(), ", in UTF-16"
        except UnicodeDecodeError:
            raise _Refusal("begins like UTF-16, but is not.") from None
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1").encode(), ", in latin-1"
    return content, ""


@dataclass
class _Lines:
    """What the lines of a table look like, before a number is read."""

    delimiter: str
    names: list  # of the columns, stripped
    rows: list  # first cell of every line below the header
    skip: set  # numbers of the lines that hold no cells, and of the header
    named: dict  # first cell -> (number, cells) of lines that may hold labels
    text: list  # first cells of lines whose other cells are text
    n_ends: int  # lines whose last cell is text
    commas: bool  # whether the first lines have decimal commas, and no points


def _records(content, delimiter):
    lines = io.TextIOWrapper(io.BytesIO(content), "utf-8", newline="")
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=True)


def _is_number(cell):
    return _NUMBER.fullmatch(cell.strip()) is not None


def _is_text(cell):
    return cell.strip() not in MISSING and not _is_number(cell)


def _delimiter(content):
    """The delimiter that gives the first lines as many cells as the header, and many."""
    best, found = (False, 0.0, 1), None
    for delimiter in DELIMITERS:  # of equals the first: commas may be decimal ones
        widths = []
        try:
            for record in islice(filter(any, _records(content, delimiter)), 20):
                widths.append(len(record))
        except csv.Error:  # a huge cell: of another delimiter, or of a quote that is not closed
            pass
        if not widths:
            continue
        header, *widths = widths
        width, count = Counter(widths or [header]).most_common(1)[0]
        fits = abs(header - width) <= 1
        score = (fits, count / max(len(widths), 1), width)
        if width > 1 and score > best:
            best, found = score, delimiter
    if found is None:
        raise _Refusal(
            "has one column only: its cells are separated by neither commas, semicolons nor tabs."
        )
    return found


def _scan(content, target):
    """Look at every line: its number of cells, its first cell, whether it holds text."""
    delimiter = _delimiter(content)
    header, skip, named, text, rows, widths = None, set(), {}, [], [], Counter()
    first_of, spare, n_ends, signs = {}, True, 0, set()
    records = _records(content, delimiter)
    try:
        for number, record in enumerate(records):
            if header is None or not any(cell.strip() for cell in record):
                skip.add(number)
                if any(cell.strip() for cell in record):
                    header = [cell.strip() for cell in record]
                continue
            if len(rows) < 20 and delimiter != ",":
                numbers = "".join(filter(_is_number, record))
                signs |= {sign for sign in ".," if sign in numbers}
            widths[len(record)] += 1
            first_of.setdefault(len(record), records.line_num)
            spare = spare and not record[-1].strip()
            name = record[0].strip()
            rows.append(name)
            n_ends += _is_text(record[-1])
            all_text = _is_text(record[-1]) and not any(map(_is_number, islice(record, 1, None)))
            if all_text:
                text.append(name)
            if name == target or name.lower() in LABEL_NAMES or (all_text and len(text) == 1):
                named.setdefault(name, []).append((number, record))
    except csv.Error as error:
        raise _Refusal(f"cannot be read at line {records.line_num}: {_reason(error)}.") from None
    if not rows:
        raise _Refusal("has a header and no samples below it.")
    names = _fit_header(header, widths, first_of, spare)
    twice = [name for name, count in Counter(names).items() if name and count > 1]
    if twice:
        raise _Refusal(f"has columns of the same name: {_some(twice)}. Names must differ.")
    return _Lines(delimiter, names, rows, skip, named, text, n_ends, signs == {","})


def _fit_header(header, widths, first_of, spare):
    """Names for all columns, where the header has one name more or less than the lines cells."""
    width = widths.most_common(1)[0][0]
    if len(widths) > 1:
        odd = min(first_of[each] for each in widths if each != width)
        cells = next(each for each, line in first_of.items() if line == odd)
        raise _Refusal(
            f"has lines of different lengths: line {odd} has {_count(cells, 'cell')}, most "
            f"have {width}. Quote cells that hold a delimiter, and complete the others."
        )
    if len(header) == width - 1:  # R does not name the rows' names; others end lines by commas
        header = [*header, ""] if spare else ["", *header]
    elif len(header) == width + 1 and not header[-1]:
        header = header[:-1]
    if len(header) != width:
        raise _Refusal(f"has {len(header)} names in its header, but {width} cells in a line.")
    numbers = [name for name in header if _is_number(name)]
    whole = [int(name) for name in numbers if name.isdecimal()]
    in_order = whole and whole == list(range(whole[0], whole[0] + len(numbers)))
    if (
        2 * len(numbers) > len(header)
        and not in_order
        and (
            len(whole) < len(numbers)
            or len(set(whole)) < len(whole)
            or len(numbers) == len([name for name in header if name])
        )
    ):
        raise _Refusal("has numbers in its first line, expected a header: the columns' names.")
    return header


def _parse(pandas, content, lines, as_text):
    """The lines but those to skip, as a frame; its columns of text beside those meant to be."""
    for decimal in "," if lines.commas else ".,":
        try:
            frame = pandas.read_csv(
                io.BytesIO(content),
                sep=lines.delimiter,
                header=None,
                skiprows=lines.skip,
                skipinitialspace=True,
                keep_default_na=False,
                na_values=MISSING,
                dtype={as_text: str},
                decimal=decimal,
                low_memory=False,
                encoding="utf-8",
            )
        except ValueError as error:
            raise _Refusal(f"cannot be read by pandas: {_reason(error)}.") from None
        text = [
            column
            for column, dtype in frame.dtypes.items()
            if column != as_text and not pandas.api.types.is_numeric_dtype(dtype)
        ]
        commas = lines.delimiter != "," and any(
            frame[column].dropna().astype(str).str.strip().str.fullmatch(_COMMA_NUMBER).all()
            for column in text
        )
        if not commas:
            break
    expected = (len(lines.rows), len(lines.names))
    if frame.shape != expected:
        raise _Refusal(
            f"has {expected[0]} lines of {expected[1]} cells, but pandas reads {frame.shape[0]} of "
            f"{frame.shape[1]}: is a quote not closed?"
        )
    return frame, text, decimal


def _texts(column):
    """A column of text as an array, stripped, "" where a cell is missing."""
    return np.array([str(cell).strip() for cell in column.fillna("")], dtype=str)


def _offender(column, decimal="."):
    """A cell that makes a column one of text."""
    other = "," if decimal == "." else "."
    cells = [str(cell) for cell in column.dropna()]
    offending = (cell for cell in cells if not _is_number(cell) or other in cell)
    return next(offending, max(cells, key=len))  # pandas takes numbers of 30 digits for text


def _names_samples(column):
    """Whether a column of text is different in every row, and not a number anywhere."""
    return column.is_unique and not any(map(_is_number, _texts(column)))


# ---------------------------------------------------------------------------------------- tables


def _from_table(pandas, content, target, how):
    lines = _scan(content, target)
    row = _row_of_labels(lines, target)
    form = f"a table with {DELIMITERS[lines.delimiter]} between its cells"
    if row is None:
        samples = _samples_as_rows(pandas, content, lines, target)
    else:
        samples = _genes_as_rows(pandas, content, lines, row)
    samples.form = form + (", decimal commas" if samples.decimal == "," else "") + how
    return samples


def _named_like_labels(names):
    return [name for name in names if name.lower() in LABEL_NAMES]


def _row_of_labels(lines, target):
    """Name of the row that holds the labels; None if samples are rows."""
    if target is not None:
        if target in lines.names:
            return None
        if target in lines.rows:
            return target
        raise _Refusal(
            f"has no column {target!r}, nor a row of this name; its columns are "
            f"{_some([*lines.names[:4], *lines.names[4:][-2:]], most=6)}"
            f"{' among others' if len(lines.names) > 6 else ''}."
        )
    if _named_like_labels(lines.names):
        return None
    rows, n_columns = lines.rows, len(lines.names)
    names = [row for row in rows if row and not _is_number(row)]
    if len(names) < 0.9 * len(rows) or n_columns < 3 or lines.n_ends > len(lines.text):
        return None
    named = _named_like_labels(rows)
    if not named and len(rows) > 2 and len(lines.text) == 1:
        return lines.text[0]
    if len(set(names)) < 0.9 * len(rows):
        return None
    if len(named) == 1:
        return named[0]
    genes = lines.names[0].lower().replace(" ", "_") in GENE_NAMES
    few = 0 < len(lines.text) <= len(rows) / 10
    if named or few or genes or len(rows) >= 10 * n_columns:
        found = f"the rows {_some(named or lines.text)} may hold labels"
        raise _Refusal(
            f"looks transposed, with {len(rows):,} genes as rows and {n_columns - 1:,} samples as "
            f"columns; {found if named or few else 'it has no row of labels'}. Name a row of "
            "labels as target, or a column if rows are samples."
        )
    return None


def _samples_as_rows(pandas, content, lines, target):
    names = lines.names
    named = _named_like_labels(names)
    if target is not None:
        column = names.index(target)
    elif len(named) > 1:
        raise _Refusal(f"may have its labels in {_some(named)}; name one as target.")
    else:
        last = max(index for index, name in enumerate(names) if name)
        column = names.index(named[0]) if named else last
    label = f"column {names[column]!r}"
    if target is None and not named:
        label = f"the last {label}"
    frame, text, decimal = _parse(pandas, content, lines, column)

    numeric = [each for each in frame.columns if each not in {column, *text}]
    values = frame[numeric].to_numpy(dtype=np.float64)
    empty = dict(zip(numeric, np.isnan(values).all(axis=0), strict=True))
    counting = dict(zip(numeric, _numbered(values), strict=True))
    whole = [each for each, dtype in frame.dtypes.items() if dtype.kind in "iu"]
    left_out, kept, offenders = [], [], []
    for each in sorted({*numeric, *text}):
        name = names[each]
        shown = repr(name) if name else f"column {each + 1}"
        alike = name.lower().replace(" ", "_").replace(".", "_")
        if empty.get(each):
            left_out.append(f"{shown} (empty)")
        elif (not name and each == 0) or _ROW_NUMBERS.fullmatch(name):
            left_out.append(f"{shown} (numbers or names of the samples)")
        elif each in text and (alike in SAMPLE_NAMES or _names_samples(frame[each])):
            left_out.append(f"{shown} (names of the samples)")
        elif each not in text and (
            (alike in SAMPLE_NAMES and each in whole)
            or (counting[each] and (each == 0 or frame[each].iloc[0] in (0, 1)))
        ):
            left_out.append(f"{shown} (numbers of the samples)")
        elif not name:
            raise _Refusal(f"has no name for column {each + 1}, expected names for all.")
        elif each in text:
            offenders.append(each)
        else:
            kept.append(each)
    if offenders:
        cell = _offender(frame[offenders[0]], decimal)
        raise _Refusal(
            f"has text in {_count(len(offenders), 'column')} beside {label}: "
            f"{_some([names[each] for each in offenders])}, such as {_shown(cell)}. All but the "
            "label must be numbers: take them out, or write numbers"
            f"{', or name the label as target' if target is None else ''}."
        )
    positions = np.searchsorted(numeric, kept)
    advice = "Name the column of the classes as target."
    if target is not None:
        advice = "Name another column as target."
    elif len(lines.rows) > len(names):
        advice += " If genes are rows, add a row of labels and name that."
    return _Samples(
        values if len(kept) == len(numeric) else values[:, positions],
        [names[each] for each in kept],
        _texts(frame[column]),
        label,
        "",
        left_out,
        decimal=decimal,
        advice=advice,
    )


def _numbered(values):
    """For each column, whether it goes up by one from row to row."""
    if len(values) < 3:
        return np.zeros(values.shape[1], dtype=bool)
    return (values[1:] - values[:-1] == 1).all(axis=0)


def _genes_as_rows(pandas, content, lines, row):
    if len(lines.named[row]) > 1:
        raise _Refusal(f"has {len(lines.named[row])} rows {row!r}, expected one of labels.")
    number, record = lines.named[row][0]
    others = [name for name in lines.text if name != row]
    if others:
        raise _Refusal(
            f"has text in the rows {_some(others)} beside row {row!r}, the labels. All but the "
            "labels must be numbers: take them out, or write numbers."
        )
    lines.skip.add(number)
    lines.rows.remove(row)
    labels = np.array([cell.strip() for cell in record])
    frame, text, decimal = _parse(pandas, content, lines, 0)
    filled = frame.notna().any().to_numpy()
    kept, left_out = [], []
    for column in frame.columns[1:]:
        shown = repr(lines.names[column]) if lines.names[column] else f"column {column + 1}"
        unlabelled = labels[column] in MISSING
        if unlabelled and not filled[column]:
            left_out.append(f"{shown} (empty)")
        elif unlabelled and column in text:
            left_out.append(f"{shown} (text about the genes)")
        elif column in text:
            raise _Refusal(
                f"has text in column {shown}, such as {_shown(_offender(frame[column], decimal))}; "
                f"where genes are rows, all cells beside row {row!r} must be numbers."
            )
        else:
            kept.append(column)
    samples = _transposed(frame, kept, left_out)
    samples.labels, samples.label = labels[kept], f"row {row!r}"
    samples.decimal = decimal
    samples.advice = "Name another row as target."
    return samples


def _transposed(frame, columns, left_out):
    """Samples from the columns of a frame whose first one names the features; labels lack."""
    genes = _texts(frame[0])
    names, counts = np.unique(genes, return_counts=True)
    if (counts > 1).any():
        raise _Refusal(f"has rows of the same name: {_some(names[counts > 1])}. Names must differ.")
    values = frame[columns].to_numpy(dtype=np.float64)
    filled = ~np.isnan(values).all(axis=1)
    if not filled.all():
        left_out = [*left_out, f"{_some(genes[~filled])} (rows without numbers)"]
    return _Samples(
        values[filled].T, list(genes[filled]), np.array([]), "", "", left_out, transposed=True
    )


# ------------------------------------------------------------------------------------------ GEO


def _from_geo(pandas, content, target, how):
    """A series matrix: lines that describe the samples, then a table with genes as rows."""
    begin, end = content.find(_TABLE_BEGINS), content.find(_TABLE_ENDS)
    if begin < 0:
        raise _Refusal(
            "begins like a series matrix of GEO, but has no line !series_matrix_table_begin."
        )
    if end < 0:
        raise _Refusal(
            "is a series matrix of GEO without its last line, !series_matrix_table_end; it is "
            "incomplete: download it again."
        )
    table = content[content.index(b"\n", begin) + 1 : end]
    if table.count(b"\n") < 2:
        raise _Refusal(
            "is a series matrix of GEO with an empty table, as those of sequencing are; the "
            "numbers are in the series' supplementary files."
        )
    lines = _scan(table, None)
    descriptions = _descriptions(pandas, content[:begin], lines.names[1:])
    if target is None:
        raise _Refusal(
            f"is a series matrix of GEO, which has no labels; name one of its descriptions as "
            f"target: {_candidates(descriptions)}."
        )
    wanted = target.removeprefix("!").removeprefix("Sample_").lower()
    found = [name for name in descriptions if name.lower() == wanted]
    if len(found) != 1:
        raise _Refusal(
            f"is a series matrix of GEO without a description {target!r} of its samples; it has "
            f"{_candidates(descriptions)}."
        )
    frame, text, _ = _parse(pandas, table, lines, 0)
    if text:
        raise _Refusal(
            f"has text in {_count(len(text), 'sample')}, such as "
            f"{_shown(_offender(frame[text[0]]))}, expected numbers."
        )
    samples = _transposed(frame, list(frame.columns[1:]), [])
    samples.labels, samples.label = descriptions[found[0]], f"description {found[0]!r}"
    samples.form = f"a series matrix of GEO{how}"
    samples.advice = f"Name another description as target: {_candidates(descriptions)}."
    return samples


def _descriptions(pandas, header, accessions):
    """Name -> one text per sample: the keys of characteristics, and the other lines."""
    told = b"\n".join(line for line in header.split(b"\n") if line.startswith(b"!Sample_"))
    try:
        # Cells are quoted, but quotes inside them stand as they are.
        frame = pandas.read_csv(
            io.BytesIO(told),
            sep="\t",
            header=None,
            quoting=csv.QUOTE_NONE,
            keep_default_na=False,
            dtype=str,
            encoding="utf-8",
        )
    except ValueError as error:
        raise _Refusal(
            f"describes its samples in lines that cannot be read: {_reason(error)}."
        ) from None
    if frame.shape[1] != len(accessions) + 1:
        raise _Refusal(
            f"describes {frame.shape[1] - 1} samples, but has {len(accessions)} in its table."
        )
    cells = np.array(
        [[re.sub(r'^"(.*)"$', r"\1", cell).strip() for cell in row] for row in frame.to_numpy()]
    )
    names = [cell.removeprefix("!Sample_") for cell in cells[:, 0]]
    if "geo_accession" in names and list(cells[names.index("geo_accession"), 1:]) != accessions:
        raise _Refusal("describes other samples than those of its table.")
    found = {}
    for name, row in zip(names, cells[:, 1:], strict=True):
        if not name.startswith("characteristics"):
            # Several lines of a name are told apart by their number.
            again = sum(each.partition(" #")[0] == name for each in found)
            found[f"{name} #{again + 1}" if again else name] = row
            continue
        for sample, cell in enumerate(row):
            key, colon, value = (part.strip() for part in cell.partition(":"))
            if not cell:
                continue
            if not colon:
                key, value = name, cell
            texts = found.setdefault(key, [""] * len(row))
            texts[sample] = f"{texts[sample]}; {value}" if texts[sample] else value
    return {name: np.array(texts, dtype=str) for name, texts in found.items()}


def _candidates(descriptions):
    """Descriptions that may be classes, with the number of their values; else all names."""
    found = []
    for name, texts in descriptions.items():
        n_values = len(set(texts))
        if 1 < n_values <= len(texts) / 2:
            found.append(f"{name!r} ({n_values} values)")
    return _some(found, str, most=10) if found else _some(list(descriptions), most=10)
