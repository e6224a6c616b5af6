"""Series matrices of GEO, brought to samples: their descriptions hold the labels.

Knows GEO's format: how the samples are described, and where the table begins and ends. Must not
know tables without descriptions.
"""

import csv
import re

import numpy as np

from sklearn_set._cli.files.cells import tells_samples
from sklearn_set._cli.files.frames import frame_of, offender_in, parse, transposed
from sklearn_set._cli.files.lines import scan
from sklearn_set._cli.files.messages import Refusal, count, shown, some

_TABLE_BEGINS, _TABLE_ENDS = b"!series_matrix_table_begin", b"!series_matrix_table_end"


def is_series_matrix(content):
    """Whether a text, in UTF-8, is meant to be a series matrix."""
    return content.lstrip().startswith(b"!") or _TABLE_BEGINS in content


def from_series_matrix(content, wanted):
    """Samples from a series matrix: their descriptions, then a table with genes as rows."""
    header, table = _parts_of(content)
    if table.count(b"\n") < 2:
        raise Refusal(
            "is a series matrix of GEO with an empty table, as those of sequencing are. The "
            "numbers are in the series' supplementary files: read one of these, with this file "
            "as --annotations."
        )
    lines = scan(table)
    names = lines.names[1:]
    descriptions = _descriptions(header, names)
    label, labels = "", None
    if wanted.labelled:
        if wanted.target is None:
            raise Refusal(
                f"is a series matrix of GEO, which has no labels; name one of its descriptions "
                f"with --target: {candidates(descriptions)}."
            )
        label, labels = _description(descriptions, wanted.target)
    group, groups = "", None
    if wanted.groups is not None:
        group, groups = _description(descriptions, wanted.groups)
    frame, text, _ = parse(table, lines, {0})
    if text:
        raise Refusal(
            f"has text in {count(len(text), 'sample')}, such as "
            f"{shown(offender_in(frame[text[0]]))}, expected numbers."
        )
    return transposed(
        frame,
        list(frame.columns[1:]),
        [],
        names=names,
        labels=labels,
        label=label,
        form="a series matrix of GEO",
        advice=f"Name another description with --target: {candidates(descriptions)}.",
        groups=groups,
        group=group,
        reading={"sep": "\t", "comment": "!"},
    )


def descriptions_of(content):
    """Descriptions of the samples of a series matrix, whose table may be empty."""
    header, _ = _parts_of(content)
    return _descriptions(header, None)


def _parts_of(content):
    """What stands above the table of a series matrix, and the table."""
    begin = content.find(_TABLE_BEGINS)
    if begin < 0:
        raise Refusal(
            "begins like a series matrix of GEO, but has no line !series_matrix_table_begin."
        )
    end = content.find(_TABLE_ENDS, begin)
    if end < 0:
        raise Refusal(
            "is a series matrix of GEO without its last line, !series_matrix_table_end; it is "
            "incomplete: download it again."
        )
    return content[:begin], content[begin:end].partition(b"\n")[2]


def _description(descriptions, asked):
    """Description of this name, in words and as one text for each sample."""
    wanted = asked.removeprefix("!").removeprefix("Sample_").lower()
    found = [name for name in descriptions if name.lower() == wanted]
    if len(found) != 1:
        raise Refusal(
            f"is a series matrix of GEO without a description {asked!r} of its samples; it has "
            f"{candidates(descriptions)}."
        )
    return f"description {found[0]!r}", descriptions[found[0]]


def _descriptions(header, accessions):
    """Name -> one text per sample: the keys of characteristics, and the other lines."""
    found = {}
    for name, row in _described(header, accessions):
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


def _described(header, accessions):
    """Lines that describe the samples: pairs of a name and a text for each."""
    told = b"\n".join(line for line in header.split(b"\n") if line.startswith(b"!Sample_"))
    frame = frame_of(
        told,
        "describes its samples in lines that cannot be read",
        sep="\t",
        quoting=csv.QUOTE_NONE,  # cells are quoted, but quotes inside them stand as they are
        dtype=str,
    )
    if accessions is not None and frame.shape[1] != len(accessions) + 1:
        raise Refusal(
            f"describes {frame.shape[1] - 1} samples, but has {len(accessions)} in its table."
        )
    cells = np.array(
        [[re.sub(r'^"(.*)"$', r"\1", cell).strip() for cell in row] for row in frame.to_numpy()]
    )
    names = [cell.removeprefix("!Sample_") for cell in cells[:, 0]]
    if accessions is None:
        return list(zip(names, cells[:, 1:], strict=True))
    if "geo_accession" in names and list(cells[names.index("geo_accession"), 1:]) != accessions:
        raise Refusal("describes other samples than those of its table.")
    return list(zip(names, cells[:, 1:], strict=True))


def candidates(descriptions):
    """Descriptions that may be labels, with the number of their values; else all names."""
    found = []
    for name, texts in descriptions.items():
        n_values = len(set(texts))
        if 1 < n_values <= len(texts) / 2 and not tells_samples(name):
            found.append(f"{name!r} ({n_values} values)")
    return some(found, str, most=10) if found else some(list(descriptions), most=10)
