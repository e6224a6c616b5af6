"""The folder of a report: complete, or not there.

Knows what a report consists of, and files; must not know how it is computed.
"""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from pathlib import Path

import joblib
import numpy
import scipy
import sklearn

from sklearn_set._cli.findings import (
    genes_csv,
    predictions_csv,
    scores_csv,
    warning_on_genes,
)
from sklearn_set._cli.page import page_of
from sklearn_set._cli.pictures import pictures_of
from sklearn_set.version import __version__

_README = """\
# Report of sklearn_set on {title}

Made by `{command}` with {versions}.

| file | what it holds |
|---|---|
| report.html | the report; open it in a browser |
| predictions.csv | what each method said of every sample, by models that had not seen it |
| scores.csv | the scores of every method on every fold |
| genes.csv | {genes} |
| model.joblib | the network, trained on all samples |

## To use the model

```python
import joblib{imports}

model = joblib.load("model.joblib")
{loading}
print(model.predict(table)){probabilities}
```

{note}
Load only models that you trust: such a file can run any code. It needs the versions that are named
above, or others close to them.
"""


def versions_in_words():
    """What made the report."""
    return (
        f"sklearn_set {__version__}, scikit-learn {sklearn.__version__}, NumPy "
        f"{numpy.__version__}, SciPy {scipy.__version__}, Python {platform.python_version()}"
    )


def chosen_folder(output, path):
    """The folder to write, which must not be there, or be empty.

    Without a name it is that of the file in the current folder, with a number if there is one.
    """
    if output is None:
        stem = path.name
        for suffix in (".gz", ".txt", ".csv", ".tsv", ".gct", ".npz", ".h5ad", "_series_matrix"):
            stem = stem[: -len(suffix)] if stem.lower().endswith(suffix) else stem
        folder, number = Path(f"{stem}-report"), 1
        while folder.exists():
            number += 1
            folder = Path(f"{stem}-report-{number}")
    else:
        folder = Path(output)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise FileExistsError(
                f"{folder} is there already, and not empty. Name another folder with --output, or "
                "remove it."
            )
    parent = folder.absolute().parent
    if not parent.is_dir():
        raise FileNotFoundError(f"There is no folder {parent}, in which to make {folder.name}.")
    if not os.access(parent, os.W_OK):
        raise PermissionError(f"{parent} cannot be written. Name another folder with --output.")
    return folder


def write_report(findings, folder, command):
    """Write the report beside its place, and move it there when it is complete."""
    versions = versions_in_words()
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.absolute().parent))
    try:
        page = page_of(findings, pictures_of(findings), versions, command)
        _write(scratch / "report.html", page)
        _write(scratch / "predictions.csv", predictions_csv(findings))
        _write(scratch / "scores.csv", scores_csv(findings))
        _write(scratch / "genes.csv", genes_csv(findings))
        _write(scratch / "README.md", _readme(findings, command, versions))
        joblib.dump(findings.model, scratch / "model.joblib", compress=3)
        scratch.chmod(0o777 & ~_umask())
        if folder.exists():
            folder.rmdir()  # it is empty
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _write(path, text):
    path.write_text(text, encoding="utf-8", newline="\n")


def _umask():
    """The mask for new files, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _readme(findings, command, versions):
    study = findings.study
    takes = "takes log2(1 + x) itself" if study.takes_logarithms else "takes them as they are"
    units = (
        f"The table holds numbers as those of {study.title}, which look like {study.kind}: the "
        f"model {takes}."
    )
    probabilities = "\nprint(model.predict_proba(table))" if study.is_classification else ""
    return _README.format(
        title=study.title,
        command=command,
        versions=versions,
        genes=". ".join(["all genes, the strongest first", *warning_on_genes(findings)]),
        imports="" if study.is_sparse else "\nimport pandas as pd",
        loading=study.loading,
        probabilities=probabilities,
        note=f"{units} Missing cells are filled in." if study.has_missing else units,
    )
