"""A user's own file is understood as it is meant, or refused in one line that says what helps."""

import csv
import gzip
import importlib.util
import io
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import needs_documentation
from scipy import sparse

from sklearn_set.datasets._files import read_samples
from sklearn_set.validation import InvalidParameterError

DEMO = Path(__file__).resolve().parents[1] / "doc" / "examples" / "demo.py"
N_SAMPLES, N_GENES = 12, 4
VALUES = np.random.default_rng(0).normal(size=(N_SAMPLES, N_GENES)).round(4)
LABELS = np.array(["tumor", "normal", "tumor"] * 4)
NUMBERS = np.array([3, 7, 3] * 4)
GENES = ["g1", "g2", "g3", "g4"]
IDS = [f"P{i}" for i in range(N_SAMPLES)]


def samples(labels=LABELS, label="type", values=VALUES):
    """The table that most files hold: a sample in each row, the label last."""
    return pd.DataFrame(values, columns=GENES[: values.shape[1]]).assign(**{label: labels})


def genes_as_rows(labels=LABELS, label="type", n_genes=N_GENES):
    """The same turned: genes as rows, a row of labels first, an id for each sample."""
    values = np.random.default_rng(0).normal(size=(N_SAMPLES, n_genes)).round(4)
    frame = pd.DataFrame(values.T, columns=IDS, index=[f"g{i + 1}" for i in range(n_genes)])
    if labels is None:
        return frame
    return pd.concat([pd.DataFrame([labels], columns=IDS, index=[label]), frame])


def csv_text(frame, index=False, **options):
    return frame.to_csv(index=index, lineterminator="\n", **options)


def arrays(**content):
    buffer = io.BytesIO()
    np.savez(buffer, **content)
    return buffer.getvalue()


def geo(labels=("tumor", "normal") * 6, *, cell=None, end=True, empty=False, extra=()):
    """A series matrix as GEO writes it: all text in quotes, even where quotes stand inside."""
    names = [f"GSM{i}" for i in range(N_SAMPLES)]

    def line(name, cells):
        return "\t".join([name, *(f'"{cell}"' for cell in cells)])

    table = pd.DataFrame(VALUES.T.astype(str), index=[f"{i}_at" for i in range(N_GENES)])
    if cell is not None:
        table.iloc[1, 2] = cell
    rows = [] if empty else ["\t".join([f'"{name}"', *row]) for name, *row in table.itertuples()]
    return "\n".join(
        [
            '!Series_title\t"A study; of tumors"',
            line("!Sample_title", [f'biopsy {i} of 5" needle' for i in range(N_SAMPLES)]),
            line("!Sample_geo_accession", names),
            line("!Sample_source_name_ch1", ["breast", "breast", "lung"] * 4),
            line("!Sample_characteristics_ch1", [f"tissue: {label}" for label in labels]),
            line("!Sample_characteristics_ch1", [f"age: {40 + i}" for i in range(N_SAMPLES)]),
            *extra,
            "!series_matrix_table_begin",
            line('"ID_REF"', names),
            *rows,
            *(["!series_matrix_table_end"] if end else []),
            "",
        ]
    )


# ---------------------------------------------------------------------------------- understood


def insert(frame, position, name, values):
    frame = frame.copy()
    frame.insert(position, name, values, allow_duplicates=True)
    return frame


TABLE = csv_text(samples())
SHUFFLED = np.random.default_rng(1).permutation(N_SAMPLES)
ONE_HOT = (NUMBERS[:, None] == [3, 7]).astype(float)
HASHES = np.where(LABELS == "tumor", "tumor #1", "tumor #2")

