"""Numbers and text of a table, parsed by pandas.

pandas is imported here alone, and on demand. Knows pandas, and lines that were looked at before;
must not know what holds the labels, or which columns are left out.
"""

import io

import numpy as np

from sklearn_set._cli.files.cells import MISSING, is_counter, is_number
from sklearn_set._cli.files.messages import Refusal, reason, some
from sklearn_set._cli.files.samples import Samples

_COMMA_NUMBER = r"[+-]?([0-9]+(,[0-9]*)?|,[0-9]+)([eE][+-]?[0-9]+)?"


def import_pandas():
    """Pandas, or an error that says who needs it."""
    try:
        import pandas
    except ImportError as error:
        raise ImportError(
            "Files other than .npz and .h5ad need pandas. Install it: pip install pandas."
        ) from error
    return pandas


def frame_of(content, failed, **options):
    """Lines as a frame; what pandas cannot read is refused in these words."""
    try:
        return import_pandas().read_csv(
            io.BytesIO(content), header=None, keep_default_na=False, encoding="utf-8", **options
        )
    except ValueError as error:
        raise Refusal(f"{failed}: {reason(error)}.") from None


def parse(content, lines, as_text):
    """Return the lines as a frame, its unexpected columns of text, and the decimal sign.

    The columns `as_text` are text, whatever they hold.
    """
    types = import_pandas().api.types
    for decimal in "," if lines.commas else ".,":
        frame = frame_of(
            content,
            "cannot be read by pandas",
            sep=lines.delimiter,
            skiprows=lines.skip,
            skipinitialspace=True,
            na_values=MISSING,
            dtype=dict.fromkeys(as_text, str),
            decimal=decimal,
            low_memory=False,
        )
        text = [
            column
            for column, dtype in frame.dtypes.items()
            if column not in as_text and not types.is_numeric_dtype(dtype)
        ]
        # True and false beside numbers are what is known of a sample; else they are mutations.
        answers = [column for column, dtype in frame.dtypes.items() if types.is_bool_dtype(dtype)]
        if 2 * len(answers) < frame.shape[1] - len(text) - len(as_text):
            text = sorted([*text, *answers])
        commas = lines.delimiter != "," and any(
            frame[column].dropna().astype(str).str.strip().str.fullmatch(_COMMA_NUMBER).all()
            for column in text
        )
        if not commas:
            break
    expected = (len(lines.rows), len(lines.names))
    if frame.shape != expected:
        raise Refusal(
            f"has {expected[0]} lines of {expected[1]} cells, but pandas reads {frame.shape[0]} of "
            f"{frame.shape[1]}: is a quote not closed?"
        )
    return frame, text, decimal


def texts_of(column):
    """A column of text as an array, stripped, "" where a cell is missing."""
    return np.array([str(cell).strip() for cell in column.fillna("")], dtype=str)


def offender_in(column, decimal="."):
    """A cell that is the reason why pandas takes a column for text."""
    other = "," if decimal == "." else "."
    cells = [str(cell) for cell in column.dropna()]
    offending = (cell for cell in cells if not is_number(cell) or other in cell)
    return next(offending, max(cells, key=len))  # pandas takes numbers of 30 digits for text


def transposed(frame, columns, left_out, **known):
    """Samples from the columns of a frame whose first one names the features."""
    genes = texts_of(frame[0])
    values = frame[columns].to_numpy(dtype=np.float64)
    empty, counters = np.isnan(values).all(axis=1), np.array([*map(is_counter, genes)], dtype=bool)
    if empty.any():
        left_out = [*left_out, f"{some(genes[empty])} (rows without numbers)"]
    if counters.any():
        left_out = [*left_out, f"{some(genes[counters])} (reads of no gene)"]
    kept = ~(empty | counters)
    return Samples(
        values[kept].T,
        features=genes[kept].tolist(),
        left_out=left_out,
        transposed=True,
        **known,
    )
