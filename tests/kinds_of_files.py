"""Files of many kinds, made up, and what the program says of each.

    python tests/kinds_of_files.py

prints a table: which file it is, with which options it is read, and what is understood. One study
stands in all of them, in other shapes, or with something wrong.
"""

import argparse
import contextlib
import gzip
import importlib.util
import io
import os
import tempfile
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse
from user_files import arrays, of_objects

from sklearn_set._cli.program import main

N = 24
GENES = [
    *("TP53", "BRCA1", "EGFR", "MYC", "KRAS", "PTEN", "RB1", "VEGFA", "CDK4", "MDM2", "CCND1"),
    *("ESR1", "ERBB2", "CDH1", "VIM", "KRT5", "KRT18", "GATA3", "FOXA1", "AR", "MKI67", "TOP2A"),
    *("AURKA", "BIRC5", "PCNA", "CD3E", "CD8A", "CD19", "ACTB", "GAPDH"),
]
_random = np.random.default_rng(7)
LOGS = (_random.normal(8, 2, (N, len(GENES))).clip(1) + np.outer(np.arange(N) % 2, _random.normal(
    size=len(GENES)))).round(3)  # fmt: skip
COUNTS = np.round(2**LOGS).astype(int)
TYPES = np.array(["normal", "tumour"] * (N // 2))
SAMPLES = [f"S{number:02}" for number in range(1, N + 1)]
PATIENTS = np.repeat([f"pt{number:02}" for number in range(1, N // 2 + 1)], 2)
AGES = _random.integers(300, 900, N) / 10
SHUFFLED = _random.permutation(N)


@dataclass
class Kind:
    """A file, perhaps with a second one, and the words that follow its name."""

    name: str
    content: object  # text or bytes, or a function that writes it to a path
    words: tuple = ()
    values: np.ndarray | None = None  # what must be read; None if it must be refused
    labels: np.ndarray = field(default_factory=lambda: TYPES)
    groups: np.ndarray | None = None
    genes: list = field(default_factory=lambda: GENES)
    samples: list = field(default_factory=lambda: SAMPLES)
    others: dict = field(default_factory=dict)  # name -> content of further files
    needs: str = "pandas"

    def write(self, folder):
        for name, content in {**self.others, self.name: self.content}.items():
            if callable(content):
                content(folder / name)
            else:
                (folder / name).write_bytes(
                    content if isinstance(content, bytes) else content.encode()
                )

    @property
    def is_possible(self):
        """Whether the package that reads it is installed."""
        return importlib.util.find_spec(self.needs) is not None


def read(values=LOGS, **what):
    """What must be read of a file."""
    return {"values": values, **what}


# ------------------------------------------------------------------------- the study as tables


def table(values=LOGS, labels=TYPES, genes=GENES, label="diagnosis", **columns):
    """A sample in each row: its name, other columns, genes, the label."""
    frame = pd.DataFrame(values, columns=genes)
    for place, (name, cells) in enumerate({"sample": SAMPLES, **columns}.items()):
        frame.insert(place, name, cells)
    return frame if labels is None else frame.assign(**{label: labels})


def turned(values=LOGS, labels=None, genes=GENES, **columns):
    """A gene in each row: its name, other columns, samples; a row of labels above."""
    frame = pd.DataFrame(values.T, columns=SAMPLES).astype(object)
    for place, (name, cells) in enumerate({"gene": genes, **columns}.items()):
        frame.insert(place, name, cells)
    if labels is not None:
        frame = pd.concat([pd.DataFrame([["diagnosis", *labels]], columns=frame.columns), frame])
    return frame


def text(frame, **options):
    return frame.to_csv(index=False, lineterminator="\n", **options)


def changed(frame, row, column, cell):
    frame = frame.astype(object)
    frame.loc[row, column] = cell
    return frame


def annotations(**columns):
    """A line for each sample, in another order."""
    described = {"id": SAMPLES, "diagnosis": TYPES, "patient": PATIENTS, "age": AGES, **columns}
    return text(pd.DataFrame(described).loc[SHUFFLED])


def geo(values=LOGS, accessions=None):
    """A series matrix of GEO, whose table may be empty."""
    names = [f"GSM{9000 + place}" for place in range(N)]

    def line(name, cells):
        return "\t".join([name, *(f'"{cell}"' for cell in cells)])

    genes = [] if values is None else zip(GENES, values.T.tolist(), strict=True)
    return "\n".join(
        [
            '!Series_title\t"A study; of tumours, in two parts"',
            line("!Sample_title", [f'biopsy {place} of 5" needle' for place in range(N)]),
            line("!Sample_geo_accession", names),
            line("!Sample_characteristics_ch1", [f"disease state: {each}" for each in TYPES]),
            line("!Sample_characteristics_ch1", [f"age: {age}" for age in AGES]),
            line("!Sample_characteristics_ch1", [f"patient: {each}" for each in PATIENTS]),
            line("!Sample_platform_id", ["GPL570"] * N),
            "!series_matrix_table_begin",
            line('"ID_REF"', names),
            *("\t".join([f'"{gene}"', *map(str, cells)]) for gene, cells in genes),
            "!series_matrix_table_end\n",
        ]
    )


def sparse_matrix():
    buffer = io.BytesIO()
    sparse.save_npz(buffer, sparse.csr_array(np.where(COUNTS > 200, COUNTS, 0)))
    return buffer.getvalue()


def h5ad(path):
    import anndata

    names, genes = (pd.Index(each, dtype=object) for each in (SAMPLES, GENES))
    obs = pd.DataFrame({"diagnosis": of_objects(TYPES), "donor": of_objects(PATIENTS)}, index=names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = anndata.AnnData(
            X=sparse.csr_matrix(COUNTS.astype(np.float32)), obs=obs, var=pd.DataFrame(index=genes)
        )
        data.write_h5ad(path)


def missing():
    """A table with cells that are missing in ten ways, and its numbers."""
    frame, values = table().astype(object), LOGS.copy()
    ways = ["", "NA", "NaN", "N/A", "#N/A", "NULL", "?", "n.a.", "#DIV/0!", "null"]
    for place, way in enumerate(ways):
        frame.iloc[place, 1 + place] = way
        values[place, place] = np.nan
    return text(frame), values


def with_thousands():
    return table(COUNTS).map(lambda cell: f"{cell:,}" if isinstance(cell, int) else cell)


# ------------------------------------------------------------------------------------ the kinds

_TARGET = ("--target", "diagnosis")
_JOINED = ("--annotations", "samples.csv", *_TARGET)
_MISSING_TEXT, _MISSING_VALUES = missing()
_DATES = ["1-Mar", "Sep-02", "2024-03-01", "2.31E+13", *GENES[4:]]
_PLACES = [str(place + 1) for place in range(N)]
_ENTREZ = [str(7157 + 11 * place) for place in range(len(GENES))]
_DISEASES = np.where(TYPES == "tumour", "Geschwür", "gesund")
_CROHN = np.where(TYPES == "tumour", "Crohn\u2019s disease", "healthy")
_CASES = np.where(np.arange(N) < 12, TYPES, np.char.capitalize(TYPES))
_GRADES = np.arange(N) % 3
_TWICE, _VOID, _CONSTANT, _LAST = LOGS.copy(), LOGS.copy(), LOGS.copy(), 2**LOGS
_TWICE[7], _VOID[5], _CONSTANT[:, 3] = LOGS[2], np.nan, 0.0
_LAST = _LAST.round(1)
_COUNTERS = ["__no_feature", "__ambiguous"]
_COUNTED = turned(np.c_[COUNTS, np.full((N, 2), 90_000)], genes=[*GENES, *_COUNTERS])

UNDERSTOOD = {
    "CSV, names first, labels last": Kind("a.csv", text(table()), **read()),
    "TSV": Kind("a.tsv", text(table(), sep="\t"), **read()),
    "semicolons, decimal commas": Kind("a.csv", text(table(), sep=";", decimal=","), **read()),
    "bars": Kind("a.txt", text(table(), sep="|"), **read()),
    "spaces, as `write.table` of R": Kind(
        "a.txt",
        table().set_index("sample").to_csv(sep=" ", quoting=2).removeprefix('"sample" '),
        **read(),
    ),
    "gzip": Kind("a.csv.gz", gzip.compress(text(table()).encode()), **read()),
    "byte order mark, lines of Windows": Kind(
        "a.csv", text(table()).replace("\n", "\r\n").encode("utf-8-sig"), **read()
    ),
    "UTF-16, as spreadsheets save text": Kind(
        "a.txt", text(table(), sep="\t").encode("utf-16"), **read()
    ),
    "Latin-1": Kind(
        "a.csv", text(table(labels=_DISEASES)).encode("latin-1"), **read(labels=_DISEASES)
    ),
    "Windows-1252": Kind(
        "a.csv", text(table(labels=_CROHN)).encode("cp1252"), **read(labels=_CROHN)
    ),
    "`sep=;` for spreadsheets": Kind("a.csv", "sep=;\n" + text(table(), sep=";"), **read()),
    "remarks above the header": Kind(
        "a.csv", "# exported 2024-05-01\n# log2, RMA\n" + text(table()), **read()
    ),
    "no names of samples": Kind("a.csv", text(table().drop(columns="sample")), **read(
        samples=_PLACES)),
    "index of pandas": Kind(
        "a.csv", table().drop(columns="sample").to_csv(), **read(samples=[*map(str, range(N))])
    ),
    "genes in rows, a row of labels": Kind("a.csv", text(turned(labels=TYPES)), **read()),
    "genes in rows, called by numbers": Kind(
        "a.csv", text(turned(labels=TYPES, genes=_ENTREZ)), **read(genes=_ENTREZ)
    ),
    "genes in rows, annotations in another order": Kind(
        "a.tsv",
        text(turned(), sep="\t"),
        (*_JOINED, "--groups", "patient"),
        others={"samples.csv": annotations()},
        **read(groups=PATIENTS),
    ),
    "samples in rows, annotations in another order": Kind(
        "a.csv", text(table(labels=None)), _JOINED, others={"samples.csv": annotations()}, **read()
    ),
    "featureCounts": Kind(
        "a.txt",
        '# Program:featureCounts v2.0.6; Command:"featureCounts" "-p"\n'
        + text(turned(COUNTS, Chr="1;1", Start="9;70", Length=[*range(900, 930)]), sep="\t"),
        _JOINED,
        others={"samples.csv": annotations()},
        **read(COUNTS),
    ),
    "htseq-count, with its counters": Kind(
        "a.tsv", text(_COUNTED, sep="\t"), _JOINED, others={"samples.csv": annotations()},
        **read(COUNTS),
    ),
    "GCT": Kind(
        "a.gct",
        f"#1.2\n{len(GENES)}\t{N}\n" + text(turned(Description="na"), sep="\t"),
        _JOINED,
        others={"samples.csv": annotations()},
        **read(),
    ),
    "series matrix of GEO, packed": Kind(
        "GSE1_series_matrix.txt.gz",
        gzip.compress(geo().encode()),
        ("--target", "disease state", "--groups", "patient"),
        **read(groups=PATIENTS, samples=[f"GSM{9000 + place}" for place in range(N)]),
    ),
    "counts, series matrix as annotations": Kind(
        "a.tsv.gz",
        gzip.compress(
            text(turned(COUNTS).set_axis(["gene", *(f"GSM{9000 + i}" for i in range(N))], axis=1),
                 sep="\t").encode()
        ),
        ("--annotations", "GSE2_series_matrix.txt", "--target", "disease state"),
        others={"GSE2_series_matrix.txt": geo(None)},
        **read(COUNTS, samples=[f"GSM{9000 + place}" for place in range(N)]),
    ),
    "raw counts": Kind("a.csv", text(table(COUNTS)), **read(COUNTS)),
    "raw intensities": Kind("a.csv", text(table(_LAST)), **read(_LAST)),
    "missing cells, in ten ways": Kind("a.csv", _MISSING_TEXT, **read(_MISSING_VALUES)),
    "columns of batches and patients": Kind(
        "a.csv",
        text(table(patient=PATIENTS, batch=np.arange(N) % 3 + 1)),
        ("--groups", "patient", "--ignore", "batch"),
        **read(groups=PATIENTS),
    ),
    "the same, nothing said of them": Kind(
        "a.csv",
        text(table(patient=PATIENTS, batch=np.arange(N) % 3 + 1)),
        values=np.c_[np.arange(N) % 3 + 1, LOGS],
        genes=["batch", *GENES],
    ),
    "genes of the same name": Kind(
        "a.csv",
        text(turned(labels=TYPES, genes=["TP53", "TP53", "TP53", *GENES[3:]])),
        **read(genes=["TP53", "TP53 #2", "TP53 #3", *GENES[3:]]),
    ),
    "classes 0, 1, 2": Kind("a.csv", text(table(labels=_GRADES)), **read(labels=_GRADES)),
    "numbers to estimate": Kind(
        "a.csv", text(table(labels=AGES, label="age")), ("--target", "age"), **read(labels=AGES)
    ),
    "spaces in names": Kind(
        "a.csv",
        text(table(label="cell type", genes=[f"{gene} (a b)" for gene in GENES])),
        ("--target", "cell type"),
        **read(genes=[f"{gene} (a b)" for gene in GENES]),
    ),
    "genes that became dates": Kind("a.csv", text(table(genes=_DATES)), **read(genes=_DATES)),
    "a constant gene": Kind("a.csv", text(table(_CONSTANT)), **read(_CONSTANT)),
    "an empty column, a label missing": Kind(
        "a.csv",
        text(changed(table(comment=np.nan), 4, "diagnosis", "")),
        values=np.delete(LOGS, 4, 0),
        labels=np.delete(TYPES, 4),
        samples=SAMPLES[:4] + SAMPLES[5:],
    ),
    "arrays, genes as rows": Kind(
        "a.npz", arrays(X=LOGS.T, y=_GRADES, genes=GENES),
        **read(labels=_GRADES, samples=_PLACES),
    ),
    "a sparse matrix, annotations in its order": Kind(
        "a.npz",
        sparse_matrix(),
        _JOINED,
        others={"samples.csv": text(pd.DataFrame({"id": SAMPLES, "diagnosis": TYPES}))},
        **read(
            np.where(COUNTS > 200, COUNTS, 0),
            samples=_PLACES,
            genes=[f"gene {place + 1}" for place in range(len(GENES))],
        ),
    ),
    "h5ad": Kind(
        "a.h5ad", h5ad, (*_TARGET, "--groups", "donor"), needs="anndata",
        **read(COUNTS, groups=PATIENTS),
    ),
    "a column of hospitals, numbered": Kind(
        "a.csv",
        text(table(hospital=np.arange(N) % 5)),
        values=np.c_[np.arange(N) % 5, LOGS],
        genes=["hospital", *GENES],
    ),
    "a column with codes of the labels": Kind(
        "a.csv",
        text(table(COUNTS, code=(TYPES == "tumour") + 1)),
        values=np.c_[(TYPES == "tumour") + 1, COUNTS],
        genes=["code", *GENES],
    ),
    "a sample twice": Kind("a.csv", text(table(_TWICE)), **read(_TWICE)),
    "a sample without numbers": Kind("a.csv", text(table(_VOID)), **read(_VOID)),
    "a class in two spellings": Kind("a.csv", text(table(labels=_CASES)), **read(labels=_CASES)),
}  # fmt: skip

REFUSED = {
    "empty": Kind("a.csv", ""),
    "binary": Kind("a.csv", bytes(range(256)) * 8),
    "a web page": Kind("a.csv", "<!DOCTYPE html>\n<html><body>404, not found</body></html>\n"),
    "JSON": Kind("a.csv", table().to_json()),
    "a workbook": Kind("a.xlsx", b"PK\x03\x04"),
    "a workbook called CSV": Kind("a.csv", b"PK\x03\x04" + bytes(40)),
    "half of a gzip file": Kind("a.csv.gz", gzip.compress(text(table()).encode())[:900]),
    "half of a series matrix": Kind("a_series_matrix.txt", geo()[:4000], _TARGET),
    "labels last, no header": Kind("a.csv", text(table().drop(columns="sample"), header=False)),
    "no labels": Kind("a.csv", text(table(labels=None))),
    "genes in rows, no labels": Kind("a.csv", text(turned())),
    "no such column": Kind("a.csv", text(table()), ("--target", "diagnose")),
    "samples of the same name": Kind("a.csv", text(changed(table(), 3, "sample", "S01"))),
    "a column of text": Kind("a.csv", text(table(sex=["m", "f", "f"] * (N // 3)))),
    "a column of true and false": Kind("a.csv", text(table(smoker=np.arange(N) % 3 == 1))),
    "a cell of text": Kind("a.csv", text(changed(table(), 9, "MYC", "low"))),
    "a line for each gene of each sample": Kind(
        "a.csv", text(table().melt(id_vars=["sample", "diagnosis"], var_name="gene"))
    ),
    "a line that is too short": Kind("a.csv", text(table()).replace("8.", "\n8.", 1)),
    "commas between thousands": Kind("a.tsv", text(with_thousands(), sep="\t")),
    "points between thousands": Kind("a.csv", text(with_thousands(), sep=";").replace(",", ".")),
    "-999 for missing cells": Kind("a.csv", text(changed(table(), 9, "MYC", -999))),
    "infinite cells": Kind("a.csv", text(changed(table(), 9, "MYC", "inf"))),
    "one class": Kind("a.csv", text(table(labels="tumour"))),
    "fewer samples than folds": Kind("a.csv", text(table().head(6))),
    "a class smaller than the folds": Kind(
        "a.csv", text(table(labels=["rare"] * 3 + ["tumour"] * (N - 3)))
    ),
    "fewer patients than folds": Kind(
        "a.csv", text(table(centre=np.arange(N) % 2)), ("--groups", "centre")
    ),
    "annotations of other samples": Kind(
        "a.csv", text(table(labels=None)), _JOINED,
        others={"samples.csv": annotations().replace("S", "T")},
    ),
    "arrays of different lengths": Kind("a.npz", arrays(X=LOGS, y=_GRADES[:20])),
}  # fmt: skip

KINDS = UNDERSTOOD | REFUSED


# ------------------------------------------------------------------------------ what is said


def said_of(kind):
    """Sentences that the program says of a file, and its exit code."""
    out, error = io.StringIO(), io.StringIO()
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        kind.write(Path(folder))
        os.chdir(folder)  # names of files without folders are said
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
                code = main([kind.name, *kind.words, "--dry-run"])
        finally:
            os.chdir(before)
    said = error.getvalue().removeprefix("sklearn-set: ") if code else out.getvalue()
    return said.splitlines(), code


def rows():
    """The lines of the table, by what the file is.

    What the first file has in common with others is said of the first only.
    """
    known = set()
    for what, kind in KINDS.items():
        if not kind.is_possible:
            continue
        said, code = said_of(kind)
        told = " ".join(said[:1] + [each for each in said[1:] if each not in known])
        known = known or set(said)
        command = " ".join(
            f'"{word}"' if " " in word else word for word in (kind.name, *kind.words)
        )
        yield what, f"| {what} | `{command}` | {'refused: ' if code else ''}{told} |"


if __name__ == "__main__":
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    print("| file | read as | understood |\n|---|---|---|")
    for _, row in rows():
        print(row)
