"""The README of a report reads new samples as those of the study were read."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from kinds_of_files import GENES, LOGS, TYPES, UNDERSTOOD, Kind, N, read, table, text, turned
from test_files_told import study_of

TWICE = ["TP53", "TP53", "TP53", *GENES[3:]]
NUMBERED = ["TP53", "TP53 #2", "TP53 #3", *GENES[3:]]
SPACED = [f" {gene} " for gene in GENES]

ENTREZ = [*["7157"] * 2, *[str(7160 + place) for place in range(len(GENES) - 2)]]

KINDS = UNDERSTOOD | {
    "spaces around the names": Kind("a.csv", text(table(genes=SPACED)), **read()),
    "spaces around the names of rows": Kind(
        "a.csv", text(turned(labels=TYPES, genes=SPACED)), **read()
    ),
    "columns of the same name, remarks": Kind(
        "a.csv",
        "# log2\n" + text(table().set_axis(["sample", *TWICE, "diagnosis"], axis=1)),
        **read(genes=NUMBERED),
    ),
    "columns of the same name, below one without": Kind(
        "a.csv",
        text(table().set_axis(["", *TWICE, "diagnosis"], axis=1)),
        **read(genes=NUMBERED),
    ),
    "rows called by the same number": Kind(
        "a.csv",
        text(turned(labels=TYPES, genes=ENTREZ)),
        **read(genes=["7157", "7157 #2", *ENTREZ[2:]]),
    ),
}


@pytest.mark.parametrize("what", KINDS)
def test_the_readme_reads_such_a_file(what, tmp_path):
    kind = KINDS[what]
    pytest.importorskip(kind.needs)
    study = study_of(kind, tmp_path)
    assert study.genes == kind.genes
    code = study.loading.replace('"new_samples.csv"', repr(str(tmp_path / kind.name)))
    assert all(len(line) < 200 for line in study.loading.splitlines())
    if "..." in code:
        assert kind.name.endswith((".npz", ".h5ad"))
        code = code.replace("...", "X")
    known = {
        "pd": pd,
        "X": study.X,
        "model": SimpleNamespace(feature_names_in_=np.array(study.genes, dtype=object)),
    }
    exec(code, known)
    made = known["table"]
    if study.is_sparse:
        assert made is study.X
        return
    assert list(made.columns) == study.genes
    labelled = len(kind.values) == N
    expected = kind.values if labelled else LOGS  # also samples without a label are new ones
    np.testing.assert_array_equal(made.to_numpy("float32"), expected.astype("float32"))


def test_many_columns_beside_the_samples_are_not_listed(tmp_path):
    frame = turned(**{f"other {number}": number for number in range(40)})
    few = "id,diagnosis\n" + "\n".join(f"S{n:02},{TYPES[n - 1]}" for n in range(1, N + 1))
    kind = Kind(
        "a.csv",
        text(frame),
        ("--annotations", "samples.csv", "--target", "diagnosis"),
        others={"samples.csv": few},
    )
    assert "usecols" not in study_of(kind, tmp_path).loading
