"""A file that describes samples, and its labels and groups brought to the samples.

Knows names of samples and texts about them; must not know genes, or whether labels are classes.
"""

import re
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from sklearn_set._cli.files.cells import MISSING, as_in_r, tells_labels
from sklearn_set._cli.files.frames import frame_of, import_pandas, texts_of
from sklearn_set._cli.files.geo import candidates, descriptions_of, is_series_matrix
from sklearn_set._cli.files.lines import scan
from sklearn_set._cli.files.messages import Refusal, count, some
from sklearn_set._cli.files.text import text_of

_KINDS = ".csv, .tsv, .txt (each also with .gz), also a series matrix of GEO"


@dataclass
class Annotations:
    """What a file tells of samples: a text for each of them by the name of its column."""

    file: str
    columns: dict
    target: str | None  # the column of the labels; None if the samples' own file has them
    groups: str | None

    @property
    def known(self):
        """All texts by which samples may be called, also as R writes them in a header."""
        told = {text for texts in self.columns.values() for text in texts} - {*MISSING}
        return frozenset(told | {as_in_r(text) for text in told})


def read_annotations(path, target, groups):
    """Read a file of annotations; find the columns of labels and groups in it."""
    import_pandas()
    if not re.search(r"\.(csv|tsv|txt)(\.gz)?$", path.name, re.IGNORECASE):
        raise Refusal(f"is of an unknown kind, expected {_KINDS}.")
    content, *_ = text_of(path.read_bytes())
    columns = descriptions_of(content) if is_series_matrix(content) else _columns_of(content)
    if target is None:
        named = list(filter(tells_labels, columns))
        if len(named) != 1:
            raise Refusal(
                f"{'may have its labels in ' + some(named) if named else 'does not say which'}"
                f"{'' if named else ' of its columns holds the labels'}; name one with --target: "
                f"{candidates(columns)}."
            )
        target = named[0]
    return Annotations(
        path.name,
        columns,
        target if target in columns else None,
        groups if groups in columns else None,
    )


def _columns_of(content):
    """Name -> texts of a table of annotations."""
    lines = scan(content)
    twice = [name for name, times in Counter(lines.names).items() if name and times > 1]
    if twice:
        raise Refusal(f"has columns of the same name: {some(twice)}. Names must differ.")
    frame = frame_of(
        content,
        "cannot be read by pandas",
        sep=lines.delimiter,
        skiprows=lines.skip,
        skipinitialspace=True,
        dtype=str,
    )
    return {name: texts_of(frame[place]) for place, name in enumerate(lines.names)}


def joined(samples, annotations):
    """Samples with the labels and groups of the annotations; those without any are left out."""
    columns = annotations.columns
    n_described = len(next(iter(columns.values())))
    if samples.names is None:
        if n_described != samples.values.shape[0]:
            raise Refusal(
                f"has {samples.values.shape[0]} samples without names, but {annotations.file} "
                f"describes {n_described}, expected as many."
            )
        key, rows = None, np.arange(n_described)
        told = f"{annotations.file} describes the samples, which have no names, in their order."
    else:
        key, rows = _rows_of(samples.names, annotations)
        by = f"column {key!r}" if key else "the column without a name"
        told = f"{annotations.file} describes the samples, by {by}."
    kept = np.flatnonzero(rows >= 0)
    names, left_out = samples.names, list(samples.left_out)
    if len(kept) < len(rows):
        absent = [names[row] for row in np.flatnonzero(rows < 0)]
        left_out.append(f"{some(absent)} (not in {annotations.file})")
    hints = [told]
    n_spare = n_described - len(kept)
    if n_spare:
        describes = "describes a sample that is" if n_spare == 1 else "describe samples that are"
        hints.append(
            f"{count(n_spare, 'line')} of {annotations.file} {describes} not in the table."
        )
    changes = {
        "values": samples.values[kept],
        "names": None if names is None else [names[row] for row in kept],
        "left_out": left_out,
        "hints": [*hints, *samples.hints],
    }
    for column, what, words in (
        (annotations.target, "labels", "label"),
        (annotations.groups, "groups", "group"),
    ):
        if column is not None:
            changes |= {what: columns[column][rows[kept]]}
            changes |= {words: f"column {column!r} of {annotations.file}"}
        elif getattr(samples, what) is not None:
            changes |= {what: getattr(samples, what)[kept]}
    if annotations.target is not None:
        changes |= {"advice": f"Name another column with --target: {candidates(columns)}."}
        changes |= {"guessed": False}
    return replace(samples, **changes)


def _rows_of(names, annotations):
    """The column of the annotations that names most of the samples, and the row of each, or -1."""
    wanted, matches = set(names), {}
    for write in (str, as_in_r):
        columns = {
            column: [write(text) for text in texts.tolist()]
            for column, texts in annotations.columns.items()
        }
        matches = {column: len(wanted & set(texts)) for column, texts in columns.items()}
        key = max(matches, key=matches.get)
        if matches[key]:
            break
    else:
        raise Refusal(
            f"has samples {some(list(names)[:4])}, none of which {annotations.file} describes in "
            f"any column. Its first line is "
            f"{some([texts[0] for texts in annotations.columns.values()])}."
        )
    texts = columns[key]
    twice = [name for name, times in Counter(texts).items() if times > 1 and name in wanted]
    if twice:
        raise Refusal(
            f"has samples that {annotations.file} describes more than once, in column {key!r}: "
            f"{some(twice)}. Names must differ."
        )
    row_of = {name: row for row, name in enumerate(texts)}
    return key, np.array([row_of.get(name, -1) for name in names])
