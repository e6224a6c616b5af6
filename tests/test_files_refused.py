"""Files that cannot be understood are refused in one line, with a remedy."""

import csv
import gzip
import io
import re
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from user_files import (
    GENES,
    IDS,
    LABELS,
    N_GENES,
    N_SAMPLES,
    NUMBERS,
    REAL,
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

# What -> (name of the file, content, target, what must be told).
REFUSED = {
    "wrong target": (
        "a.csv",
        TABLE,
        "typ",
        "no column 'typ', nor a row .* 'g1', .*'type'. Perhaps 'type' is meant",
    ),
    "one class": ("a.csv", csv_text(samples(["a"] * 12)), None, "one class only: all 12 .* 'a'"),
    "real labels": (
        "a.csv",
        csv_text(samples(REAL)),
        None,
        "no column called label, class, .* numbers in the last column 'type', expected labels",
    ),
    "real labels, decimal commas": (
        "a.csv",
        csv_text(samples(REAL), sep=";", decimal=","),
        None,
        "no column called label, .* numbers in the last column 'type'",
    ),
    "real labels that repeat": (
        "a.csv",
        csv_text(samples(NUMBERS / 2)),
        None,
        "numbers in the last",
    ),
    "a label for each sample": (
        "a.csv",
        csv_text(samples(SHUFFLED * 3)),
        None,
        "numbers in the last column 'type'",
    ),
    "names for labels": ("a.csv", csv_text(samples(IDS)), None, "text as labels.* 12 distinct"),
    "text beside the label": (
        "a.csv",
        csv_text(insert(samples(), 1, "sex", ["m", "f"] * 6)),
        None,
        "text in 1 column beside the last column 'type': 'sex', such as 'm'.* --ignore.* --target",
    ),
    "text in a cell": (
        "a.csv",
        TABLE.replace(str(VALUES[5, 2]), "low"),
        None,
        "text in 1 column beside the last column 'type': 'g3', such as 'low'",
    ),
    "label first, not named": (
        "a.csv",
        csv_text(samples()[["type", *GENES]]),
        None,
        "text in 1 column beside the last column 'g4': 'type', such as 'tumor'.* --target",
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
    "a column without name": ("a.csv", TABLE.replace("g2", ""), None, "no name for column 2"),
    "one column": ("a.csv", "a\n1\n2\n", None, "one column only"),
    "text with spaces": (
        "a.txt",
        "a b\nc d e\n f\n",
        None,
        "neither commas, semicolons, tabs, bars",
    ),
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
    "genes as rows, two rows of labels": (
        "a.csv",
        csv_text(genes_as_rows(), True).replace("g2", "type"),
        "type",
        "has 2 rows 'type'",
    ),
    "genes as rows, missing labels": (
        "a.csv",
        csv_text(genes_as_rows(), True).replace("normal", ""),
        None,
        "one class only: all 8 labels, in row 'type', are 'tumor' \\(4 samples without one",
    ),
    "series matrix, no target": (
        "a.txt",
        geo(),
        None,
        "which has no labels; .* --target: 'source_name_ch1' \\(2 values\\), 'tissue' \\(2 v",
    ),
    "series matrix, wrong target": ("a.txt", geo(), "organ", "without a description 'organ'"),
    "series matrix, a name for each": ("a.txt", geo(), "title", "12 distinct values .*'tissue'"),
    "series matrix, text": ("a.txt", geo(cell="low"), "tissue", "text in 1 sample, such as 'low'"),
    "series matrix, missing labels": (
        "a.txt",
        geo(("", "normal") * 6),
        "tissue",
        "one class only: all 6 labels, in description 'tissue', are 'normal' \\(6 samples",
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
    "y of one class": ("a.npz", arrays(X=VALUES, y=NUMBERS * 0), None, "one class only"),
    "X of text": ("a.npz", arrays(X=VALUES.astype(str), y=NUMBERS), None, "an X of .* expected n"),
    "X of one dimension": ("a.npz", arrays(X=NUMBERS, y=NUMBERS), None, "an X of shape \\(12,\\)"),
    "a sparse matrix": (
        "a.npz",
        matrix(),
        None,
        "a sparse matrix .* and no y\\. .*--annotations.* numpy.savez",
    ),
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
        understood(path, target)
    assert re.search(told, str(refused.value)), refused.value
    assert re.fullmatch(r"[^\n]+\.", str(refused.value))
    assert refused.value.__context__ is None or refused.value.__suppress_context__


@pytest.mark.parametrize(("step", "n_features"), [(1, N_GENES), (2, N_GENES + 1)])
def test_what_goes_up_by_one_is_no_gene(step, n_features, tmp_path):
    path = tmp_path / "a.csv"
    frame = insert(samples(), 0, "dose", 5 + step * np.arange(N_SAMPLES))
    path.write_text(csv_text(frame), encoding="utf-8")
    assert understood(path).X.shape == (N_SAMPLES, n_features)


def test_one_array_is_refused(tmp_path):
    with open(tmp_path / "a.npz", "wb") as file:
        np.save(file, VALUES)
    with pytest.raises(ValueError, match="holds one array, expected arrays X and y"):
        understood(tmp_path / "a.npz")


def test_no_file_and_a_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no file .*a\.csv\.$"):
        understood(tmp_path / "a.csv")
    (tmp_path / "b.csv").mkdir()
    with pytest.raises(ValueError, match=r"b\.csv is a folder, expected a file"):
        understood(tmp_path / "b.csv")


@pytest.mark.parametrize(("module", "name"), [("pandas", "a.csv"), ("anndata", "a.h5ad")])
def test_without_a_library_the_remedy_is_told(module, name, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    (tmp_path / name).write_text(TABLE)
    with pytest.raises(ImportError, match=f"Install it: pip install {module}"):
        understood(tmp_path / name)
    (tmp_path / "a.npz").write_bytes(arrays(X=VALUES, y=NUMBERS))
    np.testing.assert_array_equal(understood(tmp_path / "a.npz").y, NUMBERS)


@pytest.mark.parametrize("options", [{}, {"sep": "\t"}, {"sep": ";", "decimal": ","}])
def test_lines_may_be_longer_than_a_cell_of_the_csv_module(options, tmp_path):
    names = [f"{i:060}x" for i in range(2500)]
    X = np.random.default_rng(0).normal(size=(6, 2500)).round(4)
    frame = pd.DataFrame(X, columns=names).assign(kind=[1, 2] * 3)
    frame.to_csv(tmp_path / "a.txt", index=False, **options)
    assert len((tmp_path / "a.txt").read_text().partition("\n")[0]) > csv.field_size_limit()
    study = understood(tmp_path / "a.txt")
    np.testing.assert_array_equal(study.X, X.astype(np.float32))
    np.testing.assert_array_equal(study.y, [1, 2] * 3)
    assert "6 samples, 2,500 genes, no missing cells." in study.notes