# What -> (name of the file, content, target, labels, what must be told).
UNDERSTOOD = {
    "a plain table": ("a.csv", TABLE, None, LABELS, "with commas .* the last column 'type': 2 cl"),
    "target, not the last": ("a.csv", csv_text(samples()[["type", *GENES]]), "type", LABELS, ""),
    "label by its usual name": (
        "a.csv",
        csv_text(samples(label="Class")[["Class", *GENES]]),
        None,
        LABELS,
        "column 'Class': 2 classes, 'normal' \\(4\\), 'tumor' \\(8\\)",
    ),
    "whole numbers": ("a.csv", csv_text(samples(NUMBERS)), None, NUMBERS, "3 \\(8\\), 7 \\(4\\)"),
    "whole numbers as 3.0": ("a.csv", csv_text(samples(NUMBERS * 1.0)), None, NUMBERS, ""),
    "leading zeros": (
        "a.csv",
        csv_text(samples(["01", "1", "01"] * 4)),
        None,
        np.array(["01", "1", "01"] * 4),
        "'01' \\(8\\), '1' \\(4\\)",
    ),
    "hash in labels": ("a.csv", csv_text(samples(HASHES)), None, HASHES, "'tumor #1' \\(8\\)"),
    "hash in the header": ("a.csv", TABLE.replace("g2", "#g2"), None, LABELS, "12 samples, 4"),
    "None is a class": (
        "a.csv",
        csv_text(samples(["None", "drug", "None"] * 4)),
        None,
        np.array(["None", "drug", "None"] * 4),
        "'None' \\(8\\)",
    ),
    "commas in quotes": (
        "a.csv",
        csv_text(samples(np.char.add(LABELS, ", left"))),
        None,
        np.char.add(LABELS, ", left"),
        "'tumor, left'",
    ),
    "a newline in quotes": (
        "a.csv",
        csv_text(samples(np.char.add(LABELS, "\nleft"))) + "\n,,,,\n",
        None,
        np.char.add(LABELS, "\nleft"),
        "12 samples",
    ),
    "all in quotes": ("a.csv", csv_text(samples(), quoting=1), None, LABELS, ""),
    "white space": ("a.csv", TABLE.replace(",", " , "), None, LABELS, "'normal' .*'tumor'"),
    "byte order mark": ("a.csv", TABLE.encode("utf-8-sig"), None, LABELS, "12 samples, 4 feat"),
    "mark before the target": (
        "a.csv",
        csv_text(samples()[["type", *GENES]]).encode("utf-8-sig"),
        "type",
        LABELS,
        "",
    ),
    "latin-1": (
        "a.csv",
        csv_text(samples(np.where(LABELS == "tumor", "Geschwür", "gesund"))).encode("latin-1"),
        None,
        np.where(LABELS == "tumor", "Geschwür", "gesund"),
        "in latin-1.*'Geschwür'",
    ),
    "UTF-16": ("a.txt", csv_text(samples(), sep="\t").encode("utf-16"), None, LABELS, "UTF-16"),
    "Windows lines": ("a.csv", TABLE.replace("\n", "\r\n"), None, LABELS, ""),
    "old Mac lines": ("a.csv", TABLE.replace("\n", "\r"), None, LABELS, ""),
    "blank lines": ("a.csv", "\n" + TABLE.replace("\n", "\n\n") + ",,,,\n \n", None, LABELS, ""),
    "semicolons": ("a.csv", csv_text(samples(), sep=";"), None, LABELS, "with semicolons"),
    "tabs in .csv": ("a.csv", csv_text(samples(), sep="\t"), None, LABELS, "with tabs"),
    "tabs": ("a.tsv", csv_text(samples(), sep="\t"), None, LABELS, "with tabs"),
    "decimal commas": (
        "a.csv",
        csv_text(samples(), sep=";", decimal=","),
        None,
        LABELS,
        "with semicolons between its cells, decimal commas\\.",
    ),
    "decimal commas and tabs": (
        "a.txt",
        csv_text(insert(samples(), 0, "id", IDS), sep="\t", decimal=","),
        None,
        LABELS,
        "decimal commas.*Left out: 'id'",
    ),
    "decimal commas, late": (
        "a.csv",
        csv_text(
            samples(np.tile(LABELS, 3), values=np.r_[np.ones((24, 4)), VALUES]).replace(1, "1"),
            sep=";",
        ).replace(".", ","),
        None,
        np.tile(LABELS, 3),
        "decimal commas",
    ),
    "commas in labels between tabs": (
        "a.tsv",
        csv_text(samples(np.where(LABELS == "tumor", "1,2", "3,4")), sep="\t"),
        None,
        np.where(LABELS == "tumor", "1,2", "3,4"),
        "between its cells\\.",
    ),
    "gzip": ("a.csv.gz", gzip.compress(TABLE.encode()), None, LABELS, "packed by gzip"),
    "gzip without saying so": ("a.csv", gzip.compress(TABLE.encode()), None, LABELS, "gzip"),
    "index of pandas": (
        "a.csv",
        csv_text(samples().loc[SHUFFLED], index=True),
        None,
        LABELS[SHUFFLED],
        "Left out: column 1 \\(numbers or names of the samples\\)",
    ),
    "index of pandas twice": (
        "a.csv",
        csv_text(
            insert(insert(samples(), 0, "Unnamed: 0", SHUFFLED), 0, "Unnamed: 0.1", SHUFFLED),
            index=True,
        ),
        None,
        LABELS,
        "Left out: column 1 .*'Unnamed: 0.1' .*'Unnamed: 0' ",
    ),
    "a first column that counts": (
        "a.csv",
        csv_text(insert(samples(), 0, "lfd", range(17, 17 + N_SAMPLES))),
        None,
        LABELS,
        "Left out: 'lfd' \\(numbers of the samples\\)",
    ),
    "a column that counts": (
        "a.csv",
        csv_text(insert(samples(), 2, "lfd", range(1, 1 + N_SAMPLES))),
        None,
        LABELS,
        "Left out: 'lfd'",
    ),
    "numbers of patients": (
        "a.csv",
        csv_text(insert(samples(), 0, "Patient.ID", SHUFFLED + 900)),
        None,
        LABELS,
        "Left out: 'Patient.ID' \\(numbers",
    ),
    "names of samples": (
        "a.csv",
        csv_text(insert(samples(), 0, "Probe", IDS)),
        None,
        LABELS,
        "Left out: 'Probe' \\(names",
    ),
    "names of patients, twice each": (
        "a.csv",
        csv_text(insert(samples(), 0, "patient", np.repeat(IDS[:6], 2))),
        None,
        LABELS,
        "Left out: 'patient' \\(names",
    ),
    "row names of R": (
        "a.txt",
        csv_text(samples().set_axis(IDS), index=True, sep="\t", quoting=2)[len('""\t') :],
        None,
        LABELS,
        "Left out: column 1 \\(",
    ),
    "commas at line ends": (
        "a.csv",
        TABLE.replace("\n", ",\n"),
        None,
        LABELS,
        "Left out: column 6 \\(empty",
    ),
    "commas at line ends but the header's": (
        "a.csv",
        TABLE.replace("\n", ",\n").replace(",\n", "\n", 1),
        None,
        LABELS,
        "Left out: column 6 \\(empty",
    ),
    "a comma at the header's end": (
        "a.csv",
        TABLE.replace("\n", ",\n", 1),
        None,
        LABELS,
        "4 features",
    ),
    "an empty column": (
        "a.csv",
        csv_text(insert(samples(), 1, "g9", np.nan)),
        None,
        LABELS,
        "Left out: 'g9' \\(empty\\)",
    ),
    "numbers as names": (
        "a.csv",
        csv_text(samples().set_axis([*range(4), "type"], axis=1), index=True),
        None,
        LABELS,
        "12 samples, 4 features.*Left out: column 1 ",
    ),
    "many samples with names": (
        "a.csv",
        csv_text(
            pd.concat([insert(samples(), 0, "Probe", [f"{i}{id}" for id in IDS]) for i in "abcdef"])
        ),
        None,
        np.tile(LABELS, 6),
        "72 samples, 4 features.*Left out: 'Probe' \\(names",
    ),
    "genes as rows": (
        "a.csv",
        csv_text(genes_as_rows(), index=True),
        None,
        LABELS,
        "was transposed\\. 12 samples, 4 features.*row 'type': 2 classes",
    ),
    "genes as rows, many, labels last": (
        "a.tsv",
        csv_text(
            pd.concat([genes_as_rows(None, n_genes=600), genes_as_rows(n_genes=0)]),
            index=True,
            sep="\t",
        ),
        None,
        LABELS,
        "12 samples, 600 features",
    ),
    "genes as rows, numbers as labels": (
        "a.csv",
        csv_text(genes_as_rows(NUMBERS, "cl"), index=True),
        "cl",
        NUMBERS,
        "row 'cl'",
    ),
    "genes as rows, numbers as labels by their usual name": (
        "a.csv",
        csv_text(genes_as_rows(NUMBERS, "class"), index=True),
        None,
        NUMBERS,
        "row 'class'",
    ),
    "genes as rows, decimal commas, descriptions": (
        "a.csv",
        csv_text(
            insert(genes_as_rows(), 0, "about", [None, "kinase", "kinase", "unknown", "x"]),
            index=True,
            sep=";",
        ).replace(".", ","),
        None,
        LABELS,
        "decimal commas.*Left out: 'about' \\(text about the genes\\)",
    ),
    "genes as rows, one without numbers": (
        "a.csv",
        csv_text(genes_as_rows(), index=True) + "control" + "," * N_SAMPLES + "\n",
        None,
        LABELS,
        "4 features.*Left out: 'control' \\(rows without numbers\\)",
    ),
    "arrays": ("a.npz", arrays(X=VALUES, y=NUMBERS), None, NUMBERS, "array y: 2 classes"),
    "another array": ("a.npz", arrays(X=VALUES, t=NUMBERS), "t", NUMBERS, "array t"),
    "y as a column": ("a.npz", arrays(X=VALUES, y=NUMBERS[:, None]), None, NUMBERS, "\\(12, 1\\)"),
    "y one-hot": ("a.npz", arrays(X=VALUES, y=ONE_HOT), None, NUMBERS // 4, "one-hot"),
    "y as bytes": ("a.npz", arrays(X=VALUES, y=LABELS.astype("S")), None, LABELS, "bytes"),
    "y as latin-1 bytes": (
        "a.npz",
        arrays(X=VALUES, y=np.char.encode(np.char.add(LABELS, "ü"), "latin-1")),
        None,
        np.char.add(LABELS, "ü"),
        "'tumorü'",
    ),
    "y as text": ("a.npz", arrays(X=VALUES, y=LABELS), None, LABELS, "'tumor' \\(8\\)"),
    "y as bool": ("a.npz", arrays(X=VALUES, y=NUMBERS == 7), None, NUMBERS // 4, ""),
    "y as whole float": ("a.npz", arrays(X=VALUES, y=NUMBERS * 1.0), None, NUMBERS, ""),
    "X with genes as rows": ("a.npz", arrays(X=VALUES.T, y=NUMBERS), None, NUMBERS, "transposed"),
    "series matrix": (
        "GSE1_series_matrix.txt",
        geo(),
        "tissue",
        np.array(["tumor", "normal"] * 6),
        "a series matrix of GEO\\. .*transposed.*description 'tissue': 2 classes",
    ),
    "series matrix, lines end by returns": (
        "GSE1_series_matrix.txt",
        geo().replace("\n", "\r"),
        "tissue",
        np.array(["tumor", "normal"] * 6),
        "a series matrix of GEO",
    ),
    "series matrix, packed, by a line": (
        "GSE1_series_matrix.txt.gz",
        gzip.compress(geo().replace("\n", "\r\n").encode()),
        "!Sample_source_name_ch1",
        np.array(["breast", "breast", "lung"] * 4),
        "GEO, packed by gzip.*'breast' \\(8\\)",
    ),
}


@pytest.mark.parametrize("what", UNDERSTOOD)
def test_files_are_understood(what, tmp_path):
    name, content, target, labels, told = UNDERSTOOD[what]
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    X, y, notes = read_samples(path, target)
    assert y.dtype.kind == labels.dtype.kind
    np.testing.assert_array_equal(y, labels)
    assert X.dtype == np.float32
    assert X.flags.c_contiguous
    values = VALUES
    if what == "genes as rows, many, labels last":
        values = np.random.default_rng(0).normal(size=(N_SAMPLES, 600)).round(4)
    elif what == "decimal commas, late":
        values = np.r_[np.ones((24, 4)), VALUES]
    elif what == "many samples with names":
        values = np.tile(VALUES, (6, 1))
    elif what == "index of pandas":
        values = VALUES[SHUFFLED]
    np.testing.assert_array_equal(X, values.astype(np.float32))
    assert notes[0].startswith(f"{name} is ")
    assert all(re.fullmatch(r"[^\n]+\.", note) for note in notes)
    assert re.search(told, " ".join(notes)), notes
    assert any(note.startswith("Left out") for note in notes) == ("Left out" in told)


# ------------------------------------------------------------------------------------- refused


def gap(n_cells):
    values = VALUES.copy()
    values.flat[:n_cells] = np.nan
    return values


def objects(name):
    return {"X": VALUES, "y": NUMBERS, name: np.array([[1], "two", None] * 4, dtype=object)}


def matrix():
    buffer = io.BytesIO()
    sparse.save_npz(buffer, sparse.csr_array(VALUES))
    return buffer.getvalue()


def damaged():
    content = bytearray(arrays(X=VALUES, y=NUMBERS))
    content[200:260] = b"?" * 60
    return bytes(content)


def member(content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("X.npy", content)
        archive.writestr("y.npy", content)
    return buffer.getvalue()


LARGE = VALUES.copy()
LARGE[3, 1] = 1e39
REAL = np.linspace(0.5, 20.25, N_SAMPLES)

# What -> (name of the file, content, target, what must be told).
REFUSED = {
    "wrong target": ("a.csv", TABLE, "typ", "no column 'typ', nor a row .* 'g1', .*'type'"),
    "missing cells": (
        "a.csv",
        csv_text(samples(values=gap(5))),
        None,
        "lacks 5 cells in 4 of 4 features \\('g1', 'g2', 'g3', 'g4'\\).*SimpleImputer",
    ),
    "missing cells in words": (
        "a.csv",
        csv_text(samples(values=gap(2)), na_rep="NA"),
        None,
        "lacks 2 cells in 2 of 4 features",
    ),
    "missing cells in question": (
        "a.csv",
        csv_text(samples(values=gap(1)), na_rep="?"),
        None,
        "lacks 1 cell in 1 of 4",
    ),
    "missing labels": (
        "a.csv",
        csv_text(samples(np.where(np.arange(12) < 3, "NA", LABELS))),
        None,
        "no label for 3 of 12 samples, in the last column 'type'",
    ),
    "one class": ("a.csv", csv_text(samples(["a"] * 12)), None, "one class only: all 12 .* 'a'"),
    "real labels": (
        "a.csv",
        csv_text(samples(REAL)),
        None,
        "numbers as labels, in the last column 'type', with 12 distinct values among 12 .* classes",
    ),
    "real labels, decimal commas": (
        "a.csv",
        csv_text(samples(REAL), sep=";", decimal=","),
        None,
        "numbers as labels, in the last column 'type', with 12 distinct",
    ),
    "real labels that repeat": ("a.csv", csv_text(samples(NUMBERS / 2)), None, "with 2 distinct"),
    "a label for each sample": (
        "a.csv",
        csv_text(samples(SHUFFLED * 3)),
        None,
        "numbers as labels.* 12 distinct values among 12",
    ),
    "names for labels": ("a.csv", csv_text(samples(IDS)), None, "text as labels.* 12 distinct"),
    "text beside the label": (
        "a.csv",
        csv_text(insert(samples(), 1, "sex", ["m", "f"] * 6)),
        None,
        "text in 1 column beside the last column 'type': 'sex', such as 'm'.* as target",
    ),
    "text in a cell": (
        "a.csv",
        TABLE.replace(str(VALUES[5, 2]), "low"),
        None,
        "text in 1 column beside the last column 'type': 'g3', such as 'low'",
    ),
    "missing cells at the start of a line": (
        "a.csv",
        csv_text(insert(samples(values=gap(4)), 0, "id", IDS)),
        None,
        "lacks 4 cells in 4 of 4",
    ),
    "label first, not named": (
        "a.csv",
        csv_text(samples()[["type", *GENES]]),
        None,
        "text in 1 column beside the last column 'g4': 'type', such as 'tumor'.* as target",
    ),
    "two labels": (
        "a.csv",
        csv_text(insert(samples(label="class"), 0, "Target", LABELS)),
        None,
        "may have its labels in 'Target', 'class'",
    ),
    "both decimal signs": (
        "a.csv",
        csv_text(samples(), sep=";", decimal=",").replace(",", ".", 1),
        None,
        "text in 1 column .* such as '[^,]*\\.[^,]*'",
    ),
    "a short line": (
        "a.csv",
        TABLE.replace("\n", "\nx,", 3).replace("x,", "", 2).replace("x,", "1\n", 1),
        None,
        "different lengths: line 4 has 1 cell, most have 5",
    ),
    "a long line": ("a.csv", TABLE + "1,2,3,4,a,b\n", None, "line 14 has 6 cells, most have 5"),
    "a short header": ("a.csv", TABLE.replace("g1,g2,", ""), None, "3 names .* but 5 cells"),
    "no header": ("a.csv", csv_text(samples(), header=False), None, "numbers in its first line"),
    "no header, whole numbers": (
        "a.csv",
        csv_text(samples(NUMBERS, values=SHUFFLED[:, None] * [7, 5, 3]), header=False),
        None,
        "numbers in its first line",
    ),
    "two columns of one name": (
        "a.csv",
        TABLE.replace("g2", "g1"),
        None,
        "columns of the same name: 'g1'",
    ),
    "a column without name": ("a.csv", TABLE.replace("g2", ""), None, "no name for column 2"),
    "one column": ("a.csv", "a\n1\n2\n", None, "one column only"),
    "spaces": ("a.txt", csv_text(samples(), sep=" "), None, "neither commas, semicolons nor tabs"),
    "only the label": (
        "a.csv",
        csv_text(insert(samples()[["type"]], 0, "id", IDS)),
        None,
        "no column of numbers beside",
    ),
    "no lines": ("a.csv", TABLE.split("\n")[0], None, "no samples below"),
    "empty": ("a.csv", "", None, "is empty"),
    "blank": ("a.csv.gz", gzip.compress(b"\n \n"), None, "is empty"),
    "numbers too long": (
        "a.csv",
        csv_text(insert(samples(), 1, "g9", ["9" * 30, *range(11)])),
        None,
        "text in 1 column .*'g9', such as '9{30}'",
    ),
    "an open quote": ("a.csv", TABLE.replace("tumor", '"tumor', 1), None, "lines|read"),
    "an open quote in a huge file": (
        "a.csv",
        TABLE.replace("tumor", '"tumor', 1) + "1,2,3,4,b\n" * 20_000,
        None,
        "cannot be read at line",
    ),
    "infinite cells": (
        "a.csv",
        TABLE.replace(str(VALUES[2, 1]), "inf"),
        None,
        "1 cell, infinite or too large .* 'g2'",
    ),
    "large cells": ("a.csv", csv_text(samples(values=LARGE)), None, "1 cell, .* too large .* 'g2'"),
    "half a gzip": ("a.csv.gz", gzip.compress(TABLE.encode())[:60], None, "unpacked by gzip"),
    "a workbook": ("a.csv", member(b"x"), None, "is a workbook or an archive"),
    "zero bytes": ("a.csv", TABLE.encode("utf-16")[2:], None, "zero bytes"),
    "half of UTF-16": ("a.csv", TABLE.encode("utf-16")[:-1], None, "UTF-16"),
    "unknown kind": ("a.xlsx", b"PK", None, "unknown kind, expected .csv, .tsv"),
    "genes as rows, no labels": (
        "a.tsv",
        csv_text(genes_as_rows(None, n_genes=400), index=True, sep="\t"),
        None,
        "looks transposed, with 400 genes as rows and 12 samples .* no row of labels",
    ),
    "few genes as rows, no labels": (
        "a.tsv",
        csv_text(genes_as_rows(None).rename_axis("Gene Symbol"), index=True, sep="\t"),
        None,
        "looks transposed, with 4 genes as rows",
    ),
    "levels of genes as rows, no labels": (
        "a.tsv",
        csv_text(genes_as_rows(None, n_genes=400).round(), index=True, sep="\t"),
        None,
        "looks transposed",
    ),
    "genes as rows, two rows of text": (
        "a.tsv",
        csv_text(
            pd.concat([genes_as_rows(n_genes=0), genes_as_rows(LABELS, "sex", n_genes=40)]),
            index=True,
            sep="\t",
        ),
        None,
        "looks transposed.* the rows 'type', 'sex' may hold labels",
    ),
    "genes as rows, one row of text too many": (
        "a.tsv",
        csv_text(
            pd.concat([genes_as_rows(n_genes=0), genes_as_rows(LABELS, "sex", n_genes=40)]),
            index=True,
            sep="\t",
        ),
        "type",
        "text in the rows 'sex' beside row 'type'",
    ),
    "genes as rows, text in a cell": (
        "a.tsv",
        csv_text(genes_as_rows(), True, sep="\t").replace(str(VALUES[0, 1]), "low"),
        None,
        "text in column 'P0', such as 'low'",
    ),
    "genes as rows, two of one name": (
        "a.csv",
        csv_text(genes_as_rows(), True).replace("g2", "g1"),
        None,
        "rows of the same name: 'g1'",
    ),
    "genes as rows, two rows of labels": (
        "a.csv",
        csv_text(genes_as_rows(), True).replace("g2", "type"),
        "type",
        "has 2 rows 'type'",
    ),
    "genes as rows, missing cells": (
        "a.csv",
        csv_text(genes_as_rows(), True).replace(str(VALUES[0, 1]), ""),
        None,
        "lacks 1 cell in 1 of 4 features \\('g2'\\)",
    ),
    "genes as rows, missing labels": (
        "a.csv",
        csv_text(genes_as_rows(), True).replace("normal", ""),
        None,
        "no label for 4 of 12 samples, in row 'type'",
    ),
    "series matrix, no target": (
        "a.txt",
        geo(),
        None,
        "which has no labels; .* target: 'source_name_ch1' \\(2 values\\), 'tissue' \\(2 values\\)",
    ),
    "series matrix, wrong target": ("a.txt", geo(), "organ", "without a description 'organ'"),
    "series matrix, real labels": ("a.txt", geo(), "age", "12 distinct .* target: .*'tissue' \\(2"),
    "series matrix, a name for each": ("a.txt", geo(), "title", "12 distinct values .*'tissue'"),
    "series matrix, missing cells": (
        "a.txt",
        geo(cell="null"),
        "tissue",
        "lacks 1 cell in 1 of 4 features \\('1_at'\\)",
    ),
    "series matrix, text": ("a.txt", geo(cell="low"), "tissue", "text in 1 sample, such as 'low'"),
    "series matrix, missing labels": (
        "a.txt",
        geo(("", "normal") * 6),
        "tissue",
        "no label for 6 of 12 samples, in description 'tissue'",
    ),
    "series matrix, half": ("a.txt", geo(end=False), "tissue", "incomplete"),
    "series matrix, empty": ("a.txt", geo(empty=True), "tissue", "empty table.* supplementary"),
    "series matrix, no table": ("a.txt", geo().split("!series")[0], "tissue", "no line !series"),
    "series matrix, other samples": (
        "a.txt",
        geo().replace('"GSM3"', '"GSM33"', 1),
        "tissue",
        "describes other samples",
    ),
    "series matrix, a description too long": (
        "a.txt",
        geo(extra=['!Sample_note\t"a"' + '\t"b"' * N_SAMPLES]),
        "tissue",
        "describes its samples in lines that cannot be read",
    ),
    "series matrix, two descriptions by one name": (
        "a.txt",
        geo(extra=["!Sample_Tissue" + '\t"a"' * N_SAMPLES]),
        "tissue",
        "without a description 'tissue'",
    ),
    "SOFT": ("a.txt", "^DATABASE = GeoMiame\n!x = y\n", None, "is a SOFT file"),
    "arrays lacking": ("a.npz", arrays(X=VALUES, labels=NUMBERS), None, "no array y, .*'labels'"),
    "arrays lacking both": ("a.npz", arrays(a=VALUES), None, "no array X and no array y, .*'a'"),
    "array of wrong name": ("a.npz", arrays(X=VALUES, y=NUMBERS), "t", "no array t, but holds"),
    "y of wrong length": ("a.npz", arrays(X=VALUES, y=NUMBERS[:9]), None, "12 samples in X but 9"),
    "y of objects": ("a.npz", arrays(**objects("y")), None, "array y of Python objects.*astype"),
    "X of objects": ("a.npz", arrays(**objects("X")), None, "array X of Python objects"),
    "y of several labels": ("a.npz", arrays(X=VALUES, y=VALUES), None, "labels of shape \\(12, 4"),
    "y of nothing": ("a.npz", arrays(X=VALUES, y=np.empty((0, 3))), None, "no labels in y"),
    "y of complex": ("a.npz", arrays(X=VALUES, y=NUMBERS * 1j), None, "dtype complex128 in y"),
    "y of reals": ("a.npz", arrays(X=VALUES, y=REAL), None, "array y, with 12 distinct values"),
    "y with gaps": (
        "a.npz",
        arrays(X=VALUES, y=np.where(np.arange(12) < 3, np.nan, NUMBERS)),
        None,
        "no label for 3 of 12",
    ),
    "y of one class": ("a.npz", arrays(X=VALUES, y=NUMBERS * 0), None, "one class only"),
    "X with gaps": ("a.npz", arrays(X=gap(6), y=NUMBERS), None, "lacks 6 .* 4 .*\\(columns 0, 1"),
    "X of text": ("a.npz", arrays(X=VALUES.astype(str), y=NUMBERS), None, "an X of .* expected n"),
    "X of one dimension": ("a.npz", arrays(X=NUMBERS, y=NUMBERS), None, "an X of shape \\(12,\\)"),
    "a sparse matrix": ("a.npz", matrix(), None, "a sparse matrix .* no labels; expected dense"),
    "a damaged archive": ("a.npz", damaged(), None, "cannot be read as an .npz file"),
    "half an archive": ("a.npz", arrays(X=VALUES, y=NUMBERS)[:300], None, "cannot be read"),
    "no archive": ("a.npz", b"hello", None, "cannot be read as an .npz file"),
    "an empty archive": ("a.npz", b"", None, "cannot be read as an .npz file"),
    "an archive of text": ("a.npz", member(b"hello"), None, "member X that is no array"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_files_are_refused_in_one_line(what, tmp_path):
    name, content, target, told = REFUSED[what]
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))} ") as refused:
        read_samples(path, target)
    assert re.search(told, str(refused.value)), refused.value
    assert re.fullmatch(r"[^\n]+\.", str(refused.value))
    assert refused.value.__context__ is None or refused.value.__suppress_context__


@pytest.mark.parametrize(("step", "n_features"), [(1, N_GENES), (2, N_GENES + 1)])
def test_what_goes_up_by_one_is_no_feature(step, n_features, tmp_path):
    path = tmp_path / "a.csv"
    frame = insert(samples(), 0, "dose", 5 + step * np.arange(N_SAMPLES))
    path.write_text(csv_text(frame), encoding="utf-8")
    assert read_samples(path, None)[0].shape == (N_SAMPLES, n_features)


def test_one_array_is_refused(tmp_path):
    with open(tmp_path / "a.npz", "wb") as file:
        np.save(file, VALUES)
    with pytest.raises(ValueError, match="holds one array, expected arrays X and y"):
        read_samples(tmp_path / "a.npz")


def test_no_file_and_a_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no file .*a\.csv\.$"):
        read_samples(tmp_path / "a.csv")
    (tmp_path / "b.csv").mkdir()
    with pytest.raises(ValueError, match=r"b\.csv is a folder, expected a file"):
        read_samples(str(tmp_path / "b.csv"))


def test_parameters_are_checked():
    with pytest.raises(InvalidParameterError, match="'path' parameter of read_samples must be"):
        read_samples(3)
    with pytest.raises(InvalidParameterError, match="'target' parameter of read_samples must be"):
        read_samples("a.csv", target=4)


def test_without_pandas_the_remedy_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    (tmp_path / "a.csv").write_text(TABLE)
    with pytest.raises(ImportError, match="Install it: pip install pandas"):
        read_samples(tmp_path / "a.csv")
    (tmp_path / "a.npz").write_bytes(arrays(X=VALUES, y=NUMBERS))
    np.testing.assert_array_equal(read_samples(tmp_path / "a.npz")[1], NUMBERS)


@pytest.mark.parametrize("options", [{}, {"sep": "\t"}, {"sep": ";", "decimal": ","}])
def test_lines_may_be_longer_than_a_cell_of_the_csv_module(options, tmp_path):
    names = [f"{i:060}x" for i in range(2500)]
    X = np.random.default_rng(0).normal(size=(6, 2500)).round(4)
    frame = pd.DataFrame(X, columns=names).assign(kind=[1, 2] * 3)
    frame.to_csv(tmp_path / "a.txt", index=False, **options)
    assert len((tmp_path / "a.txt").read_text().partition("\n")[0]) > csv.field_size_limit()
    read, labels, notes = read_samples(tmp_path / "a.txt")
    np.testing.assert_array_equal(read, X.astype(np.float32))
    np.testing.assert_array_equal(labels, [1, 2] * 3)
    assert "6 samples, 2,500 features, no missing cells." in notes


# ---------------------------------------------------------------------------------------- demo


@pytest.fixture
def table(tmp_path):
    """A file with an index of pandas, decimal commas and hashes."""
    X = np.random.default_rng(0).normal(size=(40, 3))
    frame = pd.DataFrame(X, columns=["g #1", "g2", "g3"])
    frame["kind"] = np.where(X[:, 0] > 0, "tumor #1", "tumor #2")
    frame.to_csv(tmp_path / "a.csv", sep=";", decimal=",")
    return tmp_path / "a.csv"


TOLD = """
a.csv is a table with semicolons between its cells, decimal commas.
40 samples, 3 features, no missing cells.
Labels are the last column 'kind': 2 classes, 'tumor #1' (19), 'tumor #2' (21).
Left out: column 1 (numbers or names of the samples).
"""


def load_demo():
    spec = importlib.util.spec_from_file_location("demo", DEMO)
    demo = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(demo)
    return demo


def run_demo(*options):
    return subprocess.run(
        [sys.executable, DEMO, *map(str, options)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@needs_documentation
def test_the_demo_tells_what_it_read(table, monkeypatch, capsys):
    demo, compared, tuned = load_demo(), [], []
    monkeypatch.setattr(demo, "compare", lambda *given: compared.append(given))
    monkeypatch.setattr(demo, "tune", lambda *given: tuned.append(given))
    monkeypatch.setattr(sys, "argv", ["demo.py", "--data", str(table)])
    demo.main()
    assert capsys.readouterr().out.endswith(TOLD)
    ((name, X, y),) = compared
    assert name == "a.csv"
    assert X.shape == (40, 3)
    assert set(y) == {"tumor #1", "tumor #2"}
    assert len(tuned) == 1


@pytest.mark.slow
@needs_documentation
@pytest.mark.slow
def test_the_demo_reads_a_file(table):
    done = run_demo("--data", table)
    assert done.returncode == 0, done.stderr
    assert f"{TOLD}\na.csv: 40 samples x 3 features, classes of 19, 21 samples;" in done.stdout
    assert "GridSearchCV: best" in done.stdout


@pytest.mark.slow
@needs_documentation
def test_the_demo_refuses_a_file_in_one_line(table):
    done = run_demo("--data", table, "--target", "typ")
    assert done.returncode == 1
    assert re.fullmatch(r".*a\.csv has no column 'typ'[^\n]*\n", done.stderr), done.stderr


@needs_documentation
@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (["a"] * 6 + ["b"] * 3 + ["c"] * 3, r"1 of 3 classes have 5 samples or more"),
        (REAL, r"a\.csv has numbers as labels.*TARGET="),
    ],
)
def test_the_demo_ends_where_there_are_no_classes(labels, told, tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_text(csv_text(samples(labels)))
    monkeypatch.setattr(sys, "argv", ["demo.py", "--data", str(path)])
    with pytest.raises(SystemExit, match=told):
        load_demo().main()
