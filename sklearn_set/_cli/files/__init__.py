"""Samples from a user's own file, and what they were called there.

Nothing is guessed silently. A file that may mean two things is refused, in one line that says what
was found and what helps.

Knows which kinds of file there are, and which module reads them; must not know what is in them. The
modules import downwards only: annotations; arrays, h5ad, tables and geo; columns; frames; lines,
samples and text; cells; messages.
"""

import re
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sklearn_set._cli.files.annotations import joined, read_annotations
from sklearn_set._cli.files.arrays import from_arrays
from sklearn_set._cli.files.frames import import_pandas
from sklearn_set._cli.files.geo import from_series_matrix, is_series_matrix
from sklearn_set._cli.files.h5ad import from_anndata, import_anndata
from sklearn_set._cli.files.messages import Refusal, one_line
from sklearn_set._cli.files.samples import Wanted
from sklearn_set._cli.files.tables import from_table
from sklearn_set._cli.files.text import text_of

_KINDS = ".csv, .tsv, .txt, .gct (each also with .gz), .npz or .h5ad"
_REMEDIES = {
    (".xlsx", ".xls", ".xlsm", ".ods"): " Save the sheet with the table as CSV.",
    (".rds", ".rda", ".rdata"): " Write the table with write.csv of R.",
    (".parquet", ".feather", ".pkl"): " Write the table with to_csv of pandas.",
    (".mtx", ".h5", ".loom"): " Save the cells as .h5ad, with anndata.",
    (".zip", ".tar", ".tgz", ".bz2", ".xz", ".7z"): " Unpack it first, or pack it with gzip.",
}


@contextmanager
def refusing(path):
    """Make a refusal an error of one line that begins with the name of the file."""
    try:
        yield
    except Refusal as refusal:
        raise ValueError(f"{path} {one_line(refusal)}") from None


def read_samples(path, target=None, *, groups=None, ignore=(), annotations=None):
    """Read samples, their labels and groups, as they stand in a file.

    A table has a header, and a sample in each row. All columns but those of the labels, the groups
    and those to ignore hold numbers. Columns that number or name the samples are left out. A table
    with genes as rows is transposed: it has a row of labels, or annotations that know the names of
    its columns. In a series matrix of GEO [1]_, one of the descriptions of the samples is the
    label. Delimiter (comma, semicolon, tab, bar, space), encoding (UTF-8, UTF-16 with a mark, else
    Windows-1252 or latin-1) and decimal commas are recognised, and gzip is unpacked.

    Parameters
    ----------
    path : str or path-like
        A .csv, .tsv, .txt or .gct file, also with .gz; an .npz file with arrays X and y, or with a
        sparse matrix of scipy; or an .h5ad file.
    target : str, default=None
        Name of what holds the labels. In a table it is a column, or a row if genes are rows; in an
        .npz file an array; in a series matrix a characteristic such as "tissue", or a line such
        as "title"; in an .h5ad file a column of obs. None means "y" in an .npz file. In a table it
        means the column or row called label, labels, class, target or y, else the last column, or
        the only row of text if genes are rows.
    groups : str, default=None
        Name of what holds the groups of the samples, such as patients or batches.
    ignore : sequence of str, default=()
        Names of columns, or of rows if genes are rows, that hold neither genes nor labels.
    annotations : str or path-like, default=None
        A table that describes the samples, or a series matrix. Labels and groups are taken from it
        if it has columns of these names.

    Returns
    -------
    samples : Samples
        What was read.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a file is not understood. The message is one line.
    ImportError
        If pandas or anndata is needed and not installed.

    References
    ----------
    .. [1] Gene Expression Omnibus, https://www.ncbi.nlm.nih.gov/geo/
    """
    path = _existing(path)
    target, groups = (None if name is None else name.strip() for name in (target, groups))
    wanted = Wanted(target, groups, tuple(ignore))
    if not re.search(r"\.(npz|h5ad|(csv|tsv|txt|gct)(\.gz)?)$", path.name, re.IGNORECASE):
        suffix = path.suffix.lower()
        remedy = next((told for kinds, told in _REMEDIES.items() if suffix in kinds), "")
        raise ValueError(f"{path} is of an unknown kind, expected {_KINDS}.{remedy}")
    if path.suffix.lower() == ".h5ad":
        import_anndata()  # if it is missing, say so before anything is read
    described = None
    if annotations is not None:
        annotations = _existing(annotations)
        with refusing(annotations):
            described = read_annotations(annotations, target, groups)
        wanted = replace(
            wanted,
            target=None if described.target is not None else target,
            groups=None if described.groups is not None else groups,
            labelled=described.target is None,
            known=described.known,
        )
    with refusing(path):
        samples = _read(path, wanted)
        return samples if described is None else joined(samples, described)


def _existing(path):
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path} is a folder, expected a file: {_KINDS}.")
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}.")
    return path


def _read(path, wanted):
    """Samples of any kind of file."""
    if path.suffix.lower() == ".npz":
        return from_arrays(path, wanted)
    if path.suffix.lower() == ".h5ad":
        return from_anndata(path, wanted)
    import_pandas()
    content, told, options = text_of(path.read_bytes())
    read = from_series_matrix if is_series_matrix(content) else from_table
    samples = read(content, wanted)
    samples.form += told
    samples.reading |= options
    return samples
