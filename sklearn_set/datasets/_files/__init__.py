"""Samples from a user's own file, and sentences that say how the file was understood.

Nothing is guessed silently. A file that may mean two things is refused, in one line that says what
was found and what helps.

Knows which kinds of file there are, and which module reads them; must not know what is in them. The
modules import downwards only: arrays, tables and geo, which do not know each other; frames; lines,
samples and text; cells; messages.
"""

import os
import re
from pathlib import Path

from sklearn_set.datasets._files.arrays import from_arrays
from sklearn_set.datasets._files.frames import import_pandas
from sklearn_set.datasets._files.geo import from_series_matrix, is_series_matrix
from sklearn_set.datasets._files.messages import Refusal, one_line
from sklearn_set.datasets._files.samples import classes_of, notes_on, numbers_of
from sklearn_set.datasets._files.tables import from_table
from sklearn_set.datasets._files.text import text_of
from sklearn_set.validation import NONE, check_values, instance

_CONSTRAINTS = {
    "path": (instance(str), instance(os.PathLike)),
    "target": (instance(str), NONE),
}
_KINDS = ".csv, .tsv, .txt (each also with .gz) or .npz"


def read_samples(path, target=None):
    """Read samples and their classes from a file, and say how the file was understood.

    A table has a header, and a sample in each row. All columns but that of the label hold numbers.
    Columns that number or name the samples are left out. A table with genes as rows, and a row of
    labels, is transposed. In a series matrix of GEO [1]_, one of the descriptions of the samples
    is the label. Delimiter (comma, semicolon, tab), encoding (UTF-8, UTF-16 with a mark, else
    latin-1) and decimal commas are recognised, and gzip is unpacked.

    Parameters
    ----------
    path : str or path-like
        A .csv, .tsv or .txt file, also with .gz, or an .npz file with arrays X and y.
    target : str, default=None
        Name of what holds the labels. In a table it is a column, or a row if genes are rows; in an
        .npz file an array; in a series matrix a characteristic such as "tissue", or a line such
        as "title". None means "y" in an .npz file. In a table it means the column or row called
        label, labels, class, target or y, else the last column, or the only row of text if genes
        are rows.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features) and dtype float32
        The numbers.
    y : ndarray of shape (n_samples,)
        The labels: int64 if all are whole numbers, otherwise str.
    notes : list of str
        Sentences that say how the file was understood.

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
        raise ValueError(f"{path} is a folder, expected a file: {_KINDS}.")
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}.")
    if not re.search(r"\.(npz|(csv|tsv|txt)(\.gz)?)$", path.name, re.IGNORECASE):
        raise ValueError(f"{path} is of an unknown kind, expected {_KINDS}.")
    try:
        if path.suffix.lower() == ".npz":
            samples = from_arrays(path, target)
        else:
            samples = _from_text(path, target)
        y = classes_of(samples)
        X = numbers_of(samples)
    except Refusal as refusal:
        raise ValueError(f"{path} {one_line(refusal)}") from None
    return X, y, notes_on(samples, path.name, X, y)


def _from_text(path, target):
    """A table, or a series matrix of GEO."""
    import_pandas()  # if it is missing, say so before anything is read
    target = None if target is None else target.strip()
    content, encoding = text_of(path.read_bytes())
    read = from_series_matrix if is_series_matrix(content) else from_table
    samples = read(content, target)
    samples.form += encoding
    return samples
