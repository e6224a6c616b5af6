"""Tables and runs of the program, for its tests."""

import numpy as np
import pandas as pd

from sklearn_set._cli.program import main
from sklearn_set.datasets import make_microarray

N_SAMPLES, N_GENES = 40, 60


def study(n_samples=N_SAMPLES, n_genes=N_GENES, seed=0):
    """A table with samples as rows, their names first, and a column of classes."""
    X, y = make_microarray(n_samples, n_genes, n_informative=10, random_state=seed)
    names = [f"gene{place}" for place in range(n_genes)]
    frame = pd.DataFrame(X.round(4), columns=names)
    frame.insert(0, "sample", [f"P{place}" for place in range(n_samples)])
    return frame.assign(type=np.where(y == 1, "tumour", "normal"))


def write(folder, frame, name="genes.csv"):
    """The table as a file in a folder."""
    path = folder / name
    frame.to_csv(path, index=False)
    return path


def run(*words):
    """The exit code of the program."""
    try:
        return main([str(word) for word in words])
    except SystemExit as end:  # of argparse
        return end.code


def pages(folder):
    """Text of all files of a report, but the page and the model, by name."""
    return {path.name: path.read_text("utf-8") for path in sorted(folder.glob("*.[cm][sd]*"))}
