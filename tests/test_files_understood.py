"""Files as users have them are understood."""

import gzip
import re

import numpy as np
import pandas as pd
import pytest
from user_files import (
    GENES,
    IDS,
    LABELS,
    N_SAMPLES,
    NUMBERS,
    SHUFFLED,
    TABLE,
    VALUES,
    arrays,
    csv_text,
    genes_as_rows,
    geo,
    insert,
    samples,
    understood,
)

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
    "byte order mark": ("a.csv", TABLE.encode("utf-8-sig"), None, LABELS, "12 samples, 4 gene"),
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
        "4 genes",
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
        "12 samples, 4 genes.*Left out: column 1 ",
    ),
    "many samples with names": (
        "a.csv",
        csv_text(
            pd.concat([insert(samples(), 0, "Probe", [f"{i}{id}" for id in IDS]) for i in "abcdef"])
        ),
        None,
        np.tile(LABELS, 6),
        "72 samples, 4 genes.*Left out: 'Probe' \\(names",
    ),
    "genes as rows": (
        "a.csv",
        csv_text(genes_as_rows(), index=True),
        None,
        LABELS,
        "was transposed\\. 12 samples, 4 genes.*row 'type': 2 classes",
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
        "12 samples, 600 genes",
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
        "4 genes.*Left out: 'control' \\(rows without numbers\\)",
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
    study = understood(path, target)
    assert study.y.dtype.kind == labels.dtype.kind
    np.testing.assert_array_equal(study.y, labels)
    assert study.X.dtype == np.float32
    assert study.X.flags.c_contiguous
    values = VALUES
    if what == "genes as rows, many, labels last":
        values = np.random.default_rng(0).normal(size=(N_SAMPLES, 600)).round(4)
    elif what == "decimal commas, late":
        values = np.r_[np.ones((24, 4)), VALUES]
    elif what == "many samples with names":
        values = np.tile(VALUES, (6, 1))
    elif what == "index of pandas":
        values = VALUES[SHUFFLED]
    np.testing.assert_array_equal(study.X, values.astype(np.float32))
    assert len(study.samples) == len(values)
    assert len(study.genes) == values.shape[1]
    assert study.notes[0].startswith(f"{name} is ")
    assert all(re.fullmatch(r"[^\n]+\.", note) for note in study.notes)
    assert re.search(told, " ".join(study.notes)), study.notes
    assert any(note.startswith("Left out") for note in study.notes) == ("Left out" in told)
